//! Sending, alone and in batches; delays and retention.

use std::collections::{BTreeMap, BTreeSet};

use super::super::sample::hostile_ids;
use super::*;
use crate::message_queue::InvalidMessage;

pub(super) async fn a_message_comes_back_as_it_was_sent(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    let mut texts = hostile_ids();
    texts.extend([" ", "\t\r\n", "\r", "\u{7f}\u{85}\u{fffd}", "null"].map(str::to_owned));
    texts.push("ü".repeat(50_000));
    for text in texts {
        let message = NewMessage::new(&text)
            .attribute("text", &text)
            .attribute("A-b_c.d", "\"quoted\"\\")
            .attribute("a", "1");
        let id = q.send(&queue, message.clone()).await;
        let received = q.receive_one(&queue).await;
        assert_eq!(received.id, id, "the id of {text:?}");
        assert_eq!(received.body, text);
        assert_eq!(received.attributes, message.attributes, "the attributes beside {text:?}");
        assert_eq!((received.group, received.deduplication_id), (None, None));
        assert_eq!(received.dead_letter_source, None);
        assert!(!received.moved_by_policy);
    }
    q.send(&queue, NewMessage::new("plain")).await;
    assert_eq!(q.receive_one(&queue).await.attributes, BTreeMap::new());
}

pub(super) async fn every_message_has_an_id_of_its_own(q: QueuesAndClock) {
    let (queue, other) = (q.queue("q").await, q.queue("other").await);
    let mut ids = BTreeSet::new();
    for _ in 0..20 {
        // Equal messages are not one message.
        assert!(ids.insert(q.send(&queue, NewMessage::new("same")).await), "an id came twice");
        assert!(ids.insert(q.send(&other, NewMessage::new("same")).await), "an id came twice");
    }
    let batch = q.queues.send_batch(&queue, vec![NewMessage::new("same"); 10]).await;
    for sent in batch.expect("a valid batch") {
        assert!(ids.insert(sent.expect("a valid message")), "an id came twice");
    }
    assert_eq!(q.receive_all(&queue).await.len(), 30);
}

type IsExpected = fn(&InvalidMessage) -> bool;

pub(super) async fn a_message_that_is_not_valid_is_refused_and_not_sent(q: QueuesAndClock) {
    use InvalidMessage as Invalid;

    let queue = q.configure("q", QueueOptions::default().max_message_size(2_000)).await;
    let fifo = q.queue("q.fifo").await;
    let message = || NewMessage::new("x");
    let cases: [(&QueueName, NewMessage, IsExpected); 8] = [
        (&queue, NewMessage::new(""), |e| matches!(e, Invalid::EmptyBody)),
        (&queue, NewMessage::new("a\0"), |e| matches!(e, Invalid::IllegalCharacter { .. })),
        (&queue, NewMessage::new("x".repeat(2_001)), |e| {
            matches!(e, Invalid::TooLarge { actual: 2_001, limit: 2_000 })
        }),
        (&queue, message().attribute("a b", "c"), |e| matches!(e, Invalid::AttributeName { .. })),
        (&queue, message().delay(15 * MINUTE + SECOND), |e| {
            matches!(e, Invalid::DelayTooLong { .. })
        }),
        (&queue, message().group("g"), |e| matches!(e, Invalid::OnlyForFifo { .. })),
        (&fifo, message(), |e| matches!(e, Invalid::NoGroup)),
        (&fifo, message().group("g").delay(SECOND), |e| matches!(e, Invalid::DelayOnFifo)),
    ];
    for (queue, message, expected) in cases {
        match q.queues.send(queue, message).await {
            Err(Error::InvalidMessage { source, .. }) if expected(&source) => {}
            outcome => panic!("a message that is not valid: {outcome:?}"),
        }
    }
    for queue in [&queue, &fifo] {
        q.advance(HOUR);
        q.assert_nothing_comes(queue, "refused messages").await;
    }
    q.send(&queue, NewMessage::new("x".repeat(2_000))).await;
}

