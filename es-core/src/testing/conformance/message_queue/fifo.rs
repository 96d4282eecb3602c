//! Message groups and deduplication.

use std::collections::BTreeMap;

use super::super::concurrently::concurrently;
use super::waiting::receive_beside;
use super::*;

fn grouped(group: &str, body: &str) -> NewMessage {
    NewMessage::new(body).group(group)
}

async fn send_groups(q: &QueuesAndClock, queue: &QueueName, messages: &[(&str, &str)]) {
    for (group, body) in messages {
        q.send(queue, grouped(group, body)).await;
    }
}

/// Receives and acknowledges one after the other until nothing more comes; what came of each group.
async fn work_off(q: &QueuesAndClock, queue: &QueueName) -> BTreeMap<String, Vec<String>> {
    let mut worked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    loop {
        let received = q.receive(queue, 3).await;
        if received.is_empty() {
            return worked;
        }
        for message in received {
            q.acknowledge(queue, &message).await;
            worked.entry(message.group.expect("a group")).or_default().push(message.body);
        }
    }
}

/// The same, of one group.
async fn work_off_group(q: &QueuesAndClock, queue: &QueueName, group: &str) -> Vec<String> {
    work_off(q, queue).await.remove(group).unwrap_or_default()
}

pub(super) async fn a_group_comes_in_the_order_of_its_sends(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    let groups = ["a", "A", "a!", "b"];
    for n in 0..20 {
        let group = groups[n * n % 4];
        q.send(&queue, grouped(group, &format!("{n:02}"))).await;
        if n == 10 {
            // As clocks do.
            q.clock.set(q.now() - HOUR);
        }
    }
    let batch: Vec<NewMessage> = (20..30).map(|n| grouped(groups[n % 4], &n.to_string())).collect();
    q.queues.send_batch(&queue, batch).await.expect("a valid batch");
    q.advance(2 * HOUR);
    let worked = work_off(&q, &queue).await;
    assert_eq!(worked.values().map(Vec::len).sum::<usize>(), 30);
    for (group, bodies) in worked {
        assert!(bodies.is_sorted(), "group {group:?} came as {bodies:?}");
    }
}

pub(super) async fn a_group_waits_while_one_of_its_messages_is_in_flight(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    send_groups(&q, &queue, &[("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")]).await;
    let first = q.receive_one(&queue).await;
    assert_eq!(first.body, "a1");
    assert_eq!(q.bodies(&queue).await, ["b1"], "while a1 is in flight");
    send_groups(&q, &queue, &[("a", "a4"), ("c", "c1")]).await;
    assert_eq!(q.bodies(&queue).await, ["c1"], "while a1 and b1 are in flight");
    q.extend(&queue, &first, HOUR).await;
    q.advance(MINUTE);
    assert_eq!(q.bodies(&queue).await, ["b1", "c1"], "while a1 is in flight");
    q.acknowledge(&queue, &first).await;
    let next = q.receive_one(&queue).await;
    assert_eq!(next.body, "a2", "when a1 is done");
    q.acknowledge(&queue, &next).await;
    assert_eq!(q.receive_one(&queue).await.body, "a3");
}

pub(super) async fn a_group_waits_for_its_later_messages_in_flight_too(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    send_groups(&q, &queue, &[("a", "a1"), ("a", "a2"), ("a", "a3")]).await;
    // Whether one receive gives several messages of a group is for the implementation to choose.
    let held = q.receive(&queue, 2).await;
    q.release(&queue, &held[0], Duration::ZERO).await;
    if let Some(later) = held.get(1) {
        q.assert_nothing_comes(&queue, "while a2 is in flight").await;
        q.release(&queue, later, Duration::ZERO).await;
    }
    assert_eq!(work_off_group(&q, &queue, "a").await, ["a1", "a2", "a3"]);
}

