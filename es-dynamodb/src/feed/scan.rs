//! The history: a parallel scan of the table.
//!
//! A place in it is the key of the last commit that was delivered: its first version and its stream, as
//! in `17 order:1`. Streams lie in a segment by a hash of their keys, so that order is not that of the
//! appends; the commits of one stream follow one another.

use es_core::{Checkpoint, Commit, FeedPage, Result, StreamId};

use super::page::{self, Gathered, Taken};
use super::partition::Segment;
use crate::item::{Item, number, text};
use crate::store::DynamoStore;
use crate::tables::{PARTITION_KEY, SORT_KEY};

impl DynamoStore {
    pub(super) async fn read_segment(
        &self,
        segment: Segment,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut after = start_key(after)?;
        let mut limit = max_commits;
        loop {
            let answer = self.scan_once(segment, after, limit).await?;
            let mut gathered = Gathered::up_to(max_commits);
            let mut complete = true;
            for item in answer.items {
                if gathered.take(self, item).await? == Taken::Left {
                    complete = false;
                    break;
                }
            }
            let commits = gathered.commits;
            match (commits.last().map(place_behind), answer.rest) {
                (_, None) if complete => return Ok(page::ended(commits)),
                (Some(checkpoint), _) => return Ok(page::up_to(checkpoint, commits)),
                // Nothing but markers and continuation items. There can be thousands in a row, so ever
                // more are asked for at once.
                (None, rest) => {
                    after = rest;
                    limit = limit.saturating_mul(2);
                }
            }
        }
    }

    /// One request, when the rate allows it.
    async fn scan_once(
        &self,
        segment: Segment,
        after: Option<Item>,
        limit: usize,
    ) -> Result<Scanned> {
        let rate = &self.feed().scan_rate;
        rate.admitted().await;
        let table = &self.tables().events;
        let whole = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let answer = self
            .dynamodb()
            .scan()
            .table_name(table)
            .consistent_read(true)
            .segment(whole(segment.index))
            .total_segments(whole(segment.total))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after)
            .send()
            .await
            .map_err(|error| self.failed("scanning the log", table, error))?;
        let consumed = answer.consumed_capacity().and_then(|consumed| consumed.capacity_units());
        rate.charge(consumed.unwrap_or_default());
        Ok(Scanned { rest: answer.last_evaluated_key, items: answer.items.unwrap_or_default() })
    }
}

struct Scanned {
    items: Vec<Item>,
    /// Where the segment goes on.
    rest: Option<Item>,
}

fn place_behind(commit: &Commit) -> Checkpoint {
    Checkpoint::from_stored(format!("{} {}", commit.first_version(), commit.stream()))
}

/// The key that a scan goes on behind; `None` at the start.
pub(super) fn start_key(after: &Checkpoint) -> Result<Option<Item>> {
    if after.is_start() {
        return Ok(None);
    }
    let damaged = || after.damaged("it is not the first version and the stream of a commit");
    let (version, stream) = after.as_str().split_once(' ').ok_or_else(damaged)?;
    let version: u64 = version.parse().map_err(|_| damaged())?;
    let stream: StreamId = stream.parse().map_err(|_| damaged())?;
    let key =
        [(PARTITION_KEY.to_owned(), text(stream.as_str())), (SORT_KEY.to_owned(), number(version))];
    Ok(Some(Item::from(key)))
}
