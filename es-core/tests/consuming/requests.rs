//! How much is asked for, and what it costs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use es_core::MessageQueue as _;
use es_core::memory::MemoryQueues;
use es_core::{
    Incoming, MAX_BATCH, MessageError, MessageHandler, NewMessage, QueueConsumer, QueueName,
    QueueOptions,
};

use crate::kit::{Clerk, Desk, Does, MINUTE, SECOND, settle};
use crate::watched::{Mishap, Request, Watched};

#[tokio::test]
async fn a_thousand_messages_cost_at_most_350_requests() {
    for concurrency in [10, 16, 25, 100] {
        let desk = Desk::new().await;
        for batch in 0..100 {
            let messages = (0..MAX_BATCH).map(|n| NewMessage::new(format!("{batch}-{n}")));
            desk.queues.send_batch(&desk.orders, messages.collect()).await.unwrap();
        }
        let clerk = Clerk::new();
        let consumer = desk.consumer(clerk.clone()).concurrency(concurrency);

        let (ran, ()) = desk.during(&consumer, desk.pass(30 * SECOND)).await;

        ran.unwrap();
        assert_eq!(clerk.done().len(), 1_000);
        assert!(desk.is_empty().await);
        let total = desk.queues.total();
        assert!(total <= 350, "{total} requests with a concurrency of {concurrency}");
    }
}

#[tokio::test]
async fn handlers_of_different_speed_share_acknowledgements_too() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk);
    for number in 0..100 {
        let time = SECOND * (number as u32 % 7) / 500;
        clerk.tell(&number.to_string(), Does::Takes(time));
    }
    desk.send_all(0..100).await;
    let consumer = desk.consumer(clerk.clone()).concurrency(20);

    let (ran, ()) = desk.during(&consumer, desk.pass_by(5 * SECOND, SECOND / 1_000)).await;

    ran.unwrap();
    assert_eq!(clerk.done().len(), 100);
    let acknowledgements = desk.queues.count(Request::Acknowledge);
    assert!(acknowledgements <= 20, "{acknowledgements} requests for 100 acknowledgements");
}

#[tokio::test]
async fn no_more_is_asked_for_than_there_is_room_for() {
    let desk = Desk::new().await;
    let clerk = Clerk::at(&desk);
    for number in 0..40 {
        clerk.tell(&number.to_string(), Does::Takes(SECOND * (1 + number % 5) / 3));
    }
    desk.send_all(0..40).await;
    let consumer = desk.consumer(clerk.clone()).concurrency(7);

    let (ran, most_in_flight) = desk
        .during(&consumer, async {
            let mut most = 0;
            for _ in 0..300 {
                desk.pass(SECOND / 10).await;
                most = most.max(desk.counts().await.in_flight);
            }
            most
        })
        .await;

    ran.unwrap();
    assert_eq!(clerk.done().len(), 40);
    assert_eq!(clerk.most_at_work.load(Ordering::SeqCst), 7);
    assert_eq!(most_in_flight, 7);
    assert!(desk.queues.batches(Request::Receive).iter().all(|&asked| asked <= 7));
}

