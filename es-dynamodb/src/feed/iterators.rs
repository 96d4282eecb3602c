//! How reading goes on from a place.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodbstreams::error::SdkError;
use aws_sdk_dynamodbstreams::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use es_core::{Checkpoint, Clock, Error, PartitionId, Result, Timestamp};

use super::shard_place::ShardPlace;
use super::shards::Shard;
use crate::store::DynamoStore;

/// How long an iterator is kept. DynamoDB forgets it after 15 minutes.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);

/// How many are kept.
const MAX_KEPT: usize = 1_000;

/// The iterators that go on behind what was read: in a shard where nothing happens they move on though
/// the place stays, and spare the next reader the way there.
pub(super) struct Iterators {
    kept: Mutex<HashMap<(PartitionId, Checkpoint), Kept>>,
    clock: Arc<dyn Clock>,
}

struct Kept {
    at: Timestamp,
    cursor: Cursor,
}

/// What the next records are asked for with.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    pub(super) iterator: String,
    /// How many answers in a row had no record.
    pub(super) empty_answers: u32,
}

impl Cursor {
    pub(super) fn new(iterator: String) -> Self {
        Self { iterator, empty_answers: 0 }
    }
}

impl Iterators {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { kept: Mutex::default(), clock }
    }

    /// Keeps a cursor for who reads on from `after`.
    pub(super) fn keep(&self, partition: &PartitionId, after: &Checkpoint, cursor: Cursor) {
        let at = self.clock.now();
        let mut kept = self.lock();
        if kept.len() >= MAX_KEPT {
            // Any of them can be had again.
            kept.clear();
        }
        kept.insert((partition.clone(), after.clone()), Kept { at, cursor });
    }

    fn take(&self, partition: &PartitionId, after: &Checkpoint) -> Option<Cursor> {
        let now = self.clock.now();
        let Kept { at, cursor } = self.lock().remove(&(partition.clone(), after.clone()))?;
        let age = Duration::try_from(now.duration_since(at)).ok()?;
        (age < KEPT_FOR).then_some(cursor)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(PartitionId, Checkpoint), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DynamoStore {
    /// The cursor that was kept, or one from the place.
    pub(super) async fn shard_cursor(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
    ) -> Result<Cursor> {
        match self.feed().iterators.take(partition, after) {
            Some(cursor) => Ok(cursor),
            None => self.new_shard_cursor(partition, after).await,
        }
    }

    /// A cursor from the place.
    ///
    /// A shard is never begun at what DynamoDB calls the trim horizon, which is wherever trimming has
    /// come to, but at the number with which the shard began: so DynamoDB refuses it when records are
    /// gone that nobody has read.
    pub(super) async fn new_shard_cursor(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
    ) -> Result<Cursor> {
        let (kind, number) = match ShardPlace::of(after)? {
            ShardPlace::From(number) => (ShardIteratorType::AtSequenceNumber, Some(number)),
            ShardPlace::Behind(number) => (ShardIteratorType::AfterSequenceNumber, Some(number)),
            ShardPlace::Start => match self.shard_listing().await?.shard(partition) {
                Some(Shard { begins: Some(number), .. }) => {
                    (ShardIteratorType::AtSequenceNumber, Some(number.clone()))
                }
                // It never had a record.
                Some(_) => (ShardIteratorType::TrimHorizon, None),
                None => return Err(trimmed(partition, after)),
            },
        };
        self.shard_cursor_at(partition, kind, number)
            .await?
            .ok_or_else(|| trimmed(partition, after))
    }

    /// A cursor from the oldest record that is left, whatever was before it.
    pub(super) async fn shard_cursor_at_horizon(&self, partition: &PartitionId) -> Result<Cursor> {
        let cursor = self.shard_cursor_at(partition, ShardIteratorType::TrimHorizon, None).await?;
        cursor.ok_or_else(|| trimmed(partition, &Checkpoint::start()))
    }

    /// A cursor; `None` when the place, or the whole shard, is gone.
    async fn shard_cursor_at(
        &self,
        partition: &PartitionId,
        kind: ShardIteratorType,
        number: Option<String>,
    ) -> Result<Option<Cursor>> {
        let answer = self
            .streams()
            .get_shard_iterator()
            .stream_arn(&self.shard_listing().await?.stream_arn)
            .shard_id(partition.as_str())
            .shard_iterator_type(kind)
            .set_sequence_number(number)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.shard_iterator.map(Cursor::new)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => {
                let what = format!("reading shard {partition} of the log's stream");
                Err(self.failed(&what, &self.tables().events, error))
            }
        }
    }
}

/// Whether the place, or the whole shard, is not there any more.
fn is_gone<R>(error: &SdkError<GetShardIteratorError, R>) -> bool {
    error.as_service_error().is_some_and(|refusal| {
        refusal.is_trimmed_data_access_exception() || refusal.is_resource_not_found_exception()
    })
}

pub(super) fn trimmed(partition: &PartitionId, after: &Checkpoint) -> Error {
    let (partition, after) = (partition.to_string(), after.as_str().to_owned());
    Error::FeedTrimmed { partition, after }
}

impl fmt::Debug for Iterators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iterators").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}
