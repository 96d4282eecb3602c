use std::collections::BTreeSet;
use std::sync::atomic::AtomicU8;

use async_trait::async_trait;
use proptest::prelude::*;

use super::*;
use crate::feed::Checkpoint;
use crate::lease_store::LeaseChange;
use crate::memory::MemoryStore;
use crate::testing::{SeededEntropy, VirtualClock};

const DURATION: Duration = Duration::from_secs(9);
const PERIOD: Duration = Duration::from_secs(3);

fn consumer() -> ConsumerId {
    ConsumerId::new("statements_v1").unwrap()
}

fn partitions(n: usize) -> Vec<NewLease> {
    let name = |n| PartitionId::new(&format!("shard-{n:02}")).unwrap();
    (0..n).map(|n| NewLease::new(name(n))).collect()
}

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"))
}

fn coordinator(
    store: impl LeaseStore,
    name: &str,
    clock: &Arc<VirtualClock>,
    seed: u64,
) -> LeaseCoordinator {
    LeaseCoordinator::new(Arc::new(store), consumer(), WorkerId::new(name).unwrap())
        .with_duration(DURATION)
        .with_clock(clock.clone())
        .with_entropy(Arc::new(SeededEntropy::new(seed)))
}

fn names(held: &LeaseCoordinator) -> BTreeSet<PartitionId> {
    held.held().iter().map(|held| held.partition().clone()).collect()
}

/// Leases of one worker that can be cut off from the store of all.
#[derive(Debug, Clone, Default)]
struct Line {
    store: MemoryStore,
    state: Arc<AtomicU8>,
}

const UP: u8 = 0;
/// Requests get lost.
const DOWN: u8 = 1;
/// Answers get lost.
const DEAF: u8 = 2;
/// Nothing comes back, no error either.
const HANGING: u8 = 3;

impl Line {
    fn to(store: &MemoryStore) -> Self {
        Self { store: store.clone(), ..Self::default() }
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }

    async fn pass<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        let broken = || Error::Unavailable { what: "the line".into(), source: "cut".into() };
        match self.state.load(Ordering::Relaxed) {
            UP => request.await,
            DEAF => request.await.and_then(|_| Err(broken())),
            HANGING => std::future::pending().await,
            _ => Err(broken()),
        }
    }
}

#[async_trait]
impl LeaseStore for Line {
    async fn create(&self, consumer: &ConsumerId, lease: NewLease) -> Result<bool> {
        self.pass(self.store.create(consumer, lease)).await
    }

    async fn leases(&self, consumer: &ConsumerId) -> Result<Vec<Lease>> {
        self.pass(self.store.leases(consumer)).await
    }

    async fn change(&self, consumer: &ConsumerId, change: LeaseChange) -> Result<Option<Lease>> {
        self.pass(self.store.change(consumer, change)).await
    }

    async fn delete(&self, consumer: &ConsumerId, seen: &Lease) -> Result<bool> {
        self.pass(LeaseStore::delete(&self.store, consumer, seen)).await
    }
}

#[tokio::test]
async fn a_worker_alone_takes_everything_at_once() {
    let (store, clock) = (MemoryStore::new(), clock());
    let one = coordinator(store.clone(), "one", &clock, 1);
    one.round(&partitions(20)).await.unwrap();
    assert_eq!(one.held().len(), 20);
    assert_eq!(one.lease_of(&partitions(1)[0].partition).unwrap().lease().counter, 1);
}

#[tokio::test]
async fn what_is_given_back_is_taken_at_once() {
    let (store, clock) = (MemoryStore::new(), clock());
    let one = coordinator(store.clone(), "one", &clock, 1);
    let two = coordinator(store, "two", &clock, 2);
    one.round(&partitions(4)).await.unwrap();
    let held = one.held();
    one.release_all().await.unwrap();
    assert!(held.iter().all(HeldLease::is_lost));
    two.round(&partitions(4)).await.unwrap();
    assert_eq!((one.held().len(), two.held().len()), (0, 4));
}

