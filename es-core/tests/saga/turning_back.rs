use std::time::Duration;

use es_core::saga::{SagaPhase, StepState};

use crate::shop::{Forgetful, Fulfilment, PaymentCommand, TIME, TIME_TO_PAY};
use crate::stage::Stage;

/// What was undone, in order.
async fn undone(stage: &Stage<Fulfilment>, order: &str) -> Vec<String> {
    let told = stage.told(order).await;
    told.into_iter().filter(|line| line.ends_with("is undone")).collect()
}

#[tokio::test]
async fn completed_steps_are_undone_in_reverse_order() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    // Goods that disappear: the delivery is rejected, when all before it is done.
    stage
        .stock
        .execute("goods", crate::shop::StockCommand::Release { order: "o-1".to_owned() })
        .await
        .unwrap();
    stage.provider("o-1", PaymentCommand::Capture).await;
    stage.catch_up().await;

    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
    assert_eq!(undone(&stage, "o-1").await, ["payment is undone", "stock is undone"]);
    let payment = stage.payment("o-1").await;
    assert_eq!((payment.charges, payment.refunds), (1, 1));
    assert_eq!(stage.saga("o-1").await.state().turn_back_reason(), Some("nothing is reserved"));
}

#[tokio::test]
async fn a_step_that_the_domain_rejects_is_undone_only_if_it_is_to_be() {
    let stage = Stage::<Forgetful>::new(2).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    assert_eq!(stage.saga("o-1").await.state().step("stock"), Some(StepState::Failed));
    assert_eq!(stage.saga("o-1").await.state().step("payment"), Some(StepState::Undone));

    let stage = Stage::<Fulfilment>::new(2).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
    assert_eq!(undone(&stage, "o-1").await, ["payment is undone", "stock is undone"]);
    assert_eq!(stage.goods().await.on_hand, 2);
    // It was begun together with the stock, and withdrawn before its turn.
    assert_eq!(stage.payment("o-1").await.requests, 0);
}

#[tokio::test]
async fn a_step_that_is_not_answered_in_time_turns_the_saga_back() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    stage.pass(TIME_TO_PAY - Duration::from_secs(1)).await;
    assert_eq!(stage.phase("o-1").await, SagaPhase::Running);
    stage.pass(Duration::from_secs(1)).await;

    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
    assert_eq!(stage.goods().await.on_hand, 10);
    assert_eq!(
        stage.saga("o-1").await.state().turn_back_reason(),
        Some("payment was not done in time")
    );
}

#[tokio::test]
async fn what_is_called_off_is_undone_unless_it_is_complete() {
    let stage = Stage::<Fulfilment>::new(10).await;
    for order in ["o-1", "o-2"] {
        stage.place(order, 3).await;
    }
    stage.catch_up().await;
    stage.provider("o-2", PaymentCommand::Capture).await;
    stage.catch_up().await;
    for order in ["o-1", "o-2"] {
        stage.call_off(order).await;
    }
    stage.catch_up().await;

    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
    assert_eq!(stage.phase("o-2").await, SagaPhase::Completed);
    let goods = stage.goods().await;
    assert_eq!((goods.on_hand, goods.shipped), (7, 3));
}

#[tokio::test]
async fn a_saga_that_has_ended_hears_no_deadline() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    stage.provider("o-1", PaymentCommand::Capture).await;
    stage.catch_up().await;
    let before = stage.saga("o-1").await.version();
    stage.pass(TIME * 2).await;
    assert_eq!(stage.saga("o-1").await.version(), before);
}
