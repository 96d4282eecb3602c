use std::time::Duration;

use es_core::testing::GivenEvents;
use es_core::{Projection, ViewQuery};

use super::*;
use crate::orders::domain::{Customer, Item, OrderCommand, Payment};
use crate::orders::time_to_live::InvalidTimeToLive;

fn created() -> OrderEvent {
    OrderEvent::Created {
        customer: Customer { name: "Ada".to_owned(), email: "ada@example.org".to_owned() },
        items: vec![Item::new("tea", 2, Money::cents(450)).unwrap()],
        total: Money::cents(900),
    }
}

fn processed() -> OrderEvent {
    OrderEvent::Processed {
        pieces: 2,
        total: Money::cents(900),
        payment: "p-1".to_owned(),
        payer: "A. Example".to_owned(),
    }
}

fn seven_days() -> OrderList {
    OrderList::new(TimeToLive::default())
}

#[test]
fn an_order_is_listed_with_when_it_expires() {
    GivenEvents::nothing()
        .at("2026-01-31T12:00:00Z")
        .and("order", "o-1", [created()])
        .after(Duration::from_secs(60))
        .and("order", "o-1", [processed()])
        .project_with(seven_days())
        .then_view(
            "o-1",
            OrderSummary {
                id: "o-1".to_owned(),
                status: Status::Processed,
                customer: "Ada".to_owned(),
                items: vec!["2 × tea".to_owned()],
                total: Money::cents(900),
                payment: Some("p-1".to_owned()),
                created_at: "2026-01-31T12:00:00Z".parse().unwrap(),
                processed_at: Some("2026-01-31T12:01:00Z".parse().unwrap()),
                expires_at: "2026-02-07T12:00:00Z".parse::<Timestamp>().unwrap().as_second(),
            },
        );
}

#[tokio::test]
async fn an_order_whose_time_is_over_is_in_the_log_and_not_in_the_list() {
    let given = GivenEvents::nothing().at("2026-01-31T12:00:00Z").and("order", "o-1", [created()]);
    let clock = given.clock();
    let list = Projection::on(seven_days(), given.store()).unwrap().with_clock(clock.clone());
    let listed = async || list.view().list(&ViewQuery::default()).await.unwrap().len();
    list.catch_up().await.unwrap();
    clock.set("2026-02-07T11:59:59Z".parse().unwrap());
    assert_eq!(listed().await, 1);
    clock.set("2026-02-07T12:00:00Z".parse().unwrap());
    assert_eq!(listed().await, 0);

    let orders = given.repository::<Order>();
    let payment = Payment { reference: "p-1".to_owned(), payer: "A. Example".to_owned() };
    orders.execute("o-1", OrderCommand::Process(payment)).await.unwrap();
    list.catch_up().await.unwrap();
    assert_eq!(listed().await, 0, "what happens to it later does not bring it back");
    assert_eq!(orders.load("o-1").await.unwrap().status, Some(Status::Processed));
}

#[test]
fn the_time_to_live_is_a_number_of_days() {
    let start = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
    for (days, end) in [("1", "2026-01-02T00:00:00Z"), ("3650", "2035-12-30T00:00:00Z")] {
        let end = end.parse::<Timestamp>().unwrap().as_second();
        assert_eq!(days.parse::<TimeToLive>().unwrap().end(start), end, "{days}");
    }
    for days in ["", "0", "-1", "3651", "7 days", "1e1"] {
        assert_eq!(days.parse::<TimeToLive>(), Err(InvalidTimeToLive), "{days:?}");
    }
}
