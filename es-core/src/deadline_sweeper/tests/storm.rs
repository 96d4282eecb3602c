//! Everything at once: slow, hanging, failing and panicking handlers, a store that loses requests, sweepers that are
//! killed, and a second one beside them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::testing::SeededEntropy;

const SWEEPERS: usize = 2;
/// No handler of a storm takes longer, if it comes to its end.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// What a handler does with a deadline when it comes so often.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Succeeds,
    TakesSeconds(u64),
    Hangs,
    Fails,
    Panics,
}

/// A deadline of a storm, and what is done with it the first, second, … time; then it succeeds.
#[derive(Debug, Clone)]
struct Plan {
    instance: u8,
    due: i64,
    at_first: Vec<Behaviour>,
}

/// What happens meanwhile.
#[derive(Debug, Clone, Copy)]
enum Happening {
    SecondsPass(u64),
    /// A sweeper is killed, and another one begins in its place.
    Killed(usize),
}

fn any_behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        2 => Just(Behaviour::Succeeds),
        2 => (1u64..7).prop_map(Behaviour::TakesSeconds),
        1 => Just(Behaviour::Hangs),
        2 => Just(Behaviour::Fails),
        1 => Just(Behaviour::Panics),
    ]
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let at_first = prop::collection::vec(any_behaviour(), 0..4);
    (0u8..6, -20i64..40, at_first).prop_map(|(instance, due, at_first)| Plan {
        instance,
        due,
        at_first,
    })
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1u64..6).prop_map(Happening::SecondsPass),
        1 => (0..SWEEPERS).prop_map(Happening::Killed),
    ]
}

/// What one life of a sweeper has done.
#[derive(Debug, Default)]
struct Life {
    /// The first attempts of each instance, in their order.
    begun: BTreeMap<String, Vec<Deadline>>,
    /// The instances whose deadlines are firing.
    at_work: BTreeSet<String>,
}

/// What all of them have done.
#[derive(Debug, Default)]
struct Ledger {
    attempts: BTreeMap<Deadline, usize>,
    acted_on: BTreeSet<Deadline>,
    wrongs: Vec<String>,
}

#[derive(Debug)]
struct Handler {
    clock: Arc<VirtualClock>,
    plans: Arc<BTreeMap<Deadline, Vec<Behaviour>>>,
    ledger: Arc<Mutex<Ledger>>,
    life: Mutex<Life>,
}

/// A firing; it ends when it is dropped.
struct AtHand<'a>(&'a Handler, &'a str);

impl Drop for AtHand<'_> {
    fn drop(&mut self) {
        self.0.life.lock().unwrap().at_work.remove(self.1);
    }
}

impl Handler {
    fn begin(&self, deadline: &Deadline) -> Behaviour {
        let mut ledger = self.ledger.lock().unwrap();
        let mut life = self.life.lock().unwrap();
        let instance = deadline.instance();
        if deadline.due() > self.clock.now() {
            ledger.wrongs.push(format!("{deadline:?} fired before its time"));
        }
        if !life.at_work.insert(instance.to_owned()) {
            ledger.wrongs.push(format!("two deadlines of {instance} fired at the same time"));
        }
        let begun = life.begun.entry(instance.to_owned()).or_default();
        if !begun.contains(deadline) {
            if begun.last().is_some_and(|last| last > deadline) {
                ledger.wrongs.push(format!("{deadline:?} fired out of its order"));
            }
            begun.push(deadline.clone());
        }
        let attempts = ledger.attempts.entry(deadline.clone()).or_default();
        *attempts += 1;
        let planned = self.plans[deadline].get(*attempts - 1);
        planned.copied().unwrap_or(Behaviour::Succeeds)
    }
}

#[async_trait]
impl DeadlineHandler for Handler {
    async fn fire(&self, deadline: &Deadline) -> Result<()> {
        let behaviour = self.begin(deadline);
        let _at_hand = AtHand(self, deadline.instance());
        tokio::task::yield_now().await;
        match behaviour {
            Behaviour::Succeeds => {}
            Behaviour::TakesSeconds(seconds) => {
                self.clock.sleep(Duration::from_secs(seconds)).await;
            }
            Behaviour::Hangs => std::future::pending::<()>().await,
            Behaviour::Fails => return Err(Error::Misuse("out of paper".to_owned())),
            Behaviour::Panics => panic!("the paper is jammed"),
        }
        self.ledger.lock().unwrap().acted_on.insert(deadline.clone());
        Ok(())
    }
}

struct Storm {
    world: World,
    plans: Arc<BTreeMap<Deadline, Vec<Behaviour>>>,
    ledger: Arc<Mutex<Ledger>>,
    concurrency: usize,
    leased: bool,
    seed: u64,
    lives: u64,
}

