//! Reading a shard, page by page.

use std::time::Duration;

use es_core::{Checkpoint, Commit, FeedPage, PartitionId, Result};

use super::cursor::{Answer, Cursor, Source};
use super::fan_out::Pushed;
use super::polling::Polled;
use super::records::items_of;
use super::shard_place::{ShardPlace, trimmed};
use super::{KinesisFeed, PATIENCE};
use crate::telemetry;

/// A page has room for one commit more while its bytes are below this.
const PAGE_BYTES: usize = 4 << 20;

/// How many answers without a record, in a row, are taken for the end of the shard, for now, unless one says
/// that it is. There can be records behind an empty answer: Kinesis looks through a part of the shard at a
/// time.
const EMPTY_ANSWERS: u32 = 20;

/// How far back from now a place is set that is a time: clocks differ, and AWS refuses requests of one that
/// is more than five minutes off.
pub(super) const CLOCKS_DIFFER: Duration = Duration::from_secs(15 * 60);

/// How often the place in a shard where nothing happens is set to a later one, which says that nothing was
/// left unread.
const SETTLE_AFTER: Duration = Duration::from_secs(60 * 60);

/// How long before the end of the retention a place is taken for lost: clocks differ.
const RETENTION_MARGIN: Duration = Duration::from_secs(5 * 60);

impl KinesisFeed {
    pub(super) async fn read_shard(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut cursor = self.cursor(partition, after).await?;
        let page = self.read_page(partition, &mut cursor, max_commits).await;
        // Also after an error: what was read is not asked for again.
        if !matches!(&page, Ok(page) if page.ended) {
            self.cursors().keep(partition, cursor);
        }
        page
    }

    /// Returns when there is something behind the place, or after a while.
    pub(super) async fn wait_for_shard(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
    ) -> Result<()> {
        let clock = self.stream().clock();
        let until = clock.monotonic() + PATIENCE;
        let mut cursor = self.cursor(partition, after).await?;
        let mut waited = Ok(());
        while waited.is_ok() && cursor.items.is_empty() && !cursor.has_ended() {
            let left = until.saturating_sub(clock.monotonic());
            if left.is_zero() {
                break;
            }
            if matches!(cursor.source, Source::Iterator(_))
                && let Some(asked_at) = cursor.asked_at
            {
                let next = asked_at + self.options().poll_interval;
                clock.sleep(next.saturating_sub(clock.monotonic()).min(left)).await;
            }
            waited = self.fetch(partition, &mut cursor, left).await;
        }
        self.cursors().keep(partition, cursor);
        waited
    }

    async fn read_page(
        &self,
        partition: &PartitionId,
        cursor: &mut Cursor,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut commits = Vec::new();
        let (mut bytes, mut empty_answers) = (0, 0);
        loop {
            while let Some(item) = cursor.items.front() {
                if commits.len() >= max_commits || bytes >= PAGE_BYTES {
                    return Ok(page(cursor, commits));
                }
                match self.commit_of(item).await {
                    Ok(commit) => {
                        cursor.place = item.place.clone();
                        cursor.items.pop_front();
                        bytes += commit.as_ref().map_or(0, |commit| commit.events().stored_len());
                        commits.extend(commit);
                    }
                    // Those before it are delivered.
                    Err(_) if !commits.is_empty() => return Ok(page(cursor, commits)),
                    Err(error) => return Err(error),
                }
            }
            if !commits.is_empty() || cursor.has_ended() {
                return Ok(page(cursor, commits));
            }
            // Behind the tip there is nothing to wait for.
            let patience = if cursor.is_at_tip() { Duration::ZERO } else { PATIENCE };
            self.fetch(partition, cursor, patience).await?;
            empty_answers += u32::from(cursor.items.is_empty());
            if cursor.is_at_tip() {
                self.settle(cursor);
                return Ok(page(cursor, commits));
            }
            if empty_answers >= EMPTY_ANSWERS {
                return Ok(page(cursor, commits));
            }
        }
    }

    /// The cursor that was kept, or one from the place.
    async fn cursor(&self, partition: &PartitionId, after: &Checkpoint) -> Result<Cursor> {
        if let Some(cursor) = self.cursors().take(partition, after) {
            return Ok(cursor);
        }
        let place = ShardPlace::of(after)?;
        if self.stream().shards().await?.shard(partition.as_str()).is_none() {
            return Err(trimmed(partition.as_str(), after));
        }
        if place.record.is_none() {
            self.check_retention(partition, &place).await?;
        }
        let source = self.source(partition, &place, None).await?;
        Ok(Cursor::new(place, source, self.stream().clock().monotonic()))
    }

