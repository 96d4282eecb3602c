//! Properties of aggregates in a repository: what its options must not change.

use std::fmt::Debug;
use std::sync::Arc;

use crate::aggregate::{Aggregate, Snapshot};
use crate::memory::MemoryStore;
use crate::repository::{ExecuteError, Repository, SnapshotPolicy};
use crate::testing::blocking::wait_for;
use crate::testing::differences::chain;
use crate::testing::{SeededEntropy, VirtualClock};

use super::{Check, Outcome, same};

pub(super) fn snapshots_change_nothing<A>(commands: &[A::Command]) -> Check
where
    A: Snapshot + Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
{
    (1..=3).try_for_each(|events| {
        compare::<A>(
            commands,
            &format!("with a snapshot every {events} events"),
            |repository, store| {
                repository.with_snapshots(Arc::new(store), SnapshotPolicy::Every(events))
            },
        )
    })
}

pub(super) fn caching_changes_nothing<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
{
    compare::<A>(commands, "with a cache", |repository, _| repository.with_cache(16))
}

#[cfg(feature = "postcard")]
pub(super) fn postcard_changes_nothing<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
{
    compare::<A>(commands, "with postcard", |repository, _| {
        repository.with_codec(crate::codec::Codec::Postcard)
    })
}

#[cfg(feature = "zstd")]
pub(super) fn compression_changes_nothing<A>(commands: &[A::Command]) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
{
    compare::<A>(commands, "with compression", |repository, _| {
        repository.with_compression(crate::codec::Compression::Zstd, 0)
    })
}

/// Executes the commands in a plain repository and in one with an option, side by side.
fn compare<A>(
    commands: &[A::Command],
    option: &str,
    with_option: impl FnOnce(Repository<A>, MemoryStore) -> Repository<A> + Send,
) -> Check
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
{
    let plain = repository(MemoryStore::new());
    let store = MemoryStore::new();
    let other = with_option(repository(store.clone()), store);
    wait_for(async {
        for command in commands {
            let (expected, actual) =
                (execute(&plain, command).await?, execute(&other, command).await?);
            let message = format!("{option}, {command:?} has another outcome");
            same(&message, &expected, &actual)?;
            let message = format!("{option}, the state after {command:?} is another one");
            same(&message, &load(&plain).await?, &load(&other).await?)?;
        }
        Ok(())
    })
}

/// The id of the aggregate.
const ID: &str = "a-1";

fn repository<A: Aggregate>(store: MemoryStore) -> Repository<A> {
    Repository::new(Arc::new(store))
        .with_clock(Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")))
        .with_entropy(Arc::new(SeededEntropy::new(0)))
}

async fn execute<A: Aggregate>(
    repository: &Repository<A>,
    command: &A::Command,
) -> Result<Outcome<A::Event>, String>
where
    A::Command: Debug,
{
    let failed = |error| format!("{command:?} failed: {}", chain(&error));
    match repository.execute(ID, command.clone()).await {
        Ok(receipt) => {
            let events = receipt.events().map_err(failed)?;
            Ok(Outcome::Events(events.into_iter().map(|recorded| recorded.event).collect()))
        }
        Err(ExecuteError::Rejected(rejection)) => Ok(Outcome::of(Err(rejection))),
        Err(ExecuteError::Failed(error)) => Err(failed(error)),
    }
}

async fn load<A: Aggregate>(repository: &Repository<A>) -> Result<A, String> {
    match repository.load(ID).await {
        Ok(loaded) => Ok(loaded.into_state()),
        Err(error) => Err(format!("the aggregate cannot be loaded: {}", chain(&error))),
    }
}
