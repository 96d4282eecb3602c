//! Reading a shard, page by page.

use std::time::Duration;

use es_core::{Checkpoint, Commit, FeedPage, Result};

use super::cursor::{Continuity, Cursor, Lent, Source};
use super::fan_out::Pushed;
use super::feed_shard::FeedShard;
use super::polling::Polled;
use super::shard_place::{Behind, ShardPlace};
use super::start::Start;
use super::{KinesisFeed, PATIENCE};
use crate::summary::Summary;
use crate::telemetry;

/// A page has room for one commit more while its bytes are below this.
const PAGE_BYTES: usize = 4 << 20;

/// How often a page asks for records until there are some, unless an answer says that this is the end, for
/// now. There can be records behind an empty answer: Kinesis looks through a part of the shard at a time.
const MOST_ANSWERS: u32 = 20;

/// How far clocks may differ: AWS refuses requests of one that is more than five minutes off. Places that are a
/// time are so far back from now, and are taken for lost so long before the stream forgets.
pub(super) const CLOCKS_DIFFER: Duration = Duration::from_secs(15 * 60);

/// How often the place in a shard where nothing happens is set to a later one, which says that nothing was
/// left unread.
const SETTLE_AFTER: Duration = Duration::from_secs(60 * 60);

/// How long a request may take from the time that its answer is about.
const A_REQUEST: Duration = Duration::from_secs(1);

impl KinesisFeed {
    pub(super) async fn read_shard(
        &self,
        shard: FeedShard<'_>,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut cursor = self.cursor(shard, after).await?;
        for answers in 0.. {
            let commits = self.hand_on(shard, &mut cursor, max_commits).await?;
            let place = cursor.place.checkpoint();
            let has_moved = !commits.is_empty() || place != *after || cursor.has_ended();
            if has_moved || answers > 0 && cursor.is_at_tip() || answers >= MOST_ANSWERS {
                return Ok(self.page(&mut cursor, commits));
            }
            // Behind the tip there is nothing to wait for.
            let patience = if cursor.is_at_tip() { Duration::ZERO } else { PATIENCE };
            if !self.fetch(shard, &mut cursor, patience).await? {
                break;
            }
        }
        Ok(self.page(&mut cursor, Vec::new()))
    }

    /// Returns when there is something behind the place, or after a while.
    pub(super) async fn wait_for_shard(
        &self,
        shard: FeedShard<'_>,
        after: &Checkpoint,
    ) -> Result<()> {
        let clock = self.stream().clock();
        let until = clock.monotonic() + PATIENCE;
        let mut cursor = self.cursor(shard, after).await?;
        while cursor.items.is_empty() && !cursor.has_ended() {
            let left = until.saturating_sub(clock.monotonic());
            if left.is_zero() {
                break;
            }
            if matches!(cursor.source, Source::Iterator(_))
                && let Some(answered_at) = cursor.answered_at
            {
                let next = answered_at + self.options().poll_interval;
                clock.sleep(next.saturating_sub(clock.monotonic()).min(left)).await;
            }
            self.fetch(shard, &mut cursor, left).await?;
        }
        Ok(())
    }

    /// The cursor that was kept, or one from the place.
    async fn cursor<'a>(&'a self, shard: FeedShard<'a>, after: &Checkpoint) -> Result<Lent<'a>> {
        let cursor = match self.cursors().take(shard.partition, after) {
            Some(cursor) => cursor,
            None => self.new_cursor(shard, ShardPlace::of(after)?).await?,
        };
        Ok(self.cursors().lend(shard.partition, cursor))
    }

    async fn new_cursor(&self, shard: FeedShard<'_>, place: ShardPlace) -> Result<Cursor> {
        let source = self.begin_at(shard, &place).await?;
        Ok(Cursor::new(place, source, self.stream().clock().monotonic()))
    }

