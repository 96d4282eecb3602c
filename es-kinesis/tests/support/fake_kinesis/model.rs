use std::collections::BTreeMap;
use std::sync::Arc;

use es_core::Clock;
use serde_json::{Value, json};

use super::asked::Asked;
use super::moment::Moment;
use super::options::Options;
use super::refusal::Refusal;
use super::stream::{ACCOUNT, Mode, Stream};
use super::writing::Failing;

const MOST_SHARDS: i64 = 20_000;
/// How many a stream has that does not say how many.
const SHARDS_ON_DEMAND: u64 = 4;

/// The streams, and all that decides what the server answers.
#[derive(Debug)]
pub(super) struct Model {
    clock: Arc<dyn Clock>,
    latest: Moment,
    pub(super) rng: fastrand::Rng,
    pub(super) options: Options,
    pub(super) streams: BTreeMap<String, Stream>,
}

impl Model {
    pub(super) fn new(clock: Arc<dyn Clock>, seed: u64, options: Options) -> Self {
        let latest = Moment::begin_of(clock.now().as_millisecond());
        let rng = fastrand::Rng::with_seed(seed);
        Self { clock, latest, rng, options, streams: BTreeMap::new() }
    }

    /// What the server does for a request, and answers.
    pub(super) fn answer(
        &mut self,
        operation: &str,
        asked: &Value,
        failing: &Failing,
    ) -> Result<Value, Refusal> {
        let now = self.now();
        let asked = Asked(asked);
        if self.options.unknown_operations.contains(&operation) {
            return Err(unknown(operation));
        }
        match operation {
            "CreateStream" => self.create_stream(asked, now),
            "DeleteStream" => self.delete_stream(asked, now),
            "DescribeStreamSummary" => self.describe_stream_summary(asked, now),
            "IncreaseStreamRetentionPeriod" => self.increase_retention(asked, now),
            "StartStreamEncryption" => self.start_encryption(asked, now),
            "ListShards" => self.list_shards(asked, now),
            "SplitShard" => self.split_shard(asked, now),
            "MergeShards" => self.merge_shards(asked, now),
            "UpdateShardCount" => self.update_shard_count(asked, now),
            "PutRecord" => self.put_record(asked, now),
            "PutRecords" => self.put_records(asked, failing, now),
            "GetShardIterator" => self.get_shard_iterator(asked, now),
            "GetRecords" => self.get_records(asked, now),
            "RegisterStreamConsumer" => self.register_stream_consumer(asked, now),
            "DescribeStreamConsumer" => self.describe_stream_consumer(asked, now),
            "DeregisterStreamConsumer" => self.deregister_stream_consumer(asked, now),
            other => Err(unknown(other)),
        }
    }

    /// Later than all before.
    pub(super) fn now(&mut self) -> Moment {
        self.latest = self.latest.next(self.clock.now().as_millisecond());
        self.latest
    }

    /// A stream as it is now: without what is behind its horizon.
    pub(super) fn stream_mut(&mut self, name: &str, now: Moment) -> Result<&mut Stream, Refusal> {
        let stream = self.streams.get_mut(name).filter(|stream| stream.status(now) != "CREATING");
        let stream = stream.ok_or_else(|| no_stream(name))?;
        stream.forget(now);
        Ok(stream)
    }

    fn create_stream(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let name = asked.text("StreamName")?;
        if self.streams.contains_key(name) {
            let message = format!("Stream {name} under account {ACCOUNT} already exists.");
            return Err(Refusal::in_use(message));
        }
        let mode = asked.optional_object("StreamModeDetails");
        let mode = mode.and_then(|mode| mode.optional_text("StreamMode"));
        let (mode, shards) = match mode {
            Some("ON_DEMAND") => (Mode::OnDemand, SHARDS_ON_DEMAND),
            _ => (Mode::Provisioned, shard_count(asked, "ShardCount")?),
        };
        let mut stream = Stream::create(name, mode, shards, now);
        stream.change("CREATING", now, self.options.transition);
        self.streams.insert(name.to_owned(), stream);
        Ok(json!({}))
    }

    fn delete_stream(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let stream = self.stream_mut(asked.stream()?, now)?;
        let enforced = asked.0["EnforceConsumerDeletion"].as_bool().unwrap_or_default();
        if stream.consumers.count() > 0 && !enforced {
            return Err(Refusal::in_use(format!("Stream {} has consumers", stream.name)));
        }
        self.streams.remove(asked.stream()?);
        Ok(json!({}))
    }

    fn describe_stream_summary(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let name = asked.stream()?;
        let stream = self.streams.get(name).ok_or_else(|| no_stream(name))?;
        Ok(json!({ "StreamDescriptionSummary": stream.description(now) }))
    }

    fn increase_retention(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let hours = asked.number("RetentionPeriodHours")?;
        let stream = self.stream_mut(asked.stream()?, now)?;
        stream.is_active(now)?;
        stream.retain_for(hours)?;
        Ok(json!({}))
    }

    fn start_encryption(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let (kind, key) = (asked.text("EncryptionType")?, asked.text("KeyId")?);
        if kind != "KMS" {
            return Err(Refusal::malformed(format!("{kind} is no type of encryption")));
        }
        let lasts = self.options.transition;
        let stream = self.stream_mut(asked.stream()?, now)?;
        stream.is_active(now)?;
        stream.encrypt_with(key);
        stream.change("UPDATING", now, lasts);
        Ok(json!({}))
    }

    fn split_shard(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let key = super::hash_key::parse(asked.text("NewStartingHashKey")?)?;
        let shard = asked.text("ShardToSplit")?;
        self.reshape(asked, now, |stream| stream.split(shard, key, now).map(drop))
    }

    fn merge_shards(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let (low, high) = (asked.text("ShardToMerge")?, asked.text("AdjacentShardToMerge")?);
        self.reshape(asked, now, |stream| stream.merge(low, high, now).map(drop))
    }

    fn update_shard_count(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let target = shard_count(asked, "TargetShardCount")?;
        let current = self.stream_mut(asked.stream()?, now)?.open_shards().len();
        self.reshape(asked, now, |stream| stream.scale(target, now))?;
        Ok(json!({
            "StreamName": asked.stream()?,
            "CurrentShardCount": current,
            "TargetShardCount": target,
        }))
    }

    fn reshape(
        &mut self,
        asked: Asked<'_>,
        now: Moment,
        change: impl FnOnce(&mut Stream) -> Result<(), Refusal>,
    ) -> Result<Value, Refusal> {
        let lasts = self.options.transition;
        let stream = self.stream_mut(asked.stream()?, now)?;
        stream.is_active(now)?;
        change(stream)?;
        stream.change("UPDATING", now, lasts);
        Ok(json!({}))
    }
}

fn unknown(operation: &str) -> Refusal {
    Refusal::new("UnknownOperationException", operation)
}

fn no_stream(name: &str) -> Refusal {
    Refusal::not_found(format!("Stream {name} under account {ACCOUNT} not found."))
}

fn shard_count(asked: Asked<'_>, name: &str) -> Result<u64, Refusal> {
    let count = asked.number(name)?;
    let valid = Some(count).filter(|count| (1..=MOST_SHARDS).contains(count));
    let valid = valid.and_then(|count| u64::try_from(count).ok());
    valid
        .ok_or_else(|| Refusal::malformed(format!("{name} {count} is not from 1 to {MOST_SHARDS}")))
}
