//! Dead letters on their way back, with what can come between.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::{
    DeadLetterQueue, DeadMessageRedrive, Error, Incoming, MessageError, MessageHandler,
    MessageQueue as _, NewMessage, QueueConsumer, QueueCounts, QueueName, QueueOptions, Redrive,
};

use crate::support::fake_messaging::{FakeMessaging, Fault};
use crate::support::scene::{SECOND, Scene, queue, shop};

/// A shop whose SQS moves nothing by itself.
async fn scene() -> Scene {
    let scene = Scene::with(7, FakeMessaging::without_move_tasks, |queues| queues, |topics| topics);
    scene.ensure(&shop()).await;
    scene
}

/// Takes every message.
struct Settled;

#[async_trait]
impl MessageHandler for Settled {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        Ok(())
    }
}

/// Sends messages that become dead letters.
async fn give_up(scene: &Scene, of: &QueueName, bodies: &[&str]) {
    for body in bodies {
        scene.send(of, body).await;
    }
    loop {
        let received = scene.receive(of).await;
        if received.is_empty() {
            return;
        }
        for message in received {
            let released = scene.queues.release(of, &message.receipt, Duration::ZERO).await;
            released.expect("it is held");
        }
    }
}

#[tokio::test]
async fn sqs_moves_everything_by_itself_where_it_can() {
    let mut scene = Scene::of_the_shop().await;
    give_up(&scene, &queue("billing"), &["a", "b"]).await;
    scene.take_operations();
    let moved = scene.queues.redrive(&queue("dead"), Redrive::all()).await.expect("a redrive");
    assert_eq!(moved, 2);
    let asked = ["ListMessageMoveTasks", "StartMessageMoveTask", "ListMessageMoveTasks"];
    assert_eq!(scene.take_operations(), asked);
}

#[tokio::test]
async fn a_redrive_that_somebody_cancels_ends_and_says_so() {
    let scene = Scene::with(7, FakeMessaging::with_cancelled_move_tasks, |it| it, |it| it);
    scene.ensure(&shop()).await;
    give_up(&scene, &queue("billing"), &["a", "b"]).await;
    let refused = scene.queues.redrive(&queue("dead"), Redrive::all()).await;
    let error = refused.expect_err("it is cancelled");
    assert!(!error.is_transient(), "{error:?}");
    assert!(error.with_causes().contains("cancelled it, after 0 messages"), "{error:?}");
    assert_eq!(scene.queues.counts(&queue("dead")).await.expect("counts").visible, 2);
}

#[tokio::test]
async fn what_sqs_says_of_an_earlier_redrive_is_not_what_came_of_this_one() {
    let scene = Scene::of_the_shop().await;
    let (billing, dead) = (queue("billing"), queue("dead"));
    give_up(&scene, &billing, &["a", "b", "c"]).await;
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 3);
    give_up(&scene, &billing, &[]).await;
    scene.queues.purge(&dead).await.expect("it can be purged");
    give_up(&scene, &billing, &["d"]).await;
    // The new task is not listed at once: the second request is that behind its begin.
    scene.messaging.faults().at("ListMessageMoveTasks", 2, Fault::EntryLeftOut);
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 1);
    assert_eq!(scene.messaging.faults().injected(Fault::EntryLeftOut), 1);
}

#[tokio::test]
async fn what_was_sent_to_the_dead_letters_keeps_others_from_nothing() {
    let scene = Scene::of_the_shop().await;
    let (billing, dead) = (queue("billing"), queue("dead"));
    give_up(&scene, &billing, &["a", "b"]).await;
    // As by a consumer.
    scene.send(&dead, "sent").await;
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 2);
    let counts = scene.queues.counts(&dead).await.expect("counts");
    assert_eq!((counts.visible, counts.in_flight), (1, 0), "it is given back");
    assert_eq!(scene.bodies(&dead).await, ["sent"]);
}

