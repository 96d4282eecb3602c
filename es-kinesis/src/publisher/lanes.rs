//! What may be sent next: the commits of a stream one after the other, different streams side by side.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use es_core::Waits;

use super::outgoing::Outgoing;
use super::shard_load::ShardLoads;
use crate::aggregation::RecordAggregator;

/// The most that one request has.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLimits {
    pub(super) records: usize,
    /// Of data and partition keys.
    pub(super) bytes: usize,
    /// Of one aggregate; `None`: nothing is aggregated.
    pub(super) aggregate_bytes: Option<usize>,
}

/// The commits of a batch, those of one stream in one lane. What is in front of a lane is on its way, may
/// go, or waits; what is behind it waits for it.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// The lanes that may go, in the order in which they came to that.
    ready: VecDeque<usize>,
    waiting: Waits<usize>,
}

#[derive(Debug)]
struct Lane {
    /// That of each of its commits.
    hash_key: u128,
    queue: VecDeque<Outgoing>,
    attempts: u32,
    suspect: Option<Suspect>,
}

/// The first commits of a lane, when they were in a request that was refused as a whole: one that goes
/// as it did before would be refused again.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    commits: usize,
    /// With how many records they go in one request, themselves included. None of these is an aggregate.
    together: usize,
}

/// What goes as one record of Kinesis: a commit, or an aggregate of several.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) partition_key: ByteString,
    pub(super) explicit_hash_key: Option<u128>,
    pub(super) data: Bytes,
    /// The hash key that decides about the shard.
    pub(super) hash_key: u128,
    /// How many commits of which lanes are in it.
    pub(super) parts: Vec<Part>,
}

/// The commits of one lane that are in a unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) lane: usize,
    pub(super) commits: usize,
    pub(super) hash_key: u128,
}

impl Unit {
    pub(super) fn len(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }

    pub(super) fn commits(&self) -> usize {
        self.parts.iter().map(|part| part.commits).sum()
    }
}

impl Lanes {
    pub(super) fn new(outgoing: Vec<Outgoing>) -> Self {
        let mut lanes: Vec<Lane> = Vec::new();
        let mut known: HashMap<ByteString, usize> = HashMap::new();
        for commit in outgoing {
            let lane = *known.entry(commit.record.partition_key.clone()).or_insert_with(|| {
                lanes.push(Lane::new(commit.record.hash_key()));
                lanes.len() - 1
            });
            lanes[lane].queue.push_back(commit);
        }
        let ready = (0..lanes.len()).collect();
        Self { lanes, ready, waiting: Waits::default() }
    }

    /// The units of the next request; none when nothing may go now. Their lanes are on their way then.
    pub(super) fn next_request(
        &mut self,
        limits: RequestLimits,
        loads: &mut ShardLoads,
        now: Duration,
    ) -> Vec<Unit> {
        self.ready.extend(self.waiting.take_ended(now));
        if limits.aggregate_bytes.is_some() {
            self.bring_shards_together(loads);
        }
        let mut request = Request::new(limits);
        let mut left = VecDeque::new();
        while !request.is_full {
            let Some(lane) = self.ready.pop_front() else { break };
            if !request.may_have(self.lanes[lane].suspect) {
                left.push_back(lane);
                continue;
            }
            let Some(unit) = self.unit(lane, limits, loads) else { continue };
            if !request.has_room_for(&unit) {
                request.is_full = true;
                left.extend(unit.parts.iter().map(|part| part.lane));
                continue;
            }
            match loads.admit(unit.hash_key, unit.len(), now) {
                Ok(()) => request.add(unit, self.lanes[lane].suspect),
                Err(wait) => {
                    unit.parts.iter().for_each(|part| self.waiting.add(now + wait, part.lane));
                }
            }
        }
        left.append(&mut self.ready);
        self.ready = left;
        request.units
    }

    /// When the first of the lanes that wait may go; `None` if none waits.
    pub(super) fn next_wait_ends(&self) -> Option<Duration> {
        self.waiting.next_end()
    }

    /// The commits of a part were taken.
    pub(super) fn taken(&mut self, part: Part) {
        let lane = &mut self.lanes[part.lane];
        lane.queue.drain(..part.commits.min(lane.queue.len()));
        lane.attempts = 0;
        lane.suspect = lane.suspect.and_then(|suspect| suspect.without(part.commits));
        if !lane.queue.is_empty() {
            self.ready.push_back(part.lane);
        }
    }

    /// How often the first commit of the lane was sent in vain, this time included.
    pub(super) fn refused(&mut self, part: Part) -> u32 {
        let lane = &mut self.lanes[part.lane];
        lane.attempts = lane.attempts.saturating_add(1);
        lane.attempts
    }

    /// The commits of a part go once more at a later time.
    pub(super) fn wait(&mut self, part: Part, until: Duration) {
        self.waiting.add(until, part.lane);
    }

    /// The commits of a part go once more, in requests with so many records at most.
    pub(super) fn suspect(&mut self, part: Part, together: usize) {
        self.lanes[part.lane].suspect = Some(Suspect { commits: part.commits, together });
        self.ready.push_back(part.lane);
    }

    /// Gives a lane up: the place of its first commit in the batch.
    pub(super) fn give_up(&mut self, part: Part) -> Option<usize> {
        let first = self.lanes[part.lane].queue.front().map(|commit| commit.at);
        self.lanes[part.lane].queue.clear();
        first
    }

