//! Setting queues up.

use super::*;
use crate::message_queue::RedrivePolicy;

pub(super) async fn options_come_back_and_can_be_changed(q: QueuesAndClock) {
    let dead = q.queue("dead").await;
    let sets = [
        QueueOptions::default(),
        QueueOptions::default()
            .visibility_timeout(12 * HOUR)
            .retention(14 * 24 * HOUR)
            .delay(15 * MINUTE)
            .max_message_size(1024 * 1024)
            .dead_letters(dead.clone(), 1_000),
        QueueOptions::default()
            .visibility_timeout(SECOND)
            .retention(MINUTE)
            .max_message_size(1024)
            .dead_letters(dead, 1),
        QueueOptions::default(),
    ];
    for options in sets {
        let queue = q.configure("q", options.clone()).await;
        let kept = q.queues.options(&queue).await;
        assert_eq!(kept.expect("the queue is there"), options, "the options that were configured");
    }
}

pub(super) async fn options_that_are_out_of_range_are_refused(q: QueuesAndClock) {
    let dead = q.queue("dead").await;
    let queue = q.queue("q").await;
    let fine = QueueOptions::default;
    let out_of_range = [
        fine().visibility_timeout(Duration::ZERO),
        fine().visibility_timeout(12 * HOUR + SECOND),
        fine().retention(59 * SECOND),
        fine().retention(14 * 24 * HOUR + SECOND),
        fine().delay(15 * MINUTE + SECOND),
        fine().max_message_size(1023),
        fine().max_message_size(1024 * 1024 + 1),
        fine().dead_letters(dead.clone(), 0),
        fine().dead_letters(dead, 1_001),
    ];
    for options in out_of_range {
        let refused = q.queues.configure(&queue, options.clone()).await;
        assert_options_refused(&refused, &queue, &format!("{options:?}"));
    }
    let kept = q.queues.options(&queue).await.expect("the queue is there");
    assert_eq!(kept, fine(), "refused options changed something");
}

fn assert_options_refused(outcome: &Result<()>, queue: &QueueName, case: &str) {
    match outcome {
        Err(Error::InvalidQueueOptions { queue: named, .. }) => assert_eq!(named, queue, "{case}"),
        outcome => panic!("{case} is not refused, but {outcome:?}"),
    }
}

pub(super) async fn a_dead_letter_queue_exists_and_is_of_the_same_kind(q: QueuesAndClock) {
    for (queue, dead) in [("q", "missing"), ("q", "dead.fifo"), ("q.fifo", "dead"), ("q", "q")] {
        if dead != "missing" {
            q.queue(dead).await;
        }
        let queue = queue_name(queue);
        let options = QueueOptions::default().dead_letters(queue_name(dead), 3);
        let refused = q.queues.configure(&queue, options).await;
        assert_options_refused(&refused, &queue, &format!("{dead} for dead letters of {queue}"));
    }
    let fifo = QueueOptions::default().dead_letters(queue_name("dead.fifo"), 3);
    let queue = q.configure("q.fifo", fifo).await;
    let kept = q.queues.options(&queue).await.expect("the queue is there");
    let policy = RedrivePolicy { dead_letter_queue: queue_name("dead.fifo"), max_receive_count: 3 };
    assert_eq!(kept.redrive_policy, Some(policy));
}

pub(super) async fn a_queue_that_was_never_configured_is_an_error(q: QueuesAndClock) {
    q.queue("another").await;
    let missing = queue_name("missing");
    let receipt = ReceiptHandle::from_stored("1.0000000000000000");
    let queues = &q.queues;
    let outcomes = [
        ("options", queues.options(&missing).await.map(drop)),
        ("send", queues.send(&missing, NewMessage::new("x")).await.map(drop)),
        ("send_batch", queues.send_batch(&missing, vec![NewMessage::new("x")]).await.map(drop)),
        ("receive", queues.receive(&missing, ReceiveOptions::default()).await.map(drop)),
        ("extend", queues.extend(&missing, &receipt, MINUTE).await),
        ("acknowledge", queues.acknowledge(&missing, &receipt).await),
        ("release", queues.release(&missing, &receipt, Duration::ZERO).await),
        ("redrive", queues.redrive(&missing, Redrive::all()).await.map(drop)),
        ("purge", queues.purge(&missing).await),
        ("counts", queues.counts(&missing).await.map(drop)),
    ];
    for (operation, outcome) in outcomes {
        match outcome {
            Err(Error::NoSuchQueue { queue }) => assert_eq!(queue, missing, "{operation}"),
            outcome => panic!("{operation} on a queue that does not exist: {outcome:?}"),
        }
    }
}

pub(super) async fn configuring_again_keeps_the_messages(q: QueuesAndClock) {
    let queue = q.queue("q").await;
    q.send_bodies(&queue, &["in flight", "visible"]).await;
    let held = q.receive_one(&queue).await;
    q.configure("q", QueueOptions::default().visibility_timeout(5 * SECOND)).await;
    assert_eq!(q.bodies(&queue).await, ["visible"]);
    q.advance(5 * SECOND);
    // The new timeout holds for receives since; the old one for those before.
    assert_eq!(q.bodies(&queue).await, ["visible"]);
    q.acknowledge(&queue, &held).await;
    assert_eq!(q.counts(&queue).await.in_flight, 1);
}

pub(super) async fn queues_are_kept_apart(q: QueuesAndClock) {
    let names = ["q", "Q", "q-", "q_", "-", "_", "0", "00", "q.fifo", "Q.fifo", "q-fifo"];
    for name in names {
        let queue = q.queue(name).await;
        let message = NewMessage::new(format!("to {name}"));
        q.send(&queue, if queue.is_fifo() { message.group("g") } else { message }).await;
    }
    for name in names {
        let received = q.receive_all(&queue_name(name)).await;
        assert_eq!(bodies(&received), [format!("to {name}")], "what comes out of {name}");
    }
}
