//! For how long a consumer may work on a message.

use jiff::SignedDuration;

use super::*;

/// Loses the requests of a kind, for a long time.
fn losing(call: Call) -> Faults {
    let faults = Faults::none();
    for nth in 1..=1_000 {
        faults.at(call, nth, Fault::LostRequest);
    }
    faults
}

pub(super) async fn a_message_whose_hold_runs_out_while_it_is_handled_has_one_effect(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q").await;
    scene.send("1", "x").await;
    let (slow, sound) = (scene.doing(LONG), scene.doing(LONG));
    let faults = losing(Call::Extend);
    let first = scene.start(scene.consumer(&faults, &slow));
    scene.pass_until("the slow one has begun", |_| slow.has_begun()).await;
    scene.start(scene.consumer(&Faults::none(), &sound));
    scene.pass_until("a heartbeat was lost", |_| faults.injected(Fault::LostRequest) > 0).await;
    // As long as it takes: if nobody stopped it, it would have its effect.
    scene.pass(LONG + SECOND).await;
    // Whether it would try again or not, it is the other one's now.
    scene.stage.kill(first);
    scene.pass_until_empty().await;
    assert_eq!(slow.effects(), [""; 0], "effects of who could not hold it");
    assert_eq!(sound.effects(), ["x"], "effects of the other one");
}

pub(super) async fn a_receiver_that_stood_still_does_not_go_on_with_what_is_over(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q").await;
    scene.send("1", "x").await;
    let (still, sound) = (scene.doing(HOLD / 2), scene.doing(HOLD / 2));
    let first = scene.start(scene.consumer(&Faults::none(), &still));
    scene.pass_until("the first one has begun", |_| still.has_begun()).await;
    scene.stage.stand_still(first, true);
    scene.start(scene.consumer(&Faults::none(), &sound));
    scene.pass_until_empty().await;
    assert_eq!(sound.effects(), ["x"], "effects of who took over");
    scene.stage.stand_still(first, false);
    scene.pass(HOLD).await;
    assert_eq!(still.effects(), [""; 0], "effects of who stood still");
    assert_eq!(scene.left().await, 0);
}

pub(super) async fn a_lost_acknowledgement_leaves_one_effect(s: QueuesRecordsAndClock) {
    let mut scene = Scene::new(&s, "q").await;
    scene.send("1", "x").await;
    let (first, second) = (scene.doing(SECOND), scene.doing(SECOND));
    let faults = losing(Call::Acknowledge);
    let consumer = scene.start(scene.consumer(&faults, &first));
    let are_lost = |_: &Scene| faults.injected(Fault::LostRequest) > 2;
    scene.pass_until("acknowledgements were lost", are_lost).await;
    scene.stage.kill(consumer);
    assert_eq!(scene.left().await, 1, "nothing was acknowledged");
    scene.start(scene.consumer(&Faults::none(), &second));
    scene.pass_until_empty().await;
    assert_eq!((first.effects().len(), second.effects().len()), (1, 0), "effects of each");
    assert_eq!(scene.letters().await, []);
}

pub(super) async fn a_wall_clock_that_jumps_decides_nothing(s: QueuesRecordsAndClock) {
    let mut scene = Scene::new(&s, "q").await;
    scene.send("1", "x").await;
    let (first, second) = (scene.doing(LONG), scene.doing(LONG));
    let clock = Arc::new(SkewedClock::new(scene.clock.clone()));
    let jumping = scene.consumer(&Faults::none(), &first).with_clock(clock.clone());
    let started_at = scene.clock.monotonic();
    let jumping = scene.start(jumping);
    scene.pass_until("the first one has begun", |_| first.has_begun()).await;
    // One that is two days behind waits for nothing longer than for a claim; one that is ahead takes
    // nothing over before its time.
    for (skew, does) in [(-48, &second), (48, &second)] {
        let clock = Arc::new(SkewedClock::new(scene.clock.clone()));
        clock.jump(SignedDuration::from_hours(skew));
        let consumer = scene.consumer(&Faults::none(), does).with_clock(clock);
        scene.start(consumer);
    }
    for skew in [48, -48, 0] {
        clock.jump(SignedDuration::from_hours(skew));
        scene.pass(HOLD / 4).await;
        let effects = second.effects();
        let is_claimed = scene.clock.monotonic() - started_at < scene.time.paced(CLAIM);
        assert!(effects.is_empty() || !is_claimed, "effects of others while it works");
    }
    scene.stage.kill(jumping);
    // In real time, on a slow machine, the first one may have been fast enough before it was killed.
    let was_killed_before = scene.time.is_real() || first.effects().is_empty();
    assert!(was_killed_before, "it was killed before");
    scene.pass_until_empty().await;
    let effects = [first.effects(), second.effects()].concat();
    assert_eq!(effects, ["x"], "effects of those whose clocks are wrong");
}
