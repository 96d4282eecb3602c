use std::collections::HashMap;

use futures::StreamExt as _;

use crate::checkpoint_store::ConsumerId;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event_store::{EventStore, ReadStream};
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Version;

/// Turns deliveries — at least once, in any order — into the commits that are to have their effect
/// now: each stream's next ones, in order, none twice, none missing.
///
/// `versions` says how far each stream of the page had its effect, and is moved on.
pub(super) async fn in_order(
    page: Vec<Commit>,
    versions: &mut HashMap<StreamId, Version>,
    log: &dyn EventStore,
    consumer: &ConsumerId,
) -> Result<Vec<Commit>> {
    let mut accepted = Vec::with_capacity(page.len());
    for commit in page {
        let seen = versions.entry(commit.stream().clone()).or_default();
        if commit.last_version() <= *seen {
            count(telemetry::DUPLICATES, consumer);
            continue;
        }
        if commit.first_version() > seen.next() {
            repair(&commit, seen, log, &mut accepted).await?;
            count(telemetry::GAPS_REPAIRED, consumer);
        }
        accept(commit, seen, &mut accepted)?;
    }
    Ok(accepted)
}

/// Reads from the log what the feed has not delivered (yet) before `commit`.
async fn repair(
    commit: &Commit,
    seen: &mut Version,
    log: &dyn EventStore,
    accepted: &mut Vec<Commit>,
) -> Result<()> {
    let mut pages = log.read(ReadStream::new(commit.stream().clone()).from(seen.next()));
    while let Some(page) = pages.next().await {
        for missing in page? {
            if missing.first_version() >= commit.first_version() {
                return Ok(());
            }
            accept(missing, seen, accepted)?;
        }
    }
    Ok(())
}

fn accept(commit: Commit, seen: &mut Version, accepted: &mut Vec<Commit>) -> Result<()> {
    if commit.first_version() != seen.next() {
        let (expected, found) = (seen.next(), commit.first_version());
        return Err(Error::Gap { stream: commit.stream().clone(), expected, found });
    }
    *seen = commit.last_version();
    accepted.push(commit);
    Ok(())
}

fn count(name: &'static str, consumer: &ConsumerId) {
    metrics::counter!(name, "consumer" => consumer.to_string()).increment(1);
}
