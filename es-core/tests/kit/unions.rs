//! A view over two aggregate types.

use es_core::testing::GivenEvents;
use es_core::{BoxError, Event, Projector, Recorded};
use serde::{Deserialize, Serialize};

#[derive(Debug, Event)]
#[event(prefix = "Order")]
enum OrderEvent {
    Placed { items: Vec<String> },
    Cancelled { items: Vec<String> },
}

#[derive(Debug, Event)]
#[event(prefix = "Stock")]
enum StockEvent {
    Counted { left: u32 },
    Discontinued,
}

#[derive(Debug, Event)]
#[event(union)]
enum ShopEvent {
    Order(OrderEvent),
    Stock(StockEvent),
}

/// What is left of an item, and who wants it: one document per item, gone when it is discontinued.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Item {
    left: u32,
    orders: Vec<String>,
}

fn item(left: u32, orders: &[&str]) -> Item {
    Item { left, orders: orders.iter().map(|order| (*order).to_owned()).collect() }
}

#[derive(Debug)]
struct Shelf;

impl Projector for Shelf {
    const NAME: &'static str = "shelf";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["order", "stock"];
    type Event = ShopEvent;
    type View = Item;

    fn keys(&self, event: &Recorded<'_, ShopEvent>, keys: &mut Vec<String>) {
        match &event.event {
            ShopEvent::Order(OrderEvent::Placed { items } | OrderEvent::Cancelled { items }) => {
                keys.extend(items.iter().cloned());
            }
            ShopEvent::Stock(_) => keys.push(event.aggregate_id().to_owned()),
        }
    }

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Item>,
        event: &Recorded<'_, ShopEvent>,
    ) -> Result<(), BoxError> {
        let order = || event.aggregate_id().to_owned();
        match &event.event {
            ShopEvent::Order(OrderEvent::Placed { .. }) => {
                view.get_or_insert_default().orders.push(order());
            }
            ShopEvent::Order(OrderEvent::Cancelled { .. }) => {
                if let Some(item) = view {
                    item.orders.retain(|other| *other != order());
                }
            }
            ShopEvent::Stock(StockEvent::Counted { left }) => {
                view.get_or_insert_default().left = *left;
            }
            ShopEvent::Stock(StockEvent::Discontinued) => *view = None,
        }
        Ok(())
    }
}

fn items(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_view_over_two_aggregate_types_follows_both_in_their_interleaving() {
    GivenEvents::of("stock", "tea", [StockEvent::Counted { left: 3 }])
        .and("order", "o-1", [OrderEvent::Placed { items: items(&["tea", "cup"]) }])
        .and("order", "o-2", [OrderEvent::Placed { items: items(&["tea"]) }])
        .and("stock", "tea", [StockEvent::Counted { left: 1 }])
        .and("order", "o-1", [OrderEvent::Cancelled { items: items(&["tea", "cup"]) }])
        .project_with(Shelf)
        .then_views([("tea", item(1, &["o-2"])), ("cup", item(0, &[]))]);
}

#[test]
fn a_removed_document_begins_anew() {
    let discontinued = || {
        GivenEvents::of("order", "o-1", [OrderEvent::Placed { items: items(&["tea", "cup"]) }])
            .and("stock", "tea", [StockEvent::Counted { left: 3 }, StockEvent::Discontinued])
            .and("order", "o-1", [OrderEvent::Cancelled { items: items(&["tea"]) }])
    };
    discontinued().project_with(Shelf).then_views([("cup", item(0, &["o-1"]))]);
    discontinued()
        .and("stock", "tea", [StockEvent::Counted { left: 9 }])
        .project_with(Shelf)
        .then_view("tea", item(9, &[]));
}
