use std::sync::Arc;

use es_core::memory::MemoryStore;

use super::*;
use crate::inventory::chance::Chance;
use crate::inventory::domain::{Money, OrderedItem, PaymentStatus, Reservation};
use crate::inventory::payments::{Rates, SimulatedProvider};

fn desks() -> Desks {
    let store = Arc::new(MemoryStore::new());
    let books = Repository::new(store.clone());
    let provider = SimulatedProvider::new(books, Chance::from_seed(1), Rates::default());
    Desks {
        orders: Repository::new(store.clone()),
        stock: Repository::new(store.clone()),
        payments: Repository::new(store),
        provider: Arc::new(provider),
    }
}

fn tea_and_cups() -> Fulfilment {
    let item = |item_id: &str, quantity| OrderedItem {
        item_id: item_id.to_owned(),
        quantity,
        price: Money::cents(250),
    };
    Fulfilment {
        order: "o-1".to_owned(),
        items: vec![item("tea", 2), item("cup", 1)],
        total: Money::cents(750),
    }
}

fn options(key: &str) -> ExecuteOptions {
    ExecuteOptions::new().idempotency_key(key)
}

impl Desks {
    async fn deliver(&self, item: &str, quantity: u32) {
        self.stock.execute(item, StockCommand::Restock { quantity }).await.unwrap();
    }

    async fn reservation_of(&self, item: &str) -> Option<Reservation> {
        self.stock.load(item).await.unwrap().reservations.get("o-1").copied()
    }
}

#[tokio::test]
async fn one_command_reserves_every_item_once() {
    let desks = desks();
    desks.deliver("tea", 9).await;
    desks.deliver("cup", 9).await;
    for _ in 0..2 {
        let reserve = FulfilmentCommand::ReserveStock(tea_and_cups());
        desks.dispatch(reserve, options("k-1")).await.unwrap();
        assert_eq!(desks.reservation_of("tea").await, Some(Reservation::Reserved(2)));
        assert_eq!(desks.reservation_of("cup").await, Some(Reservation::Reserved(1)));
    }
    assert_eq!(desks.stock.load("tea").await.unwrap().on_hand, 7);
}

#[tokio::test]
async fn a_refusal_that_comes_after_a_reservation_is_no_rejection_of_the_whole() {
    let desks = desks();
    desks.deliver("tea", 9).await;
    let reserve = FulfilmentCommand::ReserveStock(tea_and_cups());
    let error = desks.dispatch(reserve, options("k-1")).await.unwrap_err();
    assert!(!error.is_rejected() && !error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), "not enough stock");
    assert_eq!(desks.reservation_of("tea").await, Some(Reservation::Reserved(2)));

    let release = FulfilmentCommand::ReleaseStock(tea_and_cups());
    desks.dispatch(release, options("k-2")).await.unwrap();
    assert_eq!(desks.reservation_of("tea").await, Some(Reservation::Released));
    assert_eq!(desks.reservation_of("cup").await, Some(Reservation::Released));
}

#[tokio::test]
async fn a_refusal_of_the_first_item_had_no_effect() {
    let reserve = FulfilmentCommand::ReserveStock(tea_and_cups());
    let error = desks().dispatch(reserve, options("k-1")).await.unwrap_err();
    assert!(error.is_rejected(), "{error:?}");
}

#[tokio::test]
async fn money_that_was_taken_and_not_heard_of_goes_back() {
    let desks = desks();
    let amount = Money::cents(750);
    let request = FulfilmentCommand::RequestPayment { order: "o-1".to_owned(), amount };
    desks.dispatch(request, options("k-1")).await.unwrap();
    desks.provider.charge("o-1", "o-1", amount).await.unwrap();
    let back = || FulfilmentCommand::TakePaymentBack("o-1".to_owned());
    desks.dispatch(back(), options("k-2")).await.unwrap();
    let payment = desks.payments.load("o-1").await.unwrap();
    assert_eq!(payment.status, Some(PaymentStatus::Refunded));
    // Once more, as after a crash between the provider and the note: it is said again how much went back.
    assert_eq!(desks.provider.take_back("o-1").await.unwrap(), Some(amount));
    desks.dispatch(back(), options("k-2")).await.unwrap();
}

#[tokio::test]
async fn a_refund_that_is_refused_is_asked_for_again_when_somebody_has_talked_to_the_provider() {
    let mut desks = desks();
    let amount = Money::cents(750);
    let request = FulfilmentCommand::RequestPayment { order: "o-1".to_owned(), amount };
    desks.dispatch(request, options("k-1")).await.unwrap();
    desks.provider.charge("o-1", "o-1", amount).await.unwrap();
    let books = Repository::new(desks.orders.store().clone());
    let rates = Rates { refund_refused: 1.0, ..Rates::default() };
    let refusing = SimulatedProvider::new(books, Chance::from_seed(1), rates);

    desks.provider = Arc::new(refusing.clone());
    let back = || FulfilmentCommand::TakePaymentBack("o-1".to_owned());
    let error = desks.dispatch(back(), options("k-2")).await.unwrap_err();
    assert!(!error.is_rejected() && !error.is_transient(), "{error:?}");
    let payment = desks.payments.load("o-1").await.unwrap();
    assert_eq!(payment.status, Some(PaymentStatus::Requested), "nothing was written down");

    desks.provider = Arc::new(refusing.talked_to());
    desks.dispatch(back(), options("k-2")).await.unwrap();
    let payment = desks.payments.load("o-1").await.unwrap();
    assert_eq!(payment.status, Some(PaymentStatus::Refunded));
}

#[tokio::test]
async fn no_refund_is_refused_where_nothing_was_taken() {
    let mut desks = desks();
    let books = Repository::new(desks.orders.store().clone());
    let rates = Rates { refund_refused: 1.0, ..Rates::default() };
    desks.provider = Arc::new(SimulatedProvider::new(books, Chance::from_seed(1), rates));
    let back = FulfilmentCommand::TakePaymentBack("o-1".to_owned());
    desks.dispatch(back, options("k-1")).await.unwrap();
    let payment = desks.payments.load("o-1").await.unwrap();
    assert_eq!(payment.status, Some(PaymentStatus::CalledOff));
}
