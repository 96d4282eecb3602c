//! One event type for several.

use es_core::{DecodeError, Event, EventSchema, UnknownEvents};

use super::{json, payload_error, read};

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Order")]
enum OrderEvent {
    #[event(version = 2, alias = "Began", upcast(from = 1, with = one_of))]
    Placed {
        item: String,
        quantity: u32,
    },
    Cancelled,
}

#[derive(serde::Deserialize)]
struct PlacedV1 {
    item: String,
}

fn one_of(old: PlacedV1) -> OrderEvent {
    OrderEvent::Placed { item: old.item, quantity: 1 }
}

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Stock", unknown = "skip")]
enum StockEvent {
    Counted(u32),
}

#[derive(Debug, PartialEq, Event)]
#[event(union)]
enum ShopEvent {
    Order(OrderEvent),
    Stock(StockEvent),
}

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Till")]
enum TillEvent {
    Opened,
}

#[derive(Debug, PartialEq, Event)]
#[event(union, unknown = "skip")]
enum EveryEvent {
    Shop(ShopEvent),
    Till(TillEvent),
}

#[derive(Debug, Event)]
#[event(union)]
enum NoEvent {}

fn placed(quantity: u32) -> ShopEvent {
    ShopEvent::Order(OrderEvent::Placed { item: "tea".into(), quantity })
}

#[test]
fn an_event_is_stored_as_its_own_type_says() {
    let (order, stock) = (placed(2), ShopEvent::Stock(StockEvent::Counted(7)));
    assert_eq!((order.name(), order.schema_version()), ("Order:Placed", 2));
    assert_eq!(json(&order), r#"{"item":"tea","quantity":2}"#);
    assert_eq!(
        (stock.name(), stock.schema_version(), json(&stock)),
        ("Stock:Counted", 1, "7".into())
    );
}

#[test]
fn schemas_and_aliases_are_those_of_all_parts() {
    let schemas = [("Order:Placed", 2), ("Order:Cancelled", 1), ("Stock:Counted", 1)]
        .map(|(name, version)| EventSchema { name, version });
    assert_eq!(ShopEvent::SCHEMAS, schemas);
    assert_eq!(EveryEvent::SCHEMAS[..3], schemas);
    assert_eq!(EveryEvent::SCHEMAS[3].name, "Till:Opened");
    assert_eq!(EveryEvent::ALIASES, ["Order:Began"]);
    assert_eq!((NoEvent::SCHEMAS, NoEvent::ALIASES), (&[][..], &[][..]));
}

#[test]
fn the_type_that_has_the_name_reads_it_with_aliases_and_upcasters() {
    for (name, version, payload) in [
        ("Order:Placed", 2, r#"{"item":"tea","quantity":1}"#),
        ("Order:Placed", 1, r#"{"item":"tea"}"#),
        ("Order:Began", 1, r#"{"item":"tea"}"#),
    ] {
        assert_eq!(read::<ShopEvent>(name, version, payload).unwrap(), placed(1));
        assert_eq!(
            read::<EveryEvent>(name, version, payload).unwrap(),
            EveryEvent::Shop(placed(1))
        );
    }
    let opened = read::<EveryEvent>("Till:Opened", 1, "{}").unwrap();
    assert_eq!(opened, EveryEvent::Till(TillEvent::Opened));
}

#[test]
fn what_the_type_with_the_name_cannot_read_is_its_error() {
    let error = read::<ShopEvent>("Order:Placed", 3, "{}").unwrap_err();
    assert!(matches!(error, DecodeError::UnknownVersion { newest: 2 }), "{error:?}");
    let error = payload_error::<EveryEvent>("Order:Placed", 2, "{}");
    assert!(error.contains("missing field `item`"), "{error}");
}

#[test]
fn a_name_that_no_part_has_is_unknown_and_the_union_says_what_is_done() {
    for result in [
        read::<ShopEvent>("Order:Shipped", 1, "{}").map(drop),
        read::<NoEvent>("Order:Placed", 1, "{}").map(drop),
    ] {
        assert!(matches!(result, Err(DecodeError::UnknownName)), "{result:?}");
    }
    assert_eq!(ShopEvent::UNKNOWN, UnknownEvents::Fail);
    assert_eq!(EveryEvent::UNKNOWN, UnknownEvents::Skip);
}
