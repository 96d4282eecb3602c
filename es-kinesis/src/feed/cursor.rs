//! How reading goes on from a place.

use std::collections::{HashMap, VecDeque};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_kinesis::types::Record;
use es_core::{Checkpoint, Clock, PartitionId};

use super::fan_out::Subscription;
use super::records::{Item, items_of};
use super::shard_place::{Behind, ShardPlace};

/// Reads a shard on from a place.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The place behind what was read and handed on.
    pub(super) place: ShardPlace,
    /// What was read and not handed on yet.
    pub(super) items: VecDeque<Item>,
    pub(super) source: Source,
    pub(super) continuity: Continuity,
    /// How far the last answer was behind the end of the shard, if there was one.
    pub(super) behind: Option<Duration>,
    /// When the source gave the last answer, on the monotonic clock.
    pub(super) answered_at: Option<Duration>,
    /// How far the last answer was behind the end of the shard, and when that was, on the monotonic clock.
    lag: Option<(Duration, Duration)>,
    /// When the place was last known to be as far as all that was read, on the monotonic clock.
    pub(super) settled_at: Duration,
}

/// Where records come from.
#[derive(Debug)]
pub(super) enum Source {
    /// They are asked for, with an iterator.
    Iterator(String),
    /// They are sent.
    Subscription(Box<Subscription>),
    /// There will be none any more.
    Ended,
}

/// Whether the source has lost nothing of what comes behind the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Continuity {
    /// It has not.
    Sure,
    /// The next answer tells.
    Open,
    /// The last answer tells that something may be lost. Nothing of it is handed on before that is cleared
    /// up.
    Doubtful,
    /// The last answer came so long after the record before it had been put: a stream that keeps records for
    /// less may have lost some in between. As with a doubtful one.
    Late(Duration),
}

/// The shortest time that a stream can be told to keep records for, less what a request takes.
const SHORTEST_RETENTION: Duration = Duration::from_secs(24 * 3600 - 5);

/// What a source has given.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) records: Vec<Record>,
    pub(super) behind: Option<Duration>,
    /// Whether the shard has ended behind these.
    pub(super) ended: bool,
}

impl Cursor {
    pub(super) fn new(place: ShardPlace, source: Source, now: Duration) -> Self {
        let mut cursor = Self {
            place,
            items: VecDeque::new(),
            source: Source::Ended,
            continuity: Continuity::Sure,
            behind: None,
            answered_at: None,
            lag: None,
            settled_at: now,
        };
        cursor.begin_again(source);
        cursor
    }

    /// Goes on with a source that begins where the last one was.
    pub(super) fn go_on(&mut self, source: Source) {
        self.source = source;
        self.behind = None;
    }

    /// Goes on with a source that begins at the place.
    pub(super) fn begin_again(&mut self, source: Source) {
        self.go_on(source);
        self.lag = None;
        self.continuity = match (&self.place.behind, self.place.read_until) {
            (Behind::Record(_), _) | (Behind::Nothing, None) => Continuity::Open,
            // Nothing but its age tells about it, and that was looked at.
            (Behind::Nothing | Behind::Time, _) => Continuity::Sure,
        };
    }

    /// Takes what its source has given, all at once: wherever its reader is dropped, nothing is left out.
    pub(super) fn take(&mut self, answer: Answer, now: Duration) {
        if self.continuity == Continuity::Open {
            self.continuity = self.continuity_of(&answer);
        }
        if self.continuity == Continuity::Sure
            && let Some((behind, at)) = self.lag
            && let late = behind + now.saturating_sub(at)
            && late >= SHORTEST_RETENTION
        {
            self.continuity = Continuity::Late(late);
        }
        self.lag = answer.behind.map(|behind| (behind, now));
        let Answer { records, behind, ended } = answer;
        self.items = items_of(records, &self.place);
        self.behind = behind;
        self.answered_at = Some(now);
        if ended {
            self.source = Source::Ended;
        }
    }

    fn continuity_of(&self, answer: &Answer) -> Continuity {
        let first = answer.records.first().map(|record| &*record.sequence_number);
        match (&self.place.behind, first) {
            (Behind::Record(last), Some(first)) if last.number == first => Continuity::Sure,
            (Behind::Record(_), Some(_)) | (Behind::Nothing, _) => Continuity::Doubtful,
            // An answer without records says nothing, unless there are none up to the tip.
            (Behind::Record(_), None) if answer.ended || answer.behind == Some(Duration::ZERO) => {
                Continuity::Doubtful
            }
            (Behind::Record(_), None) => Continuity::Open,
            (Behind::Time, _) => Continuity::Sure,
        }
    }

    /// Whether all was read that the shard had when it was asked last.
    pub(super) fn is_at_tip(&self) -> bool {
        let is_open = !matches!(self.source, Source::Ended);
        is_open && self.items.is_empty() && self.behind == Some(Duration::ZERO)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.items.is_empty() && matches!(self.source, Source::Ended)
    }
}

/// The cursors that go on behind what was read, for who reads next. What they have read already is in
/// memory: up to one answer each.
#[derive(Debug)]
pub(super) struct Cursors {
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<(PartitionId, Checkpoint), Kept>>,
}

#[derive(Debug)]
struct Kept {
    cursor: Cursor,
    /// On the monotonic clock.
    since: Duration,
}

/// For how long one is kept that nobody comes for: then its iterator has expired anyway.
const KEPT_FOR: Duration = Duration::from_secs(300);

impl Cursors {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// The cursor that was kept for this place.
    pub(super) fn take(&self, partition: &PartitionId, after: &Checkpoint) -> Option<Cursor> {
        self.lock().remove(&(partition.clone(), after.clone())).map(|kept| kept.cursor)
    }

    /// Gives out a cursor, and has it back as soon as its reader is done, or is dropped.
    pub(super) fn lend<'a>(&'a self, partition: &'a PartitionId, cursor: Cursor) -> Lent<'a> {
        Lent { cursors: self, partition, cursor }
    }

    /// Ends the subscriptions to a shard that nobody reads right now.
    pub(super) fn end_subscriptions(&self, partition: &PartitionId) {
        self.lock().retain(|(of, _), kept| {
            of != partition || !matches!(kept.cursor.source, Source::Subscription(_))
        });
    }

    fn keep(&self, partition: &PartitionId, cursor: Cursor) {
        let now = self.clock.monotonic();
        let place = cursor.place.checkpoint();
        let mut kept = self.lock();
        kept.retain(|_, kept| now.saturating_sub(kept.since) < KEPT_FOR);
        kept.insert((partition.clone(), place), Kept { cursor, since: now });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(PartitionId, Checkpoint), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cursor in the hands of a reader.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    cursors: &'a Cursors,
    partition: &'a PartitionId,
    cursor: Cursor,
}

impl Deref for Lent<'_> {
    type Target = Cursor;

    fn deref(&self) -> &Cursor {
        &self.cursor
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Cursor {
        &mut self.cursor
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let nothing = Cursor::new(ShardPlace::START, Source::Ended, Duration::ZERO);
        self.cursors.keep(self.partition, std::mem::replace(&mut self.cursor, nothing));
    }
}
