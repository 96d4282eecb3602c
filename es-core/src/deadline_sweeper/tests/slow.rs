//! Deadlines that take their time.

use super::*;

/// Takes as long for each instance as was said before, and notes what is begun and ended.
#[derive(Debug)]
pub(super) struct Slow {
    clock: Arc<VirtualClock>,
    takes: Mutex<BTreeMap<String, Duration>>,
    notes: Mutex<Vec<String>>,
}

impl Slow {
    pub(super) fn new(clock: &Arc<VirtualClock>) -> Arc<Self> {
        Arc::new(Self { clock: clock.clone(), takes: Mutex::default(), notes: Mutex::default() })
    }

    pub(super) fn takes(&self, instance: &str, time: Duration) {
        self.takes.lock().unwrap().insert(instance.to_owned(), time);
    }

    fn note(&self, note: String) {
        self.notes.lock().unwrap().push(note);
    }

    /// What was noted since this was asked the last time.
    pub(super) fn notes(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap())
    }

    pub(super) fn sweeper(self: &Arc<Self>, world: &World) -> DeadlineSweeper {
        let store = FaultyDeadlineStore::new(world.store.clone(), world.faults.clone());
        DeadlineSweeper::new(process(), Arc::new(store), self.clone())
            .with_clock(world.clock.clone())
            .with_entropy(Arc::new(Longest))
            .with_backoff(BACKOFF)
    }
}

/// Notes that a firing was dropped, unless it has ended.
struct Dropped<'a>(&'a Slow, Option<String>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.1.take() {
            self.0.note(format!("{name} dropped"));
        }
    }
}

#[async_trait]
impl DeadlineHandler for Slow {
    async fn fire(&self, deadline: &Deadline) -> Result<()> {
        let name = format!("{} {}", deadline.instance(), deadline.id().as_bytes()[0]);
        self.note(format!("{name} begins"));
        let mut dropped = Dropped(self, Some(name));
        let time = self.takes.lock().unwrap().get(deadline.instance()).copied();
        if let Some(time) = time {
            self.clock.sleep(time).await;
        }
        self.note(format!("{} ends", dropped.1.take().unwrap()));
        Ok(())
    }
}

/// The `n`-th deadline of an instance.
fn nth(instance: &str, n: u8, seconds: i64) -> Deadline {
    let id = DeadlineId::from_bytes([n; 16]);
    Deadline::new(process(), instance, id, after_noon(seconds)).unwrap()
}

#[tokio::test]
async fn slow_deadlines_hold_no_others_up_also_those_that_come_due_meanwhile() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("slow", 30 * SECOND);
    world.set(&[("slow", -2), ("a", -1), ("b", 5)]).await;
    let at_work = AtWork::begin(handler.sweeper(&world)).await;
    assert_eq!(handler.notes(), ["slow 7 begins", "a 7 begins", "a 7 ends"]);
    assert_eq!(world.left().await, ["slow", "b"], "a is removed while the slow one fires");
    world.passes(5).await;
    assert_eq!(handler.notes(), ["b 7 begins", "b 7 ends"]);
    world.set(&[("set-meanwhile", 5)]).await;
    world.passes(1).await;
    assert_eq!(handler.notes(), ["set-meanwhile 7 begins", "set-meanwhile 7 ends"]);
    world.passes(23).await;
    assert_eq!(handler.notes(), [""; 0]);
    world.passes(1).await;
    assert_eq!(handler.notes(), ["slow 7 ends"]);
    assert_eq!(world.left().await, [""; 0]);
    at_work.stops().await;
}

#[tokio::test]
async fn no_more_fire_at_the_same_time_than_may() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    for instance in ["a", "b", "c", "d"] {
        handler.takes(instance, SECOND);
    }
    world.set(&[("a", -4), ("b", -3), ("c", -2), ("d", -1)]).await;
    let at_work = AtWork::begin(handler.sweeper(&world).with_concurrency(2)).await;
    assert_eq!(handler.notes(), ["a 7 begins", "b 7 begins"]);
    world.passes(1).await;
    let mut notes = handler.notes();
    notes.sort();
    assert_eq!(notes, ["a 7 ends", "b 7 ends", "c 7 begins", "d 7 begins"]);
    at_work.stops().await;
}

