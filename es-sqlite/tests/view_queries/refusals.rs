//! Queries that are refused, and those that just are not.

use es_core::{Error, ViewName, ViewQuery, ViewStore as _};
use es_sqlite::{Field, Filter, Order, field};
use serde_json::{Value, json};

use crate::documents::Shelf;
use crate::support::Place;

async fn shelf() -> Shelf {
    let shelf = Shelf::new().await;
    shelf.put("a", json!({"total": 7, "status": "ready"})).await;
    shelf
}

/// The error says what is wrong, however the query is run and wherever the filter is in it.
async fn assert_misuse(shelf: &Shelf, filter: Filter, part: &str) {
    for filter in [
        filter.clone(),
        !filter.clone(),
        Filter::all([]).and(filter.clone()),
        filter.clone().or(Filter::all([])),
    ] {
        let query = shelf.query::<Value>().filter(filter);
        for error in [
            query.fetch().await.unwrap_err(),
            query.count().await.unwrap_err(),
            query.explain().await.unwrap_err(),
        ] {
            let Error::Misuse(message) = error else { panic!("{error:?}") };
            assert!(message.contains(part), "{message:?} has no {part:?}");
        }
    }
}

#[tokio::test]
async fn a_view_that_was_never_prepared_is_misuse_as_in_a_listing() {
    let place = Place::new();
    let store = place.open().await;
    let view = ViewName::new("never").unwrap();
    let listed = store.list(&view, &ViewQuery::default()).await.unwrap_err().to_string();
    let query = store.query::<Value>(&view).filter(field("total").gt(1));
    for error in [
        query.fetch().await.unwrap_err(),
        query.count().await.unwrap_err(),
        query.first().await.unwrap_err(),
        query.explain().await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Misuse(_)), "{error:?}");
        assert_eq!(error.to_string(), listed);
    }
}

#[tokio::test]
async fn values_that_cannot_be_compared_are_refused() {
    let shelf = shelf().await;
    let total = || field("total");
    assert_misuse(&shelf, total().lt(f64::NAN), "NaN").await;
    assert_misuse(&shelf, total().between(0, f64::NAN), "NaN").await;
    assert_misuse(&shelf, total().one_of([1.0, f64::NAN]), "NaN").await;
    assert_misuse(&shelf, total().eq(u64::MAX), "18446744073709551615").await;
    assert_misuse(&shelf, total().ne(i64::MAX as u64 + 1), "9223372036854775808").await;
    assert_eq!(
        shelf.query::<Value>().filter(total().lt(i64::MAX as u64)).count().await.unwrap(),
        1
    );
}

#[tokio::test]
async fn names_with_a_nul_are_refused() {
    let shelf = shelf().await;
    for field in [field("a\0b"), field("a").field("\0"), field("\0").field("a")] {
        assert_misuse(&shelf, field.clone().eq(1), "U+0000").await;
        assert_misuse(&shelf, field.clone().is_null(), "U+0000").await;
        let error = shelf.query::<Value>().order_by(field).fetch().await.unwrap_err();
        assert!(matches!(error, Error::Misuse(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_filter_may_have_so_many_conditions_and_no_more() {
    let shelf = shelf().await;
    let holds = || field("total").eq(7);
    let fails = || field("status").field("x").starts_with("x");
    let most = Filter::MAX_CONDITIONS;
    // `starts_with` counts as two.
    let all = |n: usize| Filter::all((0..n).map(|_| holds()));
    let nested = |n: usize| (0..n).fold(holds(), |filter, _| fails().or(filter).and(holds()));
    let negated = |n: usize| (0..n).fold(holds(), |filter, _| !filter);
    for (at_most, over) in [
        (all(most), all(most + 1)),
        (nested((most - 1) / 3), nested(most / 3 + 1)),
        (negated((most - 1) / 2 * 2), negated(most)),
    ] {
        let query = || shelf.query::<Value>().filter(at_most.clone());
        assert_eq!(query().count().await.unwrap(), 1);
        let ordered = query().order_by(field("x").field("y").desc()).order_by(field("total"));
        assert_eq!(ordered.fetch().await.unwrap().documents.len(), 1);
        assert_misuse(&shelf, over, "200 conditions").await;
    }
    assert_misuse(&shelf, negated(100_000), "200 conditions").await;
}

#[tokio::test]
async fn a_filter_may_have_so_many_values_and_no_more() {
    let shelf = shelf().await;
    let most = Filter::MAX_VALUES as i64;
    let within = field("total").one_of(0..most);
    assert_eq!(shelf.query::<Value>().filter(within.clone()).count().await.unwrap(), 1);
    let ordered = shelf.query::<Value>().filter(within.clone()).order_by(field("x").field("y"));
    assert_eq!(ordered.fetch().await.unwrap().documents.len(), 1);
    assert_misuse(&shelf, field("total").one_of(0..=most), "10000 values").await;
    assert_misuse(&shelf, field("total").one_of(0..), "10000 values").await;
    assert_misuse(&shelf, within.and(field("status").eq("x")), "10000 values").await;
    let half = || field("total").one_of(0..most / 2 + 1);
    assert_misuse(&shelf, half().or(half()), "10000 values").await;
    let split = shelf.query::<Value>().filter(half()).filter(half());
    assert!(matches!(split.fetch().await, Err(Error::Misuse(_))));
}

#[tokio::test]
async fn an_order_may_have_so_many_fields_and_no_more() {
    let shelf = shelf().await;
    shelf.put("b", json!({"total": 7})).await;
    let deep =
        |n: usize| -> Field { (0..n).fold(field("f"), |field, n| field.field(n.to_string())) };
    let ordered =
        |n| (0..n).fold(shelf.query::<Value>(), |query, n| query.order_by(deep(n).desc()));
    let most = ordered(Order::MAX_FIELDS).page_size(1);
    let next = most.fetch().await.unwrap().next.unwrap();
    assert_eq!(most.after(next).fetch().await.unwrap().documents.len(), 1);
    let error = ordered(Order::MAX_FIELDS + 1).fetch().await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
}

/// A client can put anything behind the query's id. A place without the values of the order was one
/// from which some documents were left out.
#[tokio::test]
async fn a_cursor_with_another_number_of_values_than_the_order_has_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let shelf = shelf().await;
    shelf.put("b", json!({"total": 7})).await;
    let query = shelf.query::<Value>().order_by(field("missing")).page_size(1);
    let sound = query.fetch().await.unwrap().next.unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(sound.to_string()).unwrap();
    // One value, which is null, and a key of one byte.
    let id = bytes.strip_suffix(&[1, 0, 1, b'a']).unwrap();
    assert_eq!(query.clone().after(sound).fetch().await.unwrap().documents[0].0, "b");
    for place in [&[0, 1, b'a'][..], &[2, 0, 0, 1, b'a']] {
        let text = URL_SAFE_NO_PAD.encode([id, place].concat());
        let error = query.clone().after(text.parse().unwrap()).fetch().await.unwrap_err();
        assert!(matches!(error, Error::InvalidId { what: "cursor", .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_closed_store_answers_no_query() {
    let shelf = shelf().await;
    shelf.store.close().await.unwrap();
    let error = shelf.query::<Value>().fetch().await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
}