#[tokio::test]
async fn a_stolen_lease_is_told_to_who_works_under_it() {
    let (store, clock) = (MemoryStore::new(), clock());
    let one = coordinator(store.clone(), "one", &clock, 1);
    let two = coordinator(store, "two", &clock, 2);
    one.round(&partitions(2)).await.unwrap();
    let mut changes = one.changes();
    let held = one.held();
    two.round(&partitions(2)).await.unwrap();
    assert_eq!(two.held().len(), 1);
    let stolen = held.iter().find(|held| names(&two).contains(held.partition())).unwrap();
    let lost = stolen.lost();
    one.renew().await.unwrap();
    lost.await;
    changes.next().await;
    assert_eq!(names(&one).union(&names(&two)).count(), 2);
}

#[tokio::test]
async fn a_worker_that_cannot_renew_knows_its_leases_lost_before_another_takes_them() {
    let (store, clock) = (MemoryStore::new(), clock());
    let line = Line::to(&store);
    let one = coordinator(line.clone(), "one", &clock, 1);
    let two = coordinator(store, "two", &clock, 2);
    one.round(&partitions(4)).await.unwrap();
    line.set(DOWN);
    let mut seconds = 0;
    while two.held().len() < 4 {
        two.round(&partitions(4)).await.unwrap();
        assert!(names(&one).is_disjoint(&names(&two)) || two.held().len() < 4, "taken while held");
        let _ = one.renew().await;
        clock.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds <= 2 * DURATION.as_secs(), "nobody takes the leases over");
    }
    assert_eq!(one.held().len(), 0);
}

#[tokio::test]
async fn a_lost_answer_to_a_renewal_is_not_a_lost_lease() {
    let (store, clock) = (MemoryStore::new(), clock());
    let line = Line::to(&store);
    let one = coordinator(line.clone(), "one", &clock, 1);
    one.round(&partitions(1)).await.unwrap();
    let held = one.held().remove(0);
    line.set(DEAF);
    for _ in 0..2 {
        clock.advance(PERIOD);
        one.renew().await.unwrap_err();
    }
    line.set(UP);
    one.renew().await.unwrap();
    assert!(!held.is_lost());
    // The renewal that was made lasts from when it was first asked for.
    clock.advance(DURATION - PERIOD);
    assert!(held.is_lost(), "it is renewed from the first request on, not from the last");
}

#[tokio::test]
async fn a_lost_answer_to_a_take_is_a_lease_that_is_taken_again() {
    let (store, clock) = (MemoryStore::new(), clock());
    let line = Line::to(&store);
    for new in partitions(3) {
        store.create(&consumer(), new).await.unwrap();
    }
    let one = coordinator(line.clone(), "one", &clock, 1);
    let seen = store.leases(&consumer()).await.unwrap();
    for seen in &seen {
        line.set(DEAF);
        one.take(seen, clock.monotonic()).await.unwrap_err();
    }
    line.set(UP);
    assert_eq!(one.held().len(), 0);
    one.round(&partitions(3)).await.unwrap();
    assert_eq!(one.held().len(), 3);
}

#[tokio::test]
async fn a_request_that_hangs_is_given_up() {
    let (store, clock) = (MemoryStore::new(), clock());
    let line = Line::to(&store);
    let one = coordinator(line.clone(), "one", &clock, 1);
    one.round(&partitions(2)).await.unwrap();
    line.set(HANGING);
    let (renewed, ()) = tokio::join!(one.renew(), async { clock.advance(PERIOD) });
    assert!(matches!(renewed, Err(Error::DeadlineExceeded { .. })), "{renewed:?}");
    assert_eq!(one.held().len(), 2, "there is time to try again");
    line.set(UP);
    one.renew().await.unwrap();
    clock.advance(DURATION - Duration::from_secs(4));
    assert_eq!(one.held().len(), 2);
}