    /// A source of what comes behind the place, unless that is lost for sure.
    async fn begin_at(&self, shard: FeedShard<'_>, place: &ShardPlace) -> Result<Source> {
        let is_recent = match (&place.behind, place.read_until) {
            // Whether it is still there tells the first answer, and more than its age.
            (Behind::Record(_), _) | (_, None) => true,
            (Behind::Nothing | Behind::Time, Some(read_until)) => {
                let summary = self.stream().summary().await?;
                self.is_kept_since(&summary, shard, read_until)
            }
        };
        if !is_recent || !self.is_listed(shard).await? {
            return Err(shard.trimmed(&place.checkpoint()));
        }
        self.source(shard, place).await
    }

    /// The commits that the cursor has, up to so many. Its place is behind them then.
    async fn hand_on(
        &self,
        shard: FeedShard<'_>,
        cursor: &mut Cursor,
        max_commits: usize,
    ) -> Result<Vec<Commit>> {
        match cursor.continuity {
            Continuity::Doubtful => self.check_nothing_lost(shard, &cursor.place).await?,
            Continuity::Late(late) => self.check_retention(shard, &cursor.place, late).await?,
            Continuity::Sure | Continuity::Open => {}
        }
        if cursor.continuity != Continuity::Open {
            cursor.continuity = Continuity::Sure;
        }
        let (mut commits, mut bytes, mut any) = (Vec::new(), 0, false);
        while let Some(item) = cursor.items.front()
            && commits.len() < max_commits
            && bytes < PAGE_BYTES
        {
            let commit = match self.commit_of(item).await {
                Ok(commit) => commit,
                // Those before it are handed on, and the place behind them.
                Err(_) if any => break,
                Err(error) => return Err(error),
            };
            cursor.place = item.place.clone();
            cursor.items.pop_front();
            any = true;
            bytes += commit.as_ref().map_or(0, |commit| commit.events().stored_len());
            commits.extend(commit);
        }
        Ok(commits)
    }

    /// Reads on, once, when all was handed on; a source that is over is replaced by another one. A
    /// subscription may take up to `patience` until it gives something; says whether anything came.
    async fn fetch(
        &self,
        shard: FeedShard<'_>,
        cursor: &mut Cursor,
        patience: Duration,
    ) -> Result<bool> {
        let answer = match &mut cursor.source {
            Source::Ended => return Ok(false),
            Source::Iterator(iterator) => match self.poll(shard, iterator, &cursor.place).await? {
                Polled::Answer(answer, source) => {
                    cursor.source = source;
                    answer
                }
                Polled::Expired => {
                    let source = self.begin_at(shard, &cursor.place).await?;
                    cursor.begin_again(source);
                    return Ok(true);
                }
            },
            Source::Subscription(subscription) => {
                match self.pushed(shard, subscription, patience).await {
                    Pushed::Answer(answer) => answer,
                    Pushed::Nothing => return Ok(false),
                    Pushed::Over(continuation) => {
                        self.subscribe_again(shard, cursor, continuation).await?;
                        return Ok(true);
                    }
                }
            }
        };
        // From the answer to here nothing waits: a reader that is dropped has all of it, or nothing.
        let ended = answer.ended;
        cursor.take(answer, self.stream().clock().monotonic());
        self.count(shard, cursor);
        if ended {
            self.stream().forget_shards().await;
        }
        Ok(true)
    }

    async fn subscribe_again(
        &self,
        shard: FeedShard<'_>,
        cursor: &mut Cursor,
        continuation: Option<String>,
    ) -> Result<()> {
        if let Some(number) = continuation
            && let Some(source) = self.source_at(shard, Start::after(number)).await?
        {
            cursor.go_on(source);
            return Ok(());
        }
        let source = self.begin_at(shard, &cursor.place).await?;
        cursor.begin_again(source);
        Ok(())
    }

    /// That nothing can have been lost behind the place. Of one that says until when all was read: what
    /// arrived since then is still kept. Of the start: the shard's parents are, which were closed when it was
    /// opened, so everything is that came into it.
    async fn check_nothing_lost(&self, shard: FeedShard<'_>, place: &ShardPlace) -> Result<()> {
        let is_kept = match place.read_until {
            Some(read_until) => {
                let summary = self.stream().fresh_summary().await?;
                self.is_kept_since(&summary, shard, read_until)
            }
            None => {
                self.stream().forget_shards().await;
                let list = self.stream().shards().await?;
                let parents = list.shard(shard.id).map(|shard| shard.parents.clone());
                parents.is_some_and(|parents| parents.iter().all(|id| list.shard(id).is_some()))
            }
        };
        if is_kept { Ok(()) } else { Err(shard.trimmed(&place.checkpoint())) }
    }

