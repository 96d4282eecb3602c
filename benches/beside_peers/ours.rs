//! Ours, on the workloads of the others.

use std::sync::Arc;

use es_benches::driver::{Answer, Contender, Failure, Peer};
use es_benches::order::{Order, OrderCommand, OrderEvent};
use es_benches::race::{Absent, Floor, Race, Timed};
use es_benches::workload::{Keeps, Workload};
use es_core::memory::MemoryStore;
use es_core::{Codec, EventStore, Repository};
use es_sqlite::{SqliteStore, Synchronous};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::floors::Floors;

/// States that are kept between commands.
const CACHED: usize = 1_000;

/// How ours is set up.
trait Setup: 'static {
    const NAME: &'static str;
    const KEEPS: Keeps;
    const CODEC: Codec = Codec::Json;
    const CACHED: bool = true;

    /// The store, and the folder that it is in.
    async fn open() -> Result<(Option<TempDir>, Arc<dyn EventStore>), Failure>;
}

struct Memory;

impl Setup for Memory {
    const NAME: &'static str = "es-core, memory (bytes, JSON; commands: cached states)";
    const KEEPS: Keeps = Keeps::InMemory;

    async fn open() -> Result<(Option<TempDir>, Arc<dyn EventStore>), Failure> {
        Ok((None, Arc::new(MemoryStore::new())))
    }
}

struct MemoryCompact;

impl Setup for MemoryCompact {
    const NAME: &'static str = "es-core, memory (bytes, postcard; commands: cached states)";
    const KEEPS: Keeps = Keeps::InMemory;
    const CODEC: Codec = Codec::Postcard;

    async fn open() -> Result<(Option<TempDir>, Arc<dyn EventStore>), Failure> {
        Memory::open().await
    }
}

struct MemoryUncached;

impl Setup for MemoryUncached {
    const NAME: &'static str = "es-core, memory (bytes, JSON; commands: loaded for each)";
    const KEEPS: Keeps = Keeps::InMemory;
    const CACHED: bool = false;

    async fn open() -> Result<(Option<TempDir>, Arc<dyn EventStore>), Failure> {
        Memory::open().await
    }
}

struct Synced;

impl Setup for Synced {
    const NAME: &'static str = "es-sqlite (file, JSON, synced; commands: cached states)";
    const KEEPS: Keeps = Keeps::Synced;

    async fn open() -> Result<(Option<TempDir>, Arc<dyn EventStore>), Failure> {
        file(Synchronous::Full).await
    }
}

struct Unsynced;

impl Setup for Unsynced {
    const NAME: &'static str = "es-sqlite (file, JSON, not synced; commands: cached states)";
    const KEEPS: Keeps = Keeps::Unsynced;

    async fn open() -> Result<(Option<TempDir>, Arc<dyn EventStore>), Failure> {
        file(Synchronous::Normal).await
    }
}

async fn file(synchronous: Synchronous) -> Result<(Option<TempDir>, Arc<dyn EventStore>), Failure> {
    let directory = tempfile::tempdir()?;
    let options = SqliteStore::builder(directory.path().join("log.db")).synchronous(synchronous);
    Ok((Some(directory), Arc::new(options.open().await?)))
}

struct Ours<S> {
    /// What a load finds in a cache is not replayed: this one has none.
    reader: Repository<Order>,
    writer: Repository<Order>,
    _directory: Option<TempDir>,
    setup: std::marker::PhantomData<S>,
}

impl<S: Setup> Peer for Ours<S> {
    type Command = OrderCommand;

    async fn open() -> Result<Self, Failure> {
        let (_directory, store) = S::open().await?;
        let reader = Repository::<Order>::new(store).with_codec(S::CODEC);
        let writer = reader.clone();
        let writer = if S::CACHED { writer.with_cache(CACHED) } else { writer };
        Ok(Self { reader, writer, _directory, setup: std::marker::PhantomData })
    }

    fn command(_id: &str, events: Vec<OrderEvent>) -> OrderCommand {
        OrderCommand::Record(events)
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        let writer = self.reader.clone().with_cache(1);
        for event in events {
            writer.execute(id, OrderCommand::Record(vec![event])).await?;
        }
        Ok(())
    }

    async fn execute(&mut self, id: &str, command: OrderCommand) -> Result<(), Failure> {
        self.writer.execute(id, command).await?;
        Ok(())
    }

    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        Ok(self.reader.load(id).await?.into_state())
    }
}

/// Enters ours, compared with the floors of where they keep events.
pub(crate) fn enter<'a>(
    race: &mut Race<'a>,
    floors: &Floors,
    workload: Workload,
    divisor: usize,
    runtime: &'a Runtime,
) {
    row::<Memory>(race, floors, workload, divisor, runtime);
    row::<MemoryCompact>(race, floors, workload, divisor, runtime);
    if matches!(workload, Workload::Commands | Workload::CommandsOfTen) {
        row::<MemoryUncached>(race, floors, workload, divisor, runtime);
        row::<Synced>(race, floors, workload, divisor, runtime);
    }
    row::<Unsynced>(race, floors, workload, divisor, runtime);
}

/// Enters commands on cached aggregates in memory.
pub(crate) fn enter_cached<'a>(
    race: &mut Race<'a>,
    with: Floor,
    target: f64,
    divisor: usize,
    runtime: &'a Runtime,
) {
    let mut run = contender::<Memory>(Workload::Commands, divisor, runtime);
    race.aimed(Memory::NAME, with, target, move || run().unwrap());
}

fn row<'a, S: Setup>(
    race: &mut Race<'a>,
    floors: &Floors,
    workload: Workload,
    divisor: usize,
    runtime: &'a Runtime,
) {
    race.guest(S::NAME, Some(floors.of(S::KEEPS)), contender::<S>(workload, divisor, runtime));
}

fn contender<S: Setup>(
    workload: Workload,
    divisor: usize,
    runtime: &Runtime,
) -> impl FnMut() -> Result<Timed, Absent> {
    let plan = workload.plan(S::KEEPS, divisor);
    let expected = plan.outcome().to_string();
    let mut contender = Contender::<Ours<S>>::default();
    move || match contender.run(runtime, workload, plan) {
        Ok(Answer::Done(timed, tally)) if tally.to_string() == expected => Ok(timed),
        Ok(Answer::Cannot(reason)) => Err(Absent::Cannot(reason.to_owned())),
        Ok(Answer::Done(_, tally)) => {
            Err(Absent::Failed(format!("it came to the states {tally}, not to {expected}")))
        }
        Err(error) => Err(Absent::Failed(error.to_string())),
    }
}