#[tokio::test]
async fn deadlines_of_one_instance_fire_one_after_the_other_in_their_order() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("slow", SECOND);
    let deadlines = [nth("slow", 3, -7), nth("slow", 1, -7), nth("slow", 2, -9), nth("a", 0, -1)];
    world.store.set(&deadlines).await.unwrap();
    let at_work = AtWork::begin(handler.sweeper(&world).with_page_size(1)).await;
    assert_eq!(handler.notes(), ["slow 2 begins", "a 0 begins", "a 0 ends"]);
    world.passes(1).await;
    assert_eq!(handler.notes(), ["slow 2 ends", "slow 1 begins"]);
    world.passes(1).await;
    assert_eq!(handler.notes(), ["slow 1 ends", "slow 3 begins"]);
    world.passes(1).await;
    assert_eq!(handler.notes(), ["slow 3 ends"]);
    at_work.stops().await;
}

#[tokio::test]
async fn thousands_of_deadlines_of_one_slow_instance_hold_no_other_one_up() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("busy", 3_600 * SECOND);
    let busy: Vec<_> = (0..3_000).map(|n| deadline("busy", n - 3_000)).collect();
    world.store.set(&busy).await.unwrap();
    world.set(&[("sound", 0)]).await;
    let sweeper = handler.sweeper(&world).with_time_limit(Duration::MAX);
    let at_work = AtWork::begin(sweeper).await;
    assert_eq!(handler.notes(), ["busy 7 begins", "sound 7 begins", "sound 7 ends"]);
    at_work.stops().await;
}

#[tokio::test]
async fn a_deadline_that_takes_too_long_is_dropped_and_fires_again() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("slow", 3_600 * SECOND);
    world.set(&[("slow", -2), ("a", -1)]).await;
    let sweeper = handler.sweeper(&world).with_concurrency(1).with_time_limit(5 * SECOND);
    let at_work = AtWork::begin(sweeper).await;
    world.passes(4).await;
    assert_eq!(handler.notes(), ["slow 7 begins"]);
    world.passes(1).await;
    assert_eq!(handler.notes(), ["slow 7 dropped", "a 7 begins", "a 7 ends"]);
    let health = at_work.sweeper.health();
    let [failing] = &health.failing[..] else { panic!("{health:?}") };
    assert_eq!(failing.deadline, deadline("slow", -2));
    assert_eq!(
        failing.last_error.error,
        "the end of the deadline of slow for checkout did not happen within 5s"
    );

    // It waits as any that failed, and then has its time again.
    world.passes(9).await;
    assert_eq!(handler.notes(), [""; 0]);
    handler.takes("slow", SECOND);
    world.passes(2).await;
    assert_eq!(handler.notes(), ["slow 7 begins", "slow 7 ends"]);
    assert!(at_work.sweeper.health().is_well());
    at_work.stops().await;
}

#[tokio::test]
async fn a_wall_clock_that_jumps_ends_no_firing() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    // Its own sleep goes by the wall clock here: it is over only when that reaches it.
    handler.takes("slow", 100 * 3_600 * SECOND);
    world.set(&[("slow", -2)]).await;
    let at_work = AtWork::begin(handler.sweeper(&world).with_time_limit(5 * SECOND)).await;
    world.clock.set(after_noon(24 * 3_600));
    world.passes(4).await;
    world.clock.set(after_noon(-24 * 3_600));
    settled().await;
    assert_eq!(handler.notes(), ["slow 7 begins"]);
    at_work.stops().await;
}

