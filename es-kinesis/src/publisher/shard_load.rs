//! How much the shards are given, so that they need not refuse.

use std::collections::{HashMap, VecDeque};
use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use crate::hash_key::HashKeyRange;
use crate::shard_list::ShardList;

/// What one shard takes per second. All that publish to a data stream share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardThroughput {
    /// Records, those of an aggregate together one.
    pub records_per_second: u32,
    /// Bytes of data and partition keys.
    pub bytes_per_second: u32,
}

impl Default for ShardThroughput {
    /// What [Kinesis takes](https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html):
    /// 1,000 records and 1 MB.
    fn default() -> Self {
        Self { records_per_second: 1_000, bytes_per_second: 1_000_000 }
    }
}

/// The shards, and what each of the open ones was given lately.
///
/// None is given more within a second than it takes. One that refuses all the same, because others publish
/// as well, has its rate halved; what it is not given any more comes back within [`RECOVERY`].
#[derive(Debug)]
pub(super) struct ShardLoads {
    throughput: ShardThroughput,
    /// The open shards, in the order of their hash keys.
    loads: Vec<ShardLoad>,
    /// Those of all shards, closed ones too.
    hash_keys: HashMap<String, HashKeyRange>,
}

#[derive(Debug)]
struct ShardLoad {
    id: String,
    hash_keys: HashKeyRange,
    /// What it was given within [`WINDOW`], and when.
    given: VecDeque<(Duration, Amount)>,
    /// Until when it is given nothing. Whoever comes meanwhile waits behind the one that was sent away
    /// first, or large records would never find room among small ones.
    full_until: Duration,
    /// The part of the throughput that it took, and when that was so.
    rate: (f64, Duration),
    /// When it refused last.
    refused_at: Option<Duration>,
}

/// How much goes to a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Amount {
    records: u64,
    bytes: u64,
}

/// The second that the throughput is for, and a little more: not all requests are on their way for
/// equally long.
const WINDOW: Duration = Duration::from_millis(1_050);

/// A full shard gets nothing for at least this long, so that what waits for it goes together.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// How long it takes from the lowest rate to the full one.
const RECOVERY: Duration = Duration::from_secs(10);

/// The lowest rate.
const LOWEST: f64 = 1.0 / 16.0;

/// Refusals within this time are one: their records were sent at about the same time.
const ONE_REFUSAL: Duration = Duration::from_millis(500);

impl ShardLoads {
    pub(super) fn new(throughput: ShardThroughput) -> Self {
        Self { throughput, loads: Vec::new(), hash_keys: HashMap::new() }
    }

    /// Takes over a new list. What is known of the shards that stay is kept.
    pub(super) fn update(&mut self, list: &ShardList) {
        let all = list.shards().iter();
        self.hash_keys = all.map(|shard| (shard.id.clone(), shard.hash_keys)).collect();
        let open = list.shards().iter().filter(|shard| shard.is_open);
        let mut known = std::mem::take(&mut self.loads);
        self.loads = open
            .map(|shard| match known.iter().position(|load| load.id == shard.id) {
                Some(at) => known.swap_remove(at),
                None => ShardLoad::new(shard.id.clone(), shard.hash_keys),
            })
            .collect();
        self.loads.sort_unstable_by_key(|load| load.hash_keys.end);
    }

    /// Which shard a hash key belongs to, as far as it is known.
    pub(super) fn shard_of(&self, hash_key: u128) -> Option<&str> {
        self.place_of(hash_key).map(|at| &*self.loads[at].id)
    }

    /// The hash keys of a shard, if it is known.
    pub(super) fn hash_keys_of(&self, shard: &str) -> Option<HashKeyRange> {
        self.hash_keys.get(shard).copied()
    }

    /// Counts one record of so many bytes as given to its shard; or says how long until it may be.
    pub(super) fn admit(
        &mut self,
        hash_key: u128,
        bytes: usize,
        now: Duration,
    ) -> Result<(), Duration> {
        let throughput = self.throughput;
        let Some(load) = self.load_of(hash_key) else { return Ok(()) };
        load.admit(Amount { records: 1, bytes: bytes as u64 }, throughput, now)
    }

    /// Gives a shard less: it has refused.
    pub(super) fn slow_down(&mut self, hash_key: u128, now: Duration) {
        if let Some(load) = self.load_of(hash_key) {
            load.slow_down(now);
        }
    }

