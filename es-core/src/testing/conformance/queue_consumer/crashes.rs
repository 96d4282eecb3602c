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
    let (shut_down, shutdown) = tokio::sync::oneshot::channel::<()>();
    let running = scene.stage.enter(async move {
        let shutdown = async { drop(shutdown.await) };
        consumer.run(shutdown).await
    });
    scene.pass(7 * SECOND).await;
    drop(shut_down);
    scene.pass(5 * SECOND).await;
    assert!(scene.stage.is_gone(running), "it comes to its end");
    assert_eq!(does.effects(), ["a1", "a2"], "what was under way was finished");
    let expected = QueueCounts { visible: 3, ..QueueCounts::default() };
    assert_eq!(scene.counts().await, expected, "the rest was given back at once");
    scene.start(scene.consumer(&Faults::none(), &does));
    scene.pass_until_empty().await;
    assert_eq!(does.effects(), ["a1", "a2", "a3", "a4", "a5"]);
}

pub(super) async fn a_consumer_that_is_killed_at_any_step_loses_nothing(s: QueuesRecordsAndClock) {
    let mut repeated = 0;
    for steps in 0..16 {
        let mut scene = Scene::new(&s, &format!("q-{steps}")).await;
        for text in TEXTS {
            // Another id for each kill, as the records stay.
            scene.send(&format!("{text}-{steps}"), text).await;
        }
        let does = scene.doing(SECOND).lingering(SECOND / 2);
        let killed = scene.start(scene.consumer(&Faults::none(), &does).concurrency(2));
        scene.pass(steps * Stage::STEP).await;
        scene.stage.kill(killed);
        let left = scene.left().await;
        scene.start(scene.consumer(&Faults::none(), &does).concurrency(2));
        scene.pass_until_empty().await;
        let effects = does.effects();
        let mut texts = effects.clone();
        texts.sort();
        texts.dedup();
        assert_eq!(texts, TEXTS, "killed after {steps} steps with {left} left");
        assert!(effects.len() <= TEXTS.len() + 2, "more than it had in hand: {effects:?}");
        repeated += effects.len() - texts.len();
    }
    assert!(repeated > 0, "it was never killed between an effect and its record");
    let scene = Scene::new(&s, "after").await;
    send_all(&scene).await;
    assert_eq!(scene.left().await, TEXTS.len() as u64, "the store goes on");
}