pub(super) async fn a_message_whose_retention_is_over_blocks_nobody(q: QueuesAndClock) {
    let queue = q.configure("q.fifo", QueueOptions::default().retention(MINUTE)).await;
    send_groups(&q, &queue, &[("a", "a1")]).await;
    let options = ReceiveOptions::up_to(1).visibility_timeout(HOUR);
    assert_eq!(bodies(&q.receive_with(&queue, options).await), ["a1"]);
    q.advance(MINUTE / 2);
    send_groups(&q, &queue, &[("a", "a2")]).await;
    q.advance(MINUTE / 2);
    assert_eq!(q.bodies(&queue).await, ["a2"], "when the retention of a1 is over");
}

pub(super) async fn a_released_message_comes_before_the_later_ones_of_its_group(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    send_groups(&q, &queue, &[("a", "a1"), ("a", "a2"), ("b", "b1")]).await;
    let message = q.receive_one(&queue).await;
    q.release(&queue, &message, Duration::ZERO).await;
    let message = q.receive_one(&queue).await;
    assert_eq!((&*message.body, message.receive_count), ("a1", 2), "released at once");
    q.release(&queue, &message, 10 * SECOND).await;
    assert_eq!(q.bodies(&queue).await, ["b1"], "while the delay of a1 runs");
    q.advance(10 * SECOND);
    let message = q.receive_one(&queue).await;
    assert_eq!((&*message.body, message.receive_count), ("a1", 3), "released with a delay");
    q.advance(TIMEOUT);
    let message = q.receive_one(&queue).await;
    assert_eq!((&*message.body, message.receive_count), ("a1", 4), "when its timeout is over");
}

pub(super) async fn messages_released_in_a_batch_keep_the_order_of_their_group(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    send_groups(&q, &queue, &[("g", "1"), ("g", "2"), ("h", "3"), ("g", "4")]).await;
    let held = q.receive_all(&queue).await;
    assert_eq!(held.len(), 4, "a receive gives a group in order");
    let back = held.iter().rev().map(|message| (message.receipt.clone(), Duration::ZERO));
    let released = q.queues.release_batch(&queue, &back.collect::<Vec<_>>()).await;
    let released = released.unwrap_or_else(|error| panic!("the whole batch failed: {error}"));
    assert!(released.iter().all(Result::is_ok), "{released:?}");
    let mut worked = work_off(&q, &queue).await;
    let mut of = |group| worked.remove(group).unwrap_or_default();
    assert_eq!(of("g"), ["1", "2", "4"], "released from the last to the first");
    assert_eq!(of("h"), ["3"]);
}

pub(super) async fn a_dead_letter_unblocks_its_group(q: QueuesAndClock) {
    let (queue, dead) = q.giving_up("q.fifo", "dead.fifo", 2).await;
    send_groups(&q, &queue, &[("a", "poison"), ("a", "a2"), ("a", "a3")]).await;
    for _ in 0..2 {
        let message = q.receive_one(&queue).await;
        assert_eq!(message.body, "poison");
        q.release(&queue, &message, Duration::ZERO).await;
    }
    let next = q.receive_one(&queue).await;
    assert_eq!(next.body, "a2", "behind a dead letter");
    let given_up = q.receive_one(&dead).await;
    assert_eq!((&*given_up.body, given_up.group.as_deref()), ("poison", Some("a")));
    q.release(&dead, &given_up, Duration::ZERO).await;
    q.redrive(&dead, Redrive::all()).await;
    q.acknowledge(&queue, &next).await;
    let worked = work_off_group(&q, &queue, "a").await;
    assert_eq!(worked, ["a3", "poison"], "a redriven message comes last");
}

pub(super) async fn a_delayed_queue_keeps_the_order_when_its_delay_is_shortened(q: QueuesAndClock) {
    let queue = q.configure("q.fifo", QueueOptions::default().delay(MINUTE)).await;
    send_groups(&q, &queue, &[("a", "a1")]).await;
    q.configure("q.fifo", QueueOptions::default()).await;
    send_groups(&q, &queue, &[("a", "a2"), ("b", "b1")]).await;
    assert!(!q.bodies(&queue).await.contains(&"a2".to_owned()), "a2 came before a1");
    q.advance(HOUR);
    assert_eq!(work_off_group(&q, &queue, "a").await, ["a1", "a2"]);
}

