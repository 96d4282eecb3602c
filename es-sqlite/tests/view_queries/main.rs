//! Queries on views: what matches, in which order, and page by page.
#![allow(clippy::unwrap_used, reason = "tests")]

mod documents;
mod model;
mod pages;
mod plans;
mod properties;
mod refusals;
#[path = "../support/mod.rs"]
mod support;

use documents::{Shelf, VIEW};
use es_core::{Error, ViewName};
use es_sqlite::{Filter, field};
use serde::Deserialize;
use serde_json::{Value, json};

/// The keys of the documents that the filter holds for.
async fn matching(shelf: &Shelf, filter: Filter) -> Vec<String> {
    let page = shelf.query::<Value>().filter(filter).page_size(1000).fetch().await.unwrap();
    page.documents.into_iter().map(|(key, _)| key).collect()
}

#[tokio::test]
async fn documents_come_as_their_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Parcel {
        status: String,
        total: Option<u64>,
    }
    let shelf = Shelf::new().await;
    shelf.put("a", json!({"status": "ready", "total": 7})).await;
    shelf.put("b", json!({"status": "ready"})).await;
    shelf.put("c", json!({"status": "new", "total": 8})).await;
    let ready = shelf.query::<Parcel>().filter(field("status").eq("ready"));
    let (key, parcel) = ready.first().await.unwrap().unwrap();
    assert_eq!((key.as_str(), parcel.total), ("a", Some(7)));
    assert_eq!(ready.fetch().await.unwrap().documents.len(), 2);
    assert_eq!(ready.filter(field("total").gt(7)).first().await.unwrap(), None);
}

#[tokio::test]
async fn a_document_of_another_type_is_named_and_not_shown() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its type counts")]
    struct Parcel {
        total: u64,
    }
    let shelf = Shelf::new().await;
    shelf.put("a", json!({"total": 1})).await;
    shelf.put("b", json!({"total": "a secret"})).await;
    let query = shelf.query::<Parcel>();
    for error in [
        query.fetch().await.unwrap_err(),
        query.clone().order_by(field("total").desc()).first().await.unwrap_err(),
    ] {
        let Error::Corrupt { what, reason } = error else { panic!("{error:?}") };
        assert_eq!(what, format!("document \"b\" of view {VIEW}"));
        assert!(reason.contains("expected u64") && !reason.contains("secret"), "{reason}");
    }
    assert_eq!(query.count().await.unwrap(), 2, "documents that are not read are not looked at");
}

#[tokio::test]
async fn a_comparison_holds_for_its_kind_of_value_only() {
    let shelf = Shelf::new().await;
    let values = [
        ("five", json!(5)),
        ("five_float", json!(5.0)),
        ("five_text", json!("5")),
        ("one", json!(1)),
        ("true", json!(true)),
        ("array", json!([5])),
        ("array_text", json!("[5]")),
        ("object", json!({"x": 5})),
        ("null", json!(null)),
    ];
    for (key, value) in values {
        shelf.put(key, json!({"total": value})).await;
    }
    shelf.put("missing", json!({})).await;
    shelf.put("scalar", json!(5)).await;
    let total = || field("total");
    assert_eq!(matching(&shelf, total().eq(5)).await, ["five", "five_float"]);
    assert_eq!(matching(&shelf, total().eq(5.0)).await, ["five", "five_float"]);
    assert_eq!(matching(&shelf, total().eq("5")).await, ["five_text"]);
    assert_eq!(matching(&shelf, total().eq(true)).await, ["true"]);
    assert_eq!(matching(&shelf, total().eq(1)).await, ["one"]);
    assert_eq!(matching(&shelf, total().eq("[5]")).await, ["array_text"]);
    assert_eq!(matching(&shelf, total().gt(1)).await, ["five", "five_float"]);
    assert_eq!(matching(&shelf, total().ge("")).await, ["array_text", "five_text"]);
    assert_eq!(matching(&shelf, total().le(false)).await, Vec::<String>::new());
    assert_eq!(matching(&shelf, total().contains("5")).await, ["array_text", "five_text"]);
    assert_eq!(matching(&shelf, total().starts_with("")).await, ["array_text", "five_text"]);
    assert_eq!(matching(&shelf, total().one_of([5, 1])).await, ["five", "five_float", "one"]);
    assert_eq!(matching(&shelf, total().is_null()).await, ["missing", "null", "scalar"]);
    assert_eq!(matching(&shelf, !total().exists()).await, ["missing", "scalar"]);
}

#[tokio::test]
async fn a_condition_and_its_opposite_share_the_documents() {
    let shelf = Shelf::new().await;
    for (n, value) in [json!(1), json!("x"), json!(null), json!([]), json!(true)].iter().enumerate()
    {
        shelf.put(&n.to_string(), json!({"total": value})).await;
    }
    shelf.put("missing", json!({})).await;
    let total = || field("total");
    for filter in [
        total().eq(1),
        total().ne("x"),
        total().lt(true),
        total().is_null(),
        total().contains("x"),
        total().eq(1).and(total().eq("x")),
        total().eq(1).or(!total().eq("x")),
        Filter::all([]),
        Filter::any([]),
    ] {
        let mut both = matching(&shelf, filter.clone()).await;
        both.extend(matching(&shelf, !filter.clone()).await);
        both.sort();
        assert_eq!(both, ["0", "1", "2", "3", "4", "missing"], "{filter:?}");
    }
    assert_eq!(matching(&shelf, total().ne(1)).await.len(), 5);
}

