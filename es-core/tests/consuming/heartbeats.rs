//! Messages that are held, and what happens when they are not any more.

use std::sync::Arc;

use es_core::{MessageQueue as _, QueueOptions};

use crate::kit::{Clerk, Desk, Does, HOUR, MINUTE, SECOND, settle};
use crate::watched::{Mishap, Request};

#[tokio::test]
async fn work_that_takes_long_is_held_until_it_is_done() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("long", Does::Takes(2 * HOUR));
    desk.send("long").await;
    let consumer = desk.consumer(clerk.clone()).handler_timeout(3 * HOUR);

    let (ran, taken_away) = desk
        .during(&consumer, async {
            let mut taken_away = 0;
            for _ in 0..121 {
                desk.pass_by(MINUTE, SECOND).await;
                taken_away += desk.received_by_another().await.len();
            }
            taken_away
        })
        .await;

    ran.unwrap();
    assert_eq!(taken_away, 0);
    assert_eq!((clerk.began().len(), clerk.done().len()), (1, 1));
    assert!(desk.is_empty().await);
    // Every half minute, of the minute that a hold is.
    let heartbeats = desk.queues.count(Request::Extend);
    assert!((235..=245).contains(&heartbeats), "{heartbeats} heartbeats in two hours");
}

#[tokio::test]
async fn heartbeats_come_in_batches_of_ten() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk);
    for number in 0..25 {
        clerk.tell(&number.to_string(), Does::Takes(45 * SECOND));
    }
    desk.send_all(0..25).await;
    let consumer = desk.consumer(clerk.clone()).concurrency(25);

    let (ran, ()) = desk.during(&consumer, desk.pass(MINUTE)).await;

    ran.unwrap();
    assert_eq!(clerk.done().len(), 25);
    assert_eq!(desk.queues.batches(Request::Extend), [10, 10, 5]);
}

#[tokio::test]
async fn messages_that_wait_for_their_group_are_held_too() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::at(&desk).told("a1", Does::Takes(3 * MINUTE));
    for body in ["a1", "a2", "a3"] {
        desk.send_in("a", body).await;
    }
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk.during(&consumer, desk.pass_by(4 * MINUTE, SECOND)).await;

    ran.unwrap();
    assert_eq!(clerk.began(), ["a1", "a2", "a3"]);
    assert!(desk.is_empty().await);
    assert!(desk.queues.batches(Request::Extend).iter().all(|&entries| entries == 3));
}

#[tokio::test]
async fn what_is_done_is_held_until_its_acknowledgement_succeeds() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send("0").await;
    desk.queues.down(Request::Acknowledge);
    let consumer = desk.consumer(clerk.clone());

    let (ran, taken_away) = desk
        .during(&consumer, async {
            desk.pass(3 * MINUTE).await;
            let taken_away = desk.received_by_another().await.len();
            desk.queues.up();
            desk.pass(6 * SECOND).await;
            taken_away
        })
        .await;

    ran.unwrap();
    assert_eq!((taken_away, clerk.began().len()), (0, 1));
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn a_lost_receipt_cancels_the_handler_and_nothing_is_acknowledged() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone());

    let (ran, dropped) = desk
        .during(&consumer, async {
            desk.queues.purge(&desk.orders).await.unwrap();
            desk.pass(31 * SECOND).await;
            clerk.dropped()
        })
        .await;

    ran.unwrap();
    assert_eq!(dropped, ["0"]);
    assert_eq!(desk.queues.count(Request::Acknowledge), 0);
    assert_eq!(desk.queues.count(Request::Release), 0);
}

#[tokio::test]
async fn a_handler_is_cancelled_before_its_hold_ends_when_no_heartbeat_gets_through() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send("0").await;
    desk.queues.down(Request::Extend);
    let consumer = desk.consumer(clerk.clone());

    let (ran, (before, at_work_at_the_end, tried)) = desk
        .during(&consumer, async {
            desk.pass(53 * SECOND).await;
            let before = clerk.dropped().len();
            desk.pass(6 * SECOND).await;
            let dropped = clerk.dropped().len();
            (before, 1 - dropped, desk.queues.count(Request::Extend))
        })
        .await;

    ran.unwrap();
    assert_eq!((before, at_work_at_the_end), (0, 0), "at 53 s and at 59 s of 60");
    assert!((3..60).contains(&tried), "{tried} heartbeats were tried in half a minute");
    assert_eq!(desk.queues.count(Request::Acknowledge), 0);
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_neither_shortens_nor_lengthens_a_hold() {
    for jump in ["2026-03-01T11:00:00Z", "2026-03-01T13:00:00Z"] {
        let desk = Desk::new().await;
        let clerk = Clerk::new().told("0", Does::Hangs);
        desk.send("0").await;
        let consumer = desk.consumer(clerk.clone()).drain(SECOND);

        let (ran, (in_time, late)) = desk
            .during(&consumer, async {
                // Whatever the queue makes of the jump: nobody is told.
                desk.queues.down(Request::Extend);
                desk.pass(10 * SECOND).await;
                desk.clock.set(jump.parse().unwrap());
                desk.pass(40 * SECOND).await;
                let in_time = clerk.dropped().len();
                // The timer of this clock sleeps longer when it is set back: something else has to wake
                // the consumer.
                for _ in 0..10 {
                    desk.pass(SECOND).await;
                    desk.send("a wake-up call").await;
                }
                (in_time, clerk.dropped().len())
            })
            .await;

        ran.unwrap();
        assert_eq!((in_time, late), (0, 1), "after a jump to {jump}");
    }
}

