//! Messages that somebody else receives and deletes, as the pollers of AWS Lambda do.

use std::time::Duration;

use es_core::{DeadLetterReason, MessageQueue, QueueConsumer, QueueName, ReceivedMessage, Verdict};

use crate::kit::{Clerk, Desk, Does, HOUR, MINUTE, SECOND, settle};

/// What became of the messages, in words.
fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
    let word = |verdict: &Verdict| match verdict {
        Verdict::Done => "done",
        Verdict::Duplicate => "duplicate",
        Verdict::Again { .. } => "again",
        Verdict::DeadLetter { .. } => "dead",
        _ => "unknown",
    };
    verdicts.iter().map(word).collect()
}

async fn push(consumer: &QueueConsumer, messages: Vec<ReceivedMessage>) -> Vec<&'static str> {
    words(&consumer.settle_pushed(messages, HOUR).await)
}

#[tokio::test]
async fn pushed_messages_are_handled_and_not_acknowledged() {
    let desk = Desk::new().await;
    desk.send_all(0..3).await;
    let clerk = Clerk::new().told("1", Does::Fails);
    let consumer = desk.consumer(clerk.clone());
    let messages = desk.received_by_another().await;
    assert_eq!(push(&consumer, messages).await, ["done", "again", "done"]);
    assert_eq!(clerk.done(), ["0", "2"]);
    assert_eq!(desk.counts().await.in_flight, 3, "that is the pusher's");
}

#[tokio::test]
async fn what_is_pushed_and_cannot_be_handled_is_in_the_dead_letters_when_the_verdict_says_so() {
    let desk = Desk::new().await;
    desk.send(r#"{"specversion":"1.0"}"#).await;
    desk.send("bad").await;
    let consumer = desk.consumer(Clerk::new().told("bad", Does::FailsForGood));
    let verdicts = consumer.settle_pushed(desk.received_by_another().await, HOUR).await;
    let reasons = verdicts.into_iter().map(|verdict| match verdict {
        Verdict::DeadLetter { reason, .. } => reason,
        other => panic!("{other:?}"),
    });
    assert_eq!(
        reasons.collect::<Vec<_>>(),
        [DeadLetterReason::Undecodable, DeadLetterReason::Permanent]
    );
    assert_eq!(desk.buried().await, 2);
}

#[tokio::test]
async fn what_finds_no_dead_letters_comes_again_and_is_not_handled_again() {
    let desk = Desk::new().await;
    desk.send("bad").await;
    let clerk = Clerk::new().told("bad", Does::FailsForGood);
    let nowhere = QueueName::new("nowhere").unwrap();
    let consumer = desk.consumer(clerk.clone()).dead_letters_to(nowhere.clone());
    let messages = desk.received_by_another().await;
    assert_eq!(push(&consumer, messages.clone()).await, ["again"]);
    desk.queues.configure(&nowhere, Default::default()).await.unwrap();
    assert_eq!(push(&consumer, messages).await, ["dead"]);
    assert_eq!(clerk.began().len(), 1);
}

#[tokio::test]
async fn without_dead_letters_what_cannot_be_handled_is_left_to_the_redrive_policy() {
    let desk = Desk::new().await;
    desk.send(r#"{"specversion":"1.0"}"#).await;
    let orders = desk.orders.clone();
    let consumer = QueueConsumer::new("clerk", desk.queues.clone(), orders, Clerk::new()).unwrap();
    assert_eq!(push(&consumer, desk.received_by_another().await).await, ["again"]);
}

#[tokio::test]
async fn a_group_stops_at_its_first_failure_and_other_groups_do_not() {
    let desk = Desk::fifo().await;
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2"), ("a", "a3")] {
        desk.send_in(group, body).await;
    }
    let clerk = Clerk::new().told("a2", Does::Fails);
    let consumer = desk.consumer(clerk.clone());
    let mut messages = desk.received_by_another().await;
    messages.sort_by(|one, other| one.body[1..].cmp(&other.body[1..]));
    let bodies: Vec<String> = messages.iter().map(|message| message.body.clone()).collect();
    let verdicts = push(&consumer, messages).await;
    let mut outcome: Vec<_> = bodies.iter().map(String::as_str).zip(verdicts).collect();
    outcome.sort_unstable();
    let expected =
        [("a1", "done"), ("a2", "again"), ("a3", "again"), ("b1", "done"), ("b2", "done")];
    assert_eq!(outcome, expected);
    assert!(!clerk.began().contains(&"a3".to_owned()), "{:?}", clerk.began());
}

#[tokio::test]
async fn a_group_goes_on_behind_a_dead_letter() {
    let desk = Desk::fifo().await;
    desk.send_in("a", "a1").await;
    desk.send_in("a", "a2").await;
    let clerk = Clerk::new().told("a1", Does::FailsForGood);
    let consumer = desk.consumer(clerk.clone());
    assert_eq!(push(&consumer, desk.received_by_another().await).await, ["dead", "done"]);
}

#[tokio::test]
async fn a_message_that_is_pushed_twice_in_a_batch_is_handled_once() {
    let desk = Desk::new().await;
    desk.send("1").await;
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone());
    let mut messages = desk.received_by_another().await;
    messages.push(messages[0].clone());
    assert_eq!(push(&consumer, messages).await, ["done", "done"]);
    assert_eq!(clerk.began(), ["1"]);
}