pub(super) async fn a_wait_is_ended_by_the_acknowledgement_that_unblocks_a_group(
    q: QueuesAndClock,
) {
    let queue = q.queue("q.fifo").await;
    send_groups(&q, &queue, &[("a", "a1"), ("a", "a2")]).await;
    let options = ReceiveOptions::up_to(1).visibility_timeout(HOUR);
    let first = q.receive_with(&queue, options).await.remove(0);
    let received = receive_beside(&q, &queue, q.acknowledge(&queue, &first)).await;
    assert_eq!(bodies(&received), ["a2"]);
}

pub(super) async fn concurrent_receivers_keep_the_order_of_groups(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    for n in 0..10 {
        let batch = (0..10).map(|m| grouped(&format!("g{}", m % 3), &format!("{n}{m}")));
        q.queues.send_batch(&queue, batch.collect()).await.expect("a valid batch");
    }
    let worked = Arc::new(std::sync::Mutex::new(BTreeMap::<String, Vec<String>>::new()));
    let receivers = (0..6).map(|_| {
        let (q, queue, worked) = (q.clone(), queue.clone(), Arc::clone(&worked));
        async move {
            // Nothing there may mean that others hold something of every group.
            while q.counts(&queue).await != QueueCounts::default() {
                for message in q.receive(&queue, 2).await {
                    let group = message.group.clone().expect("a group");
                    let body = message.body.clone();
                    worked.lock().expect("a lock").entry(group).or_default().push(body);
                    q.acknowledge(&queue, &message).await;
                }
            }
        }
    });
    concurrently(receivers).await;
    let worked = worked.lock().expect("a lock");
    assert_eq!(worked.values().map(Vec::len).sum::<usize>(), 100, "each message once");
    for (group, bodies) in &*worked {
        assert!(bodies.is_sorted(), "group {group} came as {bodies:?}");
    }
}

pub(super) async fn a_repeated_send_answers_the_first_id_and_sends_nothing(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    let original = grouped("a", "original").deduplication_id("d");
    let id = q.send(&queue, original.clone()).await;
    let again = async |case: &str| {
        for message in [original.clone(), grouped("b", "other").deduplication_id("d")] {
            assert_eq!(q.send(&queue, message.clone()).await, id, "{case}");
            let batch = q.queues.send_batch(&queue, vec![message.clone(), message]).await;
            for sent in batch.expect("a valid batch") {
                assert_eq!(sent.expect("a valid message"), id, "{case}, in a batch");
            }
        }
    };
    again("while it waits").await;
    let message = q.receive_one(&queue).await;
    assert_eq!((&*message.body, message.deduplication_id.as_deref()), ("original", Some("d")));
    again("while it is in flight").await;
    q.acknowledge(&queue, &message).await;
    again("when it is done").await;
    q.advance(5 * MINUTE - SECOND);
    again("before five minutes are over").await;
    q.assert_nothing_comes(&queue, "repeated sends").await;
    // Without an id nothing is compared.
    let ids = [q.send(&queue, grouped("a", "x")).await, q.send(&queue, grouped("a", "x")).await];
    assert_ne!(ids[0], ids[1]);
}

pub(super) async fn a_deduplication_id_is_free_again_after_five_minutes(q: QueuesAndClock) {
    let queue = q.queue("q.fifo").await;
    let message = || grouped("a", "x").deduplication_id("d");
    let first = q.send(&queue, message()).await;
    q.advance(4 * MINUTE);
    // The window runs from the first send; repetitions do not lengthen it.
    assert_eq!(q.send(&queue, message()).await, first);
    q.advance(MINUTE);
    let second = q.send(&queue, message()).await;
    assert_ne!(second, first, "after five minutes");
    assert_eq!(q.send(&queue, message()).await, second);
    assert_eq!(work_off_group(&q, &queue, "a").await.len(), 2);
}

pub(super) async fn deduplication_ids_of_queues_are_kept_apart(q: QueuesAndClock) {
    for name in ["a.fifo", "b.fifo"] {
        let queue = q.queue(name).await;
        for id in ["d", "D", "d!"] {
            q.send(&queue, grouped("g", id).deduplication_id(id)).await;
        }
        assert_eq!(work_off_group(&q, &queue, "g").await, ["d", "D", "d!"], "{name}");
    }
}
