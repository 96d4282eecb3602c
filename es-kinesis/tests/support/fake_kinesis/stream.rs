use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};

use super::consumers::Consumers;
use super::hash_key;
use super::moment::Moment;
use super::refusal::Refusal;
use super::shard::{self, Shard};

/// Whose streams they are.
pub(super) const ACCOUNT: &str = "123456789012";
const MILLIS_PER_HOUR: i64 = 3_600_000;
/// What a stream keeps records for, unless it is told otherwise; and the longest.
const RETENTION_HOURS: i64 = 24;
const MOST_RETENTION_HOURS: i64 = 8_760;

/// A stream, with the shards that it ever had.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) name: String,
    created: Moment,
    mode: Mode,
    retention_hours: i64,
    /// The key that its records are encrypted with, if they are.
    encryption_key: Option<String>,
    shards: Vec<Shard>,
    /// What a test trimmed.
    trimmed: Moment,
    changing: Option<Changing>,
    pub(super) consumers: Consumers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Provisioned,
    OnDemand,
}

/// A stream that is not active for a while.
#[derive(Debug)]
struct Changing {
    status: &'static str,
    until: i64,
}

impl Stream {
    pub(super) fn create(name: &str, mode: Mode, shards: u64, now: Moment) -> Self {
        let mut stream = Self {
            name: name.to_owned(),
            created: now,
            mode,
            retention_hours: RETENTION_HOURS,
            encryption_key: None,
            shards: Vec::new(),
            trimmed: now,
            changing: None,
            consumers: Consumers::default(),
        };
        for hash_keys in hash_key::parts(shards) {
            stream.open(hash_keys, now, &[]);
        }
        stream
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{}", self.name)
    }

    /// Says that it is in this status for a while.
    pub(super) fn change(&mut self, status: &'static str, now: Moment, lasts: Duration) {
        let lasts = i64::try_from(lasts.as_millis()).expect("a short time");
        self.changing = Some(Changing { status, until: now.millis + lasts });
    }

