//! Deadlines that fail each time.

use super::*;
use crate::testing::{CapturedLog, SeededEntropy};

#[tokio::test]
async fn thousands_that_fail_each_time_keep_no_other_one_from_firing() {
    const POISON: usize = 3_000;
    let world = World::new();
    let poison: Vec<_> =
        (0..POISON).map(|n| deadline(&format!("poison-{n}"), n as i64 - 5_000)).collect();
    world.store.set(&poison).await.unwrap();
    for deadline in &poison {
        world.told.fails(deadline.instance(), u32::MAX);
    }
    world.set(&[("sound", -1)]).await;
    let sweeper = world.sweeper();
    let swept = sweeper.sweep().await.unwrap();
    assert_eq!((swept.fired, swept.failed), (1, POISON as u64));
    assert_eq!(world.told.fired(), ["sound"]);
    // The pages, a removal, and a question.
    assert_eq!(world.faults.calls(Call::ListDueDeadlines), (POISON / 100 + 1) as u64);

    // All of them are to be tried again, and wait in front of another one.
    world.clock.advance(BACKOFF.max);
    world.set(&[("another", 0)]).await;
    let before = world.told.tried().len();
    sweeper.sweep().await.unwrap();
    let tried = world.told.tried().split_off(before);
    assert_eq!(world.told.fired(), ["sound", "another"]);
    assert_eq!(tried.len(), POISON + 1);
}

#[tokio::test]
async fn what_was_not_tried_takes_turns_with_what_failed() {
    for concurrency in [1, 2, 16] {
        let world = World::new();
        let instances: Vec<String> = (0..100).map(|n| format!("poison-{n}")).collect();
        for instance in &instances {
            world.set(&[(instance, -60)]).await;
            world.told.fails(instance, u32::MAX);
        }
        let sweeper = world.sweeper().with_concurrency(concurrency);
        sweeper.sweep().await.unwrap();
        world.clock.advance(BACKOFF.max);
        let sound: Vec<String> = (0..100).map(|n| format!("sound-{n}")).collect();
        for instance in &sound {
            world.set(&[(instance, 0)]).await;
        }
        let before = world.told.tried().len();
        sweeper.sweep().await.unwrap();
        let tried = world.told.tried().split_off(before);
        assert_eq!(tried.len(), 200);
        // Neither kind waits for the whole of the other one.
        let last = |kind: &str| tried.iter().rposition(|tried| tried.starts_with(kind)).unwrap();
        let first = |kind: &str| tried.iter().position(|tried| tried.starts_with(kind)).unwrap();
        let room = 2 * concurrency + 2;
        assert!(first("sound") < room && first("poison") < room, "{concurrency}: {tried:?}");
        assert!(
            last("sound") > 200 - room && last("poison") > 200 - room,
            "{concurrency}: {tried:?}"
        );
    }
}

#[tokio::test]
async fn those_that_hang_each_time_have_half_of_the_room_at_most() {
    let world = World::new();
    for n in 0..100 {
        world.set(&[(&format!("hanging-{n}"), -60)]).await;
    }
    world.told.hangs_on("hanging");
    let sweeper = world.sweeper().with_concurrency(4).with_time_limit(SECOND);
    let at_work = AtWork::begin(sweeper).await;
    // Each of them has been tried, two in a second, and waits to be tried again.
    world.passes(60).await;
    let hanging = at_work.sweeper.health();
    assert_eq!((hanging.overdue, hanging.under_way.len()), (100, 2), "half of four");
    world.set(&[("sound", 30)]).await;
    world.passes(1).await;
    assert_eq!(world.told.fired(), ["sound"], "at once, though ninety-eight wait in front");
    at_work.stops().await;
}

#[tokio::test]
async fn what_failed_is_tried_again_in_time_though_a_long_queue_of_slow_ones_waits() {
    let world = World::new();
    world.set(&[("once-out-of-paper", -100)]).await;
    world.told.fails("once-out-of-paper", 1);
    for n in 0..200 {
        world.set(&[(&format!("hanging-{n}"), -60)]).await;
    }
    world.told.hangs_on("hanging");
    let sweeper = world.sweeper().with_concurrency(2).with_time_limit(SECOND);
    let at_work = AtWork::begin(sweeper).await;
    world.passes(BACKOFF.max.as_secs() + 3).await;
    assert_eq!(world.told.fired(), ["once-out-of-paper"]);
    let slow = world.told.tried().iter().filter(|tried| tried.starts_with("hanging")).count();
    assert!(slow < 100, "the walk is not over: {slow}");
    at_work.stops().await;
}

