use std::collections::HashMap;

use futures::StreamExt as _;

use crate::checkpoint_store::ConsumerId;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event_store::{EventStore, ReadStream};
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Version;

/// The commits of a delivery that come next in their streams.
pub(super) struct Accepted {
    pub(super) commits: Vec<Commit>,
    /// Whether that is all of the delivery. Otherwise a gap was so long that its repair takes more
    /// than one step.
    pub(super) complete: bool,
}

/// How many commits the log gives in one page, at most.
const PAGE: usize = 1_000;

/// Turns deliveries — at least once, in any order — into the commits that are to have their effect
/// now: each stream's next ones, in order, none twice, none missing.
///
/// `taken` says how far each stream of the page was taken care of, and is moved on. About `max`
/// commits are accepted at most, so that a stream which is met late does not fill the memory.
pub(super) async fn in_order(
    page: Vec<Commit>,
    taken: &mut HashMap<StreamId, Version>,
    log: &dyn EventStore,
    consumer: &ConsumerId,
    max: usize,
) -> Result<Accepted> {
    let max = max.max(page.len());
    let mut commits = Vec::with_capacity(page.len());
    for commit in page {
        let seen = taken.entry(commit.stream().clone()).or_default();
        if commit.last_version() <= *seen {
            count(telemetry::DUPLICATES, consumer);
            continue;
        }
        if commit.first_version() > seen.next() {
            let whole = repair(&commit, seen, log, &mut commits, max).await?;
            count(telemetry::GAPS_REPAIRED, consumer);
            if !whole {
                return Ok(Accepted { commits, complete: false });
            }
        }
        accept(commit, seen, &mut commits)?;
    }
    Ok(Accepted { commits, complete: true })
}

/// Reads from the log what the feed has not delivered (yet) before `commit`. Returns whether that is
/// all of it.
async fn repair(
    commit: &Commit,
    seen: &mut Version,
    log: &dyn EventStore,
    accepted: &mut Vec<Commit>,
    max: usize,
) -> Result<bool> {
    let room = max.saturating_sub(accepted.len()).saturating_add(1);
    let query = ReadStream::new(commit.stream().clone()).from(seen.next());
    let mut pages = log.read(query.page_size(room.min(PAGE)));
    while let Some(page) = pages.next().await {
        for missing in page? {
            if missing.first_version() >= commit.first_version() {
                return Ok(true);
            }
            if accepted.len() >= max {
                return Ok(false);
            }
            accept(missing, seen, accepted)?;
        }
    }
    Ok(true)
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
