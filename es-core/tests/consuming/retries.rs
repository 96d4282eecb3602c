//! Messages that fail and come again.

use std::time::Duration;

use es_core::{Backoff, MessageQueue as _, NewMessage, QueueConsumer, QueueOptions, Verdict};

use crate::kit::{Clerk, Desk, Does, HOUR, MINUTE, SECOND, settle};
use crate::watched::{Mishap, Request};

#[tokio::test]
async fn a_message_that_fails_comes_again_with_growing_waits_until_it_succeeds() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsUntil(4));
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone()).max_attempts(4);

    let (ran, ()) = desk.during(&consumer, desk.pass(MINUTE)).await;

    ran.unwrap();
    assert_eq!((clerk.began().len(), clerk.done().len()), (4, 1));
    let worked = consumer.health().await.unwrap().worked;
    assert_eq!((worked.received, worked.retried, worked.done), (4, 3, 1));
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn waits_are_random_up_to_a_bound_that_doubles_with_each_attempt() {
    const ATTEMPTS: u32 = 8;
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    for number in 0..40 {
        clerk.tell(&number.to_string(), Does::Fails);
    }
    desk.send_all(0..40).await;
    let backoff = Backoff { base: 2 * SECOND, max: MINUTE };
    let consumer = desk.consumer(clerk).backoff(backoff).max_attempts(ATTEMPTS + 1);
    let mut seen = 0;
    for attempt in 1..=ATTEMPTS {
        consumer.work_off().await.unwrap();
        let delays = desk.queues.delays().split_off(seen);
        seen += delays.len();
        let bound = (2 * SECOND * 2_u32.pow(attempt - 1)).min(MINUTE);
        let below = |part: f64| delays.iter().filter(|it| **it <= bound.mul_f64(part)).count();
        assert_eq!((delays.len(), below(1.0)), (40, 40), "attempt {attempt}");
        assert!((4..=18).contains(&below(0.25)), "attempt {attempt}: {delays:?}");
        assert!((22..=36).contains(&below(0.75)), "attempt {attempt}: {delays:?}");
        desk.clock.advance(MINUTE);
    }
}

#[tokio::test]
async fn attempts_go_on_over_restarts() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Fails);
    desk.send("0").await;

    for attempt in 1..=3 {
        let restarted = desk.consumer(clerk.clone()).max_attempts(3);
        let worked = restarted.work_off().await.unwrap();
        assert_eq!(worked.dead_lettered, u64::from(attempt == 3), "attempt {attempt}");
        desk.clock.advance(11 * SECOND);
    }
    assert_eq!((clerk.began().len(), desk.buried().await), (3, 1));
}

#[tokio::test]
async fn a_message_that_kills_its_receivers_is_buried_unhandled_in_the_end() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send("0").await;
    for _ in 0..QueueConsumer::ABANDONED_AFTER {
        // The process dies: nobody hears of the message until its hold is over.
        assert_eq!(desk.received_by_another().await.len(), 1);
        desk.clock.advance(31 * SECOND);
    }
    let worked = desk.consumer(clerk.clone()).max_attempts(3).work_off().await.unwrap();
    assert_eq!((worked.dead_lettered, clerk.began().len()), (1, 0));
}

#[tokio::test]
async fn a_healthy_message_that_others_gave_back_is_handled() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send("0").await;
    for _ in 0..50 {
        assert_eq!(desk.received_by_another().await.len(), 1);
        desk.clock.advance(31 * SECOND);
    }
    let worked = desk.consumer(clerk.clone()).max_attempts(3).work_off().await.unwrap();
    assert_eq!((worked.done, worked.dead_lettered), (1, 0));
}

#[tokio::test]
async fn a_panic_concerns_one_message() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("1", Does::Panics);
    desk.send_all(0..3).await;
    let worked = desk.consumer(clerk.clone()).work_off().await.unwrap();
    assert_eq!((worked.done, worked.dead_lettered), (2, 1));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_cancelled_and_tried_again() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send("0").await;
    let consumer = desk.consumer(clerk.clone()).handler_timeout(10 * SECOND).max_attempts(2);

    let (ran, ()) = desk.during(&consumer, desk.pass(MINUTE)).await;

    ran.unwrap();
    assert_eq!(clerk.dropped(), ["0", "0"]);
    assert_eq!(desk.buried().await, 1);
}