#[tokio::test]
async fn integers_are_exact() {
    let shelf = Shelf::new().await;
    let odd = (1_i64 << 53) + 1;
    for integer in [odd - 1, odd, i64::MAX - 1, i64::MAX, i64::MIN] {
        shelf.put(&integer.to_string(), json!({"total": integer})).await;
    }
    shelf.put("beyond", json!({"total": u64::MAX})).await;
    for integer in [odd - 1, odd, i64::MAX - 1, i64::MAX, i64::MIN] {
        let found = matching(&shelf, field("total").eq(integer)).await;
        assert_eq!(found, [integer.to_string()]);
    }
    assert_eq!(matching(&shelf, field("total").gt(i64::MAX)).await, ["beyond"]);
    assert_eq!(matching(&shelf, field("total").eq(odd as f64)).await, [(odd - 1).to_string()]);
    assert_eq!(matching(&shelf, field("total").lt(f64::INFINITY)).await.len(), 6);
}

#[tokio::test]
async fn fields_of_fields_are_found_and_elements_of_arrays_are_not() {
    let shelf = Shelf::new().await;
    shelf.put("a", json!({"patient": {"name": "Ada", "0": "zero"}})).await;
    shelf.put("b", json!({"patient": ["Ada"], "patient.name": "Ada"})).await;
    shelf.put("c", json!({"patient": "Ada"})).await;
    let patient = |name: &str| field("patient").field(name);
    assert_eq!(matching(&shelf, patient("name").eq("Ada")).await, ["a"]);
    assert_eq!(matching(&shelf, patient("0").eq("zero")).await, ["a"]);
    assert_eq!(matching(&shelf, patient("0").eq("Ada")).await, Vec::<String>::new());
    assert_eq!(matching(&shelf, field("patient.name").eq("Ada")).await, ["b"]);
}

#[tokio::test]
async fn a_hostile_name_is_only_a_name() {
    let names = [
        "",
        " ",
        ".",
        "$",
        "$.a",
        "a.b",
        "a[0]",
        "[0]",
        "#-1",
        "'",
        "''",
        "\"",
        "\\",
        "\\\"",
        "\\u0061",
        "a' OR 1 --",
        "'); DROP TABLE streams; --",
        "a\" = 1 OR \"",
        "?",
        "?1",
        ":x",
        "%s",
        "\n",
        "\u{1}",
        "\u{7f}",
        "ü",
        "\u{10ffff}",
        "Status",
        "status ",
        "1a",
    ];
    let shelf = Shelf::new().await;
    for (n, name) in names.iter().enumerate() {
        shelf.put(&n.to_string(), json!({*name: "here", "in": {*name: "there"}})).await;
    }
    for (n, name) in names.iter().enumerate() {
        let here = matching(&shelf, field(*name).eq("here")).await;
        assert_eq!(here, [n.to_string()], "{name:?}");
        let there = matching(&shelf, field("in").field(*name).contains("the")).await;
        assert_eq!(there, [n.to_string()], "{name:?}");
        let last = shelf.query::<Value>().order_by(field(*name).desc()).first().await.unwrap();
        assert_eq!(last.unwrap().0, n.to_string(), "{name:?}");
    }
}

#[tokio::test]
async fn a_hostile_value_is_only_a_value() {
    let values =
        ["'", "\"", "x' OR '1'='1", "%", "_", "?", "\\", "a\0b", "a\0", "\n", "ü", "\u{10ffff}"];
    let shelf = Shelf::new().await;
    for (n, value) in values.iter().enumerate() {
        shelf.put(&n.to_string(), json!({"status": value})).await;
    }
    for (n, value) in values.iter().enumerate() {
        assert_eq!(matching(&shelf, field("status").eq(*value)).await, [n.to_string()]);
        let holding = values.iter().filter(|other| other.contains(value)).count();
        assert_eq!(matching(&shelf, field("status").contains(*value)).await.len(), holding);
        let begun = values.iter().filter(|other| other.starts_with(value)).count();
        assert_eq!(matching(&shelf, field("status").starts_with(*value)).await.len(), begun);
    }
}

#[tokio::test]
async fn a_view_that_another_process_prepared_can_be_queried() {
    let place = support::Place::new();
    let before = place.open().await;
    let name = ViewName::new(VIEW).unwrap();
    let query = before.query::<Value>(&name).filter(field("status").eq("new"));
    assert!(matches!(query.count().await, Err(Error::Misuse(_))));
    let shelf = Shelf::at(&place).await;
    shelf.put("a", json!({"status": "new"})).await;
    assert_eq!(query.count().await.unwrap(), 1);
    assert!(query.explain().await.unwrap().uses_index("status"));
}
