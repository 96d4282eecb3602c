//! What operators see.

use std::sync::Arc;

use es_core::{ConsumerState, Error, QueueConsumer, QueueCounts};

use crate::kit::{Clerk, Desk, Does, MINUTE, SECOND, settle};
use crate::watched::{Mishap, Request};

#[tokio::test]
async fn health_says_what_is_where() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsForGood).told("1", Does::Hangs);
    desk.send_all(0..3).await;
    let consumer = desk.consumer(clerk).drain(SECOND);
    let before = consumer.health().await.unwrap();
    assert_eq!((before.state, before.is_well()), (ConsumerState::Idle, true));

    let (ran, during) = desk
        .during(&consumer, async {
            desk.pass(SECOND).await;
            consumer.health().await.unwrap()
        })
        .await;

    ran.unwrap();
    assert_eq!((during.state, during.in_hand), (ConsumerState::Running, 1));
    assert_eq!(during.messages, QueueCounts { in_flight: 1, ..QueueCounts::default() });
    assert_eq!(during.dead_letters, Some(QueueCounts { visible: 1, ..QueueCounts::default() }));
    assert_eq!(during.last_error.as_ref().unwrap().error, "no such article");
    assert!(!during.is_well(), "somebody has to look at the dead letter");
    let after = consumer.health().await.unwrap();
    assert_eq!((after.state, after.in_hand), (ConsumerState::Idle, 0));
    assert_eq!((after.worked.received, after.worked.done, after.worked.given_back), (3, 1, 1));
    let json = serde_json::to_value(&after).unwrap();
    assert_eq!(json["messages"]["visible"], 1);
}

#[tokio::test]
async fn a_consumer_whose_queue_is_away_is_not_well_until_it_is_back() {
    let desk = Desk::new().await;
    desk.queues.down(Request::Receive);
    let consumer = desk.consumer(Clerk::new());
    let (ran, (away, back)) = desk
        .during(&consumer, async {
            desk.pass(SECOND).await;
            let away = consumer.health().await.unwrap();
            desk.queues.up();
            desk.pass(MINUTE).await;
            settle().await;
            (away, consumer.health().await.unwrap())
        })
        .await;
    ran.unwrap();
    assert_eq!((away.state, away.is_well()), (ConsumerState::Retrying, false));
    assert_eq!((back.state, back.is_well()), (ConsumerState::Running, true));
}

#[tokio::test]
async fn a_consumer_runs_while_one_of_its_runs_does() {
    let desk = Desk::new().await;
    let consumer = desk.consumer(Clerk::new());
    let (ran, state) = desk
        .during(&consumer, async {
            consumer.work_off().await.unwrap();
            consumer.health().await.unwrap().state
        })
        .await;
    ran.unwrap();
    assert_eq!(state, ConsumerState::Running);
    assert_eq!(consumer.health().await.unwrap().state, ConsumerState::Idle);
}

#[tokio::test]
async fn a_queue_that_cannot_be_looked_at_is_seen_from_outside() {
    let desk = Desk::new().await;
    desk.queues.next(Request::Options, Mishap::Lost);
    let consumer = desk.consumer(Clerk::new());
    let (ran, (before, after)) = desk
        .during(&consumer, async {
            let before = consumer.health().await.unwrap();
            desk.pass(SECOND).await;
            (before, consumer.health().await.unwrap().state)
        })
        .await;
    ran.unwrap();
    assert_eq!((before.state, after), (ConsumerState::Retrying, ConsumerState::Running));
    assert!(before.last_error.is_some());
}

#[tokio::test]
async fn a_look_at_a_queue_that_does_not_answer_ends_in_time() {
    let desk = Desk::new().await;
    desk.queues.next(Request::Options, Mishap::Unanswered);
    // Only the queue itself knows where its dead letters are.
    let (queues, orders) = (desk.queues.clone(), desk.orders.clone());
    let consumer = QueueConsumer::new("clerk", queues, orders, Clerk::new()).unwrap();
    let consumer = Arc::new(consumer.with_clock(desk.clock.clone()));
    let looking = tokio::spawn(async move { consumer.health().await });
    desk.pass(10 * SECOND).await;
    assert!(looking.is_finished(), "it takes longer");
    let error = looking.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error:?}");
}

#[tokio::test]
async fn a_consumer_works_though_it_may_not_read_the_options_of_its_queue() {
    let desk = Desk::new().await;
    desk.queues.next(Request::Options, Mishap::Refused);
    desk.send("0").await;
    let worked = desk.consumer(Clerk::new()).work_off().await.unwrap();
    assert_eq!(worked.done, 1);
}
