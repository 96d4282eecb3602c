//! Progress: how far each consumer has come, and its dead letters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;

use super::MemoryStore;
use crate::checkpoint_store::{
    Adopted, Adoption, Advance, CheckpointStore, ConsumerId, Position, Progress, Revision,
    StreamProgress,
};
use crate::clock::whole_microseconds;
use crate::dead_letter::{
    DeadLetter, DeadLetterChange, DeadLetterCount, DeadLetterQuery, DeadLetterState,
};
use crate::error::Result;
use crate::feed::{Checkpoint, PartitionId};
use crate::stream_id::StreamId;
use crate::version::Version;

#[derive(Default)]
pub(super) struct ProgressBook {
    consumers: HashMap<ConsumerId, Consumer>,
}

#[derive(Default)]
struct Consumer {
    positions: HashMap<PartitionId, Position>,
    versions: HashMap<StreamId, Version>,
    parked: Letters,
    dropped: Letters,
    /// The revision of partitions without a position. A reset raises it over every revision that a
    /// worker can hold, also one at its first step in a partition.
    floor: Revision,
    paused: bool,
}

type Letters = BTreeMap<(StreamId, Version), DeadLetter>;

#[async_trait]
impl CheckpointStore for MemoryStore {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        Ok(self.read_side().progress.position(consumer, partition))
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        let read_side = self.read_side();
        Ok(streams.iter().map(|stream| read_side.progress.of(consumer, stream)).collect())
    }

    fn max_step_items(&self) -> usize {
        self.shared.max_step_items
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        self.check_step(&progress, 0)?;
        let mut read_side = self.read_side();
        read_side.progress.check(&progress)?;
        read_side.progress.advance(progress);
        Ok(())
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.read_side().progress.reset(consumer);
        Ok(())
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        self.read_side().progress.adopt(adoption)
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        let read_side = self.read_side();
        let Some(consumer) = read_side.progress.consumers.get(consumer) else {
            return Ok(Vec::new());
        };
        Ok(consumer.letters(query))
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        Ok(self.read_side().progress.dead_letter_count(consumer))
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        let mut read_side = self.read_side();
        read_side.progress.consumers.entry(consumer.clone()).or_default().paused = paused;
        Ok(())
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        Ok(self.read_side().progress.consumers.get(consumer).is_some_and(|known| known.paused))
    }
}

impl ProgressBook {
    fn position(&self, consumer: &ConsumerId, partition: &PartitionId) -> Position {
        let consumer = self.consumers.get(consumer);
        consumer.map(|known| known.position(partition)).unwrap_or_default()
    }

    fn of(&self, consumer: &ConsumerId, stream: &StreamId) -> StreamProgress {
        self.consumers.get(consumer).map(|known| known.of(stream)).unwrap_or_default()
    }

    fn dead_letter_count(&self, consumer: &ConsumerId) -> DeadLetterCount {
        let Some(consumer) = self.consumers.get(consumer) else {
            return DeadLetterCount::default();
        };
        let streams: BTreeSet<_> = consumer.parked.keys().map(|(stream, _)| stream).collect();
        let (streams, letters) = (streams.len() as u64, consumer.parked.len() as u64);
        DeadLetterCount { streams, letters }
    }

    /// The fence: nobody saved since the progress was loaded.
    pub(super) fn check(&self, progress: &Progress) -> Result<()> {
        let Progress { consumer, advance, based_on, seen, .. } = progress;
        let in_place = advance.as_ref().is_none_or(|advance| {
            self.position(consumer, &advance.partition).revision == advance.based_on
        });
        let as_known = |(partition, revision): &(PartitionId, Revision)| {
            self.position(consumer, partition).revision == *revision
        };
        if in_place
            && based_on.iter().all(as_known)
            && seen.iter().all(|(stream, seen)| self.of(consumer, stream) == *seen)
        {
            Ok(())
        } else {
            Err(progress.fenced())
        }
    }

    /// Moves on. Only after [`check`](Self::check), under the same lock.
    pub(super) fn advance(&mut self, progress: Progress) {
        let Progress { consumer, advance, streams, dead_letters, .. } = progress;
        let consumer = self.consumers.entry(consumer).or_default();
        for (stream, version) in streams {
            let known = consumer.versions.entry(stream).or_default();
            *known = version.max(*known);
        }
        for change in dead_letters {
            consumer.change(change);
        }
        if let Some(Advance { partition, based_on, checkpoint }) = advance {
            let revision = based_on.next();
            consumer.positions.insert(partition, Position { checkpoint, revision });
        }
    }

    pub(super) fn reset(&mut self, consumer: &ConsumerId) {
        let consumer = self.consumers.entry(consumer.clone()).or_default();
        *consumer = Consumer {
            floor: consumer.unheld_revision(),
            paused: consumer.paused,
            dropped: std::mem::take(&mut consumer.dropped),
            ..Consumer::default()
        };
    }

