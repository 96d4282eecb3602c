//! Cursors.

use es_core::{Error, ViewName};
use es_sqlite::{Cursor, DocumentQuery, field};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::documents::Shelf;

/// Ten documents `k0` to `k9`; `total` falls as the keys rise.
async fn ten() -> Shelf {
    let shelf = Shelf::new().await;
    let document = |n: u32| json!({"status": "ready", "total": 10 - n, "n": n});
    shelf.change((0..10).map(|n| (format!("k{n}"), Some(document(n))))).await;
    shelf
}

async fn keys(query: DocumentQuery<Value>) -> Vec<String> {
    let page = query.fetch().await.unwrap();
    page.documents.into_iter().map(|(key, _)| key).collect()
}

fn is_refused<T: std::fmt::Debug>(outcome: es_core::Result<T>, why: &str) {
    let Err(Error::InvalidId { what: "cursor", reason, .. }) = outcome else {
        panic!("{why}: {outcome:?}")
    };
    assert_eq!(reason, why);
}

#[tokio::test]
async fn without_an_order_documents_come_by_key() {
    let shelf = ten().await;
    assert_eq!(keys(shelf.query().page_size(3)).await, ["k0", "k1", "k2"]);
    assert_eq!(keys(shelf.query().page_size(0)).await, ["k0"], "0 counts as 1");
    assert_eq!(shelf.query::<Value>().fetch().await.unwrap().documents.len(), 10);
}

#[tokio::test]
async fn equal_documents_come_by_key_in_the_direction_of_the_last_field() {
    let shelf = ten().await;
    let by_status = |order: es_sqlite::Order| shelf.query().order_by(order).page_size(2);
    assert_eq!(keys(by_status(field("status").asc())).await, ["k0", "k1"]);
    assert_eq!(keys(by_status(field("status").desc())).await, ["k9", "k8"]);
    let mixed = by_status(field("status").desc()).order_by(field("none"));
    assert_eq!(keys(mixed).await, ["k0", "k1"]);
}

#[tokio::test]
async fn the_last_page_has_no_cursor_also_when_it_is_full() {
    let shelf = ten().await;
    let query = || shelf.query::<Value>().order_by(field("total"));
    assert_eq!(query().page_size(10).fetch().await.unwrap().next, None);
    let pages: Vec<_> = query().page_size(5).stream().try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.documents.len()).collect::<Vec<_>>(), [5, 5]);
}

#[tokio::test]
async fn a_cursor_travels_as_text_and_fits_pages_of_another_size() {
    let shelf = ten().await;
    let query = || shelf.query::<Value>().order_by(field("total").desc());
    let next = query().page_size(2).fetch().await.unwrap().next.unwrap();
    let text = next.to_string();
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
    assert_eq!(text.parse::<Cursor>().unwrap(), next);
    let json = serde_json::to_string(&next).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), next);
    assert_eq!(keys(query().page_size(3).after(next)).await, ["k2", "k3", "k4"]);
}

#[tokio::test]
async fn a_cursor_survives_its_document() {
    let shelf = ten().await;
    let query = || shelf.query::<Value>().order_by(field("total").desc()).page_size(3);
    let next = query().fetch().await.unwrap().next.unwrap();
    shelf.change([("k2".to_owned(), None), ("k3".to_owned(), None)]).await;
    assert_eq!(keys(query().after(next)).await, ["k4", "k5", "k6"]);
}

#[tokio::test]
async fn a_cursor_of_another_query_is_refused() {
    let shelf = ten().await;
    let query = || shelf.query::<Value>().page_size(2);
    let narrowed = || query().filter(field("n").ge(1)).order_by(field("total"));
    let cursor = narrowed().fetch().await.unwrap().next.unwrap();
    assert_eq!(keys(narrowed().after(cursor.clone())).await, ["k7", "k6"]);
    for other in [
        query(),
        query().filter(field("n").ge(1)),
        query().order_by(field("total")),
        query().filter(field("n").ge(2)).order_by(field("total")),
        query().filter(field("n").ge(1.0)).order_by(field("total")),
        query().filter(field("n").gt(1)).order_by(field("total")),
        query().filter(field("m").ge(1)).order_by(field("total")),
        query().filter(field("n").ge(1)).order_by(field("total").desc()),
        query().filter(field("n").ge(1)).order_by(field("Total")),
        query().filter(field("n").ge(1)).order_by(field("total")).order_by(field("n")),
        shelf
            .store
            .query(&ViewName::new("another_view").unwrap())
            .filter(field("n").ge(1))
            .order_by(field("total")),
    ] {
        let other = other.after(cursor.clone());
        is_refused(other.fetch().await, "it is of another query");
        is_refused(other.first().await, "it is of another query");
        is_refused(other.explain().await, "it is of another query");
        let mut pages = other.stream();
        is_refused(pages.next().await.unwrap(), "it is of another query");
        assert!(pages.next().await.is_none(), "after an error a stream ends");
    }
    // Filters that arrive in two parts are the same query.
    let all = query().filter(field("n").ge(0)).filter(field("n").ge(1));
    let cursor = all.fetch().await.unwrap().next.unwrap();
    let joined = query().filter(field("n").ge(0)).filter(field("n").ge(1));
    assert_eq!(keys(joined.after(cursor)).await, ["k3", "k4"]);
}

#[tokio::test]
async fn what_is_not_the_text_of_a_cursor_is_refused() {
    let shelf = ten().await;
    let query = || shelf.query::<Value>().order_by(field("total")).page_size(2);
    let text = query().fetch().await.unwrap().next.unwrap().to_string();
    for broken in ["", "x", "k1", "'; DROP TABLE views", &text[1..], &text[..text.len() - 2]] {
        is_refused(broken.parse::<Cursor>(), "it is not the text of a cursor");
        assert!(serde_json::from_value::<Cursor>(json!(broken)).is_err());
    }
    is_refused(format!("{text}AAAA").parse::<Cursor>(), "it is not the text of a cursor");
}

/// Whatever a changed cursor says, it does not get further than into another place of the query.
#[tokio::test]
async fn a_forged_cursor_leads_into_the_same_query_or_nowhere() {
    let shelf = ten().await;
    let query = || shelf.query::<Value>().filter(field("n").lt(8)).order_by(field("total"));
    let text = query().page_size(3).fetch().await.unwrap().next.unwrap().to_string();
    for at in 0..text.len() {
        for replacement in ["A", "Q", "_"] {
            let forged = [&text[..at], replacement, &text[at + 1..]].concat();
            let Ok(cursor) = forged.parse::<Cursor>() else { continue };
            match query().after(cursor).fetch().await {
                Ok(page) => {
                    assert!(
                        page.documents.iter().all(|(_, document)| document["n"].as_u64() < Some(8))
                    );
                }
                Err(Error::InvalidId { what: "cursor", .. }) => {}
                Err(error) => panic!("{forged}: {error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn counting_does_not_mind_where_a_page_is() {
    let shelf = ten().await;
    let query = shelf.query::<Value>().filter(field("total").le(4)).page_size(2);
    let next = query.fetch().await.unwrap().next.unwrap();
    assert_eq!(query.clone().after(next.clone()).count().await.unwrap(), 4);
    assert_eq!(query.after(next).first().await.unwrap().unwrap().0, "k8");
    let none = shelf.query::<Value>().filter(field("total").gt(10));
    assert!(none.stream().next().await.is_none(), "no page is empty");
}
