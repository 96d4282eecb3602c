use es_core::saga::SagaPhase;
use es_core::testing::faults::{Faults, crash_at_every_await};

use crate::shop::{Fulfilment, PaymentCommand};
use crate::stage::Stage;

async fn shop() -> Stage<Fulfilment> {
    let stage = Stage::with(10, &Faults::none().suspending(), false).await;
    stage.place("o-1", 3).await;
    stage
}

#[tokio::test]
async fn a_crash_anywhere_on_the_way_forth_does_each_step_once() {
    let way = async |stage: &Stage<Fulfilment>| {
        stage.catch_up().await;
        stage.provider("o-1", PaymentCommand::Capture).await;
        stage.catch_up().await;
    };
    let crashes = crash_at_every_await(shop, way, async |stage| {
        way(stage).await;
        assert_eq!(stage.phase("o-1").await, SagaPhase::Completed);
        let (goods, payment) = (stage.goods().await, stage.payment("o-1").await);
        assert_eq!((goods.on_hand, goods.shipped, goods.reserved.len()), (7, 3, 0));
        assert_eq!((payment.charges, payment.refunds), (1, 0));
    });
    assert!(crashes.await > 20);
}

#[tokio::test]
async fn a_crash_anywhere_on_the_way_back_undoes_each_step() {
    let way = async |stage: &Stage<Fulfilment>| {
        stage.catch_up().await;
        stage.provider("o-1", PaymentCommand::Capture).await;
        stage.call_off("o-1").await;
        stage.catch_up().await;
    };
    let crashes = crash_at_every_await(shop, way, async |stage| {
        way(stage).await;
        let (goods, payment) = (stage.goods().await, stage.payment("o-1").await);
        match stage.phase("o-1").await {
            // The call came too late.
            SagaPhase::Completed => {
                assert_eq!((goods.on_hand, goods.shipped), (7, 3));
                assert_eq!((payment.charges, payment.refunds), (1, 0));
            }
            SagaPhase::Compensated => {
                assert_eq!((goods.on_hand, goods.reserved.len()), (10, 0));
                assert_eq!(payment.charges, payment.refunds);
            }
            phase => panic!("it has not ended: {phase:?}"),
        }
    });
    assert!(crashes.await > 20);
}
