//! eventcore with its memory store and with eventcore-sqlite.

use std::sync::Arc;

use es_benches::driver::{Driver, Failure, Peer, version};
use es_benches::order::{Order, OrderEvent};
use es_benches::workload::Keeps;
use eventcore::{
    Command, CommandError, CommandLogic, Event, NewEvents, RetryPolicy, StreamId, execute,
};
use eventcore_memory::InMemoryEventStore;
use eventcore_sqlite::{SqliteConfig, SqliteEventStore};
use eventcore_types::EventStore;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

const LOCK_FILE: &str = include_str!("../../Cargo.lock");

fn main() -> Result<(), Failure> {
    let eventcore = format!("eventcore {}", version(LOCK_FILE, "eventcore")?);
    let sqlite = version(LOCK_FILE, "eventcore-sqlite")?;
    Driver::new()?
        .with::<Eventcore<InMemory>>(
            format!("{eventcore}, memory (typed events are read: nothing is decoded; commands: loaded for each)"),
            Keeps::InMemory,
        )
        .with::<Eventcore<File>>(
            format!("{eventcore}, eventcore-sqlite {sqlite} (file, JSON, synced; commands: loaded for each)"),
            Keeps::Synced,
        )
        .serve()
}

/// An event knows its stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recorded {
    order: StreamId,
    event: OrderEvent,
}

impl Event for Recorded {
    fn stream_id(&self) -> &StreamId {
        &self.order
    }

    fn event_type_name() -> &'static str {
        "Recorded"
    }
}

/// Records events as they are.
#[derive(Command)]
struct Record {
    #[stream]
    order: StreamId,
    events: Vec<Recorded>,
}

impl CommandLogic for Record {
    type Event = Recorded;
    type State = Order;

    fn apply(&self, mut state: Order, event: &Recorded) -> Order {
        state.fold(&event.event);
        state
    }

    fn handle(&self, _state: Order) -> Result<NewEvents<Recorded>, CommandError> {
        // A command may be handled again, so that its events are not its to give away.
        Ok(self.events.clone().into())
    }
}

/// A store, and what it needs as long as it is there.
trait Opened: Sized + 'static {
    type Store: EventStore + Send + Sync;

    async fn open() -> Result<Self, Failure>;

    fn store(&self) -> Arc<Self::Store>;
}

struct InMemory(Arc<InMemoryEventStore>);

impl Opened for InMemory {
    type Store = InMemoryEventStore;

    async fn open() -> Result<Self, Failure> {
        Ok(Self(Arc::new(InMemoryEventStore::new())))
    }

    fn store(&self) -> Arc<InMemoryEventStore> {
        Arc::clone(&self.0)
    }
}

struct File {
    store: Arc<SqliteEventStore>,
    _directory: TempDir,
}

impl Opened for File {
    type Store = SqliteEventStore;

    async fn open() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("log.db");
        // With its own settings: WAL, and SQLite's `synchronous=FULL`.
        let store = SqliteEventStore::new(SqliteConfig { path, encryption_key: None })?;
        store.migrate().await?;
        Ok(Self { store: Arc::new(store), _directory: directory })
    }

    fn store(&self) -> Arc<SqliteEventStore> {
        Arc::clone(&self.store)
    }
}

struct Eventcore<O>(O);

impl<O: Opened> Peer for Eventcore<O> {
    type Command = Record;

    async fn open() -> Result<Self, Failure> {
        Ok(Self(O::open().await?))
    }

    #[expect(clippy::expect_used, reason = "ids of workloads are ids of streams, too")]
    fn command(id: &str, events: Vec<OrderEvent>) -> Record {
        let order = StreamId::try_new(id).expect("an id");
        let recorded = |event| Recorded { order: order.clone(), event };
        Record { events: events.into_iter().map(recorded).collect(), order }
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        self.execute(id, Self::command(id, events)).await
    }

    async fn execute(&mut self, _id: &str, command: Record) -> Result<(), Failure> {
        execute(&*self.0.store(), command, RetryPolicy::new()).await?;
        Ok(())
    }

    /// It has no call for a state: what its commands do before they are handled.
    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        let mut events = self.0.store().read_stream::<Recorded>(StreamId::try_new(id)?).await?;
        let mut order = Order::default();
        while let Some(recorded) = events.next().await {
            order.fold(&recorded?.event);
        }
        Ok(order)
    }
}
