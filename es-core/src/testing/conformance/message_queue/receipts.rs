//! What a receiver can do with what it holds, and for how long.

use super::*;

pub(super) async fn an_acknowledged_message_never_comes_back(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["a", "b"]).await;
    let message = q.receive_one(&queue).await;
    q.acknowledge(&queue, &message).await;
    let other = q.receive_one(&queue).await;
    assert_ne!(other.id, message.id);
    for _ in 0..3 {
        q.advance(HOUR);
        let left = q.receive_all(&queue).await;
        assert_eq!(bodies(&left), [&*other.body], "what is left after an acknowledgement");
    }
}

pub(super) async fn a_late_acknowledgement_counts_if_nobody_received_the_message_since(
    q: QueuesAndClock,
) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let message = q.receive_one(&queue).await;
    q.advance(TIMEOUT + MINUTE);
    assert_eq!(q.counts(&queue).await.visible, 1);
    q.acknowledge(&queue, &message).await;
    q.assert_nothing_comes(&queue, "after a late acknowledgement").await;
}

pub(super) async fn a_receipt_is_lost_when_the_message_is_received_again(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let mut old = Vec::new();
    for _ in 0..3 {
        let message = q.receive_one(&queue).await;
        assert!(!old.contains(&message.receipt), "a receipt came twice");
        for receipt in &old {
            q.assert_lost(&queue, receipt, "a receipt of an earlier receive").await;
        }
        q.assert_nothing_comes(&queue, "after lost receipts were used").await;
        old.push(message.receipt);
        q.advance(TIMEOUT);
    }
    let message = q.receive_one(&queue).await;
    q.acknowledge(&queue, &message).await;
    for receipt in &old {
        q.assert_lost(&queue, receipt, "a receipt of a message that is gone").await;
    }
}

pub(super) async fn a_receipt_is_used_up(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let released = q.receive_one(&queue).await;
    q.release(&queue, &released, Duration::ZERO).await;
    q.assert_lost(&queue, &released.receipt, "the receipt of a released message").await;
    let acknowledged = q.receive_one(&queue).await;
    q.acknowledge(&queue, &acknowledged).await;
    q.assert_lost(&queue, &acknowledged.receipt, "the receipt of an acknowledged message").await;
    for made_up in ["", "x", "0", "1.0", "99999999999999999999999.0", "ä'; --"] {
        let receipt = ReceiptHandle::from_stored(made_up);
        q.assert_lost(&queue, &receipt, &format!("the made-up receipt {made_up:?}")).await;
    }
}

pub(super) async fn a_receipt_of_another_queue_is_lost(q: QueuesAndClock) {
    let (queue, other) = (q.queue("q").await, q.queue("other").await);
    q.send_bodies(&queue, &["x"]).await;
    q.send_bodies(&other, &["x"]).await;
    let (held, others) = (q.receive_one(&queue).await, q.receive_one(&other).await);
    q.assert_lost(&other, &held.receipt, "a receipt of another queue").await;
    q.acknowledge(&queue, &held).await;
    q.acknowledge(&other, &others).await;
}

pub(super) async fn the_receipt_of_a_message_whose_retention_is_over_is_lost(q: QueuesAndClock) {
    for name in ["q", "q.fifo"] {
        let queue = q.configure(name, QueueOptions::default().retention(MINUTE)).await;
        let message = NewMessage::new("x");
        q.send(&queue, if queue.is_fifo() { message.group("g") } else { message }).await;
        let options = ReceiveOptions::up_to(1).visibility_timeout(HOUR);
        let held = q.receive_with(&queue, options).await.remove(0);
        q.advance(MINUTE);
        let case = "the receipt of a message whose retention is over";
        q.assert_lost(&queue, &held.receipt, case).await;
    }
}

pub(super) async fn of_a_batch_each_receipt_counts_for_itself(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["a", "b", "c"]).await;
    let held = q.receive_all(&queue).await;
    q.acknowledge(&queue, &held[1]).await;
    let made_up = ReceiptHandle::from_stored("made up");
    let receipts = [&held[0].receipt, &held[1].receipt, &made_up, &held[2].receipt];
    let receipts = receipts.map(ReceiptHandle::clone);
    let outcomes = q.queues.acknowledge_batch(&queue, &receipts).await;
    let outcomes = outcomes.unwrap_or_else(|error| panic!("the whole batch failed: {error}"));
    let done: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, false, true], "which were acknowledged");
    for lost in [&outcomes[1], &outcomes[2]] {
        assert_receipt_lost(lost, &queue, "an entry of a batch");
    }
    assert_eq!(q.counts(&queue).await, QueueCounts::default());
}

