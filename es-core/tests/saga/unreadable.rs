use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::saga::{Answer, Saga, SagaPhase, SagaRun, StepState, Steps, sagas};
use es_core::{
    Command, CommandBus, Correlation, DispatchError, Dispatched, ExecuteOptions, ProcessStatus,
    Reactor, Recorded,
};
use serde::{Deserialize, Serialize};

use crate::shop::{Fulfilment, Shop, ShopCommand, ShopEvent};
use crate::stage::Stage;

/// What another release of the program asks for. It has given the goods' return another name.
#[derive(Debug, Clone, Command, Serialize, Deserialize)]
enum NewCommand {
    PutBack,
}

/// The saga, as another release has it, without its steps.
#[derive(Serialize, Deserialize)]
struct NewFulfilment(serde_json::Value);

impl Saga for NewFulfilment {
    const NAME: &'static str = Fulfilment::NAME;
    const CATEGORIES: &'static [&'static str] = Fulfilment::CATEGORIES;
    type Input = ShopEvent;
    type Command = NewCommand;

    fn correlate(event: &Recorded<'_, &ShopEvent>) -> Correlation {
        Fulfilment::correlate(event)
    }

    fn begin(_: &Recorded<'_, &ShopEvent>) -> Option<Self> {
        None
    }

    fn steps() -> Steps<Self> {
        Steps::new().step(es_core::saga::Step::new("other", |_| NewCommand::PutBack))
    }

    fn answer(&self, _: &Recorded<'_, &ShopEvent>) -> Answer {
        Answer::Nothing
    }
}

/// A shop in which nothing is given back.
pub(crate) struct NoLine<B>(pub(crate) B);

#[async_trait]
impl CommandBus<ShopCommand> for NoLine<Shop> {
    async fn dispatch(
        &self,
        command: ShopCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        match command {
            ShopCommand::Release { .. } => Err(DispatchError::transient("no line")),
            command => self.0.dispatch(command, options).await,
        }
    }
}

#[async_trait]
impl CommandBus<NewCommand> for NoLine<()> {
    async fn dispatch(
        &self,
        _: NewCommand,
        _: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        Ok(Dispatched::elsewhere())
    }
}

#[tokio::test]
async fn what_a_newer_program_cannot_read_is_parked_and_its_saga_still_ends() {
    let stage = Stage::<Fulfilment>::new(10).await;
    let old = NoLine(Shop::on(stage.store.clone()));
    let old = sagas::<Fulfilment>(stage.store.clone(), old, stage.store.clone()).unwrap();
    let old = old.with_clock(stage.clock.clone());
    stage.place("o-1", 3).await;
    stage.call_off("o-1").await;
    Reactor::on(old.clone(), stage.store.clone()).unwrap().catch_up().await.unwrap();
    assert_eq!(old.load("o-1").await.unwrap().state().step("stock"), Some(StepState::Undoing));

    let new: Arc<_> = sagas::<NewFulfilment>(stage.store.clone(), NoLine(()), stage.store.clone())
        .unwrap()
        .with_clock(stage.clock.clone())
        .into();
    let sweeper = new.sweeper().unwrap();
    for _ in 0..SagaRun::<NewFulfilment>::ATTEMPTS {
        stage.clock.advance(Duration::from_secs(600));
        assert_eq!(sweeper.sweep().await.unwrap().failed, 0);
    }
    let saga = new.load("o-1").await.unwrap();
    assert_eq!(saga.status(), ProcessStatus::Parked);
    let parked = saga.parked().remove(0);
    assert_eq!(parked.name, "Release");
    assert!(parked.error.contains("cannot read what the step stock asks for"), "{}", parked.error);

    new.drop_parked("o-1", parked.id).await.unwrap();
    let saga = new.load("o-1").await.unwrap();
    assert_eq!(saga.state().phase(), SagaPhase::PartlyCompensated);
    assert_eq!(saga.outcome(), Some("partly compensated"));
}

#[tokio::test]
async fn a_step_that_a_newer_plan_does_not_have_is_not_said_to_be_undone() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    let new = sagas::<NewFulfilment>(stage.store.clone(), NoLine(()), stage.store.clone())
        .unwrap()
        .with_clock(stage.clock.clone());
    stage.clock.advance(Duration::from_secs(300));
    new.sweeper().unwrap().sweep().await.unwrap();

    let saga = new.load("o-1").await.unwrap();
    assert_eq!(saga.state().phase(), SagaPhase::PartlyCompensated);
    assert_eq!(saga.state().step("stock"), Some(StepState::Left));
}
