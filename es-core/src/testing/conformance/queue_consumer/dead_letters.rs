//! What cannot be handled.

use super::*;
use crate::dead_letter_queue::DeadMessageRedrive;
use crate::error::Error;
use crate::message_queue::InvalidMessage;

pub(super) async fn poison_becomes_a_dead_letter_that_the_others_pass_and_comes_in_its_order_after_a_fix(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q.fifo").await;
    for (id, text) in [("1", "a1"), ("2", "a2"), ("3", "b1"), ("4", "a3"), ("5", "a4")] {
        scene.send(id, text).await;
    }
    let does = scene.doing(SECOND).cannot(&["a2", "a3"]);
    scene.start(scene.consumer(&Faults::none(), &does).concurrency(5));
    scene.pass_until_empty().await;
    let of_group = |group: char| {
        does.effects().into_iter().filter(|text| text.starts_with(group)).collect::<Vec<_>>()
    };
    assert_eq!(of_group('a'), ["a1", "a4"], "what passed the poison");
    assert_eq!(of_group('b'), ["b1"], "another group");
    let why = |text: &str| (text.to_owned(), DeadLetterReason::Permanent);
    assert_eq!(scene.letters().await, [why("a2"), why("a3")]);

    let does = does.cannot(&[]);
    let redriven = scene.dead_letters().redrive(&DeadMessageRedrive::all()).await;
    assert_eq!(redriven.map(|redriven| redriven.moved).ok(), Some(2), "how many were redriven");
    scene.pass_until_empty().await;
    let effects: Vec<_> = does.effects().into_iter().filter(|text| text.starts_with('a')).collect();
    assert_eq!(effects, ["a1", "a4", "a2", "a3"], "after the fix");
    assert_eq!(scene.letters().await, []);
}

pub(super) async fn poison_without_dead_letters_parks_its_group_in_its_order_until_a_fix(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q.fifo").await;
    for (id, text) in [("1", "a1"), ("2", "a2"), ("3", "b1"), ("4", "a3"), ("5", "b2")] {
        scene.send(id, text).await;
    }
    let does = scene.doing(SECOND).cannot(&["a2"]);
    scene.start(scene.consumer_without_dead_letters(&Faults::none(), &does).concurrency(5));
    let of_group = |group: char| {
        does.effects().into_iter().filter(|text| text.starts_with(group)).collect::<Vec<_>>()
    };
    scene.pass_until("another group is done", |_| of_group('b') == ["b1", "b2"]).await;
    scene.pass_until("what was before the poison is done", |_| of_group('a') == ["a1"]).await;
    scene.pass(2 * HOLD).await;
    assert_eq!(of_group('a'), ["a1"], "the poison, and what is behind it");

    does.clone().cannot(&[]);
    scene.pass_until_empty().await;
    assert_eq!(of_group('a'), ["a1", "a2", "a3"], "after the fix");
}

pub(super) async fn while_a_dead_letter_cannot_be_sent_nothing_is_acknowledged_or_received(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q").await;
    scene.send("1", "bad").await;
    let faults = Faults::none();
    for nth in 1..=10_000 {
        faults.at(Call::Send, nth, Fault::LostRequest);
    }
    let does = scene.doing(SECOND).cannot(&["bad"]);
    let consumer = scene.consumer(&faults, &does).concurrency(3);
    scene.start(consumer.visibility_timeout(scene.time.paced(6 * HOLD)));
    let is_lost = |_: &Scene| faults.injected(Fault::LostRequest) > 0;
    scene.pass_until("a dead letter could not be sent", is_lost).await;
    let is_over = |scene: &Scene| !scene.queues.is_receiving();
    scene.pass_until("the receive that was under way comes to its end", is_over).await;
    for (id, text) in [("2", "x"), ("3", "y")] {
        scene.send(id, text).await;
    }
    let receives = faults.calls(Call::Receive);
    scene.pass(6 * HOLD).await;
    assert_eq!(faults.calls(Call::Receive), receives, "receives while there is no dead letter");
    assert_eq!((does.effects().len(), scene.left().await), (0, 3), "what was done, and is left");
    assert_eq!(scene.letters().await, []);

    faults.stop();
    scene.pass_until_empty().await;
    assert_eq!(scene.letters().await, [("bad".to_owned(), DeadLetterReason::Permanent)]);
    let mut effects = does.effects();
    effects.sort();
    assert_eq!(effects, ["x", "y"]);
}

pub(super) async fn a_message_that_is_too_large_is_refused_and_a_dead_letter_fits(
    s: QueuesRecordsAndClock,
) {
    let mut scene = Scene::new(&s, "q").await;
    let limit = QueueOptions::default().max_message_size;
    let refused = scene.queues.send(&scene.queue, NewMessage::new("x".repeat(limit + 1))).await;
    let too_large = matches!(
        &refused,
        Err(Error::InvalidMessage { source: InvalidMessage::TooLarge { .. }, .. })
    );
    assert!(too_large, "a byte over the limit: {refused:?}");
    assert_eq!(scene.left().await, 0, "what was refused was not sent");

    // There is room for the reason, and not for all of the error.
    let large = "x".repeat(limit - 1_000);
    scene.send("1", &large).await;
    let does = scene.doing(Duration::ZERO).cannot(&[&large]);
    scene.start(scene.consumer(&Faults::none(), &does));
    scene.pass_until_empty().await;
    let letters = scene.letters().await;
    assert!(letters == [(large, DeadLetterReason::Permanent)], "{} letters", letters.len());
}