pub(super) async fn of_a_batch_each_hold_is_extended_for_itself(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["a", "b", "c", "d", "e"]).await;
    let held = q.receive_all(&queue).await;
    q.acknowledge(&queue, &held[1]).await;
    let hold = |n: usize, timeout| (held[n].receipt.clone(), timeout);
    let made_up = ReceiptHandle::from_stored("made up");
    let holds = [
        hold(0, MINUTE),
        hold(1, MINUTE),
        (made_up, MINUTE),
        hold(2, 13 * HOUR),
        hold(3, Duration::ZERO),
        hold(4, 2 * MINUTE),
    ];
    let outcomes = q.queues.extend_batch(&queue, &holds).await;
    let outcomes = outcomes.unwrap_or_else(|error| panic!("the whole batch failed: {error}"));
    let [a, b, made_up, c, d, e] = &outcomes[..] else {
        panic!("{} outcomes for {} holds", outcomes.len(), holds.len());
    };
    assert!(a.is_ok() && e.is_ok(), "holds that can be extended: {a:?}, {e:?}");
    assert_receipt_lost(b, &queue, "an acknowledged entry of a batch");
    assert_receipt_lost(made_up, &queue, "a made-up entry of a batch");
    assert_held_too_long(c, "an entry over 12 hours");
    assert!(matches!(d, Err(Error::Misuse(_))), "an entry without time: {d:?}");
    q.advance(MINUTE - SECOND);
    let back = q.receive_all(&queue).await;
    let expected = sorted_bodies(&held[2..4]);
    assert_eq!(sorted_bodies(&back), expected, "those that were not extended");
    q.advance(SECOND);
    let back = q.bodies(&queue).await;
    assert_eq!(back, [&*held[0].body], "the one that was extended by a minute");
    q.advance(MINUTE);
    assert!(q.bodies(&queue).await.contains(&held[4].body), "extended by two minutes");
}

pub(super) async fn of_a_batch_each_message_is_released_for_itself(q: QueuesAndClock) {
    let queue = q.configure("q", QueueOptions::default().visibility_timeout(HOUR)).await;
    q.send_bodies(&queue, &["a", "b", "c", "d"]).await;
    let held = q.receive_all(&queue).await;
    q.acknowledge(&queue, &held[1]).await;
    let release = |n: usize, delay| (held[n].receipt.clone(), delay);
    let releases = [
        release(0, Duration::ZERO),
        release(1, Duration::ZERO),
        (ReceiptHandle::from_stored("made up"), Duration::ZERO),
        release(2, 13 * HOUR),
        release(3, MINUTE),
    ];
    let outcomes = q.queues.release_batch(&queue, &releases).await;
    let outcomes = outcomes.unwrap_or_else(|error| panic!("the whole batch failed: {error}"));
    let [a, b, made_up, c, d] = &outcomes[..] else {
        panic!("{} outcomes for {} releases", outcomes.len(), releases.len());
    };
    assert!(a.is_ok() && d.is_ok(), "messages that can be released: {a:?}, {d:?}");
    assert_receipt_lost(b, &queue, "an acknowledged entry of a batch");
    assert_receipt_lost(made_up, &queue, "a made-up entry of a batch");
    assert_held_too_long(c, "an entry over 12 hours");
    for released in [&held[0], &held[3]] {
        q.assert_lost(&queue, &released.receipt, "the receipt of a released message").await;
    }
    assert_eq!(q.bodies(&queue).await, [&*held[0].body], "the one without a delay");
    q.advance(MINUTE);
    assert!(q.bodies(&queue).await.contains(&held[3].body), "the one with a delay");
    q.extend(&queue, &held[2], HOUR).await;
}

