use std::time::Duration;

use async_trait::async_trait;
use es_core::saga::{SagaPhase, sagas};
use es_core::testing::faults::{
    Faults, FaultyDeadlineStore, FaultyEventStore, crash_at_every_await,
};
use es_core::{CommandBus, DispatchError, Dispatched, ExecuteOptions, Reactor};
use std::sync::Arc;

use crate::shop::{Fulfilment, Shop, ShopCommand};
use crate::stage::Stage;

/// A shop that takes no money.
struct NoMoney(Shop);

#[async_trait]
impl CommandBus<ShopCommand> for NoMoney {
    async fn dispatch(
        &self,
        command: ShopCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        match command {
            ShopCommand::Request { .. } => Err(DispatchError::rejected("cash only")),
            command => self.0.dispatch(command, options).await,
        }
    }
}

#[tokio::test]
async fn what_was_decided_on_a_failure_is_done_though_nobody_delivers_it_again() {
    let fresh = async || {
        let mut stage = Stage::<Fulfilment>::new(10).await;
        let faults = Faults::none().suspending();
        let log = Arc::new(FaultyEventStore::new(stage.store.clone(), faults.clone()));
        let deadlines = Arc::new(FaultyDeadlineStore::new(stage.store.clone(), faults));
        let bus = NoMoney(Shop::on(log.clone()));
        stage.sagas = sagas(log, bus, deadlines).unwrap().with_clock(stage.clock.clone());
        stage.orchestrator = Reactor::on(stage.sagas.clone(), stage.store.clone()).unwrap();
        stage.sweeper = stage.sagas.sweeper().unwrap();
        stage.place("o-1", 3).await;
        stage
    };
    let hear = async |stage: &Stage<Fulfilment>| stage.orchestrator.catch_up().await;
    let crashes = crash_at_every_await(fresh, hear, async |stage| {
        let failed =
            |lines: Vec<String>| lines.iter().any(|it| it.contains("Request was rejected"));
        if failed(stage.told("o-1").await) {
            // Another worker, for which it had succeeded, has acknowledged the event.
            stage.pass(Duration::from_secs(60)).await;
            assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
            assert_eq!(stage.goods().await.on_hand, 10);
        }
    });
    assert!(crashes.await > 10);
}