#[tokio::test]
async fn a_slot_that_is_free_is_used_while_the_others_are_busy() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs).told("1", Does::Hangs);
    desk.send_all(0..6).await;
    let consumer = desk.consumer(clerk.clone()).concurrency(3).drain(SECOND);

    let (ran, done) = desk
        .during(&consumer, async {
            desk.pass(2 * SECOND).await;
            clerk.done()
        })
        .await;

    ran.unwrap();
    assert_eq!(done, ["2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_consumer_with_nothing_to_do_asks_three_times_a_minute() {
    let desk = Desk::new().await;
    let consumer = desk.consumer(Clerk::new());

    let (ran, ()) = desk.during(&consumer, desk.pass_by(10 * MINUTE, SECOND)).await;

    ran.unwrap();
    assert!(desk.queues.receives().iter().all(|options| options.wait == 20 * SECOND));
    let receives = desk.queues.count(Request::Receive);
    assert!((30..=31).contains(&receives), "{receives} receives in ten minutes");
}

#[tokio::test]
async fn a_receive_waits_less_than_it_holds() {
    let desk = Desk::new().await;
    let consumer = desk.consumer(Clerk::new()).visibility_timeout(6 * SECOND);

    let (ran, ()) = desk.during(&consumer, settle()).await;

    ran.unwrap();
    let receives = desk.queues.receives();
    assert_eq!(receives[0].wait, 2 * SECOND);
    assert_eq!(receives[0].visibility_timeout, Some(6 * SECOND));
}

#[tokio::test]
async fn a_queue_that_cannot_wait_is_not_asked_without_a_pause() {
    for (hold, pause) in [(SECOND, SECOND / 3), (MINUTE, SECOND)] {
        let desk = Desk::with("orders", "orders-dead", Watched::that_cannot_wait).await;
        let clerk = Clerk::new();
        let consumer = desk.consumer(clerk.clone()).visibility_timeout(hold);

        let (ran, asked) = desk
            .during(&consumer, async {
                desk.pass(MINUTE).await;
                let asked = desk.queues.count(Request::Receive);
                desk.send("1").await;
                desk.pass(SECOND).await;
                asked
            })
            .await;

        ran.unwrap();
        let most = MINUTE.div_duration_f64(pause) as usize + 1;
        assert!((most / 2..=most).contains(&asked), "{asked} receives in a minute");
        assert_eq!(clerk.done(), ["1"], "what came was handled within a second");
    }
}

#[tokio::test]
async fn an_acknowledgement_does_not_wait_for_what_takes_long() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Hangs);
    desk.send_all(0..4).await;
    let consumer = desk.consumer(clerk.clone()).drain(SECOND);

    let (ran, left) = desk
        .during(&consumer, async {
            desk.pass(SECOND / 10).await;
            desk.counts().await
        })
        .await;

    ran.unwrap();
    assert_eq!((left.visible, left.in_flight), (0, 1));
    assert_eq!(desk.queues.batches(Request::Acknowledge), [3]);
}

#[tokio::test]
async fn of_a_batch_only_what_was_not_acknowledged_is_acknowledged_again() {
    let desk = Desk::new().await;
    desk.send_all(0..10).await;
    desk.queues.next(Request::Acknowledge, Mishap::FirstEntryLost);
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk.during(&consumer, desk.pass(5 * SECOND)).await;

    ran.unwrap();
    assert!(desk.is_empty().await);
    assert_eq!(desk.queues.batches(Request::Acknowledge), [10, 1]);
    assert_eq!(clerk.done().len(), 10);
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_was_lost_is_no_error() {
    let desk = Desk::new().await;
    desk.send_all(0..10).await;
    desk.queues.next(Request::Acknowledge, Mishap::AnswerLost);
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone());

    let (ran, ()) = desk.during(&consumer, desk.pass(5 * SECOND)).await;

    ran.unwrap();
    assert!(desk.is_empty().await);
    assert_eq!(clerk.began().len(), 10);
}

#[tokio::test]
async fn a_queue_that_is_away_is_asked_with_growing_waits() {
    let desk = Desk::new().await;
    desk.queues.down(Request::Receive);
    desk.send("0").await;
    let clerk = Clerk::new();
    let consumer = desk.consumer(clerk.clone());

    let (ran, asked) = desk
        .during(&consumer, async {
            desk.pass(MINUTE).await;
            let asked = desk.queues.count(Request::Receive);
            desk.queues.up();
            desk.pass(6 * SECOND).await;
            asked
        })
        .await;

    ran.unwrap();
    assert!((10..60).contains(&asked), "{asked} receives in a minute");
    assert_eq!(clerk.done(), ["0"]);
}

#[tokio::test]
async fn whatever_is_under_way_when_the_last_message_leaves_the_hand_the_end_is_found() {
    for (messages, concurrency) in [(1, 40), (10, 40), (100, 15), (100, 40), (300, 100)] {
        let queues = Arc::new(MemoryQueues::default());
        let queue = QueueName::new("work").unwrap();
        queues.configure(&queue, QueueOptions::default()).await.unwrap();
        for n in 0..messages {
            queues.send(&queue, NewMessage::new(n.to_string())).await.unwrap();
        }
        let consumer = QueueConsumer::new("clerk", queues, queue, Nothing).unwrap();
        let worked = consumer.concurrency(concurrency).work_off().await.unwrap();
        assert_eq!(worked.done, messages, "{concurrency} in hand");
    }
}

/// Has nothing to do, so that all is done as soon as it comes.
struct Nothing;

#[async_trait]
impl MessageHandler for Nothing {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        Ok(())
    }
}
