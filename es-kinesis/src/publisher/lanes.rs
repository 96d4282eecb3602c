//! What may be sent next: the commits of a stream one after the other, different streams side by side.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

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
    waiting: Vec<(Duration, usize)>,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<Outgoing>,
    attempts: u32,
    /// Whether it goes in a request of its own: one that it was in was refused as a whole.
    alone: bool,
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
}

impl Lanes {
    pub(super) fn new(outgoing: Vec<Outgoing>) -> Self {
        let mut lanes: Vec<Lane> = Vec::new();
        let mut known: HashMap<ByteString, usize> = HashMap::new();
        for commit in outgoing {
            let lane = *known.entry(commit.record.partition_key.clone()).or_insert_with(|| {
                lanes.push(Lane::default());
                lanes.len() - 1
            });
            lanes[lane].queue.push_back(commit);
        }
        let ready = (0..lanes.len()).collect();
        Self { lanes, ready, waiting: Vec::new() }
    }

    /// The units of the next request; none when nothing may go now. Their lanes are on their way then.
    pub(super) fn next_request(
        &mut self,
        limits: RequestLimits,
        loads: &mut ShardLoads,
        now: Duration,
    ) -> Vec<Unit> {
        self.end_waits(now);
        let mut request = Request { limits, units: Vec::new(), bytes: 0, is_full: false };
        let mut left = VecDeque::new();
        while let Some(lane) = self.ready.pop_front() {
            if request.is_full || (self.lanes[lane].alone && !request.units.is_empty()) {
                left.push_back(lane);
                continue;
            }
            let unit = match limits.aggregate_bytes.filter(|_| !self.lanes[lane].alone) {
                Some(bytes) => self.aggregate(lane, bytes, loads),
                None => self.single(lane),
            };
            let Some(unit) = unit else { continue };
            if !request.has_room_for(&unit) {
                request.is_full = true;
                left.extend(unit.parts.iter().map(|part| part.lane));
                continue;
            }
            match loads.admit(unit.hash_key, unit.len(), now) {
                Ok(()) => {
                    request.is_full = self.lanes[lane].alone;
                    request.add(unit);
                }
                Err(wait) => {
                    self.waiting.extend(unit.parts.iter().map(|part| (now + wait, part.lane)));
                }
            }
        }
        self.ready = left;
        request.units
    }

    /// When the first of the lanes that wait may go; `None` if none waits.
    pub(super) fn next_wait_ends(&self) -> Option<Duration> {
        self.waiting.iter().map(|(until, _)| *until).min()
    }

    /// The commits of a part were taken.
    pub(super) fn taken(&mut self, part: Part) {
        let lane = &mut self.lanes[part.lane];
        lane.queue.drain(..part.commits.min(lane.queue.len()));
        lane.attempts = 0;
        if !lane.queue.is_empty() {
            self.ready.push_back(part.lane);
        }
    }

    /// The commits of a part have to go once more, now: they were taken by a shard that is not theirs.
    pub(super) fn again(&mut self, part: Part) {
        self.ready.push_back(part.lane);
    }

    /// How often the first commit of the lane was sent in vain, this time included.
    pub(super) fn refused(&mut self, part: Part) -> u32 {
        let lane = &mut self.lanes[part.lane];
        lane.attempts = lane.attempts.saturating_add(1);
        lane.attempts
    }

    /// The commits of a part go once more at a later time.
    pub(super) fn wait(&mut self, part: Part, until: Duration) {
        self.waiting.push((until, part.lane));
    }

    /// The commits of a part go once more, each in a request of its own.
    pub(super) fn go_alone(&mut self, part: Part) {
        self.lanes[part.lane].alone = true;
        self.ready.push_back(part.lane);
    }

    /// Gives a lane up: the place of its first commit in the batch.
    pub(super) fn give_up(&mut self, part: Part) -> Option<usize> {
        let first = self.lanes[part.lane].queue.front().map(|commit| commit.at);
        self.lanes[part.lane].queue.clear();
        first
    }

    fn end_waits(&mut self, now: Duration) {
        let (over, waiting) = self.waiting.drain(..).partition(|(until, _)| *until <= now);
        self.waiting = waiting;
        let mut over: Vec<(Duration, usize)> = over;
        over.sort_unstable();
        self.ready.extend(over.into_iter().map(|(_, lane)| lane));
    }

    /// The first commit of a lane.
    fn single(&self, lane: usize) -> Option<Unit> {
        let record = self.lanes[lane].queue.front()?.record.clone();
        let hash_key = record.hash_key();
        Some(Unit {
            partition_key: record.partition_key,
            explicit_hash_key: record.explicit_hash_key,
            data: record.data,
            hash_key,
            parts: vec![Part { lane, commits: 1, hash_key }],
        })
    }

    /// As many commits of this lane, and of others of the same shard that may go, as fit.
    fn aggregate(&mut self, first: usize, bytes: usize, loads: &ShardLoads) -> Option<Unit> {
        let hash_key = self.lanes[first].queue.front()?.record.hash_key();
        let shard = loads.shard_of(hash_key).map(str::to_owned);
        let mut aggregator = RecordAggregator::new();
        let mut parts: Vec<Part> = Vec::new();
        let mut left = VecDeque::new();
        let mut next = Some(first);
        let mut is_full = false;
        while let Some(lane) = next {
            let of_lane = self.lanes[lane].queue.front().map(|it| it.record.hash_key());
            let belongs = lane == first
                || (shard.is_some()
                    && !self.lanes[lane].alone
                    && of_lane.and_then(|key| loads.shard_of(key)) == shard.as_deref());
            let mut commits = 0;
            if belongs && !is_full {
                for commit in &self.lanes[lane].queue {
                    is_full = aggregator.encoded_len_with(&commit.record) > bytes;
                    if is_full {
                        break;
                    }
                    aggregator.add(&commit.record);
                    commits += 1;
                }
            }
            match of_lane.filter(|_| commits > 0) {
                Some(hash_key) => parts.push(Part { lane, commits, hash_key }),
                None if lane != first => left.push_back(lane),
                None => {}
            }
            next = if is_full { None } else { self.ready.pop_front() };
        }
        // In the order in which they were.
        while let Some(lane) = left.pop_back() {
            self.ready.push_front(lane);
        }
        // One commit is better put as it is, and one that no aggregate has room for must be.
        if aggregator.count() < 2 {
            for part in parts.iter().filter(|part| part.lane != first) {
                self.ready.push_front(part.lane);
            }
            return self.single(first);
        }
        let partition_key = self.lanes[first].queue.front()?.record.partition_key.clone();
        let data = aggregator.finish();
        Some(Unit { partition_key, explicit_hash_key: Some(hash_key), data, hash_key, parts })
    }
}

struct Request {
    limits: RequestLimits,
    units: Vec<Unit>,
    bytes: usize,
    is_full: bool,
}

impl Request {
    fn has_room_for(&self, unit: &Unit) -> bool {
        let fits = self.bytes + unit.len() <= self.limits.bytes;
        self.units.is_empty() || (self.units.len() < self.limits.records && fits)
    }

    fn add(&mut self, unit: Unit) {
        self.bytes += unit.len();
        self.units.push(unit);
    }
}
