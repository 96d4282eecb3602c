//! Messages that are given up.

use es_core::testing::CapturedLog;
use es_core::{
    DeadLetterQueue, DeadLetterReason, DeadMessageFilter, MessageQueue as _, NewMessage,
    QueueConsumer, QueueOptions,
};

use crate::kit::{Clerk, Desk, Does, HOUR, MINUTE, SECOND};
use crate::watched::Request;

#[tokio::test]
async fn a_dead_letter_says_what_happened_and_keeps_the_message_as_it_was() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::Fails);
    let full = (0..NewMessage::MAX_ATTRIBUTES)
        .fold(NewMessage::new("0"), |message, n| message.attribute(format!("a{n}"), "ä\"\\"));
    let id = desk.queues.inner.send(&desk.orders, full.clone()).await.unwrap();
    let consumer = desk.consumer(clerk).max_attempts(2);
    let sent_at = es_core::Clock::now(&*desk.clock);

    let (ran, ()) = desk.during(&consumer, desk.pass(30 * SECOND)).await;

    ran.unwrap();
    let dead = DeadLetterQueue::new(desk.queues.clone(), desk.dead.clone());
    let found = dead.list(&DeadMessageFilter::all(), 10).await.unwrap().remove(0);
    assert_eq!((found.body.as_str(), &found.attributes), ("0", &full.attributes));
    assert_eq!((found.origin, found.message_id), (Some(desk.orders.clone()), id));
    assert_eq!(found.sent_at, sent_at);
    let failure = found.failure.unwrap();
    assert_eq!((failure.consumer.as_str(), failure.attempts), ("clerk", 2));
    assert_eq!(failure.reason, DeadLetterReason::AttemptsUsedUp);
    assert_eq!(failure.error, "the shop is closed");
    assert!(failure.first_received_at < failure.at);
}

#[tokio::test]
async fn what_cannot_be_decoded_is_buried_at_once_with_the_reason() {
    let desk = Desk::new().await;
    let clerk = Clerk::new();
    desk.send(r#"{"specversion":"1.0","type":7}"#).await;
    let worked = desk.consumer(clerk.clone()).work_off().await.unwrap();
    assert_eq!((worked.dead_lettered, clerk.began().len()), (1, 0));
    let dead = DeadLetterQueue::new(desk.queues.clone(), desk.dead.clone());
    let found = dead.list(&DeadMessageFilter::all(), 10).await.unwrap().remove(0);
    let failure = found.failure.unwrap();
    assert_eq!((failure.reason, failure.attempts), (DeadLetterReason::Undecodable, 1));
    assert!(failure.error.contains("CloudEvent"), "{}", failure.error);
}

#[tokio::test]
async fn while_dead_letters_cannot_be_sent_nothing_is_acknowledged_and_nothing_received() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsForGood);
    desk.send_all(0..1).await;
    desk.queues.down(Request::Send);
    let consumer = desk.consumer(clerk.clone());

    let (ran, (tried, receives, acknowledged)) = desk
        .during(&consumer, async {
            desk.pass(SECOND).await;
            // The receive that was under way brings one more.
            desk.send_all(1..5).await;
            desk.pass(SECOND).await;
            let began = clerk.began().len();
            let receives = desk.queues.count(Request::Receive);
            desk.send_all(5..20).await;
            desk.pass(3 * MINUTE).await;
            assert_eq!(clerk.began().len(), began, "nothing was received meanwhile");
            assert_eq!(desk.received_by_another().await.len(), 10, "others can work");
            let more = desk.queues.count(Request::Receive) - receives;
            let seen = (
                desk.queues.count(Request::Send),
                more,
                desk.buried().await + desk.counts().await.in_flight,
            );
            desk.queues.up();
            desk.pass(MINUTE).await;
            seen
        })
        .await;

    ran.unwrap();
    assert!((10..200).contains(&tried), "{tried} times in three minutes");
    assert_eq!((receives, acknowledged), (0, 11), "it is still held, beside the ten of another");
    assert_eq!(desk.buried().await, 1);
    assert_eq!(clerk.began().iter().filter(|body| *body == "0").count(), 1);
}

