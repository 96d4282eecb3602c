use es_core::ProcessStatus;
use es_core::saga::{SagaPhase, StepState};

use crate::shop::{Fulfilment, PaymentCommand};
use crate::stage::Stage;

#[tokio::test]
async fn a_saga_whose_steps_succeed_is_completed() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    let saga = stage.saga("o-1").await;
    assert_eq!(saga.state().phase(), SagaPhase::Running);
    let steps: Vec<_> = saga.state().steps().collect();
    assert_eq!(steps, [("payment", StepState::Begun), ("stock", StepState::Done)]);

    stage.provider("o-1", PaymentCommand::Capture).await;
    stage.catch_up().await;
    let saga = stage.saga("o-1").await;
    assert_eq!(saga.state().phase(), SagaPhase::Completed);
    assert_eq!((saga.status(), saga.outcome()), (ProcessStatus::Completed, Some("completed")));
    assert!(saga.deadlines().is_empty());
    assert_eq!(saga.state().data().unwrap().payment_number, Some(7));

    let goods = stage.goods().await;
    assert_eq!((goods.on_hand, goods.shipped, goods.reserved.len()), (7, 3, 0));
    let payment = stage.payment("o-1").await;
    assert_eq!((payment.charges, payment.refunds), (1, 0));
}

#[tokio::test]
async fn the_history_of_a_saga_reads_like_a_story() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    stage.provider("o-1", PaymentCommand::Decline).await;
    stage.catch_up().await;
    assert_eq!(
        stage.told("o-1").await,
        [
            "received Order:Placed (order:o-1 at version 1)",
            "begins",
            "stock begins",
            "payment begins",
            "issued Reserve",
            "issued Request",
            "set the deadline saga for 2026-03-01T12:05:00Z",
            "set the deadline step payment for 2026-03-01T12:01:00Z",
            "Reserve succeeded at attempt 1",
            "stock is done",
            "received Payment:Declined (payment:o-1 at version 2)",
            "payment has failed",
            "turns back: payment has failed",
            "undoing stock begins",
            "withdrew what was not done yet",
            "issued Release",
            "cancelled the deadline saga",
            "cancelled the deadline step payment",
            "Release succeeded at attempt 1",
            "stock is undone",
            "completed: compensated",
        ]
    );
    assert_eq!(stage.saga("o-1").await.state().turn_back_reason(), Some("the card was declined"));
}
