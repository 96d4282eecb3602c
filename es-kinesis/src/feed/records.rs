//! From the records of a shard to commits.

use std::collections::VecDeque;

use aws_sdk_kinesis::types::Record;
use bytes::Bytes;
use es_core::cloud_events::{self, Announcement, CommitReference};
use es_core::{Commit, Error, EventStore, ReadStream, Result, StreamId};
use futures::TryStreamExt as _;

use super::KinesisFeed;
use super::shard_place::{Behind, RecordPlace, ShardPlace};
use crate::aggregation::{Deaggregated, deaggregate, has_form_of_aggregate};
use crate::compression::decompress;
use crate::telemetry;

/// One record of those that were put, alone or in an aggregate.
#[derive(Debug)]
pub(super) struct Item {
    /// The place behind it.
    pub(super) place: ShardPlace,
    partition_key: String,
    /// Its data; or why it cannot be told.
    data: Result<Bytes, String>,
    /// Whether it is all of a record that looks like an aggregate and cannot be taken apart.
    is_damaged_aggregate: bool,
}

/// What is in these records and was not read before `after`.
pub(super) fn items_of(records: Vec<Record>, after: &ShardPlace) -> VecDeque<Item> {
    let mut items = VecDeque::with_capacity(records.len());
    for record in records {
        let read_before = after.read_of(&record.sequence_number);
        items.extend(items_of_record(record).skip(read_before));
    }
    items
}

pub(super) fn items_of_record(record: Record) -> impl Iterator<Item = Item> {
    let Record { sequence_number: number, partition_key, data, .. } = &record;
    let (number, key) = (number.clone(), partition_key.clone().unwrap_or_default());
    let arrival = record.approximate_arrival_timestamp.map(|at| at.secs()).unwrap_or_default();
    let data = Bytes::from(data.clone().into_inner());
    let has_form = has_form_of_aggregate(&data);
    let taken_apart = deaggregate(data);
    let is_damaged_aggregate = has_form && !matches!(taken_apart, Ok(Deaggregated::Aggregate(_)));
    let parts: Vec<(String, Result<Bytes, String>)> = match taken_apart {
        Ok(Deaggregated::Plain(data)) => vec![(key, Ok(data))],
        Ok(Deaggregated::Aggregate(records)) => records
            .into_iter()
            .map(|record| (record.partition_key.to_string(), Ok(record.data)))
            .collect(),
        Err(corrupt) => vec![(key, Err(corrupt.to_string()))],
    };
    let count = parts.len();
    parts.into_iter().enumerate().map(move |(index, (partition_key, data))| {
        let within = (index + 1 < count).then_some(index + 1);
        let record = RecordPlace { number: number.clone(), within };
        let place = ShardPlace { behind: Behind::Record(record), read_until: Some(arrival) };
        Item { place, partition_key, data, is_damaged_aggregate }
    })
}

impl KinesisFeed {
    /// The commit that an item announces; `None` for what is none of the log's.
    pub(super) async fn commit_of(&self, item: &Item) -> Result<Option<Commit>> {
        commit_of(item, self.stream().name(), self.log()).await
    }
}

/// The commit that an item of the data stream announces; `None` for what is none of the log's.
pub(super) async fn commit_of(
    item: &Item,
    data_stream: &str,
    log: &dyn EventStore,
) -> Result<Option<Commit>> {
    let read = item.data.clone().and_then(|data| {
        let json = decompress(data).map_err(|error| error.to_string())?;
        cloud_events::decode(&json).map_err(|error| error.to_string())
    });
    match read {
        Ok(Announcement::Commit(commit)) => Ok(Some(commit)),
        Ok(Announcement::Reference(reference)) => referred(&reference, log).await.map(Some),
        Err(reason) => unreadable(item, reason, data_stream, log).await,
    }
}

/// The commit in the log.
async fn referred(reference: &CommitReference, log: &dyn EventStore) -> Result<Commit> {
    let CommitReference { stream, first_version, id } = reference;
    let query = ReadStream::new(stream.clone()).from(*first_version).page_size(1);
    let page = log.read(query).try_next().await?;
    let commit = page.and_then(|page| page.into_iter().next());
    commit.filter(|commit| commit.id() == *id).ok_or_else(|| Error::Corrupt {
        what: format!("the reference to {stream} at version {first_version}"),
        reason: "the log does not have the commit".to_owned(),
    })
}

/// A record that is no commit, or a damaged one, tells at least that something has happened to its
/// stream: the last commit there is delivered, and what is missing before it is read from the log as
/// any gap.
///
/// An aggregate tells nothing about the other streams that it had commits of.
async fn unreadable(
    item: &Item,
    reason: String,
    data_stream: &str,
    log: &dyn EventStore,
) -> Result<Option<Commit>> {
    let commit = match item.partition_key.parse::<StreamId>() {
        Ok(stream) => last_commit(log, stream).await?,
        Err(_) => None,
    };
    if commit.is_some() && item.is_damaged_aggregate {
        let place = item.place.checkpoint();
        let what = format!("the aggregate before {} in {data_stream}", place.as_str());
        return Err(Error::Corrupt { what, reason });
    }
    let outcome = if commit.is_some() { "read_from_log" } else { "foreign" };
    let labels = [("stream", data_stream.to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!(telemetry::RECORDS_UNREADABLE, &labels).increment(1);
    tracing::warn!(stream = data_stream, outcome, reason, "a record cannot be read");
    Ok(commit)
}

async fn last_commit(log: &dyn EventStore, stream: StreamId) -> Result<Option<Commit>> {
    let query = ReadStream::new(stream).backwards().page_size(1);
    let page = log.read(query).try_next().await?;
    Ok(page.and_then(|page| page.into_iter().next()))
}