#[tokio::test]
async fn a_dead_letter_whose_answer_was_lost_is_there_twice_rather_than_never() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsForGood);
    desk.send("0").await;
    desk.queues.next(Request::Send, crate::watched::Mishap::AnswerLost);
    let consumer = desk.consumer(clerk);
    let (ran, ()) = desk.during(&consumer, desk.pass(10 * SECOND)).await;
    ran.unwrap();
    assert_eq!(desk.buried().await, 2);
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn on_a_fifo_queue_a_dead_letter_whose_answer_was_lost_is_there_once() {
    let desk = Desk::fifo().await;
    let clerk = Clerk::new().told("0", Does::FailsForGood);
    desk.send_in("a", "0").await;
    desk.queues.next(Request::Send, crate::watched::Mishap::AnswerLost);
    let consumer = desk.consumer(clerk);
    let (ran, ()) = desk.during(&consumer, desk.pass(10 * SECOND)).await;
    ran.unwrap();
    assert_eq!(desk.buried().await, 1);
    let dead = DeadLetterQueue::new(desk.queues.clone(), desk.dead.clone());
    let found = dead.list(&DeadMessageFilter::all(), 10).await.unwrap().remove(0);
    assert_eq!(found.group.as_deref(), Some("a"));
}

#[tokio::test]
async fn the_error_gives_way_where_there_is_no_room_beside_the_body() {
    let desk = Desk::new().await;
    let options = QueueOptions::default().max_message_size(2048);
    desk.queues.configure(&desk.dead, options).await.unwrap();
    // With 4 KiB of error it does not fit, with 256 bytes of it, it does.
    let body = "x".repeat(1_200);
    struct Loud;
    #[async_trait::async_trait]
    impl es_core::MessageHandler for Loud {
        async fn handle(&self, _: &es_core::Incoming) -> Result<(), es_core::MessageError> {
            Err(es_core::MessageError::permanent("é\u{ffff}".repeat(3_000)))
        }
    }
    desk.send(&body).await;
    let worked = desk.consumer(Loud).work_off().await.unwrap();
    assert_eq!(worked.dead_lettered, 1);
    let dead = DeadLetterQueue::new(desk.queues.clone(), desk.dead.clone());
    let found = dead.list(&DeadMessageFilter::all(), 10).await.unwrap().remove(0);
    assert_eq!(found.body, body);
    let error = found.failure.unwrap().error;
    assert!(error.starts_with("é\u{fffd}é") && error.len() <= 256, "{} bytes", error.len());
}

#[tokio::test]
async fn a_message_that_fits_in_no_dead_letter_comes_again_and_is_not_lost() {
    let desk = Desk::new().await;
    let options = QueueOptions::default().max_message_size(1024);
    desk.queues.configure(&desk.dead, options).await.unwrap();
    let body = "x".repeat(5_000);
    let clerk = Clerk::new().told(&body, Does::FailsForGood);
    desk.send(&body).await;
    let consumer = desk.consumer(clerk.clone());

    let (ran, (buried, kept)) = desk
        .during(&consumer, async {
            desk.pass(MINUTE).await;
            let counts = desk.counts().await;
            let seen = (desk.buried().await, counts.delayed + counts.visible + counts.in_flight);
            desk.queues.configure(&desk.dead, QueueOptions::default()).await.unwrap();
            desk.pass(MINUTE).await;
            seen
        })
        .await;

    ran.unwrap();
    assert_eq!((buried, kept), (0, 1));
    assert!(consumer.health().await.unwrap().last_error.is_some());
    assert_eq!(clerk.began().len(), 1, "it was given up once, and only sent since then");
    assert_eq!(desk.buried().await, 1);
}