    /// Lets the lanes of one shard follow on each other, where the first of them is.
    fn bring_shards_together(&mut self, loads: &ShardLoads) {
        let mut places: HashMap<Option<&str>, usize> = HashMap::new();
        let place_of = |&lane: &usize| {
            let next = places.len();
            *places.entry(loads.shard_of(self.lanes[lane].hash_key)).or_insert(next)
        };
        let placed: Vec<usize> = self.ready.iter().map(place_of).collect();
        let mut ready: Vec<_> = placed.into_iter().zip(self.ready.drain(..)).collect();
        ready.sort_by_key(|(place, _)| *place);
        self.ready.extend(ready.into_iter().map(|(_, lane)| lane));
    }

    fn unit(&mut self, lane: usize, limits: RequestLimits, loads: &ShardLoads) -> Option<Unit> {
        let aggregate_bytes = limits.aggregate_bytes.filter(|_| self.lanes[lane].suspect.is_none());
        match aggregate_bytes.and_then(|bytes| self.aggregate(lane, bytes, loads)) {
            Some(aggregate) => Some(aggregate),
            None => self.single(lane),
        }
    }

    /// The first commit of a lane.
    fn single(&self, lane: usize) -> Option<Unit> {
        let Lane { hash_key, ref queue, .. } = self.lanes[lane];
        let record = queue.front()?.record.clone();
        Some(Unit {
            partition_key: record.partition_key,
            explicit_hash_key: record.explicit_hash_key,
            data: record.data,
            hash_key,
            parts: vec![Part { lane, commits: 1, hash_key }],
        })
    }

    /// As many commits of this lane, and of those of the same shard that come next, as fit. `None` if that
    /// is one or none: it is better put as it is.
    fn aggregate(&mut self, first: usize, bytes: usize, loads: &ShardLoads) -> Option<Unit> {
        let hash_key = self.lanes[first].hash_key;
        let shard = loads.shard_of(hash_key);
        let mut aggregator = RecordAggregator::new();
        let mut parts: Vec<Part> = Vec::new();
        let mut next = Some(first);
        while let Some(lane) = next {
            let Lane { hash_key, ref queue, .. } = self.lanes[lane];
            let commits = add_what_fits(&mut aggregator, queue, bytes);
            if commits > 0 {
                parts.push(Part { lane, commits, hash_key });
            } else if lane != first {
                self.ready.push_front(lane);
            }
            let is_full = commits < queue.len();
            let lanes = &self.lanes;
            let belongs = |lane: &mut usize| {
                let lane = &lanes[*lane];
                let of_lane = loads.shard_of(lane.hash_key);
                lane.suspect.is_none() && of_lane.is_some() && of_lane == shard
            };
            next = if is_full { None } else { self.ready.pop_front_if(belongs) };
        }
        if aggregator.count() < 2 {
            return None;
        }
        let partition_key = self.lanes[first].queue.front()?.record.partition_key.clone();
        let data = aggregator.finish();
        Some(Unit { partition_key, explicit_hash_key: Some(hash_key), data, hash_key, parts })
    }
}

/// How many of the first commits have room in an aggregate of so many bytes. They are in it then.
fn add_what_fits(
    aggregator: &mut RecordAggregator,
    queue: &VecDeque<Outgoing>,
    bytes: usize,
) -> usize {
    let fits = |commit: &&Outgoing| {
        let fits = aggregator.encoded_len_with(&commit.record) <= bytes;
        if fits {
            aggregator.add(&commit.record);
        }
        fits
    };
    queue.iter().take_while(fits).count()
}

impl Lane {
    fn new(hash_key: u128) -> Self {
        Self { hash_key, queue: VecDeque::new(), attempts: 0, suspect: None }
    }
}

impl Suspect {
    /// What is left when so many commits were taken.
    fn without(self, taken: usize) -> Option<Self> {
        let commits = self.commits.checked_sub(taken).filter(|left| *left > 0)?;
        Some(Self { commits, ..self })
    }
}

/// A request that is put together.
struct Request {
    limits: RequestLimits,
    units: Vec<Unit>,
    bytes: usize,
    is_full: bool,
    /// How many units it may have when those in it are suspect; `None` when they are not.
    together: Option<usize>,
}

impl Request {
    fn new(limits: RequestLimits) -> Self {
        Self { limits, units: Vec::new(), bytes: 0, is_full: false, together: None }
    }

    /// Whether what is suspect or not may go with what is in it: both together would have all suspected
    /// if they are refused.
    fn may_have(&self, suspect: Option<Suspect>) -> bool {
        let fits = suspect.is_none_or(|suspect| self.units.len() < suspect.together);
        self.units.is_empty() || (self.together.is_some() == suspect.is_some() && fits)
    }

    fn has_room_for(&self, unit: &Unit) -> bool {
        self.units.is_empty() || self.bytes + unit.len() <= self.limits.bytes
    }

    fn add(&mut self, unit: Unit, suspect: Option<Suspect>) {
        self.bytes += unit.len();
        self.units.push(unit);
        let together = suspect.map(|suspect| suspect.together);
        self.together = self.together.into_iter().chain(together).min();
        let most = self.together.unwrap_or(usize::MAX).min(self.limits.records);
        self.is_full = self.units.len() >= most;
    }
}
