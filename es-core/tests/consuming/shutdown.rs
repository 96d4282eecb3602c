//! How a consumer stops.

use es_core::testing::faults::crash_at_every_await;
use es_core::{Error, MessageQueue as _, QueueName, Workers};
use std::sync::Arc;

use crate::kit::{Clerk, Desk, Does, MINUTE, SECOND, settle};
use crate::watched::{Mishap, Request};

#[tokio::test]
async fn what_runs_is_finished_and_acknowledged_and_nothing_more_is_received() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(10 * SECOND));
    desk.send_all(0..1).await;
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk.during(&consumer, settle()).await;
    desk.send("1").await;

    ran.unwrap();
    assert_eq!(clerk.done(), ["0"]);
    assert_eq!((desk.counts().await.visible, desk.counts().await.in_flight), (1, 0));
}

#[tokio::test]
async fn a_handler_that_does_not_end_in_time_is_cancelled_and_its_message_given_back() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone()).drain(3 * SECOND);

    let (ran, ()) = desk.during(&consumer, settle()).await;

    ran.unwrap();
    assert_eq!(clerk.dropped(), ["0"]);
    assert_eq!(desk.counts().await.visible, 1, "it can be received at once");
    let asked = es_core::Clock::monotonic(&*desk.clock);
    assert!(asked <= 4 * SECOND, "it took {asked:?}");
}

#[tokio::test]
async fn what_is_cancelled_at_a_shutdown_loses_no_attempt() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone()).drain(SECOND).max_attempts(2);
    for _ in 0..2 {
        let (ran, ()) = desk.during(&consumer, settle()).await;
        ran.unwrap();
    }
    assert_eq!(clerk.dropped(), ["0", "0"]);

    clerk.tell("0", Does::Fails);
    let worked = consumer.work_off().await.unwrap();
    assert_eq!((worked.retried, worked.dead_lettered), (1, 0));
}

#[tokio::test]
async fn times_without_an_end_have_one() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send_all(0..3).await;
    let (ever, consumer) = (std::time::Duration::MAX, desk.consumer(clerk.clone()));
    let consumer = consumer.drain(ever).linger(ever);

    let (ran, ()) = desk.during(&consumer, settle()).await;

    ran.unwrap();
    assert_eq!(clerk.done().len(), 3);
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn what_waits_for_its_group_is_given_back_at_once() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::at(&desk).told("a0", Does::Takes(5 * SECOND));
    for body in ["a0", "a1", "a2"] {
        desk.send_in("a", body).await;
    }
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk.during(&consumer, settle()).await;

    ran.unwrap();
    assert_eq!(clerk.began(), ["a0"]);
    assert_eq!(desk.counts().await.visible, 2);
    let next = desk.received_by_another().await;
    assert_eq!(next.iter().map(|message| &*message.body).collect::<Vec<_>>(), ["a1", "a2"]);
}

#[tokio::test]
async fn a_queue_that_does_not_answer_keeps_nobody_from_stopping() {
    let desk = Desk::new().await;
    desk.send_all(0..3).await;
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone()).drain(3 * SECOND);

    let (ran, ()) = desk
        .during(&consumer, async {
            desk.queues.down(Request::Acknowledge);
            desk.queues.down(Request::Receive);
            desk.send("3").await;
            settle().await;
        })
        .await;

    ran.unwrap();
    let asked = es_core::Clock::monotonic(&*desk.clock);
    assert!(asked <= 10 * SECOND, "it took {asked:?}");
}

#[tokio::test]
async fn messages_that_a_last_receive_brings_are_given_back() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(5 * SECOND));
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk.during(&consumer, desk.pass(SECOND)).await;
    ran.unwrap();
    assert_eq!(clerk.done(), ["0"]);

    // A receive is under way at the shutdown, and gives something while the handler ends.
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(5 * SECOND));
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone());
    let late = async {
        desk.clock_reaches(2 * SECOND).await;
        desk.send("1").await;
    };
    let ((ran, ()), ()) = futures::join!(desk.during(&consumer, desk.pass(SECOND)), late);
    ran.unwrap();
    assert_eq!(clerk.began(), ["0"]);
    assert_eq!(desk.counts().await.visible, 1);
}

