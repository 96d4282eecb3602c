use std::collections::BTreeMap;
use std::pin::pin;

use async_trait::async_trait;
use futures::future::poll_immediate;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::Timestamp;
use crate::consumer::ConsumerState;
use crate::deadline_store::{Deadline, DeadlineId, DuePage, DueQuery};
use crate::error::{Error, Result};
use crate::memory::MemoryStore;
use crate::testing::VirtualClock;
use crate::testing::faults::{Call, Fault, Faults, FaultyDeadlineStore, crash_at};

mod poison;
mod room;
mod slow;
mod storm;

const NOON: &str = "2026-03-01T12:00:00Z";
const SECOND: Duration = Duration::from_secs(1);

/// Writes down what it is told. What it is to fail on, and how often, is said before.
#[derive(Debug, Default)]
struct Told {
    fired: Mutex<Vec<String>>,
    tried: Mutex<Vec<String>>,
    failures: Mutex<BTreeMap<String, u32>>,
    hangs: Mutex<Option<String>>,
    panics: Option<String>,
    suspends: bool,
}

impl Told {
    fn fired(&self) -> Vec<String> {
        self.fired.lock().unwrap().clone()
    }

    fn tried(&self) -> Vec<String> {
        self.tried.lock().unwrap().clone()
    }

    fn fails(&self, instance: &str, times: u32) {
        self.failures.lock().unwrap().insert(instance.to_owned(), times);
    }

    /// All whose names begin so.
    fn hangs_on(&self, instance: &str) {
        *self.hangs.lock().unwrap() = Some(instance.to_owned());
    }
}

#[async_trait]
impl DeadlineHandler for Told {
    async fn fire(&self, deadline: &Deadline) -> Result<()> {
        let instance = deadline.instance().to_owned();
        self.tried.lock().unwrap().push(instance.clone());
        if self.suspends {
            tokio::task::yield_now().await;
        }
        let hangs = self.hangs.lock().unwrap().as_ref().is_some_and(|it| instance.starts_with(it));
        if hangs {
            std::future::pending::<()>().await;
        }
        assert!(self.panics.as_ref() != Some(&instance), "the paper is jammed");
        if let Some(left) = self.failures.lock().unwrap().get_mut(&instance)
            && *left > 0
        {
            *left -= 1;
            return Err(Error::Misuse(format!("{instance} is out of paper")));
        }
        self.fired.lock().unwrap().push(instance);
        Ok(())
    }
}

/// Makes [`BACKOFF`] as long as it can be.
#[derive(Debug)]
struct Longest;

impl Entropy for Longest {
    fn next_u64(&self) -> u64 {
        BACKOFF.base.as_nanos() as u64
    }
}

/// At most as long for each attempt.
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(10), max: Duration::from_secs(10) };

/// Deadlines, a clock, and somebody who is told.
struct World {
    store: Arc<MemoryStore>,
    clock: Arc<VirtualClock>,
    told: Arc<Told>,
    faults: Faults,
}

impl World {
    fn new() -> Self {
        Self::with_faults(Faults::none())
    }

    fn with_faults(faults: Faults) -> Self {
        let clock = Arc::new(VirtualClock::at(NOON));
        Self { store: Arc::default(), clock, told: Arc::default(), faults }
    }

    fn sweeper(&self) -> DeadlineSweeper {
        let store = FaultyDeadlineStore::new(self.store.clone(), self.faults.clone());
        DeadlineSweeper::new(process(), Arc::new(store), self.told.clone())
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(Longest))
            .with_backoff(BACKOFF)
    }

    fn leased(&self, worker: &str) -> DeadlineSweeper {
        let worker = WorkerId::new(worker).unwrap();
        self.sweeper().with_lease(self.store.clone(), worker, 9 * SECOND)
    }

    /// Sets a deadline of each instance, so many seconds after noon.
    async fn set(&self, deadlines: &[(&str, i64)]) {
        let deadlines: Vec<_> =
            deadlines.iter().map(|(instance, seconds)| deadline(instance, *seconds)).collect();
        self.store.set(&deadlines).await.unwrap();
    }

    /// The instances whose deadlines are in the store.
    async fn left(&self) -> Vec<String> {
        let query = DueQuery::new(process(), Timestamp::MAX).limit(usize::MAX);
        let left = self.store.due(&query).await.unwrap().deadlines;
        left.iter().map(|deadline| deadline.instance().to_owned()).collect()
    }

    /// Lets the clock go on second by second, and everybody do what is to be done then.
    async fn passes(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(SECOND);
            settled().await;
        }
    }
}

