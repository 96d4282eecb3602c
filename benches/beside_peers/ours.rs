//! Ours, on the workloads of the others.

use std::sync::Arc;

use es_benches::driver::{Answer, Contender, Failure};
use es_benches::ours::{Ours, Setup};
use es_benches::race::{Absent, Floor, Race, Timed};
use es_benches::workload::{Keeps, Workload};
use es_core::memory::MemoryStore;
use es_core::{Codec, EventStore};
use es_sqlite::{SqliteStore, Synchronous};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::floors::Floors;

/// Whether states are in memory when a command comes.
const CACHED: bool = true;
const LOADED: bool = false;

/// A setup that has rows.
trait Entrant: Setup {
    const STORE: &'static str;
    const KEPT: &'static str;
    const KEEPS: Keeps;

    fn name(cached: bool) -> String {
        let commands = if cached { "cached states" } else { "loaded for each" };
        format!("{} ({}; commands: {commands})", Self::STORE, Self::KEPT)
    }
}

struct Memory;

impl Setup for Memory {
    async fn open() -> Result<(Self, Arc<dyn EventStore>), Failure> {
        Ok((Self, Arc::new(MemoryStore::new())))
    }
}

impl Entrant for Memory {
    const STORE: &'static str = "es-core, memory";
    const KEPT: &'static str = "bytes, JSON";
    const KEEPS: Keeps = Keeps::InMemory;
}

struct MemoryCompact;

impl Setup for MemoryCompact {
    const CODEC: Codec = Codec::Postcard;

    async fn open() -> Result<(Self, Arc<dyn EventStore>), Failure> {
        Ok((Self, Arc::new(MemoryStore::new())))
    }
}

impl Entrant for MemoryCompact {
    const STORE: &'static str = Memory::STORE;
    const KEPT: &'static str = "bytes, postcard";
    const KEEPS: Keeps = Keeps::InMemory;
}

/// The folder of the file.
struct Synced(#[expect(dead_code, reason = "removed with it")] TempDir);

impl Setup for Synced {
    async fn open() -> Result<(Self, Arc<dyn EventStore>), Failure> {
        let (directory, store) = file(Synchronous::Full).await?;
        Ok((Self(directory), store))
    }
}

impl Entrant for Synced {
    const STORE: &'static str = "es-sqlite";
    const KEPT: &'static str = "file, JSON, synced";
    const KEEPS: Keeps = Keeps::Synced;
}

/// The folder of the file.
struct Unsynced(#[expect(dead_code, reason = "removed with it")] TempDir);

impl Setup for Unsynced {
    async fn open() -> Result<(Self, Arc<dyn EventStore>), Failure> {
        let (directory, store) = file(Synchronous::Normal).await?;
        Ok((Self(directory), store))
    }
}

impl Entrant for Unsynced {
    const STORE: &'static str = Synced::STORE;
    const KEPT: &'static str = "file, JSON, not synced";
    const KEEPS: Keeps = Keeps::Unsynced;
}

async fn file(synchronous: Synchronous) -> Result<(TempDir, Arc<dyn EventStore>), Failure> {
    let directory = tempfile::tempdir()?;
    let options = SqliteStore::builder(directory.path().join("log.db")).synchronous(synchronous);
    Ok((directory, Arc::new(options.open().await?)))
}

/// Enters ours, compared with the floors of where they keep events.
pub(crate) fn enter<'a>(
    race: &mut Race<'a>,
    floors: &Floors,
    workload: Workload,
    divisor: usize,
    runtime: &'a Runtime,
) {
    row::<Memory, CACHED>(race, floors, workload, divisor, runtime);
    row::<MemoryCompact, CACHED>(race, floors, workload, divisor, runtime);
    let commands = matches!(workload, Workload::Commands | Workload::CommandsOfTen);
    if commands {
        row::<Memory, LOADED>(race, floors, workload, divisor, runtime);
        row::<Synced, CACHED>(race, floors, workload, divisor, runtime);
        row::<Synced, LOADED>(race, floors, workload, divisor, runtime);
    }
    row::<Unsynced, CACHED>(race, floors, workload, divisor, runtime);
    if commands {
        row::<Unsynced, LOADED>(race, floors, workload, divisor, runtime);
    }
}

/// Enters commands on cached aggregates in memory.
pub(crate) fn enter_cached<'a>(
    race: &mut Race<'a>,
    with: Floor,
    target: f64,
    divisor: usize,
    runtime: &'a Runtime,
) {
    let mut run = contender::<Memory, CACHED>(Workload::Commands, divisor, runtime);
    race.aimed(Memory::name(CACHED), with, target, move || run().unwrap());
}

fn row<'a, S: Entrant, const CACHED: bool>(
    race: &mut Race<'a>,
    floors: &Floors,
    workload: Workload,
    divisor: usize,
    runtime: &'a Runtime,
) {
    let run = contender::<S, CACHED>(workload, divisor, runtime);
    race.guest(S::name(CACHED), Some(floors.of(S::KEEPS)), run);
}

fn contender<S: Entrant, const CACHED: bool>(
    workload: Workload,
    divisor: usize,
    runtime: &Runtime,
) -> impl FnMut() -> Result<Timed, Absent> {
    let plan = workload.plan(S::KEEPS, divisor);
    let expected = plan.outcome().to_string();
    let mut contender = Contender::<Ours<S, CACHED>>::default();
    move || match contender.run(runtime, workload, plan) {
        Ok(Answer::Done(timed, tally)) if tally.to_string() == expected => Ok(timed),
        Ok(Answer::Cannot(reason)) => Err(Absent::Cannot(reason.to_owned())),
        Ok(Answer::Done(_, tally)) => {
            Err(Absent::Failed(format!("it came to the states {tally}, not to {expected}")))
        }
        Err(error) => Err(Absent::Failed(error.to_string())),
    }
}
