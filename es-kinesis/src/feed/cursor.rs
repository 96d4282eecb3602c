//! How reading goes on from a place.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_kinesis::types::Record;
use es_core::{Checkpoint, PartitionId};

use super::fan_out::Subscription;
use super::records::Item;
use super::shard_place::ShardPlace;

/// Reads a shard on from a place.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The place behind what was read and handed on.
    pub(super) place: ShardPlace,
    /// What was read and not handed on yet.
    pub(super) items: VecDeque<Item>,
    pub(super) source: Source,
    /// Whether nobody has seen yet that nothing was lost behind the place.
    pub(super) is_unverified: bool,
    /// How far the last answer was behind the end of the shard, if there was one.
    pub(super) behind: Option<Duration>,
    /// When the source was asked last, on the monotonic clock.
    pub(super) asked_at: Option<Duration>,
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
        let is_unverified = place.record.is_some();
        Self {
            place,
            items: VecDeque::new(),
            source,
            is_unverified,
            behind: None,
            asked_at: None,
            settled_at: now,
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
#[derive(Debug, Default)]
pub(super) struct Cursors(Mutex<HashMap<(PartitionId, Checkpoint), Cursor>>);

/// How many are kept.
const MAX_KEPT: usize = 1_000;

impl Cursors {
    /// Keeps a cursor for who reads on from its place.
    pub(super) fn keep(&self, partition: &PartitionId, cursor: Cursor) {
        let mut kept = self.lock();
        if kept.len() >= MAX_KEPT {
            // Any of them can be had again.
            kept.clear();
        }
        let place = cursor.place.checkpoint();
        kept.insert((partition.clone(), place), cursor);
    }

    /// Ends the subscriptions to a partition.
    pub(super) fn end_subscriptions(&self, partition: &str) {
        self.lock().retain(|(of, _), cursor| {
            of.as_str() != partition || !matches!(cursor.source, Source::Subscription(_))
        });
    }

    pub(super) fn take(&self, partition: &PartitionId, after: &Checkpoint) -> Option<Cursor> {
        self.lock().remove(&(partition.clone(), after.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(PartitionId, Checkpoint), Cursor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