    pub(super) fn adopt(&mut self, adoption: &Adoption) -> Result<Adopted> {
        adoption.check()?;
        let Adoption { from, to, based_on, .. } = adoption;
        let as_known = |(partition, revision): &(PartitionId, Revision)| {
            self.position(from, partition).revision == *revision
        };
        if !based_on.iter().all(as_known) {
            return Err(adoption.fenced());
        }
        let parked = self.dead_letter_count(to);
        if !adoption.replaces_dead_letters && parked.letters > 0 {
            return Ok(Adopted::Parked(parked));
        }
        if !adoption.backwards
            && let Some(stream) = self.first_behind(from, to)
        {
            return Ok(Adopted::Behind(stream));
        }
        let taken = self.consumers.remove(from).unwrap_or_default();
        let left = Consumer {
            floor: taken.unheld_revision(),
            paused: taken.paused,
            ..Consumer::default()
        };
        self.consumers.insert(from.clone(), left);
        let given = self.consumers.entry(to.clone()).or_default();
        let floor = given.unheld_revision().max(taken.unheld_revision());
        let moved = |(partition, position): (PartitionId, Position)| {
            (partition, Position { revision: floor, ..position })
        };
        let mut dropped = std::mem::take(&mut given.dropped);
        dropped.extend(taken.dropped);
        *given = Consumer {
            positions: taken.positions.into_iter().map(moved).collect(),
            versions: taken.versions,
            parked: taken.parked,
            dropped,
            floor,
            paused: given.paused,
        };
        Ok(Adopted::Done)
    }

    /// The first stream in which `from` is behind `to`.
    fn first_behind(&self, from: &ConsumerId, to: &ConsumerId) -> Option<StreamId> {
        let behind =
            |(stream, version): &(&StreamId, &Version)| self.of(from, stream).version < **version;
        let versions = &self.consumers.get(to)?.versions;
        versions.iter().filter(behind).map(|(stream, _)| stream).min().cloned()
    }
}

impl Consumer {
    fn position(&self, partition: &PartitionId) -> Position {
        let start = || Position { checkpoint: Checkpoint::start(), revision: self.floor };
        self.positions.get(partition).cloned().unwrap_or_else(start)
    }

    fn of(&self, stream: &StreamId) -> StreamProgress {
        let version = self.versions.get(stream).copied().unwrap_or_default();
        let last = letters_of(&self.parked, stream).next_back();
        let parked = last.map(|(_, letter)| letter.commit.last_version()).unwrap_or_default();
        StreamProgress { version, parked }
    }

    fn change(&mut self, change: DeadLetterChange) {
        match change {
            DeadLetterChange::Park(letter) => {
                let key = (letter.commit.stream().clone(), letter.commit.first_version());
                self.parked.insert(key, as_kept(DeadLetter { dropped: None, ..*letter }));
            }
            DeadLetterChange::Remove { stream, version } => {
                self.parked.remove(&(stream, version));
            }
            DeadLetterChange::Drop { stream, version, dropped } => {
                if let Some((key, mut letter)) = self.parked.remove_entry(&(stream, version)) {
                    letter.dropped = Some(dropped);
                    self.dropped.insert(key, as_kept(letter));
                }
            }
        }
    }

    fn letters(&self, query: &DeadLetterQuery) -> Vec<DeadLetter> {
        let letters =
            if query.state == DeadLetterState::Dropped { &self.dropped } else { &self.parked };
        let asked = |((stream, version), _): &(&(StreamId, Version), &DeadLetter)| {
            let first = || letters_of(letters, stream).next().is_some_and(|(k, _)| k.1 == *version);
            query.stream.as_ref().is_none_or(|only| only == stream)
                && query.after.as_ref().is_none_or(|after| (stream, version) > (&after.0, &after.1))
                && (query.state != DeadLetterState::First || first())
        };
        let listed = letters.iter().filter(asked).take(query.limit);
        listed.map(|(_, letter)| letter.clone()).collect()
    }

    /// A revision that no worker can hold.
    fn unheld_revision(&self) -> Revision {
        let held = self.positions.values().map(|position| position.revision);
        held.chain([self.floor]).max().unwrap_or_default().next()
    }
}

/// The letter with its times as stores keep them.
fn as_kept(mut letter: DeadLetter) -> DeadLetter {
    let failed = letter.failure.as_mut().map(|failure| &mut failure.last_attempt_at);
    let dropped = letter.dropped.as_mut().map(|dropped| &mut dropped.at);
    for time in [Some(&mut letter.parked_at), failed, dropped].into_iter().flatten() {
        *time = whole_microseconds(*time);
    }
    letter
}

fn letters_of<'a>(
    letters: &'a Letters,
    stream: &StreamId,
) -> impl DoubleEndedIterator<Item = (&'a (StreamId, Version), &'a DeadLetter)> {
    let from = (stream.clone(), Version::ZERO);
    let to = (stream.clone(), Version::new(u64::MAX));
    letters.range(from..=to)
}
