//! Where a consumer that begins now reads on behind the history.

use es_core::{Checkpoint, Error, PartitionId, Result};

use super::iterators::Cursor;
use super::shard_place::ShardPlace;
use super::shards::Shard;
use crate::store::DynamoStore;

/// How many answers are looked at for the oldest record of a shard.
const ANSWERS: usize = 20;

impl DynamoStore {
    /// What closed shards have is in the history, and open ones are read from where they begin. DynamoDB
    /// has no name for a place behind the newest record that would still tell, hours later, whether the
    /// records behind it were trimmed. So what an open shard had before, in four hours at most, is
    /// delivered again.
    pub(super) async fn anchors_of_stream(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        let listing = self.shard_listing().await?;
        let mut anchors = vec![(listing.origin()?, Checkpoint::end())];
        for shard in listing.shards() {
            let partition = PartitionId::new(&shard.id)?;
            let checkpoint = self.anchor(&partition, shard).await?;
            anchors.push((partition, checkpoint));
        }
        Ok(anchors)
    }

    async fn anchor(&self, partition: &PartitionId, shard: &Shard) -> Result<Checkpoint> {
        let Some(begins) = shard.begins.as_ref().filter(|_| !shard.has_children) else {
            // A shard without a beginning never had a record.
            return Ok(if shard.has_children { Checkpoint::end() } else { Checkpoint::start() });
        };
        let beginning = ShardPlace::From(begins.clone()).checkpoint();
        match self.new_shard_cursor(partition, &beginning).await {
            Ok(cursor) => {
                self.feed().iterators.keep(partition, &beginning, cursor);
                Ok(beginning)
            }
            Err(Error::FeedTrimmed { .. }) => self.oldest_record(partition).await,
            Err(error) => Err(error),
        }
    }

    /// A place before the oldest record that is left. Shards are followed by others long before their
    /// first records are trimmed, as a rule; where not, it takes a record to have a place.
    async fn oldest_record(&self, partition: &PartitionId) -> Result<Checkpoint> {
        let mut cursor = self.shard_cursor_at_horizon(partition).await?;
        for _ in 0..ANSWERS {
            let start = Checkpoint::start();
            let answer = self.shard_records(partition, &start, &mut cursor, 1).await?;
            let changes = answer.records.into_iter().filter_map(|record| record.dynamodb);
            if let Some(number) = changes.filter_map(|change| change.sequence_number).next() {
                return Ok(ShardPlace::From(number).checkpoint());
            }
            let Some(iterator) = answer.next else { return Ok(Checkpoint::end()) };
            cursor = Cursor::new(iterator);
        }
        Err(Error::Unavailable {
            what: format!("a place in shard {partition} of the log's stream"),
            source: "what it began with is gone, and it has no record yet".into(),
        })
    }
}
