//! How much the shards are given, so that they need not refuse.

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

/// The open shards and what each may still be given.
///
/// Each has a bucket that fills up within a second. A shard that refuses all the same, because others
/// publish as well, has its rate halved; what it is not given any more comes back within
/// [`RECOVERY`].
#[derive(Debug)]
pub(super) struct ShardLoads {
    throughput: ShardThroughput,
    loads: Vec<ShardLoad>,
}

#[derive(Debug)]
struct ShardLoad {
    id: String,
    hash_keys: HashKeyRange,
    /// What it may be given, in seconds' worth: at most 1 of each.
    records: f64,
    bytes: f64,
    /// The part of the throughput that it takes.
    rate: f64,
    /// When this was so.
    at: Duration,
    /// When it refused last.
    refused_at: Option<Duration>,
}

/// How long it takes from the lowest rate to the full one.
const RECOVERY: Duration = Duration::from_secs(10);

/// The lowest rate.
const LOWEST: f64 = 1.0 / 16.0;

/// Refusals within this time are one: their records were sent at about the same time.
const ONE_REFUSAL: Duration = Duration::from_millis(500);

impl ShardLoads {
    pub(super) fn new(throughput: ShardThroughput) -> Self {
        Self { throughput, loads: Vec::new() }
    }

    /// Takes over a new list. What is known of the shards that stay is kept.
    pub(super) fn update(&mut self, list: &ShardList, now: Duration) {
        let open = list.shards().iter().filter(|shard| shard.is_open);
        let mut known = std::mem::take(&mut self.loads);
        self.loads = open
            .map(|shard| match known.iter().position(|load| load.id == shard.id) {
                Some(at) => known.swap_remove(at),
                None => ShardLoad::new(shard.id.clone(), shard.hash_keys, now),
            })
            .collect();
    }

    /// Which shard a hash key belongs to, as far as it is known.
    pub(super) fn shard_of(&self, hash_key: u128) -> Option<&str> {
        self.load_of(hash_key).map(|load| &*load.id)
    }

    /// The hash keys of a shard, if it is known.
    pub(super) fn hash_keys_of(&self, shard: &str) -> Option<HashKeyRange> {
        self.loads.iter().find(|load| load.id == shard).map(|load| load.hash_keys)
    }

    /// Takes one record of so many bytes from what the shard may be given; or says how long until it may.
    pub(super) fn admit(
        &mut self,
        hash_key: u128,
        bytes: usize,
        now: Duration,
    ) -> Result<(), Duration> {
        let ShardThroughput { records_per_second, bytes_per_second } = self.throughput;
        let record = 1.0 / f64::from(records_per_second.max(1));
        // More than a second's worth is let through by a full bucket.
        let bytes = (bytes as f64 / f64::from(bytes_per_second.max(1))).min(1.0);
        let Some(load) = self.load_of_mut(hash_key) else { return Ok(()) };
        load.fill(now);
        let missing = (record - load.records).max(bytes - load.bytes);
        // What is missing by rounding alone is not missing.
        if missing > 1e-9 {
            return Err(Duration::from_secs_f64(missing / load.rate).max(Duration::from_millis(1)));
        }
        load.records -= record;
        load.bytes -= bytes;
        Ok(())
    }

    /// Gives a shard less: it has refused.
    pub(super) fn slow_down(&mut self, hash_key: u128, now: Duration) {
        let Some(load) = self.load_of_mut(hash_key) else { return };
        load.fill(now);
        if load.refused_at.is_some_and(|at| now.saturating_sub(at) < ONE_REFUSAL) {
            return;
        }
        load.refused_at = Some(now);
        load.rate = (load.rate / 2.0).max(LOWEST);
        (load.records, load.bytes) = (0.0, 0.0);
    }

    fn load_of(&self, hash_key: u128) -> Option<&ShardLoad> {
        self.loads.iter().find(|load| load.hash_keys.contains(hash_key))
    }

    fn load_of_mut(&mut self, hash_key: u128) -> Option<&mut ShardLoad> {
        self.loads.iter_mut().find(|load| load.hash_keys.contains(hash_key))
    }
}

