use es_core::saga::{Saga, SagaEvent, SagaFact, SagaPhase, SagaRun, Step, Steps, sagas};
use es_core::testing::SchemaLock;
use es_core::{
    Command, CommandBus, Correlation, DecodeError, DispatchError, Dispatched, EncodedEvent, Error,
    Event, ExecuteOptions, Payload, ProcessStatuses, Projection, Reactor, Recorded,
};
use serde::{Deserialize, Serialize};

use crate::shop::{Fulfilment, ShopCommand, ShopEvent, TIME};
use crate::stage::Stage;

/// The saga in another release, whose data have another form.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newer {
    order: String,
    items: Vec<u32>,
}

impl Saga for Newer {
    const NAME: &'static str = Fulfilment::NAME;
    const CATEGORIES: &'static [&'static str] = Fulfilment::CATEGORIES;
    const DATA_VERSION: u32 = 2;
    type Input = ShopEvent;
    type Command = ShopCommand;

    fn correlate(event: &Recorded<'_, &ShopEvent>) -> Correlation {
        Fulfilment::correlate(event)
    }

    fn begin(event: &Recorded<'_, &ShopEvent>) -> Option<Self> {
        let Fulfilment { order, quantity, .. } = Fulfilment::begin(event)?;
        Some(Self { order, items: vec![1; quantity as usize] })
    }

    fn steps() -> Steps<Self> {
        let release = |it: &Self| ShopCommand::Release { order: it.order.clone() };
        let reserve = |it: &Self| {
            let quantity = it.items.iter().sum();
            ShopCommand::Reserve { order: it.order.clone(), quantity }
        };
        Steps::new().step(Step::new("stock", reserve).undone_by(release)).within(TIME)
    }

    fn upcast(_: u32, stored: Payload<'_>) -> Result<Self, DecodeError> {
        let Fulfilment { order, quantity, .. } = stored.decode()?;
        Ok(Self { order, items: vec![quantity] })
    }
}

struct Nobody;

#[async_trait::async_trait]
impl<C: Command> CommandBus<C> for Nobody {
    async fn dispatch(&self, _: C, _: ExecuteOptions) -> Result<Dispatched, DispatchError> {
        Ok(Dispatched::elsewhere())
    }
}

/// Never has time.
struct Busy;

#[async_trait::async_trait]
impl<C: Command> CommandBus<C> for Busy {
    async fn dispatch(&self, _: C, _: ExecuteOptions) -> Result<Dispatched, DispatchError> {
        Err(DispatchError::transient("call again"))
    }
}

#[tokio::test]
async fn a_saga_goes_on_in_a_release_whose_data_have_another_form() {
    let stage = Stage::<Fulfilment>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;

    let newer = sagas::<Newer>(stage.store.clone(), Nobody, stage.store.clone()).unwrap();
    let saga = newer.load("o-1").await.unwrap();
    assert_eq!(saga.state().data(), Some(&Newer { order: "o-1".to_owned(), items: vec![3] }));
    newer.turn_back("o-1", "enough").await.unwrap();
    // The payment is a step that the newer plan does not have.
    let phase = newer.load("o-1").await.unwrap().state().phase();
    assert_eq!(phase, SagaPhase::PartlyCompensated);
}

#[tokio::test]
async fn data_of_a_newer_release_are_not_read_as_older_ones() {
    let stage = Stage::<Newer>::new(10).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    let older = sagas::<Fulfilment>(stage.store.clone(), Nobody, stage.store.clone()).unwrap();
    let error = older.load("o-1").await.unwrap_err();
    let Error::Decode { name, schema_version, source, .. } = error else { panic!("{error}") };
    assert_eq!((name.as_str(), schema_version), ("Saga:Begun", 2));
    assert!(matches!(source, DecodeError::UnknownVersion { newest: 1 }));
}

#[tokio::test]
async fn an_older_release_lists_sagas_whose_data_it_cannot_read() {
    let stage = Stage::<Newer>::new(10).await;
    let older = ProcessStatuses::<SagaRun<Fulfilment>>::new();
    let older = Projection::on(older, stage.store.clone()).unwrap();
    let phase = async || {
        assert_eq!(older.catch_up().await.unwrap().parked, 0, "in the dead letters of the view");
        older.view().get("o-1").await.unwrap().unwrap().phase
    };
    stage.place("o-1", 3).await;
    let sagas = sagas::<Newer>(stage.store.clone(), Busy, stage.store.clone()).unwrap();
    Reactor::on(sagas.clone(), stage.store.clone()).unwrap().catch_up().await.unwrap();
    assert_eq!(phase().await.as_deref(), Some("running"));
    sagas.turn_back("o-1", "enough").await.unwrap();
    assert_eq!(phase().await.as_deref(), Some("compensating"));
}

#[test]
fn data_of_an_older_form_without_an_upcaster_are_told() {
    struct Careless;
    impl Serialize for Careless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit()
        }
    }
    impl<'de> Deserialize<'de> for Careless {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    impl Saga for Careless {
        const NAME: &'static str = "careless";
        const CATEGORIES: &'static [&'static str] = Fulfilment::CATEGORIES;
        const DATA_VERSION: u32 = 2;
        type Input = ShopEvent;
        type Command = ShopCommand;

        fn correlate(_: &Recorded<'_, &ShopEvent>) -> Correlation {
            Correlation::Ignore
        }

        fn begin(_: &Recorded<'_, &ShopEvent>) -> Option<Self> {
            None
        }

        fn steps() -> Steps<Self> {
            Steps::new()
        }
    }
    let stored = |schema_version| EncodedEvent {
        name: "Saga:Begun",
        schema_version,
        payload: Payload::Json("null"),
    };
    let read = SagaFact::<Careless>::decode;
    assert!(matches!(read(stored(1)), Err(DecodeError::UnknownVersion { newest: 2 })));
    assert!(matches!(read(stored(3)), Err(DecodeError::UnknownVersion { newest: 2 })));
}

/// Sagas of all releases are read from streams that older ones have written.
#[test]
fn the_stored_form_of_what_happens_to_a_saga_is_locked() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/saga/stored.lock");
    SchemaLock::at(lock).json_only().with::<SagaEvent>().check::<SagaFact<Newer>>();
}