pub(super) async fn of_a_batch_each_message_is_sent_or_refused_for_itself(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    let bodies = ["one", "", "two", "\0", "three"];
    let batch = q.queues.send_batch(&queue, bodies.map(NewMessage::new).into()).await;
    let batch = batch.unwrap_or_else(|error| panic!("the whole batch was refused: {error}"));
    let sent: Vec<bool> = batch.iter().map(Result::is_ok).collect();
    assert_eq!(sent, [true, false, true, false, true], "what was sent of {bodies:?}");
    let ids: BTreeMap<MessageId, &str> = batch
        .iter()
        .zip(bodies)
        .filter_map(|(id, body)| Some((id.as_ref().ok()?.clone(), body)))
        .collect();
    let received = q.receive_all(&queue).await;
    assert_eq!(received.len(), 3);
    for message in received {
        assert_eq!(ids.get(&message.id), Some(&&*message.body), "whose id it is");
    }
}

pub(super) async fn a_batch_that_is_empty_or_too_large_is_refused(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    for len in [0, 11] {
        let refused = q.queues.send_batch(&queue, vec![NewMessage::new("x"); len]).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "a batch of {len}: {refused:?}");
        let receipts = vec![ReceiptHandle::from_stored("1.0"); len];
        let refused = q.queues.acknowledge_batch(&queue, &receipts).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{len} receipts: {refused:?}");
    }
    q.assert_nothing_comes(&queue, "a refused batch").await;
}

pub(super) async fn a_delayed_message_comes_when_its_time_has_come(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send(&queue, NewMessage::new("at once").delay(Duration::ZERO)).await;
    q.send(&queue, NewMessage::new("after 10 s").delay(10 * SECOND)).await;
    q.send(&queue, NewMessage::new("after 15 min").delay(15 * MINUTE)).await;
    let now = q.receive_one(&queue).await;
    assert_eq!(now.body, "at once");
    q.acknowledge(&queue, &now).await;
    q.advance(9 * SECOND);
    q.assert_nothing_comes(&queue, "before the delay is over").await;
    q.advance(SECOND);
    let later = q.receive_one(&queue).await;
    assert_eq!(later.body, "after 10 s");
    q.acknowledge(&queue, &later).await;
    q.advance(15 * MINUTE - 11 * SECOND);
    q.assert_nothing_comes(&queue, "before the delay is over").await;
    q.advance(SECOND);
    assert_eq!(q.bodies(&queue).await, ["after 15 min"]);
}

pub(super) async fn a_queue_delays_messages_without_a_delay_of_their_own(q: QueuesAndClock) {
    for name in ["q", "q.fifo"] {
        let queue = q.configure(name, QueueOptions::default().delay(10 * SECOND)).await;
        let message = NewMessage::new("delayed");
        q.send(&queue, if queue.is_fifo() { message.group("g") } else { message }).await;
        if !queue.is_fifo() {
            q.send(&queue, NewMessage::new("its own").delay(SECOND)).await;
            q.advance(SECOND);
            assert_eq!(q.bodies(&queue).await, ["its own"]);
        }
        q.advance(8 * SECOND);
        q.assert_nothing_comes(&queue, "before the delay is over").await;
        q.advance(2 * SECOND);
        assert_eq!(q.bodies(&queue).await, ["delayed"]);
    }
}

pub(super) async fn a_message_is_gone_when_its_retention_is_over(q: QueuesAndClock) {
    let queue = q.configure("q", QueueOptions::default().retention(10 * MINUTE)).await;
    q.send_bodies(&queue, &["old"]).await;
    q.advance(5 * MINUTE);
    q.send_bodies(&queue, &["young"]).await;
    q.advance(5 * MINUTE - SECOND);
    let received = q.receive_all(&queue).await;
    assert_eq!(sorted_bodies(&received), ["old", "young"]);
    q.advance(MINUTE);
    assert_eq!(q.counts(&queue).await, QueueCounts { visible: 1, ..QueueCounts::default() });
    assert_eq!(q.bodies(&queue).await, ["young"]);
    q.advance(HOUR);
    assert_eq!(q.counts(&queue).await, QueueCounts::default());
    q.assert_nothing_comes(&queue, "after the retention").await;
}