impl ShardLoad {
    fn new(id: String, hash_keys: HashKeyRange, now: Duration) -> Self {
        Self { id, hash_keys, records: 1.0, bytes: 1.0, rate: 1.0, at: now, refused_at: None }
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.records = (self.records + passed * self.rate).min(1.0);
        self.bytes = (self.bytes + passed * self.rate).min(1.0);
        self.rate = (self.rate + passed / RECOVERY.as_secs_f64()).min(1.0);
        self.at = self.at.max(now);
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
        ShardList::of(vec![shard("low", 0, HALF - 1), shard("high", HALF, u128::MAX)])
    }

    fn loads() -> ShardLoads {
        let throughput = ShardThroughput { records_per_second: 10, bytes_per_second: 1_000 };
        let mut loads = ShardLoads::new(throughput);
        loads.update(&two_shards(), Duration::ZERO);
        loads
    }

    fn admitted(loads: &mut ShardLoads, hash_key: u128, bytes: usize, now: Duration) -> usize {
        (0..1_000).take_while(|_| loads.admit(hash_key, bytes, now).is_ok()).count()
    }

    #[test]
    fn a_shard_is_given_what_it_takes_per_second() {
        let mut loads = loads();
        assert_eq!(admitted(&mut loads, 0, 10, Duration::ZERO), 10);
        assert_eq!(admitted(&mut loads, HALF, 200, Duration::ZERO), 5, "by bytes");
        assert_eq!(admitted(&mut loads, 0, 10, Duration::from_millis(500)), 5);
        assert_eq!(admitted(&mut loads, 0, 10, Duration::from_secs(60)), 10, "no more than that");
    }

    #[test]
    fn it_says_how_long_to_wait() {
        let mut loads = loads();
        admitted(&mut loads, 0, 10, Duration::ZERO);
        let wait = loads.admit(0, 10, Duration::ZERO).unwrap_err();
        assert_eq!(loads.admit(0, 10, wait), Ok(()));
    }

    #[test]
    fn more_than_a_seconds_worth_is_let_through_alone() {
        let mut loads = loads();
        assert_eq!(admitted(&mut loads, 0, 5_000, Duration::ZERO), 1);
        assert_eq!(admitted(&mut loads, 0, 5_000, Duration::from_secs(1)), 1);
    }

    #[test]
    fn a_shard_that_refuses_is_given_less_for_a_while() {
        let mut loads = loads();
        loads.slow_down(0, Duration::ZERO);
        loads.slow_down(0, Duration::from_millis(1));
        let later = Duration::from_secs(1);
        assert_eq!(admitted(&mut loads, 0, 10, later), 5, "half, the second refusal is the same");
        assert_eq!(admitted(&mut loads, HALF, 10, later), 10, "the other one as before");
        admitted(&mut loads, 0, 10, Duration::from_secs(10));
        assert_eq!(admitted(&mut loads, 0, 10, Duration::from_secs(11)), 10, "it has recovered");
        for n in 0..20 {
            loads.slow_down(0, Duration::from_millis(11_000 + 500 * n));
        }
        let wait = loads.admit(0, 10, Duration::from_millis(20_500)).unwrap_err();
        assert!(wait <= Duration::from_secs(2), "{wait:?} is not the lowest rate's");
    }

    #[test]
    fn what_is_known_of_a_shard_outlasts_a_resharding() {
        let mut loads = loads();
        admitted(&mut loads, 0, 10, Duration::ZERO);
        let children = ["a", "b"].map(|id| Shard {
            id: id.to_owned(),
            parents: vec!["high".to_owned()],
            hash_keys: HashKeyRange { start: HALF, end: u128::MAX },
            is_open: id == "a",
        });
        let [low, mut high] = <[Shard; 2]>::try_from(two_shards().shards().to_vec()).unwrap();
        high.is_open = false;
        loads.update(
            &ShardList::of([low, high].into_iter().chain(children).collect()),
            Duration::ZERO,
        );
        assert_eq!(admitted(&mut loads, 0, 10, Duration::ZERO), 0);
        assert_eq!((loads.shard_of(0), loads.shard_of(HALF)), (Some("low"), Some("a")));
        assert_eq!((loads.hash_keys_of("high"), loads.hash_keys_of("b")), (None, None));
    }

    #[test]
    fn where_no_shard_is_known_nothing_is_held_back() {
        let mut loads = ShardLoads::new(ShardThroughput::default());
        assert_eq!(admitted(&mut loads, 0, 10_000, Duration::ZERO), 1_000);
    }
}