#[tokio::test]
async fn no_hold_is_asked_for_that_is_longer_than_a_receive_can_hold() {
    let desk = Desk::fifo().await;
    // The second begins when almost all of the 12 hours are over.
    let clerk = Clerk::at(&desk).told("a1", Does::Takes(11 * HOUR + 50 * MINUTE));
    clerk.tell("a2", Does::Hangs);
    for body in ["a1", "a2", "a3"] {
        desk.send_in("a", body).await;
    }
    // 12 hours are no multiple of it: the last hold is a shorter one.
    let consumer = desk
        .consumer(clerk.clone())
        .visibility_timeout(70 * SECOND)
        .handler_timeout(12 * HOUR)
        .drain(SECOND);

    let (ran, ()) = desk.during(&consumer, desk.pass_by(12 * HOUR, 5 * SECOND)).await;

    ran.unwrap();
    // It was given back in time, as far as can be seen, and came again with a new hold.
    assert_eq!(clerk.done(), ["a1"]);
    assert_eq!(clerk.began(), ["a1", "a2", "a2"]);
    assert_eq!(desk.queues.held_too_long(), 0);
}

#[tokio::test]
async fn a_message_that_comes_a_second_time_while_it_is_handled_is_handled_once() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(20 * SECOND));
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk
        .during(&consumer, async {
            // Before the next receive.
            desk.queues.deliver_again();
            desk.send("1").await;
            desk.pass(30 * SECOND).await;
        })
        .await;

    ran.unwrap();
    assert_eq!(clerk.began(), ["0", "1"]);
    assert!(desk.is_empty().await);
    assert_eq!(consumer.health().await.unwrap().worked.duplicates, 1);
}

#[tokio::test]
async fn an_entry_of_a_heartbeat_that_is_lost_is_sent_again() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk);
    for number in 0..3 {
        clerk.tell(&number.to_string(), Does::Takes(80 * SECOND));
    }
    desk.send_all(0..3).await;
    desk.queues.next(Request::Extend, Mishap::FirstEntryLost);
    let consumer = desk.consumer(Arc::clone(&clerk));

    let (ran, ()) = desk.during(&consumer, desk.pass(90 * SECOND)).await;

    ran.unwrap();
    assert_eq!((clerk.done().len(), clerk.dropped().len()), (3, 0));
    assert_eq!(desk.queues.batches(Request::Extend)[..2], [3, 1]);
}

#[tokio::test]
async fn a_hold_counts_from_before_its_receive_was_asked_for() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.queues.down(Request::Extend);
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk
        .during(&consumer, async {
            // The long poll is 18 s old when a message comes. When it was received exactly is not known
            // here; at the earliest when it was asked for.
            desk.pass(18 * SECOND).await;
            desk.send("0").await;
            desk.pass(35 * SECOND).await;
            assert_eq!(clerk.dropped().len(), 0, "53 s after it was asked for");
            desk.pass(2 * SECOND).await;
            assert_eq!(clerk.dropped().len(), 1, "55 s after it was asked for");
        })
        .await;

    ran.unwrap();
}

#[tokio::test]
async fn the_longest_handler_has_its_time_under_the_longest_hold() {
    let desk = Desk::new().await;
    let nearly = es_core::QueueConsumer::MAX_HANDLER_TIMEOUT - MINUTE;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(nearly));
    desk.send("0").await;
    let consumer = desk
        .consumer(clerk.clone())
        .visibility_timeout(QueueOptions::MAX_VISIBILITY_TIMEOUT)
        .handler_timeout(es_core::QueueConsumer::MAX_HANDLER_TIMEOUT);

    let (ran, ()) = desk.during(&consumer, desk.pass_by(12 * HOUR, 30 * SECOND)).await;

    ran.unwrap();
    assert_eq!((clerk.done().len(), clerk.dropped().len()), (1, 0));
}

#[tokio::test]
async fn what_comes_when_its_hold_seems_over_is_given_back_at_once_and_loses_no_attempt() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone()).max_attempts(1);

    let (ran, done) = desk
        .during(&consumer, async {
            // The answer to the receive that is under way comes after 58 seconds.
            desk.send("0").await;
            desk.clock.advance(58 * SECOND);
            for _ in 0..5 {
                settle().await;
            }
            clerk.done()
        })
        .await;

    ran.unwrap();
    assert_eq!(done, ["0"], "it comes again at once");
    assert_eq!(consumer.health().await.unwrap().worked.given_back, 1);
}

#[tokio::test]
async fn a_heartbeat_on_its_way_does_not_undo_a_release() {
    struct Closed(Arc<Clerk>);
    #[async_trait::async_trait]
    impl es_core::MessageHandler for Closed {
        async fn handle(&self, message: &es_core::Incoming) -> Result<(), es_core::MessageError> {
            self.0.handle(message).await?;
            Err(es_core::MessageError::after("closed", 10 * SECOND))
        }
    }
    let desk = Desk::new().await;
    // The heartbeat of 30 s arrives after 33 s.
    let clerk = Clerk::at(&desk).told("0", Does::Takes(31 * SECOND));
    desk.queues.extend_in(&desk.clock, 3 * SECOND);
    desk.send("0").await;
    let consumer = desk.consumer(Closed(clerk.clone()));

    let (ran, (before, after, began)) = desk
        .during(&consumer, async {
            desk.pass(32 * SECOND).await;
            let before = desk.queues.count(Request::Release);
            desk.pass(2 * SECOND).await;
            let after = desk.queues.count(Request::Release);
            desk.pass(16 * SECOND).await;
            (before, after, clerk.began().len())
        })
        .await;

    ran.unwrap();
    assert_eq!((before, after), (0, 1), "the release waits for the heartbeat");
    assert_eq!(began, 2, "it came again when it was to");
}