    fn load_of(&mut self, hash_key: u128) -> Option<&mut ShardLoad> {
        self.place_of(hash_key).map(|at| &mut self.loads[at])
    }

    fn place_of(&self, hash_key: u128) -> Option<usize> {
        let at = self.loads.partition_point(|load| load.hash_keys.end < hash_key);
        self.loads.get(at).is_some_and(|load| load.hash_keys.contains(hash_key)).then_some(at)
    }
}

impl ShardLoad {
    fn new(id: String, hash_keys: HashKeyRange) -> Self {
        Self {
            id,
            hash_keys,
            given: VecDeque::new(),
            full_until: Duration::ZERO,
            rate: (1.0, Duration::ZERO),
            refused_at: None,
        }
    }

    fn admit(
        &mut self,
        record: Amount,
        throughput: ShardThroughput,
        now: Duration,
    ) -> Result<(), Duration> {
        if now < self.full_until {
            return Err(self.full_until - now);
        }
        while self.given.pop_front_if(|(at, _)| *at + WINDOW <= now).is_some() {}
        let most = throughput.at(self.rate_at(now));
        let mut left: Amount = self.given.iter().map(|(_, given)| *given).sum();
        // When enough of what was given is a second old.
        let mut free_at = now;
        for (at, given) in &self.given {
            if left.has_room_for(record, most) {
                break;
            }
            left =
                Amount { records: left.records - given.records, bytes: left.bytes - given.bytes };
            free_at = *at + WINDOW;
        }
        if free_at > now {
            self.full_until = free_at.max(now + LEAST_WAIT);
            return Err(self.full_until - now);
        }
        match self.given.back_mut() {
            Some((at, given)) if *at == now => *given = *given + record,
            _ => self.given.push_back((now, record)),
        }
        Ok(())
    }

    fn slow_down(&mut self, now: Duration) {
        self.full_until = self.full_until.max(now + LEAST_WAIT);
        if self.refused_at.is_none_or(|at| now.saturating_sub(at) >= ONE_REFUSAL) {
            self.refused_at = Some(now);
            self.rate = ((self.rate_at(now) / 2.0).max(LOWEST), now);
        }
    }

    fn rate_at(&self, now: Duration) -> f64 {
        let (rate, since) = self.rate;
        let recovered = now.saturating_sub(since).as_secs_f64() / RECOVERY.as_secs_f64();
        (rate + recovered).min(1.0)
    }
}

impl ShardThroughput {
    /// The most that is given within a second at a rate from 0 to 1.
    fn at(self, rate: f64) -> Amount {
        let part = |of: u32| (f64::from(of) * rate) as u64;
        let records = part(self.records_per_second).max(1);
        Amount { records, bytes: part(self.bytes_per_second) }
    }
}

