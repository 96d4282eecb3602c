//! Consumers that end in the middle of their work.

use super::*;

const TEXTS: [&str; 5] = ["a", "b", "c", "d", "e"];

async fn send_all(scene: &Scene) {
    for text in TEXTS {
        scene.send(text, text).await;
    }
}

pub(super) async fn a_shutdown_in_the_middle_of_a_batch_settles_what_is_in_hand(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q.fifo").await;
    // One group: one is handled, and the others wait in hand.
    for text in ["a1", "a2", "a3", "a4", "a5"] {
        scene.send(text, text).await;
    }
    let does = scene.doing(5 * SECOND);
    let consumer = scene.consumer(&Faults::none(), &does).concurrency(5);
    let consumer = consumer.visibility_timeout(scene.time.paced(6 * HOLD));
    let (shut_down, shutdown) = tokio::sync::oneshot::channel::<()>();
    let running = scene.stage.enter(async move {
        let shutdown = async { drop(shutdown.await) };
        consumer.run(shutdown).await
    });
    scene.pass_until("the second one has begun", |_| does.begun().len() > 1).await;
    drop(shut_down);
    scene.pass_until("it comes to its end", |scene| scene.stage.is_gone(running)).await;
    assert_eq!(does.effects(), does.begun(), "what was under way was finished");
    let left = 5 - does.effects().len() as u64;
    let counts = scene.counts().await;
    if scene.time.is_real() {
        // A server may give some to the receive that was broken off, and a slow machine comes later.
        assert_eq!(counts.visible, left - counts.in_flight, "the rest was given back at once");
    } else {
        assert_eq!(does.effects(), ["a1", "a2"], "nothing more was begun");
        let expected = QueueCounts { visible: 3, ..QueueCounts::default() };
        assert_eq!(counts, expected, "the rest was given back at once");
    }
    assert_eq!(scene.left().await, left, "nothing that was not handled was acknowledged");
    scene.start(scene.consumer(&Faults::none(), &does));
    scene.pass_until_empty().await;
    assert_eq!(does.effects(), ["a1", "a2", "a3", "a4", "a5"]);
}

pub(super) async fn a_consumer_that_is_killed_at_any_step_loses_nothing(s: QueuesRecordsAndClock) {
    let repeated = s.time.all((0..16).map(|steps| killed_after(&s, steps))).await;
    // In real time a step may pass over the moment.
    let was_between = s.time.is_real() || repeated.iter().sum::<usize>() > 0;
    assert!(was_between, "it was never killed between an effect and its record");
    let scene = Scene::new(&s, "after").await;
    send_all(&scene).await;
    assert_eq!(scene.left().await, TEXTS.len() as u64, "the store goes on");
}

/// Kills a consumer and lets another one go on; how many effects were repeated.
async fn killed_after(s: &QueuesRecordsAndClock, steps: u32) -> usize {
    const IN_HAND: usize = 2;
    let mut scene = Scene::new(s, &format!("q-{steps}")).await;
    for text in TEXTS {
        // Another id for each kill, as the records stay.
        scene.send(&format!("{text}-{steps}"), text).await;
    }
    let does = scene.doing(SECOND).lingering(SECOND / 2);
    let consumer = |scene: &Scene| {
        let consumer = scene.consumer(&Faults::none(), &does).concurrency(IN_HAND);
        // Shorter than a claim, for which the other one waits anyway.
        consumer.visibility_timeout(scene.time.paced(3 * HOLD))
    };
    let killed = scene.start(consumer(&scene));
    scene.pass(steps * SECOND / 4).await;
    scene.stage.kill(killed);
    let left = scene.left().await;
    scene.start(consumer(&scene));
    scene.pass_until_empty().await;
    let effects = does.effects();
    let texts: BTreeSet<_> = effects.iter().map(String::as_str).collect();
    assert_eq!(texts, TEXTS.into(), "killed after {steps} steps with {left} left");
    let repeated = effects.len() - texts.len();
    assert!(repeated <= IN_HAND, "more than it had in hand: {effects:?}");
    repeated
}
