//! Progress: how far each consumer has come.

use std::collections::HashMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::checkpoint_store::{CheckpointStore, ConsumerId, Position, Progress, Revision};
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
    /// The revision of partitions without a position. A reset raises it over every revision that a
    /// worker can hold, also one at its first step in a partition.
    floor: Revision,
}

#[async_trait]
impl CheckpointStore for MemoryStore {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        Ok(self.read_side().progress.position(consumer, partition))
    }

    async fn stream_versions(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<Version>> {
        let read_side = self.read_side();
        let versions = read_side.progress.consumers.get(consumer).map(|found| &found.versions);
        let version = |stream| versions.and_then(|known| known.get(stream)).copied();
        Ok(streams.iter().map(|stream| version(stream).unwrap_or(Version::ZERO)).collect())
    }

    async fn save(&self, progress: Progress) -> Result<Revision> {
        let mut read_side = self.read_side();
        read_side.progress.check(&progress)?;
        Ok(read_side.progress.advance(progress))
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.read_side().progress.reset(consumer);
        Ok(())
    }
}

impl ProgressBook {
    fn position(&self, consumer: &ConsumerId, partition: &PartitionId) -> Position {
        let Some(consumer) = self.consumers.get(consumer) else {
            return Position::default();
        };
        consumer.positions.get(partition).cloned().unwrap_or_else(|| consumer.start())
    }

    /// The fence: nobody saved since the progress was loaded.
    pub(super) fn check(&self, progress: &Progress) -> Result<()> {
        let position = self.position(&progress.consumer, &progress.partition);
        let versions = self.consumers.get(&progress.consumer).map(|known| &known.versions);
        let as_seen = |(stream, seen): &(StreamId, Version)| {
            let version = versions.and_then(|known| known.get(stream)).copied();
            version.unwrap_or(Version::ZERO) == *seen
        };
        if position.revision == progress.based_on && progress.seen.iter().all(as_seen) {
            Ok(())
        } else {
            Err(progress.fenced())
        }
    }

    /// Moves on. Only after [`check`](Self::check), under the same lock.
    pub(super) fn advance(&mut self, progress: Progress) -> Revision {
        let Progress { consumer, partition, based_on, checkpoint, streams, .. } = progress;
        let consumer = self.consumers.entry(consumer).or_default();
        for (stream, version) in streams {
            let known = consumer.versions.entry(stream).or_default();
            *known = version.max(*known);
        }
        let revision = based_on.next();
        consumer.positions.insert(partition, Position { checkpoint, revision });
        revision
    }

    pub(super) fn reset(&mut self, consumer: &ConsumerId) {
        let consumer = self.consumers.entry(consumer.clone()).or_default();
        let held = consumer.positions.values().map(|position| position.revision);
        let highest = held.chain([consumer.floor]).max().unwrap_or_default();
        *consumer = Consumer { floor: highest.next(), ..Consumer::default() };
    }
}

impl Consumer {
    fn start(&self) -> Position {
        Position { checkpoint: Checkpoint::start(), revision: self.floor }
    }
}