impl Amount {
    /// Whether there is room for a record beside this. Beside nothing there always is: it may be larger
    /// than what a second has.
    fn has_room_for(self, record: Self, most: Self) -> bool {
        let with = self + record;
        self == Self::default() || (with.records <= most.records && with.bytes <= most.bytes)
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { records: self.records + other.records, bytes: self.bytes + other.bytes }
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard_list::Shard;

    const HALF: u128 = 1 << 127;

    fn two_shards() -> ShardList {
        let shard = |id: &str, start, end| Shard {
            id: id.to_owned(),
            parents: Vec::new(),
            hash_keys: HashKeyRange { start, end },
            is_open: true,
        };
        ShardList::of(vec![shard("high", HALF, u128::MAX), shard("low", 0, HALF - 1)])
    }

    fn loads() -> ShardLoads {
        let throughput = ShardThroughput { records_per_second: 10, bytes_per_second: 1_000 };
        let mut loads = ShardLoads::new(throughput);
        loads.update(&two_shards());
        loads
    }

    fn admitted(loads: &mut ShardLoads, hash_key: u128, bytes: usize, millis: u64) -> usize {
        let now = Duration::from_millis(millis);
        (0..1_000).take_while(|_| loads.admit(hash_key, bytes, now).is_ok()).count()
    }

    #[test]
    fn a_shard_is_given_no_more_within_any_second_than_it_takes() {
        let mut loads = loads();
        assert_eq!(admitted(&mut loads, 0, 10, 0), 10);
        assert_eq!(admitted(&mut loads, HALF, 200, 0), 5, "by bytes");
        assert_eq!(admitted(&mut loads, 0, 10, 1_000), 0);
        assert_eq!(admitted(&mut loads, 0, 10, 1_100), 10);
        assert_eq!(admitted(&mut loads, 0, 10, 60_000), 10, "no more than that");
    }

    #[test]
    fn it_says_how_long_to_wait() {
        let mut loads = loads();
        for millis in [0, 300, 600] {
            let now = Duration::from_millis(millis);
            (0..3).for_each(|_| loads.admit(0, 10, now).unwrap());
        }
        loads.admit(0, 10, Duration::from_millis(700)).unwrap();
        let wait = loads.admit(0, 10, Duration::from_millis(700)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(350), "until the first three are over");
        assert_eq!(admitted(&mut loads, 0, 10, 1_050), 3);
        let wait = loads.admit(0, 10, Duration::from_millis(1_340)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(10), "the same wait for all");
        assert_eq!(admitted(&mut loads, 0, 10, 1_350), 3);
    }

    #[test]
    fn a_full_shard_rests_for_a_while() {
        let mut loads = loads();
        (0..10).for_each(|_| loads.admit(0, 10, Duration::ZERO).unwrap());
        assert_eq!(admitted(&mut loads, 0, 10, 1_049), 0);
        assert_eq!(admitted(&mut loads, 0, 10, 1_148), 0);
        assert_eq!(admitted(&mut loads, 0, 10, 1_149), 10);
    }

    #[test]
    fn more_than_a_seconds_worth_is_let_through_alone_and_is_not_overtaken() {
        let mut loads = loads();
        assert_eq!(admitted(&mut loads, 0, 5_000, 0), 1);
        assert_eq!(admitted(&mut loads, 0, 10, 1_050), 10);
        assert_eq!(admitted(&mut loads, 0, 5_000, 1_500), 0);
        assert_eq!(admitted(&mut loads, 0, 10, 2_000), 0, "one is before it");
        assert_eq!(admitted(&mut loads, 0, 5_000, 2_100), 1);
    }

    #[test]
    fn a_shard_that_refuses_is_given_less_for_a_while() {
        let mut loads = loads();
        let slow_down = |loads: &mut ShardLoads, millis| {
            loads.slow_down(0, Duration::from_millis(millis));
        };
        slow_down(&mut loads, 0);
        slow_down(&mut loads, 1);
        assert_eq!(admitted(&mut loads, 0, 10, 50), 0, "it rests");
        assert_eq!(admitted(&mut loads, 0, 10, 1_000), 6, "half, the second refusal is the same");
        assert_eq!(admitted(&mut loads, HALF, 10, 1_000), 10, "the other one as before");
        assert_eq!(admitted(&mut loads, 0, 10, 5_000), 10, "it has recovered");
        for n in 0..20 {
            slow_down(&mut loads, 11_000 + 500 * n);
        }
        assert_eq!(admitted(&mut loads, 0, 10, 20_600), 1, "never nothing");
        assert_eq!(admitted(&mut loads, 0, 10, 31_000), 10);
    }

    #[test]
    fn what_is_known_of_a_shard_outlasts_a_resharding() {
        let mut loads = loads();
        admitted(&mut loads, 0, 10, 0);
        let children = ["a", "b"].map(|id| Shard {
            id: id.to_owned(),
            parents: vec!["high".to_owned()],
            hash_keys: HashKeyRange { start: HALF, end: u128::MAX },
            is_open: id == "a",
        });
        let [mut high, low] = <[Shard; 2]>::try_from(two_shards().shards().to_vec()).unwrap();
        high.is_open = false;
        loads.update(&ShardList::of([low, high].into_iter().chain(children).collect()));
        assert_eq!(admitted(&mut loads, 0, 10, 0), 0);
        assert_eq!((loads.shard_of(0), loads.shard_of(HALF)), (Some("low"), Some("a")));
        let upper = HashKeyRange { start: HALF, end: u128::MAX };
        assert_eq!(loads.hash_keys_of("high"), Some(upper), "what is closed has records, too");
        assert_eq!(loads.hash_keys_of("c"), None);
    }

    #[test]
    fn where_no_shard_is_known_nothing_is_held_back() {
        let mut loads = ShardLoads::new(ShardThroughput::default());
        assert_eq!(admitted(&mut loads, 0, 10_000, 0), 1_000);
    }
}
