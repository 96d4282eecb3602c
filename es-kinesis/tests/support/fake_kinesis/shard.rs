use std::collections::VecDeque;
use std::ops::RangeInclusive;

use aws_smithy_types::base64;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::hash_key;
use super::moment::Moment;
use super::sequence_number::SequenceNumber;
use super::throughput::Throughput;

/// A shard with the records that are not trimmed.
#[derive(Debug)]
pub(super) struct Shard {
    /// Its place in the stream's list, by which it is named.
    number: u64,
    pub(super) parents: Vec<String>,
    pub(super) hash_keys: RangeInclusive<u128>,
    pub(super) opened: Moment,
    pub(super) closed: Option<Moment>,
    records: VecDeque<Record>,
    /// The number of the last record that is gone.
    trimmed: Option<SequenceNumber>,
    /// The number that was given last.
    last: SequenceNumber,
    place: u64,
    pub(super) throughput: Throughput,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) sequence_number: SequenceNumber,
    pub(crate) partition_key: String,
    pub(crate) explicit_hash_key: Option<u128>,
    pub(crate) data: Bytes,
    /// No two records of a server arrived at the same moment.
    pub(crate) arrived: Moment,
}

/// What a producer gives.
#[derive(Debug)]
pub(super) struct NewRecord {
    pub(super) partition_key: String,
    pub(super) explicit_hash_key: Option<u128>,
    pub(super) data: Bytes,
}

/// Where a reader goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    At(SequenceNumber),
    After(SequenceNumber),
}

impl Shard {
    pub(super) fn open(number: u64, hash_keys: RangeInclusive<u128>, opened: Moment) -> Self {
        Self {
            number,
            parents: Vec::new(),
            hash_keys,
            opened,
            closed: None,
            records: VecDeque::new(),
            trimmed: None,
            last: SequenceNumber::first(opened, number),
            place: 0,
            throughput: Throughput::default(),
        }
    }

    pub(super) fn following(mut self, parents: &[&str]) -> Self {
        self.parents = parents.iter().map(|&parent| parent.to_owned()).collect();
        self
    }

    pub(super) fn id(&self) -> String {
        id(self.number)
    }

    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    pub(super) fn was_open_at(&self, moment: Moment) -> bool {
        self.opened <= moment && self.closed.is_none_or(|closed| closed > moment)
    }

    /// Whether nothing of it is left behind this horizon, the shard itself included.
    pub(super) fn is_expired(&self, horizon: Moment) -> bool {
        self.closed.is_some_and(|closed| closed < horizon)
    }

    pub(super) fn put(
        &mut self,
        new: NewRecord,
        now: Moment,
        rng: &mut fastrand::Rng,
    ) -> SequenceNumber {
        let NewRecord { partition_key, explicit_hash_key, data } = new;
        self.place += rng.u64(1..=1 << 20);
        let filling = rng.u64(..1_000_000_000_000_000_000);
        let number = SequenceNumber::new(self.opened, self.number, self.place, filling);
        self.last = number.clone();
        let sequence_number = number.clone();
        let arrived = now;
        let record = Record { sequence_number, partition_key, explicit_hash_key, data, arrived };
        self.records.push_back(record);
        number
    }

    /// Forgets what arrived before the horizon.
    pub(super) fn trim(&mut self, horizon: Moment) {
        let trimmed = self.records.partition_point(|record| record.arrived < horizon);
        if let Some(last) = self.records.drain(..trimmed).next_back() {
            self.trimmed = Some(last.sequence_number);
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// The records from a position on.
    pub(super) fn records_from(&self, position: &Position) -> impl Iterator<Item = &Record> {
        self.records.range(self.index_of(position)..)
    }

    /// Whether what has this number is trimmed.
    pub(super) fn is_trimmed(&self, number: &SequenceNumber) -> bool {
        self.trimmed.as_ref().is_some_and(|trimmed| number <= trimmed)
    }

    fn index_of(&self, position: &Position) -> usize {
        match position {
            Position::At(at) => self.records.partition_point(|it| it.sequence_number < *at),
            Position::After(after) => {
                self.records.partition_point(|it| it.sequence_number <= *after)
            }
        }
    }

    /// The oldest record that there is, also when it is trimmed later.
    pub(super) fn horizon(&self) -> Position {
        Position::At(self.first_number())
    }

    /// Behind all records that there are.
    pub(super) fn tip(&self) -> Position {
        Position::After(self.last_number().clone())
    }

    /// The first record that arrived then or later, or the tip.
    pub(super) fn position_at(&self, moment: Moment) -> Position {
        let later = self.records.partition_point(|record| record.arrived < moment);
        let record = self.records.get(later);
        record.map_or_else(|| self.tip(), |record| Position::At(record.sequence_number.clone()))
    }

    /// What its numbers begin at.
    pub(super) fn first_number(&self) -> SequenceNumber {
        SequenceNumber::first(self.opened, self.number)
    }

    /// The last number that it gave, or the one that its numbers begin at.
    pub(super) fn last_number(&self) -> &SequenceNumber {
        &self.last
    }

    /// As the end of a parent has it.
    pub(super) fn description_as_child(&self) -> Value {
        json!({
            "ShardId": self.id(),
            "ParentShards": self.parents,
            "HashKeyRange": hash_key::description(&self.hash_keys),
        })
    }

    /// As `ListShards` has it.
    pub(super) fn description(&self) -> Value {
        let ends = self.closed.map(|_| SequenceNumber::last(self.opened, self.number));
        let mut numbers = Map::new();
        numbers.insert("StartingSequenceNumber".into(), self.first_number().as_str().into());
        numbers.extend(ends.map(|it| ("EndingSequenceNumber".into(), it.as_str().into())));
        let mut shard = Map::new();
        shard.insert("ShardId".into(), self.id().into());
        let names = ["ParentShardId", "AdjacentParentShardId"];
        shard.extend(names.iter().zip(&self.parents).map(|(&name, id)| (name.into(), json!(id))));
        shard.insert("HashKeyRange".into(), hash_key::description(&self.hash_keys));
        shard.insert("SequenceNumberRange".into(), numbers.into());
        shard.into()
    }
}

impl Record {
    /// How much of an answer it takes up.
    pub(super) fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }

    /// As `GetRecords` has it.
    pub(super) fn description(&self) -> Value {
        json!({
            "SequenceNumber": self.sequence_number.as_str(),
            "ApproximateArrivalTimestamp": self.arrived.as_seconds(),
            "Data": base64::encode(&self.data),
            "PartitionKey": self.partition_key,
            "EncryptionType": "NONE",
        })
    }
}

impl NewRecord {
    pub(super) fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }

    pub(super) fn hash_key(&self) -> u128 {
        self.explicit_hash_key.unwrap_or_else(|| hash_key::hash_key(&self.partition_key))
    }
}

impl Position {
    pub(super) fn number(&self) -> &SequenceNumber {
        let (Self::At(number) | Self::After(number)) = self;
        number
    }
}

/// As AWS names shards.
pub(super) fn id(number: u64) -> String {
    format!("shardId-{number:012}")
}
