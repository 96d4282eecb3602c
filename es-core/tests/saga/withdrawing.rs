//! A saga is turned back while a worker is in the middle of what was decided.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::saga::{SagaPhase, sagas};
use es_core::testing::faults::{Faults, FaultyEventStore, crash_at};
use es_core::{CommandBus, DispatchError, Dispatched, ExecuteOptions, Reactor};

use crate::shop::{Fulfilment, Shop, ShopCommand};
use crate::stage::Stage;

/// A shop that counts what it is asked for on the way forth, and what of that has ended.
struct Counted {
    shop: Shop,
    counts: Arc<Mutex<(u32, u32)>>,
}

#[async_trait]
impl CommandBus<ShopCommand> for Counted {
    async fn dispatch(
        &self,
        command: ShopCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        let is_forth = matches!(command, ShopCommand::Reserve { .. } | ShopCommand::Request { .. });
        self.counts.lock().unwrap().0 += u32::from(is_forth);
        let done = self.shop.dispatch(command, options).await;
        self.counts.lock().unwrap().1 += u32::from(is_forth);
        done
    }
}

#[tokio::test]
async fn no_further_step_is_executed_once_a_saga_is_turned_back_wherever_that_falls_in() {
    // How often a step was executed all the same, by how many had been before.
    let mut late_ones = [0; 3];
    let mut turned_in_a_command = 0;
    for nth in 1.. {
        let stage = Stage::<Fulfilment>::new(10).await;
        stage.place("o-1", 3).await;
        let log = Arc::new(FaultyEventStore::new(stage.store.clone(), Faults::none().suspending()));
        let counts = Arc::<Mutex<(u32, u32)>>::default();
        let bus = Counted { shop: Shop::on(log.clone()), counts: counts.clone() };
        let worker = sagas::<Fulfilment>(log, bus, stage.store.clone())
            .unwrap()
            .with_clock(stage.clock.clone());
        let orchestrator = Reactor::on(worker, stage.store.clone()).unwrap();
        let mut work = pin!(orchestrator.catch_up());
        // It stops there, and goes on below.
        if crash_at(nth, work.as_mut()).await.is_ok() {
            break;
        }
        if stage.sagas.turn_back("o-1", "enough").await.is_err() {
            continue;
        }
        let (begun, ended) = *counts.lock().unwrap();
        assert_eq!(work.await.unwrap().parked, 0);

        let late = counts.lock().unwrap().0 - begun;
        match begun > ended {
            true => assert_eq!(late, 0, "at suspension {nth}, in command {begun}"),
            false => assert!(late <= 1, "{late} at suspension {nth}"),
        }
        turned_in_a_command += u32::from(begun > ended);
        late_ones[begun as usize] += late;
        // Whatever it was, it is undone.
        stage.catch_up().await;
        assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated, "at suspension {nth}");
        let goods = stage.goods().await;
        assert_eq!((goods.on_hand, goods.reserved.len()), (10, 0), "at suspension {nth}");
    }
    assert!(turned_in_a_command > 4, "{turned_in_a_command}");
    // While the answer of the write is on its way, which is the look as well.
    assert_eq!(late_ones, [1, 1, 0]);
}
