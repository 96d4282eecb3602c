use es_core::saga::{SagaPhase, StepState};

use crate::shop::{Fulfilment, PaymentCommand, TIME_TO_PAY};
use crate::stage::Stage;

#[tokio::test]
async fn money_that_comes_after_the_end_is_given_back() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    stage.pass(TIME_TO_PAY).await;
    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);

    stage.provider("o-1", PaymentCommand::Capture).await;
    stage.catch_up().await;
    let payment = stage.payment("o-1").await;
    assert_eq!((payment.charges, payment.refunds), (1, 1));
    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
    assert_eq!(stage.saga("o-1").await.outcome(), Some("compensated"));
}

#[tokio::test]
async fn an_answer_that_comes_twice_counts_once() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    for _ in 0..2 {
        stage.provider("o-1", PaymentCommand::Capture).await;
        stage.catch_up().await;
    }
    stage.provider("o-1", PaymentCommand::Decline).await;
    stage.catch_up().await;
    assert_eq!(stage.phase("o-1").await, SagaPhase::Completed);
    assert_eq!(stage.saga("o-1").await.state().step("payment"), Some(StepState::Done));
    assert_eq!(stage.goods().await.shipped, 3);
}