#[tokio::test]
async fn debug_output_has_nothing_of_what_is_in_a_message() {
    let desk = Desk::new().await;
    let message = NewMessage::new("a secret").attribute("secret", "secret");
    assert!(!format!("{message:?}").contains("secret"));
    desk.queues.inner.send(&desk.orders, message).await.unwrap();
    let received = desk.received_by_another().await.remove(0);
    let written = format!("{received:?}");
    assert!(!written.contains("secret"), "{written}");
    assert!(written.contains(received.id.as_str()));

    desk.clock.advance(MINUTE);
    struct Indiscreet;
    #[async_trait::async_trait]
    impl es_core::MessageHandler for Indiscreet {
        async fn handle(&self, message: &es_core::Incoming) -> Result<(), es_core::MessageError> {
            Err(es_core::MessageError::permanent(message.body().to_owned()))
        }
    }
    desk.consumer(Indiscreet).work_off().await.unwrap();
    let dead = DeadLetterQueue::new(desk.queues.clone(), desk.dead.clone());
    let failure = dead.list(&DeadMessageFilter::all(), 1).await.unwrap().remove(0).failure;
    assert_eq!(failure.as_ref().unwrap().error, "a secret");
    assert!(!format!("{failure:?}").contains("secret"));
}

#[tokio::test]
async fn the_log_has_nothing_of_what_is_in_a_message() {
    let log = CapturedLog::of("es_core");
    let desk = Desk::new().await;
    let clerk =
        Clerk::new().told("secret-1", Does::FailsUntil(2)).told("secret-2", Does::FailsForGood);
    for body in ["secret-1", "secret-2", r#"{"specversion":"1.0","type":"secret-3"}"#] {
        let message = NewMessage::new(body).attribute("kind", "secret-4");
        desk.queues.inner.send(&desk.orders, message).await.unwrap();
    }
    let event = |data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"secret-5","source":"/s","type":"T","data":"{data}"}}"#
        )
    };
    desk.send(&event("a")).await;
    desk.send(&event("b")).await;
    let consumer = desk.consumer(clerk).idempotent(desk.records.clone(), HOUR).concurrency(1);
    let worked = consumer.work_off().await.unwrap();
    assert_eq!((worked.retried, worked.dead_lettered), (1, 3));
    let mut lines = log.lines();
    assert!(lines.len() >= 4, "{lines:?}");
    assert!(log.spans().len() >= 5, "{:?}", log.spans());
    lines.extend(log.spans());
    assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:?}");
}

#[tokio::test]
async fn what_does_not_fit_together_is_said_at_the_start() {
    let desk = Desk::new().await;
    let warnings = async |consumer: &QueueConsumer| {
        let log = CapturedLog::of("es_core::queue_consumer");
        consumer.work_off().await.unwrap();
        log.lines()
    };
    let consumer = desk.consumer(Clerk::new());
    assert_eq!(warnings(&consumer).await, [""; 0]);

    let smaller = QueueOptions::default().max_message_size(1024);
    desk.queues.inner.configure(&desk.dead, smaller).await.unwrap();
    let said = warnings(&consumer).await;
    assert!(said.len() == 1 && said[0].contains("takes only smaller messages"), "{said:?}");

    let policy = QueueOptions::default().dead_letters(desk.dead.clone(), 3);
    desk.queues.inner.configure(&desk.orders, policy).await.unwrap();
    desk.queues.inner.configure(&desk.dead, QueueOptions::default()).await.unwrap();
    let said = warnings(&consumer.max_attempts(3)).await;
    assert!(said[0].contains("gives messages up before the consumer does"), "{said:?}");
    assert!(said[1].contains("which is not longer than"), "{said:?}");
    assert_eq!(said.len(), 2);
}

#[tokio::test]
async fn what_stands_behind_the_one_that_fails_for_good_is_not_tried() {
    let desk = Desk::new().await;
    let event = |id: u32| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/shop","type":"Order:Placed","data":{id}}}"#
        )
    };
    struct Second(std::sync::Arc<std::sync::Mutex<Vec<String>>>);
    #[async_trait::async_trait]
    impl es_core::MessageHandler for Second {
        async fn handle(&self, message: &es_core::Incoming) -> Result<(), es_core::MessageError> {
            self.0.lock().unwrap().push(message.id().to_owned());
            match message.body().contains(r#""data":2"#) {
                true => Err(es_core::MessageError::permanent("no such article")),
                false => Ok(()),
            }
        }
    }
    desk.send(&format!("[{},{},{}]", event(1), event(2), event(3))).await;
    let tried = std::sync::Arc::default();
    let handler = Second(std::sync::Arc::clone(&tried));
    let worked = desk.consumer(handler).work_off().await.unwrap();
    assert_eq!((worked.dead_lettered, tried.lock().unwrap().len()), (1, 2));
}
