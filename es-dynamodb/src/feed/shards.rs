//! The shards of the table's stream.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::StreamViewType;
use aws_sdk_dynamodbstreams::types::{Shard as DescribedShard, StreamDescription};
use es_core::{Error, Partition, PartitionId, Result, Timestamp};
use tokio::sync::Mutex;

use super::partition::{Segment, origin};
use crate::store::DynamoStore;

/// How long a list is good for. All readers together may ask ten times per second.
const LISTED_FOR: Duration = Duration::from_secs(5);

/// The last list. Who finds it too old makes a new one, while others wait for it.
#[derive(Debug, Default)]
pub(super) struct Listed(Mutex<Option<(Timestamp, Arc<Listing>)>>);

/// The shards, as they were at one time.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) stream_arn: String,
    /// Tells the stream from another one of the same table.
    label: String,
    shards: Vec<Shard>,
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) id: String,
    parent: Option<String>,
    /// The sequence number that it begins with, if the server tells.
    pub(super) begins: Option<String>,
    /// Whether it takes no more records: others have followed it. That it has a last sequence number
    /// would say the same on AWS; local servers show one for shards that are open.
    pub(super) has_children: bool,
}

impl DynamoStore {
    /// The shards, as they were a short while ago.
    pub(super) async fn shard_listing(&self) -> Result<Arc<Listing>> {
        let mut last = self.feed().listed.0.lock().await;
        let now = self.options().clock.now();
        if let Some((at, listing)) = &*last
            // A clock that was set back makes it too old.
            && Duration::try_from(now.duration_since(*at)).is_ok_and(|age| age < LISTED_FOR)
        {
            return Ok(Arc::clone(listing));
        }
        let listing = Arc::new(self.list_shards().await?);
        *last = Some((now, Arc::clone(&listing)));
        Ok(listing)
    }

    /// Lets the next list be a new one: a shard has ended, and has children.
    pub(super) async fn forget_shard_listing(&self) {
        *self.feed().listed.0.lock().await = None;
    }

    async fn list_shards(&self) -> Result<Listing> {
        let stream_arn = self.stream_arn().await?;
        let (mut label, mut shards, mut after) = (None, Vec::new(), None);
        loop {
            let page = self.describe_stream(&stream_arn, after).await?;
            shards.extend(page.shards.unwrap_or_default());
            label = label.or(page.stream_label);
            after = page.last_evaluated_shard_id;
            if after.is_none() {
                break;
            }
        }
        Ok(Listing::new(stream_arn, label.unwrap_or_default(), shards))
    }

    async fn stream_arn(&self) -> Result<String> {
        let table = &self.tables().events;
        let described = self.dynamodb().describe_table().table_name(table).send().await;
        let described = described
            .map_err(|error| self.failed("looking for the stream of the log", table, error))?
            .table;
        let missing = |what: &str| {
            Err(Error::Misuse(format!(
                "table {table} has {what}, which the feed reads: set its StreamSpecification to \
                 StreamEnabled true and StreamViewType NEW_IMAGE"
            )))
        };
        let Some(described) = described else { return missing("no stream") };
        let stream = described.stream_specification.filter(|stream| stream.stream_enabled);
        let (Some(stream), Some(arn)) = (stream, described.latest_stream_arn) else {
            return missing("no stream");
        };
        match stream.stream_view_type {
            Some(StreamViewType::NewImage | StreamViewType::NewAndOldImages) => Ok(arn),
            _ => missing("a stream without the new images of items"),
        }
    }

    async fn describe_stream(
        &self,
        stream_arn: &str,
        after: Option<String>,
    ) -> Result<StreamDescription> {
        let answer = self
            .streams()
            .describe_stream()
            .stream_arn(stream_arn)
            .set_exclusive_start_shard_id(after)
            .send()
            .await
            .map_err(|error| {
                self.failed("listing the shards of the log's stream", &self.tables().events, error)
            })?;
        answer.stream_description.ok_or_else(|| Error::Corrupt {
            what: format!("the description of stream {stream_arn}"),
            reason: "it is missing".to_owned(),
        })
    }
}

impl Listing {
    fn new(stream_arn: String, label: String, described: Vec<DescribedShard>) -> Self {
        let parents: HashSet<String> =
            described.iter().filter_map(|shard| shard.parent_shard_id.clone()).collect();
        let shards = described.into_iter().filter_map(|shard| {
            let id = shard.shard_id?;
            Some(Shard {
                has_children: parents.contains(&id),
                id,
                parent: shard.parent_shard_id,
                begins: shard
                    .sequence_number_range
                    .and_then(|range| range.starting_sequence_number),
            })
        });
        Self { stream_arn, label, shards: shards.collect() }
    }

    /// The shard of a partition, if it is listed.
    pub(super) fn shard(&self, partition: &PartitionId) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.id == partition.as_str())
    }

    /// The history in so many segments, and the shards behind it.
    pub(super) fn partitions(&self, scan_segments: u32) -> Result<Vec<Partition>> {
        let history = Segment::all_of(scan_segments).collect::<Result<Vec<_>>>()?;
        let segments = history.iter().map(|id| Partition { id: id.clone(), parents: Vec::new() });
        let mut partitions: Vec<_> = segments.collect();
        for shard in &self.shards {
            let parent = match &shard.parent {
                Some(parent) => PartitionId::new(parent)?,
                None => self.origin()?,
            };
            let parents = history.iter().cloned().chain([parent]).collect();
            partitions.push(Partition { id: PartitionId::new(&shard.id)?, parents });
        }
        Ok(partitions)
    }

    /// Stands for the stream: its first shards come from here.
    pub(super) fn origin(&self) -> Result<PartitionId> {
        origin(&self.label)
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }
}