    pub(super) fn status(&self, now: Moment) -> &'static str {
        let changing = self.changing.as_ref().filter(|changing| now.millis < changing.until);
        changing.map_or("ACTIVE", |changing| changing.status)
    }

    pub(super) fn is_active(&self, now: Moment) -> Result<(), Refusal> {
        match self.status(now) {
            "ACTIVE" => Ok(()),
            status => Err(Refusal::in_use(format!(
                "Stream {} under account {ACCOUNT} not ACTIVE, instead in state {status}",
                self.name
            ))),
        }
    }

    pub(super) fn retain_for(&mut self, hours: i64) -> Result<(), Refusal> {
        if !(self.retention_hours..=MOST_RETENTION_HOURS).contains(&hours) {
            return Err(Refusal::invalid(format!(
                "Requested retention period ({hours} hours) for stream {} can not be shorter than \
                 existing retention period ({} hours) nor longer than {MOST_RETENTION_HOURS} hours.",
                self.name, self.retention_hours
            )));
        }
        self.retention_hours = hours;
        Ok(())
    }

    pub(super) fn encrypt_with(&mut self, key: &str) {
        self.encryption_key = Some(key.to_owned());
    }

    /// When the oldest record can have arrived.
    pub(super) fn horizon(&self, now: Moment) -> Moment {
        let kept = Moment::begin_of(now.millis - self.retention_hours * MILLIS_PER_HOUR);
        kept.max(self.trimmed)
    }

    /// Forgets what arrived before this moment.
    pub(super) fn trim_before(&mut self, moment: Moment) {
        self.trimmed = moment;
    }

    /// Forgets what is behind the horizon.
    pub(super) fn forget(&mut self, now: Moment) {
        let horizon = self.horizon(now);
        for shard in &mut self.shards {
            shard.trim(horizon);
        }
    }

    /// The shards that are not behind the horizon, in the order in which they were opened.
    pub(super) fn shards(&self, now: Moment) -> impl Iterator<Item = &Shard> {
        let horizon = self.horizon(now);
        self.shards.iter().filter(move |shard| !shard.is_expired(horizon))
    }

    pub(super) fn shard(&mut self, id: &str, now: Moment) -> Result<&mut Shard, Refusal> {
        let horizon = self.horizon(now);
        let shard = self.shards.iter_mut().find(|it| it.id() == id && !it.is_expired(horizon));
        shard.ok_or_else(|| {
            Refusal::not_found(format!(
                "Shard {id} in stream {} under account {ACCOUNT} does not exist",
                self.name
            ))
        })
    }

    /// The open shard whose hash keys these are.
    pub(super) fn shard_of(&mut self, hash_key: u128) -> &mut Shard {
        let mut open = self.shards.iter_mut().filter(|shard| shard.is_open());
        open.find(|shard| shard.hash_keys.contains(&hash_key))
            .expect("open shards have all hash keys")
    }

    /// The open shards, in the order of their hash keys.
    pub(super) fn open_shards(&self) -> Vec<&Shard> {
        let mut open: Vec<_> = self.shards.iter().filter(|shard| shard.is_open()).collect();
        open.sort_by_key(|shard| *shard.hash_keys.start());
        open
    }

    /// Closes a shard; two others follow, of which the second one begins at `key`.
    pub(super) fn split(
        &mut self,
        id: &str,
        key: u128,
        now: Moment,
    ) -> Result<[String; 2], Refusal> {
        self.is_provisioned()?;
        let stream = self.name.clone();
        let shard = self.open_shard(id, now)?;
        let (start, end) = (*shard.hash_keys.start(), *shard.hash_keys.end());
        if key <= start.saturating_add(1) || key >= end {
            return Err(Refusal::invalid(format!(
                "NewStartingHashKey {key} used in SplitShard() on shard {id} in stream {stream} under \
                 account {ACCOUNT} is not both greater than one plus the shard's StartingHashKey {start} \
                 and less than the shard's EndingHashKey {end}."
            )));
        }
        shard.closed = Some(now);
        Ok([self.open(start..=key - 1, now, &[id]), self.open(key..=end, now, &[id])])
    }

    /// Closes two neighbours; one shard follows them.
    pub(super) fn merge(
        &mut self,
        id: &str,
        neighbour: &str,
        now: Moment,
    ) -> Result<String, Refusal> {
        self.is_provisioned()?;
        let low = self.open_shard(id, now)?.hash_keys.clone();
        let high = self.open_shard(neighbour, now)?.hash_keys.clone();
        if low.end().checked_add(1) != Some(*high.start()) {
            return Err(Refusal::invalid(format!(
                "Shards {id} and {neighbour} in stream {} under account {ACCOUNT} are not an adjacent \
                 pair of shards eligible for merging",
                self.name
            )));
        }
        for parent in [id, neighbour] {
            self.shard(parent, now)?.closed = Some(now);
        }
        Ok(self.open(*low.start()..=*high.end(), now, &[id, neighbour]))
    }

    /// Splits the widest shards, or merges the narrowest neighbours, until there are so many.
    pub(super) fn scale(&mut self, target: u64, now: Moment) -> Result<(), Refusal> {
        let target = usize::try_from(target).expect("a count of shards");
        let current = self.open_shards().len();
        if target > current * 2 || target * 2 < current || target == 0 {
            return Err(Refusal::exceeds_limit(format!(
                "UpdateShardCount cannot scale from {current} to {target} shards"
            )));
        }
        while self.open_shards().len() < target {
            let open = self.open_shards();
            let widest = open.iter().max_by_key(|shard| width(shard)).expect("one is open");
            let (id, key) = (widest.id(), hash_key::middle(&widest.hash_keys));
            self.split(&id, key, now)?;
        }
        while self.open_shards().len() > target {
            let open = self.open_shards();
            let pairs = open.windows(2);
            let narrowest = pairs.min_by_key(|pair| width(pair[0]).saturating_add(width(pair[1])));
            let pair = narrowest.expect("two are open");
            let (low, high) = (pair[0].id(), pair[1].id());
            self.merge(&low, &high, now)?;
        }
        Ok(())
    }

    /// What the end of a closed shard says about those that follow it.
    pub(super) fn children_of(&self, id: &str) -> Value {
        let children = self.shards.iter().filter(|shard| shard.parents.iter().any(|it| it == id));
        children.map(Shard::description_as_child).collect()
    }

    /// As `DescribeStreamSummary` has it.
    pub(super) fn description(&self, now: Moment) -> Value {
        let mode = match self.mode {
            Mode::Provisioned => "PROVISIONED",
            Mode::OnDemand => "ON_DEMAND",
        };
        let mut description = json!({
            "StreamName": self.name,
            "StreamARN": self.arn(),
            "StreamStatus": self.status(now),
            "StreamModeDetails": { "StreamMode": mode },
            "RetentionPeriodHours": self.retention_hours,
            "StreamCreationTimestamp": self.created.as_seconds(),
            "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }],
            "EncryptionType": "NONE",
            "OpenShardCount": self.open_shards().len(),
            "ConsumerCount": self.consumers.count(),
        });
        if let Some(key) = &self.encryption_key {
            description["EncryptionType"] = "KMS".into();
            description["KeyId"] = key.as_str().into();
        }
        description
    }

    fn open(&mut self, hash_keys: RangeInclusive<u128>, now: Moment, parents: &[&str]) -> String {
        let number = self.shards.len() as u64;
        self.shards.push(Shard::open(number, hash_keys, now).following(parents));
        shard::id(number)
    }

    fn open_shard(&mut self, id: &str, now: Moment) -> Result<&mut Shard, Refusal> {
        let stream = self.name.clone();
        let shard = self.shard(id, now)?;
        if !shard.is_open() {
            return Err(Refusal::invalid(format!(
                "Shard {id} in stream {stream} under account {ACCOUNT} has already been merged or \
                 split, and thus is not eligible for merging or splitting."
            )));
        }
        Ok(shard)
    }

    fn is_provisioned(&self) -> Result<(), Refusal> {
        match self.mode {
            Mode::Provisioned => Ok(()),
            Mode::OnDemand => Err(Refusal::malformed(format!(
                "Request is invalid. Stream {} under account {ACCOUNT} is in On-Demand mode.",
                self.name
            ))),
        }
    }
}

fn width(shard: &Shard) -> u128 {
    shard.hash_keys.end() - shard.hash_keys.start()
}