pub(super) async fn a_batch_of_holds_that_is_empty_or_too_large_is_refused(q: QueuesAndClock) {
    let (queue, missing) = (q.queue("q").await, queue_name("missing"));
    q.send_bodies(&queue, &["x"]).await;
    let held = q.receive_one(&queue).await;
    for len in [0, 11] {
        let entries = vec![(held.receipt.clone(), HOUR); len];
        let refused = q.queues.extend_batch(&queue, &entries).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{len} holds: {refused:?}");
        let refused = q.queues.release_batch(&queue, &entries).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{len} releases: {refused:?}");
    }
    let entries = [(held.receipt.clone(), HOUR)];
    for outcome in [
        q.queues.extend_batch(&missing, &entries).await,
        q.queues.release_batch(&missing, &entries).await,
    ] {
        let refused = matches!(&outcome, Err(Error::NoSuchQueue { queue }) if *queue == missing);
        assert!(refused, "a batch for a queue that does not exist: {outcome:?}");
    }
    q.advance(TIMEOUT);
    assert_eq!(q.receive_one(&queue).await.id, held.id, "nothing was extended or released");
}

pub(super) async fn an_extended_message_stays_invisible(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let message = q.receive_one(&queue).await;
    for _ in 0..5 {
        q.advance(TIMEOUT - SECOND);
        q.extend(&queue, &message, TIMEOUT).await;
        q.assert_nothing_comes(&queue, "an extended message").await;
    }
    // The time runs from the extension, not from the end of what was left.
    q.advance(TIMEOUT - SECOND);
    q.assert_nothing_comes(&queue, "an extended message").await;
    q.advance(SECOND);
    let again = q.receive_one(&queue).await;
    assert_eq!(again.receive_count, 2, "extensions are no receives");
}

pub(super) async fn a_message_can_be_hidden_for_less_time_than_is_left(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let message = q.receive_one(&queue).await;
    q.extend(&queue, &message, SECOND).await;
    q.advance(SECOND);
    assert_eq!(q.receive_one(&queue).await.receive_count, 2);
}

pub(super) async fn an_expired_hold_cannot_be_extended_or_released(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let message = q.receive_one(&queue).await;
    q.advance(TIMEOUT);
    let extended = q.queues.extend(&queue, &message.receipt, MINUTE).await;
    assert_receipt_lost(&extended, &queue, "an extension when the timeout is over");
    let released = q.queues.release(&queue, &message.receipt, MINUTE).await;
    assert_receipt_lost(&released, &queue, "a release when the timeout is over");
    assert_eq!(q.bodies(&queue).await, ["x"]);
}

pub(super) async fn no_message_is_held_for_more_than_twelve_hours(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    let options = ReceiveOptions::up_to(1).visibility_timeout(HOUR);
    let message = q.receive_with(&queue, options).await.remove(0);
    q.advance(HOUR / 2);
    let too_long = q.queues.extend(&queue, &message.receipt, 12 * HOUR).await;
    assert_held_too_long(&too_long, "12 hours more after half an hour");
    let too_long = q.queues.release(&queue, &message.receipt, 12 * HOUR).await;
    assert_held_too_long(&too_long, "a release in 12 hours after half an hour");
    q.extend(&queue, &message, 11 * HOUR).await;
    q.advance(11 * HOUR - SECOND);
    q.extend(&queue, &message, HOUR / 2).await;
    let too_long = q.queues.extend(&queue, &message.receipt, HOUR / 2 + 2 * SECOND).await;
    assert_held_too_long(&too_long, "2 s over 12 hours");
    q.acknowledge(&queue, &message).await;
}

fn assert_held_too_long(outcome: &Result<()>, case: &str) {
    match outcome {
        Err(Error::HeldTooLong { limit, .. }) => assert_eq!(*limit, 12 * HOUR),
        outcome => panic!("{case}: not refused, but {outcome:?}"),
    }
}

pub(super) async fn a_released_message_comes_back_at_once(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    for receive in 1..=3 {
        let message = q.receive_one(&queue).await;
        assert_eq!(message.receive_count, receive);
        q.release(&queue, &message, Duration::ZERO).await;
        assert_eq!(q.counts(&queue).await.visible, 1);
    }
}

pub(super) async fn a_message_released_with_a_delay_comes_back_after_it(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["x"]).await;
    for delay in [SECOND, 10 * MINUTE, 11 * HOUR] {
        let message = q.receive_one(&queue).await;
        q.release(&queue, &message, delay).await;
        q.advance(delay - SECOND / 2);
        q.assert_nothing_comes(&queue, &format!("released for {delay:?}")).await;
        q.advance(SECOND / 2);
    }
    assert_eq!(q.bodies(&queue).await, ["x"]);
}