#[tokio::test]
async fn an_idempotent_consumer_recognises_a_batch_that_is_pushed_again() {
    let desk = Desk::new().await;
    desk.send_all(0..2).await;
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), HOUR);
    let messages = desk.received_by_another().await;
    assert_eq!(push(&consumer, messages.clone()).await, ["done", "done"]);
    assert_eq!(push(&consumer, messages).await, ["duplicate", "duplicate"]);
    assert_eq!(clerk.began().len(), 2);
}

#[tokio::test]
async fn no_more_pushed_messages_are_handled_at_the_same_time_than_the_concurrency_says() {
    let desk = Desk::new().await;
    desk.send_all(0..9).await;
    let clerk = Clerk::at(&desk);
    for number in 0..9 {
        clerk.tell(&number.to_string(), Does::Takes(SECOND));
    }
    let consumer = desk.consumer(clerk.clone()).concurrency(3);
    let messages = desk.received_by_another().await;
    let (verdicts, ()) = futures::join!(push(&consumer, messages), desk.pass(MINUTE));
    assert_eq!(verdicts, ["done"; 9]);
    assert_eq!(clerk.most_at_work.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test]
async fn when_the_time_is_over_nothing_is_begun_and_what_is_under_way_is_cancelled() {
    let desk = Desk::new().await;
    desk.send_all(0..3).await;
    let clerk = Clerk::at(&desk).told("0", Does::Takes(SECOND)).told("1", Does::Hangs);
    let consumer = desk.consumer(clerk.clone()).concurrency(1);
    let messages = desk.received_by_another().await;
    let limit = 10 * SECOND;
    let (verdicts, ()) =
        futures::join!(consumer.settle_pushed(messages, limit), desk.pass(11 * SECOND));
    assert_eq!(words(&verdicts), ["done", "again", "again"]);
    assert_eq!(clerk.began(), ["0", "1"]);
    assert_eq!(clerk.dropped(), ["1"]);
}

#[tokio::test]
async fn what_the_end_of_the_time_cancels_is_no_attempt() {
    let desk = Desk::new().await;
    desk.send("1").await;
    let clerk = Clerk::at(&desk).told("1", Does::Hangs);
    let consumer = desk.consumer(clerk.clone()).max_attempts(1);
    let messages = desk.received_by_another().await;
    let limit = Duration::from_secs(5);
    let (verdicts, ()) =
        futures::join!(consumer.settle_pushed(messages, limit), desk.pass(6 * SECOND));
    assert_eq!(words(&verdicts), ["again"]);
    assert_eq!(desk.buried().await, 0);
}

#[tokio::test]
async fn a_pushed_message_that_takes_longer_than_its_handler_may_has_failed() {
    let desk = Desk::new().await;
    desk.send("1").await;
    let clerk = Clerk::at(&desk).told("1", Does::Hangs);
    let consumer = desk.consumer(clerk.clone()).max_attempts(1).handler_timeout(SECOND);
    let messages = desk.received_by_another().await;
    let (verdicts, ()) = futures::join!(push(&consumer, messages), desk.pass(2 * SECOND));
    settle().await;
    assert_eq!(verdicts, ["dead"]);
    assert_eq!(desk.buried().await, 1);
}
