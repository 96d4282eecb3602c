//! How a consumer recognises what was handled.

use super::*;

/// An owner that stands still between its effect and its record, for longer than its claim, is the one who
/// died there, as far as anybody knows: the effect comes a second time. From then on it does not.
pub(super) async fn of_two_owners_one_completes_and_a_redelivery_has_no_effect(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q").await;
    scene.send("1", "x").await;
    let first = scene.doing(Duration::ZERO).lingering(SECOND);
    let second = scene.doing(SECOND);
    let still = scene.start(scene.consumer(&Faults::none(), &first));
    scene.pass_until("the first one had its effect", |_| !first.effects().is_empty()).await;
    // Its record expires while it is at it.
    scene.stage.stand_still(still, true);
    scene.start(scene.consumer(&Faults::none(), &second));
    scene.pass_until_empty().await;
    assert_eq!(second.effects(), ["x"], "nobody knew of the first effect");
    scene.stage.stand_still(still, false);
    scene.pass(HOLD).await;
    for _ in 0..3 {
        scene.send("1", "x").await;
        scene.pass_until_empty().await;
    }
    assert_eq!((first.effects().len(), second.effects().len()), (1, 1), "after redeliveries");
}

pub(super) async fn an_id_that_comes_with_another_content_becomes_a_dead_letter(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q").await;
    let does = scene.doing(SECOND);
    scene.start(scene.consumer(&Faults::none(), &does));
    for text in ["x", "y", "x"] {
        scene.send("1", text).await;
        scene.pass_until_empty().await;
    }
    assert_eq!(does.effects(), ["x"]);
    assert_eq!(scene.letters().await, [("y".to_owned(), DeadLetterReason::IdReused)]);
}