    /// That the stream keeps records for longer than it took from one to the next answer. Kinesis itself has
    /// told how old they are, so this is exact.
    async fn check_retention(
        &self,
        shard: FeedShard<'_>,
        place: &ShardPlace,
        late: Duration,
    ) -> Result<()> {
        let is_kept = |summary: &Summary| late + A_REQUEST < summary.retention;
        if is_kept(&*self.stream().summary().await?)
            || is_kept(&*self.stream().fresh_summary().await?)
        {
            return Ok(());
        }
        Err(shard.trimmed(&place.checkpoint()))
    }

    /// Whether the stream is the shard's, and still has what arrived at this time, in Unix seconds, or later.
    fn is_kept_since(&self, summary: &Summary, shard: FeedShard<'_>, time: i64) -> bool {
        let age = self.stream().clock().now().as_second().saturating_sub(time);
        let age = Duration::from_secs(u64::try_from(age).unwrap_or_default());
        let is_same_stream = summary.created_at.as_second() == shard.stream_created_at;
        is_same_stream && age + CLOCKS_DIFFER < summary.retention
    }

    /// Whether the shard is there, by a list of now if the last one does not have it.
    async fn is_listed(&self, shard: FeedShard<'_>) -> Result<bool> {
        if self.stream().shards().await?.shard(shard.id).is_some() {
            return Ok(true);
        }
        self.stream().forget_shards().await;
        Ok(self.stream().shards().await?.shard(shard.id).is_some())
    }

    /// The page behind which the cursor is.
    fn page(&self, cursor: &mut Cursor, commits: Vec<Commit>) -> FeedPage {
        if cursor.has_ended() {
            let checkpoint = Checkpoint::end();
            return FeedPage { commits, checkpoint, remaining: Some(0), ended: true };
        }
        // Behind the last records an answer of its own may say that the shard has ended.
        let is_at_tip = commits.is_empty() && cursor.is_at_tip();
        if is_at_tip {
            self.settle(cursor);
        }
        let remaining = is_at_tip.then_some(0);
        FeedPage { commits, checkpoint: cursor.place.checkpoint(), remaining, ended: false }
    }

    /// Now and then, sets the place of a cursor that is at the tip to one that says so: nothing was there
    /// when the last answer was given.
    fn settle(&self, cursor: &mut Cursor) {
        let Some(answered_at) = cursor.answered_at else { return };
        let (now, clock) = (self.stream().clock().monotonic(), self.stream().clock().now());
        let back = now.saturating_sub(answered_at) + CLOCKS_DIFFER;
        let until = clock.saturating_sub(back).unwrap_or(clock).as_second();
        let known = cursor.place.read_until;
        let is_old =
            known.is_some_and(|known| until.saturating_sub(known) >= SETTLE_AFTER.as_secs() as i64);
        if !is_old && now.saturating_sub(cursor.settled_at) < SETTLE_AFTER {
            return;
        }
        cursor.settled_at = now;
        if known.is_none_or(|known| until > known) {
            cursor.place.read_until = Some(until);
            if cursor.place.behind == Behind::Nothing {
                cursor.place.behind = Behind::Time;
            }
        }
    }

    fn count(&self, shard: FeedShard<'_>, cursor: &Cursor) {
        let stream = self.stream().name();
        metrics::counter!(telemetry::RECORDS_READ, "stream" => stream.to_owned())
            .increment(cursor.items.len() as u64);
        if let Some(behind) = cursor.behind {
            let labels = [("stream", stream.to_owned()), ("shard", shard.id.to_owned())];
            metrics::gauge!(telemetry::MILLIS_BEHIND_LATEST, &labels)
                .set(behind.as_millis() as f64);
        }
    }
}