impl Storm {
    async fn begin_sweeper(&mut self) -> AtWork {
        self.lives += 1;
        let handler = Handler {
            clock: self.world.clock.clone(),
            plans: self.plans.clone(),
            ledger: self.ledger.clone(),
            life: Mutex::default(),
        };
        let store = FaultyDeadlineStore::new(self.world.store.clone(), self.world.faults.clone());
        let sweeper = DeadlineSweeper::new(process(), Arc::new(store), Arc::new(handler))
            .with_clock(self.world.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(self.seed + self.lives)))
            .with_backoff(Backoff { base: SECOND, max: 4 * SECOND })
            .with_concurrency(self.concurrency)
            .with_time_limit(TIME_LIMIT)
            .with_page_size(3);
        let worker = WorkerId::new(&format!("worker-{}", self.lives)).unwrap();
        AtWork::begin(match self.leased {
            true => sweeper.with_lease(self.world.store.clone(), worker, 5 * SECOND),
            false => sweeper,
        })
        .await
    }

    async fn rages(&mut self, happenings: &[Happening]) {
        let mut sweepers = Vec::new();
        for _ in 0..SWEEPERS {
            sweepers.push(self.begin_sweeper().await);
        }
        for happening in happenings {
            match *happening {
                Happening::SecondsPass(seconds) => self.world.passes(seconds).await,
                Happening::Killed(which) => {
                    sweepers.remove(which).dies().await;
                    let next = self.begin_sweeper().await;
                    sweepers.insert(which, next);
                }
            }
        }
        self.world.faults.stop();
        // The last one becomes due, is tried three times for the whole time that it may take, in a line as long as all
        // of them with the shortest room, and begins when the lease of a dead worker is over.
        let deadlines = self.plans.len() as u64;
        let longest = 40 + 10 + deadlines * 4 * (TIME_LIMIT.as_secs() + 4) + 10;
        for _ in 0..longest {
            if self.ledger.lock().unwrap().acted_on.len() == self.plans.len() {
                break;
            }
            self.world.passes(1).await;
        }
        // Another sweeper may still be at what has been acted on.
        let is_idle = |sweeper: &AtWork| {
            let health = sweeper.sweeper.health();
            health.is_well() && health.under_way.is_empty()
        };
        for _ in 0..longest {
            if sweepers.iter().all(is_idle) {
                break;
            }
            self.world.passes(1).await;
        }
        self.world.passes(15).await;
        for sweeper in sweepers {
            let health = sweeper.sweeper.health();
            assert!(health.is_well() && health.under_way.is_empty(), "{health:?}");
            sweeper.stops().await;
        }
    }
}

async fn rides_out(
    plans: Vec<Plan>,
    happenings: Vec<Happening>,
    concurrency: usize,
    leased: bool,
    seed: u64,
) {
    let plans: BTreeMap<Deadline, Vec<Behaviour>> = (0u8..)
        .zip(plans)
        .map(|(n, Plan { instance, due, at_first })| {
            let (id, instance) = (DeadlineId::from_bytes([n; 16]), format!("order-{instance}"));
            (Deadline::new(process(), &instance, id, after_noon(due)).unwrap(), at_first)
        })
        .collect();
    let faults = Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.1);
    let world = World::with_faults(faults);
    world.store.set(&plans.keys().cloned().collect::<Vec<_>>()).await.unwrap();
    let (plans, ledger) = (Arc::new(plans), Arc::new(Mutex::new(Ledger::default())));
    let mut storm = Storm { world, plans, ledger, concurrency, leased, seed, lives: 0 };
    storm.rages(&happenings).await;
    {
        let ledger = storm.ledger.lock().unwrap();
        assert_eq!(ledger.wrongs, [""; 0]);
        let missing = storm.plans.keys().filter(|deadline| !ledger.acted_on.contains(deadline));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&Deadline>::new(), "what was not acted on");
    }
    assert_eq!(storm.world.left().await, [""; 0]);
}

#[test]
fn every_deadline_is_acted_on_in_the_order_of_its_process_whatever_happens() {
    let storms = (
        prop::collection::vec(any_plan(), 1..25),
        prop::collection::vec(any_happening(), 0..25),
        prop_oneof![Just(1usize), Just(2), Just(16)],
        any::<bool>(),
        any::<u64>(),
    );
    let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
    let ridden_out = runner.run(&storms, |(plans, happenings, concurrency, leased, seed)| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let seed = seed % 1_000_000;
        runtime.block_on(rides_out(plans, happenings, concurrency, leased, seed));
        Ok(())
    });
    ridden_out.unwrap();
}