#[tokio::test]
async fn a_deadline_that_fails_holds_up_no_later_one_of_its_instance() {
    let world = World::new();
    world.set(&[("order-17", -60), ("order-17", -1)]).await;
    world.told.fails("order-17", 1);
    let swept = world.sweeper().sweep().await.unwrap();
    assert_eq!((swept.fired, swept.failed), (1, 1));
    let query = DueQuery::new(process(), Timestamp::MAX);
    let left = world.store.due(&query).await.unwrap().deadlines;
    assert_eq!(left, [deadline("order-17", -60)], "the one that failed");
}

#[tokio::test]
async fn health_lists_what_fails_with_attempts_since_when_and_the_last_error() {
    let world = World::new();
    world.set(&[("a", -90), ("b", -30)]).await;
    world.told.fails("a", u32::MAX);
    world.told.fails("b", u32::MAX);
    let sweeper = world.sweeper();
    sweeper.sweep().await.unwrap();
    world.clock.advance(BACKOFF.max);
    sweeper.sweep().await.unwrap();
    let health = sweeper.health();
    let listed = health.failing.iter().map(|it| (it.deadline.clone(), it.attempts, it.since));
    let expected =
        [("a", -90), ("b", -30)].map(|(name, due)| (deadline(name, due), 2, after_noon(0)));
    assert_eq!(listed.collect::<Vec<_>>(), expected);
    let last_error = &health.failing[1].last_error;
    assert_eq!((last_error.error.as_str(), last_error.at), ("b is out of paper", after_noon(10)));
}

#[tokio::test]
async fn health_lists_a_hundred_at_most_and_counts_all() {
    let world = World::new();
    for n in 0..150 {
        let instance = format!("poison-{n:03}");
        world.set(&[(&instance, n - 200)]).await;
        world.told.fails(&instance, u32::MAX);
    }
    let sweeper = world.sweeper();
    sweeper.sweep().await.unwrap();
    let health = sweeper.health();
    assert_eq!((health.overdue, health.failing.len()), (150, SweeperHealth::MOST_FAILING));
    assert_eq!(health.failing[99].deadline.instance(), "poison-099", "the longest due");
}

#[tokio::test]
async fn a_deadline_that_has_failed_ten_times_is_stuck_and_is_told() {
    let log = CapturedLog::of("es_core::deadline_sweeper");
    let world = World::new();
    world.set(&[("poison", -90)]).await;
    world.told.fails("poison", u32::MAX);
    let sweeper = world.sweeper();
    let stuck = |log: &CapturedLog| {
        let lines = log.lines();
        lines.iter().filter(|line| line.contains("a deadline is stuck")).count()
    };
    for attempt in 1..=DeadlineSweeper::STUCK_AFTER {
        assert_eq!((sweeper.health().stuck, stuck(&log)), (0, 0), "before attempt {attempt}");
        sweeper.sweep().await.unwrap();
        world.clock.advance(BACKOFF.max);
    }
    assert_eq!((sweeper.health().stuck, stuck(&log)), (1, 1));
    // It is tried on.
    assert_eq!(sweeper.sweep().await.unwrap().failed, 1);
    assert_eq!((sweeper.health().stuck, stuck(&log)), (1, 1), "it is told once");
}

#[tokio::test]
async fn the_wait_grows_to_its_maximum_and_never_passes_it() {
    let world = World::new();
    world.set(&[("poison", -90)]).await;
    world.told.fails("poison", u32::MAX);
    let backoff = Backoff { base: SECOND, max: 60 * SECOND };
    let sweeper = world
        .sweeper()
        .with_backoff(backoff)
        .with_entropy(Arc::new(SeededEntropy::new(11)))
        .with_poll_interval(3_600 * SECOND);
    let at_work = AtWork::begin(sweeper).await;
    let mut longest = Duration::ZERO;
    let mut last_try = Duration::ZERO;
    let mut tries = 1;
    for _ in 0..6_000 {
        world.passes(1).await;
        if world.told.tried().len() > tries {
            tries = world.told.tried().len();
            longest = longest.max(world.clock.monotonic() - last_try);
            last_try = world.clock.monotonic();
        }
    }
    assert!(tries > 150, "{tries} attempts");
    assert!(longest > 50 * SECOND && longest <= 61 * SECOND, "{longest:?}");
    at_work.stops().await;
}

#[tokio::test]
async fn a_retry_needs_no_look_into_the_store() {
    let world = World::new();
    world.set(&[("failing", -1)]).await;
    world.told.fails("failing", 5);
    let at_work = AtWork::begin(world.sweeper().with_poll_interval(3_600 * SECOND)).await;
    world.passes(60).await;
    assert_eq!((world.told.fired(), world.told.tried().len()), (vec!["failing".to_owned()], 6));
    let calls = [Call::NextDeadline, Call::ListDueDeadlines, Call::RemoveDeadlines];
    assert_eq!(calls.map(|call| world.faults.calls(call)), [1, 1, 1]);
    at_work.stops().await;
}