#[tokio::test]
async fn the_wall_clock_may_jump() {
    let (store, clock) = (MemoryStore::new(), clock());
    let one = coordinator(store.clone(), "one", &clock, 1);
    let two = coordinator(store, "two", &clock, 2);
    one.round(&partitions(2)).await.unwrap();
    two.round(&partitions(2)).await.unwrap();
    one.renew().await.unwrap();
    let before = (names(&one), names(&two));
    for time in ["2036-01-01T00:00:00Z", "1971-01-01T00:00:00Z"] {
        clock.set(time.parse().unwrap());
        one.round(&partitions(2)).await.unwrap();
        two.round(&partitions(2)).await.unwrap();
        assert_eq!((names(&one), names(&two)), before, "{time}");
    }
}

#[tokio::test]
async fn leases_of_partitions_without_work_are_given_back_and_forgotten() {
    let (store, clock) = (MemoryStore::new(), clock());
    let one = coordinator(store.clone(), "one", &clock, 1);
    one.round(&partitions(3)).await.unwrap();
    let kept = one.lease_of(&partitions(3)[2].partition).unwrap();
    let progress =
        LeaseProgress { checkpoint: Checkpoint::from_stored("7"), ..LeaseProgress::default() };
    assert!(one.checkpoint(&kept, progress).await.unwrap());
    one.round(&partitions(1)).await.unwrap();
    assert_eq!(one.held().len(), 1);
    assert_eq!(store.leases(&consumer()).await.unwrap().len(), 3, "others may want them");
    for _ in 0..4 {
        clock.advance(PERIOD);
        one.round(&partitions(1)).await.unwrap();
    }
    let left = store.leases(&consumer()).await.unwrap();
    let left: Vec<_> = left.iter().map(|lease| lease.partition.as_str()).collect();
    assert_eq!(left, ["shard-00", "shard-02"], "what has a checkpoint is kept");
}

#[tokio::test]
async fn checkpoints_and_renewals_do_not_take_each_other_for_thieves() {
    let (store, clock) = (MemoryStore::new(), clock());
    let line = Line::to(&store);
    let one = coordinator(line.clone(), "one", &clock, 1);
    one.round(&partitions(1)).await.unwrap();
    let held = one.held().remove(0);
    for n in 0..5 {
        // An answer is outstanding when the checkpoint is written.
        line.set(DEAF);
        one.renew().await.unwrap_err();
        line.set(UP);
        let checkpoint = Checkpoint::from_position(n);
        let progress = LeaseProgress { checkpoint, ..LeaseProgress::default() };
        let (written, renewed) = tokio::join!(one.checkpoint(&held, progress.clone()), one.renew());
        assert!(written.unwrap() && renewed.is_ok() && !held.is_lost());
        assert_eq!(store.leases(&consumer()).await.unwrap()[0].progress, progress);
    }
}

/// What happens to the workers, between times in which nothing does.
#[derive(Debug, Clone)]
enum Event {
    Joins,
    /// It stops without a word.
    Dies(prop::sample::Index),
    /// It gives its leases back.
    Leaves(prop::sample::Index),
    /// For so many seconds nothing happens.
    Quiet(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Joins),
        2 => any::<prop::sample::Index>().prop_map(Event::Dies),
        1 => any::<prop::sample::Index>().prop_map(Event::Leaves),
        3 => (1..40u64).prop_map(Event::Quiet),
    ]
}

struct Living {
    worker: LeaseCoordinator,
    /// The second of the period at which it has its rounds.
    phase: u64,
    since: u64,
}

/// Workers on one store and one clock.
struct World {
    store: MemoryStore,
    clock: Arc<VirtualClock>,
    random: fastrand::Rng,
    partitions: Vec<NewLease>,
    workers: Vec<Living>,
    joined: u64,
    second: u64,
    /// For how many seconds each partition was without a worker that lives.
    unowned: BTreeMap<PartitionId, u64>,
}