#[tokio::test]
async fn health_says_what_is_under_way_and_is_not_stale() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("slow", 30 * SECOND);
    handler.takes("slower", 40 * SECOND);
    world.set(&[("slow", -2), ("slower", 10)]).await;
    let at_work = AtWork::begin(handler.sweeper(&world)).await;
    world.passes(20).await;
    let health = at_work.sweeper.health();
    let under_way = health.under_way.iter().map(|it| (it.deadline.instance(), it.time));
    let expected = [("slow", 20 * SECOND), ("slower", 10 * SECOND)];
    assert_eq!(under_way.collect::<Vec<_>>(), expected);
    assert_eq!((health.due, health.last_sweep_at), (2, Some(after_noon(20))));
    assert!(health.is_well(), "{health:?}");
    let json = serde_json::to_value(&health.under_way[0]).unwrap();
    assert_eq!((&json["seconds"], &json["deadline"]["instance"]), (&20.0.into(), &"slow".into()));
    world.passes(30).await;
    assert_eq!(at_work.sweeper.health().under_way, []);
    at_work.stops().await;
}

#[tokio::test]
async fn the_lease_is_renewed_while_deadlines_fire() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("slow", 50 * SECOND);
    world.set(&[("slow", -2)]).await;
    let leased = |worker: &str| {
        let worker = WorkerId::new(worker).unwrap();
        handler.sweeper(&world).with_concurrency(1).with_lease(
            world.store.clone(),
            worker,
            9 * SECOND,
        )
    };
    let one = AtWork::begin(leased("one")).await;
    let two = AtWork::begin(leased("two")).await;
    for _ in 0..50 {
        assert_eq!([&one, &two].map(|worker| worker.sweeper.health().leads), [true, false]);
        world.passes(1).await;
    }
    assert_eq!(handler.notes(), ["slow 7 begins", "slow 7 ends"], "nobody else fired it");
    one.stops().await;
    two.stops().await;
}

#[tokio::test]
async fn a_sweep_beside_a_run_leaves_alone_what_is_under_way() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("slow", 30 * SECOND);
    let deadlines = [nth("slow", 1, -2), nth("slow", 2, -1)];
    world.store.set(&deadlines).await.unwrap();
    let at_work = AtWork::begin(handler.sweeper(&world)).await;
    world.set(&[("a", 0)]).await;
    let swept = at_work.sweeper.sweep().await.unwrap();
    assert_eq!((swept.fired, swept.failed), (1, 0));
    assert_eq!(handler.notes(), ["slow 1 begins", "a 7 begins", "a 7 ends"]);
    world.passes(60).await;
    let expected = ["slow 1 ends", "slow 2 begins", "slow 2 ends"];
    assert_eq!(handler.notes(), expected);
    at_work.stops().await;
}

#[tokio::test]
async fn what_was_dropped_in_the_middle_fires_again_with_the_same_sweeper() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    handler.takes("slow", 30 * SECOND);
    world.set(&[("slow", -2)]).await;
    let sweeper = handler.sweeper(&world);
    assert!(poll_immediate(pin!(sweeper.sweep())).await.is_none());
    assert_eq!(handler.notes(), ["slow 7 begins", "slow 7 dropped"]);
    assert_eq!(sweeper.health().under_way, []);
    handler.takes("slow", Duration::ZERO);
    assert_eq!(sweeper.sweep().await.unwrap().fired, 1);
}

#[tokio::test]
async fn a_store_that_is_away_does_not_stop_what_fires() {
    let world = World::new();
    let handler = Slow::new(&world.clock);
    for instance in ["a", "b", "c"] {
        handler.takes(instance, 2 * SECOND);
    }
    world.set(&[("a", -3), ("b", -2), ("c", -1)]).await;
    let at_work = AtWork::begin(handler.sweeper(&world).with_concurrency(1)).await;
    world.faults.at(Call::RemoveDeadlines, 1, Fault::LostRequest);
    for nth in 2..=4 {
        world.faults.at(Call::NextDeadline, nth, Fault::LostRequest);
    }
    world.passes(6).await;
    let expected = ["a 7 begins", "a 7 ends", "b 7 begins", "b 7 ends", "c 7 begins", "c 7 ends"];
    assert_eq!(handler.notes(), expected);
    world.passes(2).await;
    assert_eq!(world.left().await, [""; 0]);
    at_work.stops().await;
}