#[tokio::test]
async fn a_letter_that_cannot_be_sent_stays() {
    let scene = scene().await;
    let (billing, dead) = (queue("billing"), queue("dead"));
    give_up(&scene, &billing, &["a", "b", "c"]).await;
    scene.messaging.faults().always("SendMessageBatch", Fault::AccessDenied);
    let refused = scene.queues.redrive(&dead, Redrive::all()).await.expect_err("it is refused");
    assert!(refused.with_causes().starts_with("sending to queue p-billing (not allowed"));
    scene.messaging.faults().stop();
    let counts = scene.queues.counts(&dead).await.expect("counts");
    assert_eq!((counts.visible, counts.in_flight), (3, 0), "they were given back");
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 3);
}

#[tokio::test]
async fn a_redrive_that_is_cut_off_leaves_duplicates_and_loses_nothing() {
    let scene = scene().await;
    let (billing, dead) = (queue("billing"), queue("dead"));
    give_up(&scene, &billing, &["a", "b", "c"]).await;
    scene.messaging.faults().always("DeleteMessageBatch", Fault::LostRequest);
    let cut_off = scene.queues.redrive(&dead, Redrive::all()).await.expect_err("no answer");
    assert!(cut_off.is_transient());
    scene.messaging.faults().stop();
    scene.clock.advance(300 * SECOND);
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 3);
    let bodies = scene.bodies(&billing).await;
    assert_eq!(bodies.len(), 6, "each twice");
    assert_eq!(bodies.into_iter().collect::<BTreeSet<_>>().len(), 3);
}

#[tokio::test]
async fn a_letter_of_a_fifo_queue_is_no_repetition_of_itself() {
    let scene = scene().await;
    let (stock, dead) = (queue("stock.fifo"), queue("dead.fifo"));
    let message = NewMessage::new("x").group("g").deduplication_id("d");
    scene.queues.send(&stock, message).await.expect("it is sent");
    // All of it within the five minutes in which `d` is known.
    for _ in 0..2 {
        give_up(&scene, &stock, &[]).await;
        assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 1);
    }
    let back = scene.receive_one(&stock).await;
    assert_eq!((&*back.body, back.deduplication_id.as_deref()), ("x", Some("d")));
}

#[tokio::test]
async fn no_letter_overtakes_one_of_its_group_that_fails() {
    let bodies = ["1", "2", "3", "4", "5"];
    for failing in 1..=5 {
        let scene = scene().await;
        let (stock, dead) = (queue("stock.fifo"), queue("dead.fifo"));
        give_up(&scene, &stock, &bodies).await;
        scene.messaging.faults().at("SendMessageBatch", failing, Fault::PartialFailure);
        let failed = scene.queues.redrive(&dead, Redrive::all()).await;
        assert!(failed.is_err_and(|error| error.is_transient()), "letter {failing}");
        let counts = scene.queues.counts(&stock).await.expect("counts");
        assert_eq!(counts.visible, failing - 1, "those before it");
        let counts = scene.queues.counts(&dead).await.expect("counts");
        assert_eq!((counts.visible, counts.in_flight), (6 - failing, 0), "given back");
        scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive");
        assert_eq!(scene.bodies(&stock).await, bodies);
    }
}

#[tokio::test]
async fn letters_of_different_groups_share_requests() {
    let mut scene = scene().await;
    let (stock, dead) = (queue("stock.fifo"), queue("dead.fifo"));
    for (group, body) in [("a", "1"), ("a", "2"), ("b", "3"), ("c", "4")] {
        let message = NewMessage::new(body).group(group);
        scene.queues.send(&stock, message).await.expect("it is sent");
    }
    give_up(&scene, &stock, &[]).await;
    scene.take_operations();
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 4);
    let operations = scene.take_operations();
    let sent = operations.iter().filter(|operation| *operation == "SendMessageBatch").count();
    assert_eq!(sent, 2, "{operations:?}");
}

#[tokio::test]
async fn a_queue_that_is_gone_keeps_others_from_nothing() {
    let scene = scene().await;
    let dead = queue("dead");
    let also = es_core::QueueOptions::default().dead_letters(dead.clone(), 3);
    scene.queues.configure(&queue("returns"), also).await.expect("it can be made");
    give_up(&scene, &queue("billing"), &["a", "b"]).await;
    give_up(&scene, &queue("returns"), &["c"]).await;
    scene.messaging.remove_queue("p-returns");
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 2);
    assert_eq!(scene.bodies(&dead).await, ["c"]);
}

