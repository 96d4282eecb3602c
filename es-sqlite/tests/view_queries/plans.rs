//! What SQLite's planner makes of queries.

use es_sqlite::{DocumentQuery, QueryPlan, field};
use serde_json::{Value, json};

use crate::documents::Shelf;

async fn shelf() -> Shelf {
    let shelf = Shelf::new().await;
    let document = |n: u32| json!({"status": format!("s{}", n % 3), "total": n % 7, "other": n});
    shelf.change((0..50).map(|n| (format!("k{n:02}"), Some(document(n))))).await;
    shelf
}

async fn plan(query: &DocumentQuery<Value>) -> QueryPlan {
    query.explain().await.unwrap()
}

/// Finds the documents through the index, and neither scans nor sorts, also in later pages.
async fn assert_served_by(query: DocumentQuery<Value>, name: &str) {
    let mut query = query.page_size(3);
    for page in 0..3 {
        let plan = plan(&query).await;
        assert!(plan.uses_index(name), "page {page} of {query:?}: {plan}");
        assert!(!plan.scans() && !plan.sorts(), "page {page} of {query:?}: {plan}");
        let Some(next) = query.fetch().await.unwrap().next else { break };
        query = query.after(next);
    }
}

#[tokio::test]
async fn an_index_finds_equal_values() {
    let shelf = shelf().await;
    let query = || shelf.query::<Value>();
    assert_served_by(query().filter(field("status").eq("s1")), "status").await;
    assert_served_by(query().filter(field("total").eq(3)), "total").await;
    assert_served_by(query().filter(field("total").is_null()), "total").await;
    let with_more = field("other").gt(3).and(field("status").eq("s1"));
    assert_served_by(query().filter(with_more), "status").await;
}

#[tokio::test]
async fn an_index_finds_ranges_in_their_order() {
    let shelf = shelf().await;
    for filter in [
        field("total").gt(2),
        field("total").ge(2),
        field("total").lt(5),
        field("total").le(5),
        field("total").between(1, 5),
    ] {
        let query = || shelf.query::<Value>().filter(filter.clone());
        assert_served_by(query().order_by(field("total")), "total").await;
        assert_served_by(query().order_by(field("total").desc()), "total").await;
    }
    let begun = shelf.query::<Value>().filter(field("status").starts_with("s"));
    assert_served_by(begun.order_by(field("status")), "status").await;
}

#[tokio::test]
async fn an_index_finds_each_of_several_values() {
    let shelf = shelf().await;
    let plan = plan(&shelf.query().filter(field("status").one_of(["s1", "s2"]))).await;
    assert!(plan.uses_index("status") && !plan.scans(), "{plan}");
}

#[tokio::test]
async fn an_index_gives_the_order_without_sorting() {
    let shelf = shelf().await;
    for order in [field("total").asc(), field("total").desc()] {
        let query = shelf.query::<Value>().order_by(order).page_size(10);
        let first = plan(&query).await;
        assert!(first.uses_index("total") && first.scans() && !first.sorts(), "{first}");
        // Behind a cursor it also finds the begin.
        let next = query.fetch().await.unwrap().next.unwrap();
        let then = plan(&query.after(next)).await;
        assert!(then.uses_index("total") && !then.scans() && !then.sorts(), "{then}");
    }
}

#[tokio::test]
async fn an_order_by_several_fields_sorts_what_is_behind_the_cursor() {
    let shelf = shelf().await;
    let query = shelf.query::<Value>().order_by(field("total").desc()).order_by(field("other"));
    let query = query.page_size(10);
    let first = plan(&query).await;
    assert!(first.sorts(), "{first}");
    let next = query.fetch().await.unwrap().next.unwrap();
    let then = plan(&query.after(next)).await;
    assert!(then.uses_index("total") && !then.scans(), "{then}");
}

#[tokio::test]
async fn keys_are_found_without_an_index_of_their_own() {
    let shelf = shelf().await;
    let query = shelf.query::<Value>().page_size(10);
    let first = plan(&query).await;
    assert!(first.scans() && !first.sorts(), "{first}");
    let next = query.fetch().await.unwrap().next.unwrap();
    let then = plan(&query.after(next)).await;
    assert!(!then.scans() && !then.sorts(), "{then}");
}

#[tokio::test]
async fn what_has_no_index_is_scanned_and_sorted() {
    let shelf = shelf().await;
    for filter in [
        field("other").eq(3),
        field("status").field("x").eq(3),
        field("status").contains("s"),
        field("status").ne("s1"),
        field("status").eq("s1").or(field("other").eq(3)),
    ] {
        let plan = plan(&shelf.query().filter(filter.clone()).order_by(field("other"))).await;
        assert!(plan.scans() && plan.sorts(), "{filter:?}: {plan}");
        for name in ["status", "total", "other", "x"] {
            assert!(!plan.uses_index(name), "{filter:?}: {plan}");
        }
    }
}

#[tokio::test]
async fn fields_that_differ_in_case_have_indexes_of_their_own() {
    let shelf = shelf().await;
    let plan = plan(&shelf.query().filter(field("Status").eq("s1"))).await;
    assert!(plan.scans() && !plan.uses_index("status") && !plan.uses_index("Status"), "{plan}");
}
