//! Receiving what is there.

use std::collections::BTreeSet;

use super::super::concurrently::concurrently;
use super::*;

pub(super) async fn a_received_message_is_invisible_until_its_timeout(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    let id = q.send(&queue, NewMessage::new("x")).await;
    for receive in 1..=3 {
        assert_eq!(q.receive_one(&queue).await.id, id, "receive {receive}");
        q.assert_nothing_comes(&queue, "a message in flight").await;
        q.advance(TIMEOUT - SECOND);
        q.assert_nothing_comes(&queue, "a message in flight").await;
        q.advance(SECOND);
    }
    assert_eq!(q.bodies(&queue).await, ["x"]);
}

pub(super) async fn a_receive_can_have_a_timeout_of_its_own(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    for timeout in [SECOND, 5 * MINUTE, 12 * HOUR] {
        let options = ReceiveOptions::up_to(1).visibility_timeout(timeout);
        assert_eq!(q.receive_with(&queue, options).await.len(), 1);
        q.advance(timeout - SECOND / 2);
        q.assert_nothing_comes(&queue, &format!("held for {timeout:?}")).await;
        q.advance(SECOND / 2);
    }
    assert_eq!(q.bodies(&queue).await, ["x"]);
}

pub(super) async fn a_receive_gives_no_more_than_asked_for(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    let bodies: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
    q.send_bodies(&queue, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut received = Vec::new();
    for max in [1, 2, 3, 10] {
        // Every receive is checked where it is made.
        received.extend(q.receive(&queue, max).await);
    }
    received.extend(q.receive_all(&queue).await);
    assert_eq!(sorted_bodies(&received), bodies);
}

pub(super) async fn what_cannot_be_asked_for_is_refused(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    for options in [
        ReceiveOptions::up_to(0),
        ReceiveOptions::up_to(11),
        ReceiveOptions::up_to(1).wait(21 * SECOND),
        ReceiveOptions::up_to(1).visibility_timeout(Duration::ZERO),
        ReceiveOptions::up_to(1).visibility_timeout(12 * HOUR + SECOND),
    ] {
        let refused = q.queues.receive(&queue, options).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{options:?}: {refused:?}");
    }
    let held = q.receive_one(&queue).await;
    let refused = q.queues.extend(&queue, &held.receipt, Duration::ZERO).await;
    assert!(matches!(refused, Err(Error::Misuse(_))), "an extension by nothing: {refused:?}");
    q.acknowledge(&queue, &held).await;
}

pub(super) async fn receives_are_counted_and_times_are_told(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    let sent_at = q.now();
    q.send(&queue, NewMessage::new("x").delay(10 * SECOND)).await;
    q.advance(MINUTE);
    let first_received_at = q.now();
    for receive in 1..=5 {
        let message = q.receive_one(&queue).await;
        assert_eq!(message.receive_count, receive, "how often it was received");
        assert_eq!(message.sent_at, sent_at, "when it was sent");
        assert_eq!(message.first_received_at, first_received_at, "its first receive");
        if receive % 2 == 0 {
            q.release(&queue, &message, Duration::ZERO).await;
        } else {
            q.advance(TIMEOUT);
        }
    }
}

pub(super) async fn of_concurrent_receivers_each_message_has_one(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    for n in 0..10 {
        let batch = (0..10).map(|m| NewMessage::new(format!("{n}{m}"))).collect();
        let sent = q.queues.send_batch(&queue, batch).await;
        sent.unwrap_or_else(|error| panic!("a batch was refused: {error}"));
    }
    let receivers = (0..8).map(|n| {
        let (q, queue) = (q.clone(), queue.clone());
        async move {
            let mut received = Vec::new();
            loop {
                let messages = q.receive(&queue, 1 + n % 3).await;
                if messages.is_empty() {
                    return received;
                }
                received.extend(messages.into_iter().map(|message| message.id));
                assert!(received.len() <= 1_000, "the same messages come again and again");
            }
        }
    });
    let received = concurrently(receivers).await.concat();
    let different: BTreeSet<_> = received.iter().collect();
    assert_eq!((received.len(), different.len()), (100, 100), "messages, and different ones");
}

pub(super) async fn counts_tell_visible_in_flight_and_delayed(q: QueuesAndClock) {
    let (queue, other) = (q.queue("q").await, q.queue("other").await);
    assert_eq!(q.counts(&queue).await, QueueCounts::default());
    q.send_bodies(&queue, &["a", "b", "c", "d", "e"]).await;
    q.send_bodies(&other, &["elsewhere"]).await;
    q.send(&queue, NewMessage::new("delayed").delay(MINUTE)).await;
    assert_eq!(q.counts(&queue).await, QueueCounts { visible: 5, in_flight: 0, delayed: 1 });
    let held = q.receive(&queue, 3).await;
    let visible = 5 - held.len() as u64;
    let in_flight = held.len() as u64;
    assert_eq!(q.counts(&queue).await, QueueCounts { visible, in_flight, delayed: 1 });
    q.acknowledge(&queue, &held[0]).await;
    assert_eq!(q.counts(&queue).await.in_flight, in_flight - 1);
    q.advance(MINUTE);
    assert_eq!(q.counts(&queue).await, QueueCounts { visible: 5, in_flight: 0, delayed: 0 });
}

pub(super) async fn a_purged_queue_is_empty(q: QueuesAndClock) {
    let (queue, other) = (q.queue("q").await, q.queue("other").await);
    q.send_bodies(&other, &["elsewhere"]).await;
    q.send_bodies(&queue, &["a", "b", "c"]).await;
    q.send(&queue, NewMessage::new("delayed").delay(MINUTE)).await;
    let held = q.receive_one(&queue).await;
    let purged = q.queues.purge(&queue).await;
    purged.unwrap_or_else(|error| panic!("a purge failed: {error}"));
    assert_eq!(q.counts(&queue).await, QueueCounts::default(), "the counts of a purged queue");
    q.assert_lost(&queue, &held.receipt, "the receipt of a purged message").await;
    q.advance(HOUR);
    q.assert_nothing_comes(&queue, "after a purge").await;
    assert_eq!(q.bodies(&other).await, ["elsewhere"]);
    q.send_bodies(&queue, &["afterwards"]).await;
    assert_eq!(q.bodies(&queue).await, ["afterwards"]);
}