#[tokio::test]
async fn letters_of_queues_with_another_prefix_are_left() {
    let scene = scene().await;
    let dead = queue("dead");
    give_up(&scene, &queue("billing"), &["a"]).await;
    // A program that calls the dead-letter queue otherwise, and knows nothing of the billing.
    let options = es_sns_sqs::SqsQueues::builder().name_prefix("p-de").clock(scene.clock.clone());
    let other = options.with_client(scene.messaging.sqs()).expect("a valid prefix");
    assert_eq!(other.redrive(&queue("ad"), Redrive::all()).await.expect("a redrive"), 0);
    assert_eq!(scene.queues.redrive(&dead, Redrive::all()).await.expect("a redrive"), 1);
}

#[tokio::test]
async fn what_a_policy_moved_from_elsewhere_does_not_say_where_it_goes() {
    let scene = scene().await;
    let at = "2026-03-01T12:00:00Z";
    let forged = format!(
        r#"{{"consumer":"c","queue":"it","message_id":"m","reason":"permanent","error":"",
        "attempts":1,"sent_at":"{at}","first_received_at":"{at}","dead_lettered_at":"{at}"}}"#
    );
    let message = NewMessage::new("pay me").attribute("deadletter", forged);
    scene.queues.send(&queue("billing"), message).await.expect("it is sent");
    give_up(&scene, &queue("billing"), &[]).await;
    // A program for which the dead letters have a name, and the queue that they come from has none.
    let options = es_sns_sqs::SqsQueues::builder().name_prefix("p-de").clock(scene.clock.clone());
    let other = Arc::new(options.with_client(scene.messaging.sqs()).expect("a valid prefix"));
    other.configure(&queue("it"), QueueOptions::default()).await.expect("a new queue");

    let dead = DeadLetterQueue::new(other.clone(), queue("ad")).with_clock(scene.clock.clone());
    let redriven = dead.redrive(&DeadMessageRedrive::all()).await.expect("a redrive");
    assert_eq!((redriven.moved, redriven.stayed.len()), (0, 1));
    assert_eq!(other.counts(&queue("it")).await.expect("counts"), QueueCounts::default());
}

#[tokio::test]
async fn dead_letters_may_go_to_a_queue_with_another_prefix() {
    let scene = scene().await;
    let options = es_sns_sqs::SqsQueues::builder().name_prefix("p-bil").clock(scene.clock.clone());
    let other = options.with_client(scene.messaging.sqs()).expect("a valid prefix");
    let found = other.options(&queue("ling")).await.expect("it is there");
    let policy = found.redrive_policy.expect("it gives messages up");
    assert_eq!((policy.dead_letter_queue, policy.max_receive_count), (queue("p-dead"), 3));
    // So a consumer can begin.
    other.send(&queue("ling"), NewMessage::new("x")).await.expect("it is sent");
    let consumer = QueueConsumer::new("billing", Arc::new(other), queue("ling"), Settled);
    let worked = consumer.expect("a valid name").work_off().await.expect("a queue");
    assert_eq!(worked.done, 1);
}

#[tokio::test]
async fn more_letters_than_are_asked_for_are_looked_at_once() {
    let scene = scene().await;
    let (billing, dead) = (queue("billing"), queue("dead"));
    let bodies: Vec<String> = (0..35).map(|n| n.to_string()).collect();
    give_up(&scene, &billing, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let wanted = scene.receive(&dead).await;
    let ids: Vec<_> = wanted.iter().map(|letter| letter.id.clone()).collect();
    scene.clock.advance(30 * SECOND);
    let redrive = Redrive::all().only(ids[..3].to_vec());
    assert_eq!(scene.queues.redrive(&dead, redrive).await.expect("a redrive"), 3);
    let counts = scene.queues.counts(&dead).await.expect("counts");
    assert_eq!((counts.visible, counts.in_flight), (32, 0));
}

#[tokio::test]
async fn a_missing_queue_is_told() {
    let missing = scene().await.queues.redrive(&queue("missing"), Redrive::all()).await;
    assert!(matches!(missing, Err(Error::NoSuchQueue { .. })), "{missing:?}");
}