    async fn source(
        &self,
        partition: &PartitionId,
        place: &ShardPlace,
        continuation: Option<String>,
    ) -> Result<Source> {
        let shard = partition.as_str();
        match &self.options().fan_out {
            Some(consumer) => self.subscribe(shard, consumer, place, continuation).await,
            None => self.iterator(shard, place).await,
        }
    }

    /// Reads on, once; a source that is over is replaced by another one. A subscription may take up to
    /// `patience` until it gives something.
    async fn fetch(
        &self,
        partition: &PartitionId,
        cursor: &mut Cursor,
        patience: Duration,
    ) -> Result<()> {
        let shard = partition.as_str();
        cursor.asked_at = Some(self.stream().clock().monotonic());
        let answer = match &mut cursor.source {
            Source::Ended => return Ok(()),
            Source::Iterator(iterator) => {
                match self.poll(shard, iterator, &cursor.place.checkpoint()).await? {
                    Polled::Answer(answer, source) => {
                        cursor.source = source;
                        answer
                    }
                    Polled::Expired => {
                        cursor.source = self.source(partition, &cursor.place, None).await?;
                        cursor.is_unverified = cursor.place.record.is_some();
                        cursor.behind = None;
                        return Ok(());
                    }
                }
            }
            Source::Subscription(subscription) => {
                match self.pushed(shard, subscription, patience).await? {
                    Pushed::Answer(answer) => answer,
                    Pushed::Nothing => return Ok(()),
                    Pushed::Over(continuation) => {
                        cursor.is_unverified |=
                            continuation.is_none() && cursor.place.record.is_some();
                        cursor.source = self.source(partition, &cursor.place, continuation).await?;
                        return Ok(());
                    }
                }
            }
        };
        self.take_answer(partition, cursor, answer).await
    }

    async fn take_answer(
        &self,
        partition: &PartitionId,
        cursor: &mut Cursor,
        answer: Answer,
    ) -> Result<()> {
        let Answer { records, behind, ended } = answer;
        if cursor.is_unverified {
            let first = records.first().map(|record| &*record.sequence_number);
            let is_there = first.is_some_and(|first| cursor.place.read_of(first).is_some());
            // An answer without records says nothing, unless there are none up to the tip.
            let is_sure = first.is_some() || ended || behind == Some(Duration::ZERO);
            if is_sure && !is_there {
                self.check_retention(partition, &cursor.place).await?;
            }
            cursor.is_unverified = !is_sure;
        }
        self.count(partition, records.len(), behind);
        cursor.items = items_of(records, &cursor.place);
        cursor.behind = behind;
        if ended {
            cursor.source = Source::Ended;
            self.stream().forget_shards().await;
        }
        Ok(())
    }

    /// That nothing can have been lost behind the place: what arrived since it was as far as all that was
    /// read is still kept.
    async fn check_retention(&self, partition: &PartitionId, place: &ShardPlace) -> Result<()> {
        let Some(read_until) = place.read_until else { return Ok(()) };
        let age = self.stream().clock().now().as_second().saturating_sub(read_until);
        let age = Duration::from_secs(u64::try_from(age).unwrap_or_default());
        let retention = self.stream().summary().await?.retention;
        if age + RETENTION_MARGIN < retention {
            return Ok(());
        }
        Err(trimmed(partition.as_str(), &place.checkpoint()))
    }

    /// Now and then, sets the place of a cursor that is at the tip to one that says so.
    fn settle(&self, cursor: &mut Cursor) {
        let clock = self.stream().clock();
        let now = clock.monotonic();
        let until = clock.now().as_second().saturating_sub(CLOCKS_DIFFER.as_secs() as i64);
        let known = cursor.place.read_until;
        let is_old = known.is_some_and(|known| until - known >= SETTLE_AFTER.as_secs() as i64);
        if !is_old && now.saturating_sub(cursor.settled_at) < SETTLE_AFTER {
            return;
        }
        cursor.settled_at = now;
        if known.is_none_or(|known| until > known) {
            cursor.place.read_until = Some(until);
        }
    }

    fn count(&self, partition: &PartitionId, records: usize, behind: Option<Duration>) {
        let stream = self.stream().name();
        metrics::counter!(telemetry::RECORDS_READ, "stream" => stream.to_owned())
            .increment(records as u64);
        if let Some(behind) = behind {
            let labels = [("stream", stream.to_owned()), ("shard", partition.to_string())];
            metrics::gauge!(telemetry::MILLIS_BEHIND_LATEST, &labels)
                .set(behind.as_millis() as f64);
        }
    }
}

fn page(cursor: &Cursor, commits: Vec<Commit>) -> FeedPage {
    if cursor.has_ended() {
        let checkpoint = Checkpoint::end();
        return FeedPage { commits, checkpoint, remaining: Some(0), ended: true };
    }
    let remaining = cursor.is_at_tip().then_some(0);
    FeedPage { commits, checkpoint: cursor.place.checkpoint(), remaining, ended: false }
}