impl World {
    fn new(partitions: Vec<NewLease>, seed: u64) -> Self {
        let unowned = partitions.iter().map(|lease| (lease.partition.clone(), 0)).collect();
        let random = fastrand::Rng::with_seed(seed);
        let (store, clock, workers) = (MemoryStore::new(), clock(), Vec::new());
        Self { store, clock, random, partitions, workers, joined: 0, second: 0, unowned }
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            Event::Joins => {
                self.joined += 1;
                let name = format!("worker-{}", self.joined);
                let worker =
                    coordinator(self.store.clone(), &name, &self.clock, self.random.u64(..));
                let phase = self.random.u64(..PERIOD.as_secs());
                self.workers.push(Living { worker, phase, since: self.second });
            }
            Event::Dies(which) if !self.workers.is_empty() => {
                self.workers.remove(which.index(self.workers.len()));
            }
            Event::Leaves(which) if !self.workers.is_empty() => {
                let leaving = self.workers.remove(which.index(self.workers.len()));
                leaving.worker.release_all().await.unwrap();
            }
            Event::Quiet(seconds) => {
                for _ in 0..*seconds {
                    self.passes_a_second().await;
                }
            }
            Event::Dies(_) | Event::Leaves(_) => {}
        }
    }

    async fn passes_a_second(&mut self) {
        self.clock.advance(Duration::from_secs(1));
        self.second += 1;
        let mut due: Vec<usize> = (0..self.workers.len())
            .filter(|&n| (self.second + self.workers[n].phase).is_multiple_of(PERIOD.as_secs()))
            .collect();
        self.random.shuffle(&mut due);
        // Half of the time side by side: what one has seen is then changed by another.
        if self.random.bool() {
            let rounds = due.iter().map(|&n| self.workers[n].worker.round(&self.partitions));
            for outcome in futures::future::join_all(rounds).await {
                outcome.unwrap();
            }
        } else {
            for n in due {
                self.workers[n].worker.round(&self.partitions).await.unwrap();
            }
        }
        self.look_after_partitions();
    }

    /// A worker has to live for a while to find out that another one does not.
    fn look_after_partitions(&mut self) {
        let owned: BTreeSet<_> =
            self.workers.iter().flat_map(|living| names(&living.worker)).collect();
        let oldest = self.workers.iter().map(|living| self.second - living.since).max();
        for (partition, unowned) in &mut self.unowned {
            *unowned = if owned.contains(partition) { 0 } else { *unowned + 1 };
            let waits = oldest.unwrap_or(0).min(*unowned);
            let limit = 2 * DURATION.as_secs();
            assert!(waits <= limit, "{partition} waits for a worker for {waits} s");
        }
    }

    fn counts(&self) -> Vec<usize> {
        self.workers.iter().map(|living| living.worker.held().len()).collect()
    }

    async fn owners(&self) -> Vec<Option<WorkerId>> {
        let leases = self.store.leases(&consumer()).await.unwrap();
        leases.into_iter().map(|lease| lease.owner).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes and goes: no partition is without a worker for more than two durations while one
    /// lives, and when nothing happens for a while the shares are even and stay as they are.
    #[test]
    fn workers_that_come_and_go_share_all_partitions(
        count in 1..24usize,
        seed in any::<u64>(),
        events in prop::collection::vec(event(), 1..16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(partitions(count), seed);
            world.happens(&Event::Joins).await;
            for event in &events {
                world.happens(event).await;
            }
            if world.workers.is_empty() {
                world.happens(&Event::Joins).await;
            }
            // Time for a take-over, and then for one lease per round.
            let rounds = 6 + count as u64;
            world.happens(&Event::Quiet(2 * DURATION.as_secs() + rounds * PERIOD.as_secs())).await;
            let counts = world.counts();
            assert_eq!(counts.iter().sum::<usize>(), count, "each partition has one worker");
            let (most, least) = (counts.iter().max().unwrap(), counts.iter().min().unwrap());
            assert!(most - least <= 1, "the shares are {counts:?}");
            let owners = world.owners().await;
            for _ in 0..10 {
                world.happens(&Event::Quiet(PERIOD.as_secs())).await;
                assert_eq!(world.owners().await, owners, "leases change hands for nothing");
            }
        });
    }
}