fn process() -> ConsumerId {
    ConsumerId::new("checkout").unwrap()
}

fn deadline(instance: &str, seconds: i64) -> Deadline {
    Deadline::new(process(), instance, DeadlineId::from_bytes([7; 16]), after_noon(seconds))
        .unwrap()
}

fn after_noon(seconds: i64) -> Timestamp {
    let noon: Timestamp = NOON.parse().unwrap();
    Timestamp::from_second(noon.as_second() + seconds).unwrap()
}

/// Lets the other tasks of the runtime, which has one thread, go on until they wait for the clock.
async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A sweeper at work, until it is told to stop.
struct AtWork {
    sweeper: Arc<DeadlineSweeper>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<()>>,
}

impl AtWork {
    async fn begin(sweeper: DeadlineSweeper) -> Self {
        let (sweeper, stop) = (Arc::new(sweeper), watch::Sender::new(false));
        let mut stopped = stop.subscribe();
        let task = {
            let sweeper = sweeper.clone();
            let shutdown = async move { drop(stopped.wait_for(|stop| *stop).await) };
            tokio::spawn(async move { sweeper.run(shutdown).await })
        };
        settled().await;
        Self { sweeper, stop, task }
    }

    /// The program dies.
    async fn dies(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    /// It is told to stop, and does.
    async fn stops(self) {
        self.stop.send_replace(true);
        settled().await;
        assert!(self.task.is_finished(), "it does not stop at once");
        self.task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_is_due_fires_in_order_of_time_and_is_removed() {
    let world = World::new();
    world.set(&[("c", -1), ("to-come", 1), ("a", -500), ("d", 0), ("b", -20)]).await;
    let swept = world.sweeper().sweep().await.unwrap();
    assert_eq!(swept, Swept { fired: 4, ..Swept::default() });
    assert_eq!(world.told.fired(), ["a", "b", "c", "d"]);
    assert_eq!(world.left().await, ["to-come"]);
}

#[tokio::test]
async fn a_deadline_fires_at_its_time_and_not_before() {
    let world = World::new();
    world.set(&[("order-17", 60)]).await;
    let sweeper = world.sweeper();
    world.clock.advance(60 * SECOND - Duration::from_micros(1));
    let early = sweeper.sweep().await.unwrap();
    assert_eq!(early, Swept { next: Some(after_noon(60)), ..Swept::default() });
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(sweeper.sweep().await.unwrap().fired, 1);
    assert_eq!(world.told.fired(), ["order-17"]);
}

#[tokio::test]
async fn a_poll_with_nothing_due_is_one_request() {
    let world = World::new();
    world.set(&[("order-17", 60)]).await;
    world.sweeper().sweep().await.unwrap();
    let calls = [Call::NextDeadline, Call::ListDueDeadlines, Call::RemoveDeadlines];
    assert_eq!(calls.map(|call| world.faults.calls(call)), [1, 0, 0]);
}

#[tokio::test]
async fn a_deadline_that_fails_holds_no_other_one_up() {
    let world = World::new();
    world.set(&[("a", -3), ("failing", -2), ("b", -1)]).await;
    world.told.fails("failing", 2);
    let sweeper = world.sweeper().with_page_size(1);
    let swept = sweeper.sweep().await.unwrap();
    assert_eq!(swept, Swept { fired: 2, failed: 1, ..Swept::default() });
    assert_eq!(
        (world.told.fired(), world.left().await),
        (vec!["a".into(), "b".into()], vec!["failing".into()])
    );

    // It waits, while others go on.
    world.set(&[("c", 5)]).await;
    world.clock.advance(BACKOFF.max - SECOND);
    let swept = sweeper.sweep().await.unwrap();
    assert_eq!(swept, Swept { fired: 1, waiting: 1, ..Swept::default() });
    world.clock.advance(SECOND);
    assert_eq!(sweeper.sweep().await.unwrap().failed, 1, "the second attempt");
    world.clock.advance(BACKOFF.max);
    assert_eq!(sweeper.sweep().await.unwrap().fired, 1, "the third attempt");
    assert_eq!(world.told.fired(), ["a", "b", "c", "failing"]);
    assert_eq!(world.left().await, [""; 0]);
}

#[tokio::test]
async fn a_handler_that_panics_has_failed() {
    let mut world = World::new();
    world.told = Arc::new(Told { panics: Some("jam".to_owned()), ..Told::default() });
    world.set(&[("a", -3), ("jam", -2), ("b", -1)]).await;
    let sweeper = world.sweeper();
    let swept = sweeper.sweep().await.unwrap();
    assert_eq!((swept.fired, swept.failed), (2, 1));
    assert_eq!(
        (world.told.fired(), world.left().await.concat()),
        (vec!["a".into(), "b".into()], "jam".into())
    );
    let error = sweeper.health().last_error.unwrap().error;
    assert_eq!(error, "the deadline of jam for checkout failed: it panicked: the paper is jammed");
}

#[tokio::test]
async fn what_failed_is_seen_until_it_fires_or_is_cancelled() {
    let world = World::new();
    world.set(&[("a", -90), ("b", -30)]).await;
    world.told.fails("a", 1);
    world.told.fails("b", u32::MAX);
    let sweeper = world.sweeper();
    assert!(sweeper.health().is_well());
    sweeper.sweep().await.unwrap();
    let health = sweeper.health();
    assert!(!health.is_well());
    assert_eq!((health.due, health.overdue, health.overdue_time), (2, 2, 90 * SECOND));
    assert_eq!(health.last_sweep_at, Some(after_noon(0)));
    let error = health.last_error.unwrap();
    assert_eq!((error.error.as_str(), error.at), ("b is out of paper", after_noon(0)));

    world.clock.advance(BACKOFF.max);
    sweeper.sweep().await.unwrap();
    let health = sweeper.health();
    assert_eq!((health.overdue, health.overdue_time), (1, 40 * SECOND), "a has fired");

    world.store.remove(&[deadline("b", -30)]).await.unwrap();
    sweeper.sweep().await.unwrap();
    assert!(sweeper.health().is_well(), "b was cancelled");
    // It is set again, and begins anew.
    world.set(&[("b", -30)]).await;
    assert_eq!(sweeper.sweep().await.unwrap().failed, 1);
}

#[tokio::test]
async fn health_is_told_in_json() {
    let world = World::new();
    world.set(&[("failing", -90)]).await;
    world.told.fails("failing", 1);
    let sweeper = world.sweeper();
    sweeper.sweep().await.unwrap();
    let json = serde_json::to_value(sweeper.health()).unwrap();
    let failure = serde_json::json!({"error": "failing is out of paper", "at": NOON});
    let due = "2026-03-01T11:58:30Z";
    let expected = serde_json::json!({
        "process": "checkout", "state": "idle", "leads": true, "last_sweep_at": NOON,
        "due": 1, "under_way": [], "overdue": 1, "overdue_seconds": 90.0, "stuck": 0,
        "failing": [{
            "deadline": {"instance": "failing", "id": "07".repeat(16), "due": due},
            "attempts": 1, "since": NOON, "last_error": failure,
        }],
        "last_error": failure,
    });
    assert_eq!(json, expected);
}

#[tokio::test]
async fn thousands_fire_once_each_in_order_behind_some_that_fail() {
    let world = World::new();
    let deadlines: Vec<_> =
        (0..3_000).map(|n| deadline(&format!("{n:04}"), n % 7 - 3_000 + n / 7)).collect();
    world.store.set(&deadlines).await.unwrap();
    let mut expected = deadlines;
    expected.sort();
    let mut expected: Vec<_> = expected.iter().map(|d| d.instance().to_owned()).collect();
    // More than a page of them.
    expected.drain(..150).for_each(|failing| world.told.fails(&failing, 1));
    let swept = world.sweeper().sweep().await.unwrap();
    assert_eq!((swept.fired, swept.failed), (2_850, 150));
    assert_eq!(world.told.fired(), expected);
    assert_eq!(world.left().await.len(), 150);
}

#[tokio::test]
async fn a_crash_anywhere_loses_nothing_and_repeats_what_was_not_removed() {
    let mut repeated = 0;
    for suspension in 1.. {
        let mut world = World::with_faults(Faults::none().suspending());
        world.told = Arc::new(Told { suspends: true, ..Told::default() });
        world.set(&[("a", -3), ("b", -2), ("c", -1)]).await;
        let crashed = crash_at(suspension, world.sweeper().with_page_size(2).sweep()).await;
        // Another one begins anew.
        world.sweeper().sweep().await.unwrap();
        assert_eq!(world.left().await, [""; 0], "after a crash at suspension {suspension}");
        let fired = world.told.fired();
        for instance in ["a", "b", "c"] {
            let times = fired.iter().filter(|fired| *fired == instance).count();
            assert!(times == 1 || times == 2, "{instance} fired {times} times: {fired:?}");
            repeated += times - 1;
        }
        if crashed.is_ok() {
            assert_eq!(world.told.tried(), ["a", "b", "c"], "without a crash");
            break;
        }
    }
    assert!(repeated > 0, "no crash came between the firing and the removal");
}

#[tokio::test]
async fn a_removal_that_fails_makes_nothing_fire_again_here() {
    for fault in [Fault::LostRequest, Fault::LostAcknowledgement, Fault::LateRequest] {
        let world = World::new();
        world.set(&[("a", -3), ("b", -2), ("c", -1)]).await;
        // When they have fired, and once more before the next sweep.
        for nth in 1..=2 {
            world.faults.at(Call::RemoveDeadlines, nth, fault);
        }
        let sweeper = world.sweeper().with_page_size(2);
        for _ in 0..2 {
            let failed = sweeper.sweep().await;
            assert!(matches!(failed, Err(Error::Unavailable { .. })), "{fault:?}: {failed:?}");
            assert_eq!(world.told.fired(), ["a", "b", "c"], "{fault:?}: it holds nothing up");
        }
        sweeper.sweep().await.unwrap();
        assert_eq!(world.told.fired(), ["a", "b", "c"], "{fault:?}");
        assert_eq!(world.left().await, [""; 0], "{fault:?}");
    }
}

#[tokio::test]
async fn everything_fires_whatever_fails() {
    for seed in 0..30 {
        let faults = Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.2);
        let world = World::with_faults(faults);
        let instances: Vec<String> = (10..60).map(|n| n.to_string()).collect();
        let deadlines: Vec<_> = (-50..).zip(&instances).map(|(at, i)| deadline(i, at)).collect();
        world.store.set(&deadlines).await.unwrap();
        world.told.fails("17", 2);
        let sweeper = world.sweeper().with_page_size(8);
        for _ in 0..200 {
            let _ = sweeper.sweep().await;
            world.clock.advance(SECOND);
        }
        world.faults.stop();
        sweeper.sweep().await.unwrap();
        let mut fired = world.told.fired();
        fired.sort();
        assert_eq!(fired, instances, "seed {seed}: each once, as the program lived on");
        assert_eq!(world.left().await, [""; 0], "seed {seed}");
    }
}

#[tokio::test]
async fn it_sleeps_until_the_next_deadline_but_no_longer_than_it_polls() {
    let world = World::new();
    world.set(&[("soon", 3), ("late", 60)]).await;
    let at_work = AtWork::begin(world.sweeper().with_poll_interval(10 * SECOND)).await;
    assert_eq!(world.clock.slept(), [3 * SECOND]);
    world.clock.advance(3 * SECOND);
    settled().await;
    assert_eq!(world.told.fired(), ["soon"]);
    // Then as long as it may, as it has seen that nothing comes before.
    assert_eq!(world.clock.slept()[1..], [10 * SECOND]);

    // What it could not see coming.
    world.set(&[("set-meanwhile", 4)]).await;
    world.clock.advance(9 * SECOND);
    settled().await;
    assert_eq!(world.told.fired(), ["soon"]);
    world.clock.advance(SECOND);
    settled().await;
    assert_eq!(world.told.fired(), ["soon", "set-meanwhile"]);
    at_work.stops().await;
}

#[tokio::test]
async fn it_wakes_up_for_what_is_to_be_tried_again() {
    let world = World::new();
    world.set(&[("failing", -1)]).await;
    world.told.fails("failing", 1);
    let at_work = AtWork::begin(world.sweeper().with_poll_interval(60 * SECOND)).await;
    assert_eq!(world.clock.slept(), [BACKOFF.max]);
    assert_eq!(at_work.sweeper.health().state, ConsumerState::Running);
    world.clock.advance(BACKOFF.max);
    settled().await;
    assert_eq!(world.told.fired(), ["failing"]);
    at_work.stops().await;
}

#[tokio::test]
async fn a_store_that_is_away_is_asked_again() {
    let world = World::new();
    world.set(&[("order-17", -1)]).await;
    for nth in 1..=3 {
        world.faults.at(Call::NextDeadline, nth, Fault::LostRequest);
    }
    let at_work = AtWork::begin(world.sweeper()).await;
    let health = at_work.sweeper.health();
    assert_eq!(health.state, ConsumerState::Retrying);
    assert!(!health.is_well() && health.last_error.is_some(), "{health:?}");
    world.passes(3).await;
    assert_eq!(world.told.fired(), ["order-17"]);
    assert!(at_work.sweeper.health().is_well());
    let sweeper = at_work.sweeper.clone();
    at_work.stops().await;
    assert_eq!(sweeper.health().state, ConsumerState::Idle);
}

/// Says for ever that it may not be asked.
#[derive(Debug)]
struct Forbidden;

#[async_trait]
impl DeadlineStore for Forbidden {
    async fn set(&self, _: &[Deadline]) -> Result<()> {
        Err(forbidden())
    }

    async fn remove(&self, _: &[Deadline]) -> Result<()> {
        Err(forbidden())
    }

    async fn due(&self, _: &DueQuery) -> Result<DuePage> {
        Err(forbidden())
    }

    async fn next(&self, _: &ConsumerId) -> Result<Option<Timestamp>> {
        Err(forbidden())
    }
}

fn forbidden() -> Error {
    Error::Backend { what: "the query".to_owned(), source: "access denied".into() }
}

#[tokio::test]
async fn it_ends_at_an_error_that_trying_again_cannot_help() {
    let sweeper = DeadlineSweeper::new(process(), Arc::new(Forbidden), Arc::<Told>::default());
    let ended = sweeper.run(std::future::pending()).await;
    assert!(matches!(ended, Err(Error::Backend { .. })), "{ended:?}");
    let health = sweeper.health();
    assert_eq!(health.state, ConsumerState::Failed);
    assert_eq!(health.last_error.unwrap().error, "the query failed: access denied");
}

#[tokio::test]
async fn it_stops_at_once_in_its_sleep() {
    let world = World::new();
    let at_work = AtWork::begin(world.sweeper()).await;
    at_work.stops().await;
    assert_eq!(world.clock.monotonic(), Duration::ZERO, "and no time passes");
}

#[tokio::test]
async fn it_stops_at_once_in_the_middle_of_a_deadline() {
    let world = World::new();
    world.set(&[("a", -3), ("hanging", -2), ("b", -1)]).await;
    world.told.hangs_on("hanging");
    let at_work = AtWork::begin(world.sweeper().with_concurrency(1)).await;
    assert_eq!(world.told.tried(), ["a", "hanging"]);
    at_work.stops().await;
    // What fired is removed; what did not comes again.
    assert_eq!(world.left().await, ["hanging", "b"]);
}

#[tokio::test]
async fn nothing_begins_when_it_is_to_stop_already() {
    let world = World::new();
    world.set(&[("order-17", -1)]).await;
    let sweeper = world.sweeper();
    let ended = poll_immediate(pin!(sweeper.run(std::future::ready(())))).await;
    assert!(matches!(ended, Some(Ok(()))), "{ended:?}");
    assert_eq!(world.told.tried(), [""; 0]);
}

#[tokio::test]
async fn of_workers_that_share_a_lease_one_asks_the_store() {
    let world = World::new();
    let one = AtWork::begin(world.leased("one")).await;
    let two = AtWork::begin(world.leased("two")).await;
    assert_eq!([&one, &two].map(|worker| worker.sweeper.health().leads), [true, false]);
    world.set(&[("order-17", 5)]).await;
    let before = world.faults.calls(Call::NextDeadline);
    world.passes(30).await;
    assert_eq!(world.told.fired(), ["order-17"], "it fires once");
    // Each second one.
    assert_eq!(world.faults.calls(Call::NextDeadline) - before, 30);
    assert_eq!([&one, &two].map(|worker| worker.sweeper.health().leads), [true, false]);

    // The lease is given back, and the other one takes it when it looks the next time.
    one.stops().await;
    world.passes(3).await;
    assert!(two.sweeper.health().leads);
    two.stops().await;
}

#[tokio::test]
async fn a_worker_that_dies_is_followed_by_another_one() {
    let world = World::new();
    let one = AtWork::begin(world.leased("one")).await;
    let two = AtWork::begin(world.leased("two")).await;
    world.passes(20).await;
    world.set(&[("a", 21), ("hanging", 21), ("c", 21)]).await;
    world.told.hangs_on("hanging");
    world.passes(1).await;
    assert_eq!(world.told.tried(), ["a", "c", "hanging"]);
    one.dies().await;
    *world.told.hangs.lock().unwrap() = None;
    world.passes(8).await;
    assert_eq!(world.told.fired(), ["a", "c"], "the lease of the dead one has not expired");
    world.passes(10).await;
    assert_eq!(world.told.fired()[2..], ["hanging"], "two durations later; the others are removed");
    assert_eq!(world.left().await, [""; 0]);
    assert!(two.sweeper.health().leads);
    two.stops().await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_fires_nothing_more() {
    let world = World::new();
    world.set(&[("a", -3), ("hanging", -2), ("b", -1)]).await;
    world.told.hangs_on("hanging");
    let one = AtWork::begin(world.leased("one").with_concurrency(1)).await;
    assert_eq!(world.told.tried(), ["a", "hanging"]);
    // Somebody takes the lease away.
    let leases = crate::LeaseStore::leases(&*world.store, &process().deadlines()).await.unwrap();
    let thief = WorkerId::new("thief").unwrap();
    world.store.take(&process().deadlines(), &leases[0], &thief).await.unwrap().unwrap();
    world.passes(4).await;
    assert!(!one.sweeper.health().leads);
    assert_eq!(world.left().await, ["hanging", "b"], "what has fired is removed");
    assert_eq!(world.told.tried(), ["a", "hanging"]);
    one.stops().await;
}

#[tokio::test]
async fn the_lease_of_deadlines_is_not_among_those_of_the_feed() {
    let world = World::new();
    let one = AtWork::begin(world.leased("one")).await;
    assert!(one.sweeper.health().leads);
    assert_eq!(crate::LeaseStore::leases(&*world.store, &process()).await.unwrap(), []);
    one.stops().await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_fires_early_within_a_poll_interval() {
    let world = World::new();
    world.set(&[("order-17", 3_600)]).await;
    let at_work = AtWork::begin(world.sweeper()).await;
    world.clock.set(after_noon(3_600));
    settled().await;
    world.passes(1).await;
    assert_eq!(world.told.fired(), ["order-17"]);
    // Set back, it stays fired.
    world.clock.set(after_noon(0));
    world.passes(2).await;
    assert_eq!(world.told.fired(), ["order-17"]);
    at_work.stops().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_fires_late_and_leaves_nothing_out() {
    let world = World::new();
    world.set(&[("order-17", 60), ("failing", -1)]).await;
    world.told.fails("failing", 1);
    let sweeper = world.sweeper();
    sweeper.sweep().await.unwrap();
    world.clock.set(after_noon(-3_600));
    assert_eq!(sweeper.sweep().await.unwrap().due(), 0);
    world.clock.advance(3_659 * SECOND);
    assert_eq!(sweeper.sweep().await.unwrap().fired, 1, "that which failed");
    world.clock.advance(SECOND);
    sweeper.sweep().await.unwrap();
    assert_eq!(world.told.fired(), ["failing", "order-17"]);
}

#[tokio::test]
async fn sweepers_are_stopped_together_with_other_workers() {
    let world = World::new();
    world.set(&[("order-17", -1)]).await;
    let mut workers = crate::Workers::new();
    workers.start_sweeper(Arc::new(world.sweeper()));
    settled().await;
    workers.shutdown().await.unwrap();
    assert_eq!(world.told.fired(), ["order-17"]);
}
