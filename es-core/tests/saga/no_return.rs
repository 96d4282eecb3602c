use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use es_core::saga::{SagaPhase, SagaRun, StepState, sagas};
use es_core::{CommandBus, DispatchError, Dispatched, ExecuteOptions, ProcessStatus, Reactor};

use crate::shop::{Fulfilment, PaymentCommand, Shop, ShopCommand, TIME};
use crate::stage::Stage;

/// A shop whose delivery does not work so many times.
struct SlowDelivery {
    shop: Shop,
    failures: Arc<AtomicU32>,
    error: fn() -> DispatchError,
}

#[async_trait]
impl CommandBus<ShopCommand> for SlowDelivery {
    async fn dispatch(
        &self,
        command: ShopCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        let is_delivery = matches!(command, ShopCommand::Ship { .. });
        let fails = |left: u32| left.checked_sub(1).filter(|_| is_delivery);
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails);
        match left {
            Ok(_) => Err((self.error)()),
            Err(_) => self.shop.dispatch(command, options).await,
        }
    }
}

/// A shop in which one order is paid and its delivery has failed once.
pub(crate) async fn with_slow_delivery(
    failures: u32,
    error: fn() -> DispatchError,
) -> Stage<Fulfilment> {
    let mut stage = Stage::<Fulfilment>::new(10).await;
    let shop = Shop::on(stage.store.clone());
    let failures = Arc::new(AtomicU32::new(failures));
    let bus = SlowDelivery { shop, failures, error };
    stage.sagas = sagas(stage.store.clone(), bus, stage.store.clone())
        .unwrap()
        .with_clock(stage.clock.clone());
    stage.orchestrator = Reactor::on(stage.sagas.clone(), stage.store.clone()).unwrap();
    stage.sweeper = stage.sagas.sweeper().unwrap();
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    stage.provider("o-1", PaymentCommand::Capture).await;
    stage.catch_up().await;
    stage
}

#[tokio::test]
async fn behind_the_point_of_no_return_a_saga_is_neither_called_off_nor_late() {
    let stage = with_slow_delivery(2, || DispatchError::transient("a flat tyre")).await;
    assert_eq!(stage.saga("o-1").await.state().step("delivery"), Some(StepState::Begun));
    stage.call_off("o-1").await;
    stage.catch_up().await;
    assert_eq!(stage.phase("o-1").await, SagaPhase::Running);

    // Its time passes, and what waits is tried again.
    for _ in 0..3 {
        stage.pass(TIME).await;
    }
    assert_eq!(stage.phase("o-1").await, SagaPhase::Completed);
    assert_eq!(stage.goods().await.shipped, 3);
    assert_eq!(stage.payment("o-1").await.refunds, 0);
}

#[tokio::test]
async fn a_rejection_at_the_point_of_no_return_turns_the_saga_back() {
    let stage = with_slow_delivery(1, || DispatchError::rejected("no such street")).await;
    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
    assert_eq!(stage.goods().await.on_hand, 10);
    assert_eq!(stage.payment("o-1").await.refunds, 1);
}

#[tokio::test]
async fn what_cannot_succeed_at_the_point_of_no_return_waits_for_an_operator() {
    let stage = with_slow_delivery(u32::MAX, || DispatchError::transient("no petrol")).await;
    for _ in 0..SagaRun::<Fulfilment>::ATTEMPTS {
        stage.pass(Duration::from_secs(60)).await;
    }
    let saga = stage.saga("o-1").await;
    assert_eq!((saga.status(), saga.state().phase()), (ProcessStatus::Parked, SagaPhase::Running));
    let parked = saga.parked().remove(0);
    assert_eq!((parked.name.as_str(), parked.attempts), ("Ship", 10));

    // What can be undone is not: the goods may be on their way.
    stage.sagas.drop_parked("o-1", parked.id).await.unwrap();
    let saga = stage.saga("o-1").await;
    assert_eq!(saga.state().step("delivery"), Some(StepState::Left));
    assert_eq!(saga.state().phase(), SagaPhase::PartlyCompleted);
    assert_eq!(saga.outcome(), Some("partly completed"));
}

#[tokio::test]
async fn a_step_that_waits_for_another_attempt_is_not_executed_once_the_saga_has_turned_back() {
    struct Busy(Shop);

    #[async_trait]
    impl CommandBus<ShopCommand> for Busy {
        async fn dispatch(
            &self,
            command: ShopCommand,
            options: ExecuteOptions,
        ) -> Result<Dispatched, DispatchError> {
            match command {
                ShopCommand::Reserve { .. } => Err(DispatchError::transient("all lines are busy")),
                command => self.0.dispatch(command, options).await,
            }
        }
    }

    let mut stage = Stage::<Fulfilment>::new(10).await;
    let shop = || Shop::on(stage.store.clone());
    let (bus, recovered) = (Busy(shop()), shop());
    let busy = sagas::<Fulfilment>(stage.store.clone(), bus, stage.store.clone()).unwrap();
    let busy = busy.with_clock(stage.clock.clone());
    stage.place("o-1", 3).await;
    Reactor::on(busy, stage.store.clone()).unwrap().catch_up().await.unwrap();

    stage.sagas = sagas(stage.store.clone(), recovered, stage.store.clone())
        .unwrap()
        .with_clock(stage.clock.clone());
    stage.orchestrator = Reactor::on(stage.sagas.clone(), stage.store.clone()).unwrap();
    stage.sweeper = stage.sagas.sweeper().unwrap();
    stage.call_off("o-1").await;
    stage.catch_up().await;
    stage.pass(TIME).await;

    assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
    let told = stage.told("o-1").await;
    assert!(!told.iter().any(|line| line.starts_with("Reserve succeeded")), "{told:#?}");
    assert_eq!(stage.goods().await.on_hand, 10);
}
