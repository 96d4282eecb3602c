//! Reading the records of a shard.

use aws_sdk_dynamodbstreams::types::{OperationType, Record};
use es_core::{Checkpoint, Error, FeedPage, PartitionId, Result};

use super::PATIENCE;
use super::iterators::{Cursor, trimmed};
use super::page::{self, Gathered, Taken};
use super::shard_place::{ShardPlace, is_sequence_number};
use super::stream_item::into_item;
use crate::item::{Damage, Item};
use crate::store::DynamoStore;

/// How many answers without a record, in a row, are taken for the end of an open shard, for now. There
/// can be records behind an empty answer: DynamoDB looks through a part of the shard at a time.
const EMPTY_ANSWERS: u32 = 5;

/// The most records that can be asked for.
const MAX_RECORDS: usize = 1_000;

/// The answer to one request.
pub(super) struct Answer {
    pub(super) records: Vec<Record>,
    /// Where it goes on; `None` at the end of a closed shard.
    pub(super) next: Option<String>,
}

impl DynamoStore {
    pub(super) async fn read_shard(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let mut cursor = self.shard_cursor(partition, after).await?;
        let is_closed =
            self.shard_listing().await?.shard(partition).is_some_and(|shard| shard.has_children);
        loop {
            let answer = self.shard_records(partition, after, &mut cursor, max_commits).await?;
            let is_empty = answer.records.is_empty();
            let part =
                self.commits_of_records(partition, after, answer.records, max_commits).await?;
            let commits = part.gathered.commits;
            if !commits.is_empty() {
                let checkpoint = part.place.checkpoint();
                if part.complete {
                    let Some(iterator) = answer.next else {
                        return self.end_of_shard(commits).await;
                    };
                    self.feed().iterators.keep(partition, &checkpoint, Cursor::new(iterator));
                }
                return Ok(page::up_to(checkpoint, commits));
            }
            let Some(iterator) = answer.next else { return self.end_of_shard(commits).await };
            let empty_answers = if is_empty { cursor.empty_answers.saturating_add(1) } else { 0 };
            cursor = Cursor { iterator, empty_answers };
            if !is_closed && empty_answers >= EMPTY_ANSWERS {
                self.feed().iterators.keep(partition, after, cursor);
                return Ok(page::up_to(after.clone(), commits));
            }
        }
    }

    async fn end_of_shard(&self, commits: Vec<es_core::Commit>) -> Result<FeedPage> {
        self.forget_shard_listing().await;
        Ok(page::ended(commits))
    }

    /// Asks from time to time until there are records, for as long as a reader's patience.
    pub(super) async fn wait_for_shard(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
    ) -> Result<()> {
        let options = self.options();
        let polls = PATIENCE.as_nanos() / options.poll_interval.as_nanos().max(1);
        let mut cursor = self.shard_cursor(partition, after).await?;
        for _ in 0..polls.max(1) {
            // The records themselves are asked for by who reads: one tells as much as all.
            let Answer { records, next } =
                self.shard_records(partition, after, &mut cursor, 1).await?;
            let (Some(iterator), true) = (next, records.is_empty()) else {
                self.feed().iterators.keep(partition, after, cursor);
                return Ok(());
            };
            cursor = Cursor { iterator, empty_answers: EMPTY_ANSWERS };
            self.feed().iterators.keep(partition, after, cursor.clone());
            options.clock.sleep(options.poll_interval).await;
        }
        Ok(())
    }

    /// The next records. A cursor that has expired is replaced by a new one from the place.
    pub(super) async fn shard_records(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        cursor: &mut Cursor,
        max_records: usize,
    ) -> Result<Answer> {
        /// A new iterator that is expired at once has another reason.
        const ATTEMPTS: u32 = 3;
        let limit = max_records.min(MAX_RECORDS);
        let mut attempt = 1;
        loop {
            let request = self
                .streams()
                .get_records()
                .shard_iterator(&cursor.iterator)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let error = match request.send().await {
                Ok(answer) => {
                    let records = answer.records.unwrap_or_default();
                    return Ok(Answer { records, next: answer.next_shard_iterator });
                }
                Err(error) => error,
            };
            let refusal = error.as_service_error();
            if refusal.is_some_and(|refusal| {
                refusal.is_trimmed_data_access_exception()
                    || refusal.is_resource_not_found_exception()
            }) {
                return Err(trimmed(partition, after));
            }
            let is_expired = refusal.is_some_and(|refusal| refusal.is_expired_iterator_exception());
            if !is_expired || attempt == ATTEMPTS {
                let what = format!("reading shard {partition} of the log's stream");
                return Err(self.failed(&what, &self.tables().events, error));
            }
            attempt += 1;
            *cursor = self.new_shard_cursor(partition, after).await?;
        }
    }

    /// The commits of some records.
    async fn commits_of_records(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        records: Vec<Record>,
        max_commits: usize,
    ) -> Result<Part> {
        let start = ShardPlace::of(after)?;
        let gathered = Gathered::up_to(max_commits);
        let mut part = Part { gathered, place: start.clone(), complete: true };
        for record in records {
            let taken = match new_image(record) {
                Ok((_, None)) => Ok(Taken::PassedOver),
                // It was delivered before.
                Ok((number, _)) if !start.is_before(&number) => Ok(Taken::PassedOver),
                Ok((number, Some(item))) => {
                    let taken = part.gathered.take(self, item).await;
                    if matches!(taken, Ok(Taken::Commit)) && part.place.is_before(&number) {
                        part.place = ShardPlace::Behind(number);
                    }
                    taken
                }
                // As with a damaged commit: those before it are delivered.
                Err(_) if !part.gathered.commits.is_empty() => Ok(Taken::Left),
                Err(reason) => {
                    let what = format!("a record of shard {partition} of the log's stream");
                    Err(Error::Corrupt { what, reason })
                }
            };
            if taken? == Taken::Left {
                part.complete = false;
                break;
            }
        }
        Ok(part)
    }
}

/// What becomes of an answer's records.
struct Part {
    gathered: Gathered,
    /// The place behind the commits.
    place: ShardPlace,
    /// Whether all records were taken care of.
    complete: bool,
}

/// The sequence number of a record, and the item as it was written; `None` if it was removed.
fn new_image(record: Record) -> Result<(String, Option<Item>), Damage> {
    let change = record.dynamodb.ok_or("it has no change")?;
    let number = change.sequence_number.filter(|number| is_sequence_number(number));
    let number = number.ok_or("it has no sequence number")?;
    if record.event_name == Some(OperationType::Remove) {
        return Ok((number, None));
    }
    let image = change.new_image.ok_or("it has no new image")?;
    Ok((number, Some(into_item(image)?)))
}
