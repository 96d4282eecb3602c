//! eventsourced's live entities, on a log that keeps bytes in memory: those that it comes with are on servers.

mod log;

use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;

use es_benches::driver::{Driver, Failure, Peer, version};
use es_benches::order::{Order, OrderEvent};
use es_benches::workload::{Keeps, Workload};
use eventsourced::binarize::serde_json::SerdeJsonBinarize;
use eventsourced::snapshot_store::noop::NoopSnapshotStore;
use eventsourced::{Command, CommandEffect, EntityRef, EventSourced, EventSourcedExt as _};
use serde::{Deserialize, Serialize};

use crate::log::MemoryLog;

const LOCK_FILE: &str = include_str!("../../Cargo.lock");

/// Commands that wait for an entity; there is never more than one.
const COMMANDS: NonZeroUsize = NonZeroUsize::MIN;

fn main() -> Result<(), Failure> {
    let version = version(LOCK_FILE, "eventsourced")?;
    let name = format!(
        "eventsourced {version}, live entities (bytes in memory, JSON; commands: states in memory)"
    );
    Driver::new()?.with::<Entities>(name, Keeps::InMemory).serve()
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct LiveOrder(Order);

impl EventSourced for LiveOrder {
    type Id = String;
    type Event = OrderEvent;

    const TYPE_NAME: &'static str = "order";

    fn handle_event(mut self, event: OrderEvent) -> Self {
        self.0.fold(&event);
        self
    }
}

/// Records an event as it is.
#[derive(Debug)]
struct Record(OrderEvent);

impl Command<LiveOrder> for Record {
    type Reply = ();
    type Error = Infallible;

    fn handle_command(
        self,
        _id: &String,
        _state: &LiveOrder,
    ) -> CommandEffect<LiveOrder, (), Infallible> {
        CommandEffect::emit(self.0)
    }
}

/// Asks for the state, which only the entity has.
#[derive(Debug)]
struct State;

impl Command<LiveOrder> for State {
    type Reply = Order;
    type Error = Infallible;

    fn handle_command(
        self,
        _id: &String,
        state: &LiveOrder,
    ) -> CommandEffect<LiveOrder, Order, Infallible> {
        CommandEffect::reply(state.0.clone())
    }
}

/// A log, and the entities that have been spawned for commands.
struct Entities {
    log: MemoryLog,
    live: HashMap<String, EntityRef<LiveOrder>>,
}

impl Entities {
    async fn spawn(&self, id: &str) -> Result<EntityRef<LiveOrder>, Failure> {
        let (log, snapshots) = (self.log.clone(), NoopSnapshotStore::new());
        let entity = LiveOrder::default().entity();
        Ok(entity.spawn(id.to_owned(), None, COMMANDS, log, snapshots, SerdeJsonBinarize).await?)
    }
}

impl Peer for Entities {
    type Command = Record;

    async fn open() -> Result<Self, Failure> {
        Ok(Self { log: MemoryLog::default(), live: HashMap::new() })
    }

    fn command(_id: &str, mut events: Vec<OrderEvent>) -> Record {
        // Workloads with more are refused below.
        Record(events.remove(0))
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        let entity = self.spawn(id).await?;
        for event in events {
            entity.handle_command(Record(event)).await??;
        }
        Ok(())
    }

    async fn execute(&mut self, id: &str, command: Record) -> Result<(), Failure> {
        if !self.live.contains_key(id) {
            let entity = self.spawn(id).await?;
            self.live.insert(id.to_owned(), entity);
        }
        let entity = self.live.get(id).ok_or("it was spawned")?;
        entity.handle_command(command).await??;
        Ok(())
    }

    /// A new entity folds the events, and is asked.
    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        Ok(self.spawn(id).await?.handle_command(State).await??)
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        (workload == Workload::CommandsOfTen).then_some("a command emits one event at most")
    }
}