#[tokio::test]
async fn what_fails_does_not_hide_what_comes_next() {
    let world = World::new();
    world.set(&[("failing", -1), ("soon", 7)]).await;
    world.told.fails("failing", u32::MAX);
    let at_work = AtWork::begin(world.sweeper().with_poll_interval(60 * SECOND)).await;
    world.passes(7).await;
    assert_eq!(world.told.fired(), ["soon"], "at its time");
    at_work.stops().await;
}

#[tokio::test]
async fn a_deadline_that_is_forgotten_fires_no_more() {
    let world = World::new();
    world.set(&[("poison", -90), ("failing", -30)]).await;
    world.told.fails("poison", u32::MAX);
    world.told.fails("failing", 1);
    let sweeper = world.sweeper();
    sweeper.sweep().await.unwrap();
    let poison = sweeper.health().failing[0].deadline.clone();
    sweeper.forget(&poison).await.unwrap();
    assert_eq!(world.left().await, ["failing"]);
    let health = sweeper.health();
    assert_eq!((health.overdue, health.failing[0].deadline.instance()), (1, "failing"));
    world.clock.advance(BACKOFF.max);
    assert_eq!(sweeper.sweep().await.unwrap(), Swept { fired: 1, ..Swept::default() });
    assert!(sweeper.health().is_well());
    // Again, or one that never was, is nothing.
    sweeper.forget(&poison).await.unwrap();
    sweeper.forget(&deadline("never", 5)).await.unwrap();
}

#[tokio::test]
async fn a_deadline_that_is_forgotten_while_a_run_waits_for_it_fires_no_more() {
    let world = World::new();
    world.set(&[("poison", -90)]).await;
    world.told.fails("poison", u32::MAX);
    let at_work = AtWork::begin(world.sweeper().with_poll_interval(3_600 * SECOND)).await;
    at_work.sweeper.forget(&deadline("poison", -90)).await.unwrap();
    world.passes(60).await;
    assert_eq!(world.told.tried(), ["poison"]);
    at_work.stops().await;
}

#[tokio::test]
async fn a_deadline_that_is_forgotten_while_it_fires_is_not_tried_again() {
    let world = World::new();
    world.set(&[("hanging", -90)]).await;
    world.told.hangs_on("hanging");
    let at_work = AtWork::begin(world.sweeper().with_time_limit(5 * SECOND)).await;
    at_work.sweeper.forget(&deadline("hanging", -90)).await.unwrap();
    world.passes(60).await;
    assert_eq!(world.told.tried(), ["hanging"]);
    assert!(at_work.sweeper.health().is_well(), "{:?}", at_work.sweeper.health());
    at_work.stops().await;
}

#[tokio::test]
async fn a_deadline_that_was_forgotten_can_be_set_again() {
    let world = World::new();
    world.set(&[("poison", -90)]).await;
    world.told.fails("poison", 1);
    let sweeper = world.sweeper();
    sweeper.sweep().await.unwrap();
    sweeper.forget(&deadline("poison", -90)).await.unwrap();
    world.set(&[("poison", -90)]).await;
    assert_eq!(sweeper.sweep().await.unwrap().fired, 1, "it begins anew, without a wait");
}

#[tokio::test]
async fn deadlines_of_others_cannot_be_forgotten() {
    let world = World::new();
    let (other, id) = (ConsumerId::new("other").unwrap(), DeadlineId::from_bytes([7; 16]));
    let of_other = Deadline::new(other, "order-17", id, after_noon(0)).unwrap();
    world.store.set(std::slice::from_ref(&of_other)).await.unwrap();
    let refused = world.sweeper().forget(&of_other).await;
    assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    let query = DueQuery::new(of_other.process().clone(), Timestamp::MAX);
    assert_eq!(world.store.due(&query).await.unwrap().deadlines, [of_other]);
}

#[tokio::test]
async fn what_a_store_could_not_forget_stays() {
    let world = World::new();
    world.set(&[("poison", -90)]).await;
    world.told.fails("poison", u32::MAX);
    let sweeper = world.sweeper();
    sweeper.sweep().await.unwrap();
    world.faults.at(Call::RemoveDeadlines, 1, Fault::LostRequest);
    let failed = sweeper.forget(&deadline("poison", -90)).await;
    assert!(matches!(failed, Err(Error::Unavailable { .. })), "{failed:?}");
    assert_eq!((sweeper.health().overdue, world.left().await.len()), (1, 1));
}