#[tokio::test]
async fn a_missing_queue_stops_a_consumer_loudly() {
    let desk = Desk::new().await;
    let missing = QueueName::new("missing").unwrap();
    let clerk = Clerk::new();
    let of_missing =
        es_core::QueueConsumer::new("clerk", desk.queues.clone(), missing.clone(), clerk.clone());
    let ran = of_missing.unwrap().run(std::future::pending()).await;
    assert!(matches!(ran, Err(Error::NoSuchQueue { queue }) if queue == missing));

    // Missing dead letters are found out with the first one; its message is not lost.
    clerk.tell("0", Does::FailsForGood);
    desk.send("0").await;
    let consumer = desk.consumer(clerk).dead_letters_to(missing.clone());
    let ran = consumer.run(std::future::pending()).await;
    assert!(matches!(ran, Err(Error::NoSuchQueue { queue }) if queue == missing));
    let counts = desk.counts().await;
    assert_eq!(counts.visible + counts.delayed, 1);
    assert_eq!(consumer.health().await.unwrap_err().to_string(), "there is no queue missing");
}

#[tokio::test]
async fn a_request_that_is_not_allowed_stops_a_consumer_loudly() {
    for request in [Request::Receive, Request::Acknowledge, Request::Release] {
        let desk = Desk::new().await;
        let clerk = Clerk::new().told("1", Does::Fails);
        desk.send_all(0..2).await;
        desk.queues.next(request, Mishap::Refused);
        let ran = desk.consumer(clerk).run(std::future::pending()).await;
        assert!(matches!(ran, Err(Error::Backend { .. })), "{request:?}: {ran:?}");
    }
}

#[tokio::test]
async fn workers_run_consumers_of_queues_and_stop_them() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send_all(0..3).await;
    let consumer = Arc::new(desk.consumer(clerk.clone()));
    let mut workers = Workers::new();
    workers.start_queue(consumer.clone());
    settle().await;
    workers.shutdown().await.unwrap();
    assert_eq!(clerk.done().len(), 3);
    assert!(desk.is_empty().await);

    desk.queues.next(Request::Receive, Mishap::Refused);
    let mut workers = Workers::new();
    workers.start_queue(consumer);
    assert!(workers.failed().await.is_err());
}

#[tokio::test]
async fn whoever_drops_a_run_loses_nothing() {
    let scenario = async |(desk, clerk): &(Desk, Arc<Clerk>)| {
        let a_while = async {
            for _ in 0..3 {
                settle().await;
            }
        };
        desk.consumer(clerk.clone()).run(a_while).await.unwrap();
    };
    let fresh = async || {
        let desk = Desk::suspending().await;
        let clerk = Clerk::new().told("1", Does::FailsForGood).told("2", Does::Fails);
        desk.send_all(0..4).await;
        (desk, clerk)
    };
    let crashes = crash_at_every_await(fresh, scenario, async |(desk, clerk)| {
        clerk.tell("2", Does::Succeeds);
        // Holds end, delays too, and the next one takes over.
        desk.clock.advance(2 * MINUTE);
        desk.consumer(clerk.clone()).max_attempts(9).work_off().await.unwrap();
        let mut done = clerk.done();
        done.sort();
        done.dedup();
        assert_eq!(done, ["0", "2", "3"]);
        assert!(desk.buried().await >= 1, "the dead letter is there, at worst twice");
        assert!(desk.is_empty().await);
    });
    let crashes = crashes.await;
    assert!(crashes >= 6, "{crashes} crashes");
}

#[tokio::test]
async fn a_run_that_is_dropped_drops_its_handlers() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone());
    {
        let mut run = std::pin::pin!(consumer.run(std::future::pending()));
        for _ in 0..5 {
            assert!(futures::poll!(&mut run).is_pending());
        }
        assert_eq!(consumer.health().await.unwrap().in_hand, 1);
    }
    assert_eq!(clerk.dropped(), ["0"]);
    assert_eq!(consumer.health().await.unwrap().in_hand, 0);
    assert_eq!(desk.counts().await.in_flight, 1);
    desk.clock.advance(61 * SECOND);
    assert_eq!(desk.queues.inner.counts(&desk.orders).await.unwrap().visible, 1);
}