#[tokio::test]
async fn a_release_that_is_lost_is_sent_again() {
    for mishap in [Mishap::Lost, Mishap::AnswerLost, Mishap::FirstEntryLost] {
        let desk = Desk::new().await;
        let clerk = Clerk::new().told("0", Does::FailsUntil(2)).told("1", Does::FailsUntil(2));
        desk.send_all(0..2).await;
        desk.queues.next(Request::Release, mishap);
        let consumer = desk.consumer(clerk.clone());

        let (ran, ()) = desk.during(&consumer, desk.pass(30 * SECOND)).await;

        ran.unwrap();
        assert!(desk.is_empty().await, "{mishap:?}");
        assert_eq!(clerk.began().len(), 4, "{mishap:?}");
    }
}

#[tokio::test]
async fn no_wait_is_longer_than_a_queue_can_hide_a_message() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Fails);
    desk.send("0").await;
    let patient = Backoff { base: 100 * HOUR, max: 100 * HOUR };
    let consumer = desk.consumer(clerk.clone()).backoff(patient);

    let worked = consumer.work_off().await.unwrap();

    assert_eq!(worked.retried, 1);
    assert_eq!(desk.counts().await.delayed, 1, "it was released, not left");
    desk.clock.advance(12 * HOUR);
    assert_eq!(desk.counts().await.visible, 1);
}

#[tokio::test]
async fn without_dead_letters_of_its_own_the_queue_gives_up() {
    let desk = Desk::new().await;
    let options = QueueOptions::default().dead_letters(desk.dead.clone(), 4);
    desk.queues.configure(&desk.orders, options).await.unwrap();
    let clerk = Clerk::new().told("0", Does::FailsForGood).told("1", Does::Fails);
    desk.send_all(0..2).await;
    let consumer = es_core::QueueConsumer::new(
        "clerk",
        desk.queues.clone(),
        desk.orders.clone(),
        clerk.clone(),
    )
    .unwrap()
    .with_clock(desk.clock.clone());

    let (ran, at_once) = desk
        .during(&consumer, async {
            for _ in 0..10 {
                settle().await;
            }
            let at_once = clerk.began().len();
            desk.pass_by(5 * MINUTE, SECOND).await;
            at_once
        })
        .await;

    ran.unwrap();
    assert_eq!(at_once, 2, "what fails for good has its waits, too");
    assert_eq!(clerk.began().len(), 8);
    assert_eq!(desk.buried().await, 2);
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn without_any_dead_letters_what_fails_for_good_comes_back_slowly() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsForGood);
    desk.send("0").await;
    let consumer = es_core::QueueConsumer::new(
        "clerk",
        desk.queues.clone(),
        desk.orders.clone(),
        clerk.clone(),
    )
    .unwrap()
    .with_clock(desk.clock.clone());

    let (ran, ()) = desk.during(&consumer, desk.pass_by(16 * MINUTE, SECOND)).await;

    ran.unwrap();
    assert_eq!(clerk.began().len(), 4, "every five minutes");
}

#[tokio::test]
async fn a_verdict_settles_nothing_by_itself() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("bad", Does::FailsForGood).told("late", Does::Fails);
    for body in ["good", "bad", "late"] {
        desk.send(body).await;
    }
    let consumer = desk.consumer(clerk.clone());
    let mut verdicts = Vec::new();
    for message in desk.received_by_another().await {
        verdicts.push(consumer.settle(&message).await);
    }
    assert!(verdicts[0].is_done());
    assert!(matches!(verdicts[1], Verdict::DeadLetter { .. }));
    let Verdict::Again { after, .. } = verdicts[2] else { panic!("{:?}", verdicts[2]) };
    assert!(after <= 5 * SECOND);
    assert_eq!(desk.counts().await.in_flight, 3);
    assert_eq!(desk.queues.total(), 0);
}

#[tokio::test]
async fn a_service_says_when_it_can_be_asked_again() {
    struct Closed;
    #[async_trait::async_trait]
    impl es_core::MessageHandler for Closed {
        async fn handle(&self, _: &es_core::Incoming) -> Result<(), es_core::MessageError> {
            Err(es_core::MessageError::after("closed", Duration::from_secs(90)))
        }
    }
    let desk = Desk::new().await;
    desk.queues.inner.send(&desk.orders, NewMessage::new("0")).await.unwrap();
    desk.consumer(Closed).work_off().await.unwrap();
    desk.clock.advance(89 * SECOND);
    assert_eq!(desk.counts().await.visible, 0);
    desk.clock.advance(SECOND);
    assert_eq!(desk.counts().await.visible, 1);
}
