//! When messages come again that a function behind a queue could not handle: pollers receive them from a queue, as those
//! of Lambda do, and leave in it what the answer names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use es_core::testing::SeededEntropy;
use es_core::testing::faults::{Call, Fault, Faults, FaultyIdempotencyStore, FaultyMessageQueue};
use es_core::{
    Backoff, Clock, Incoming, MessageError, MessageHandler, MessageQueue, NewMessage,
    QueueConsumer, QueueName, QueueOptions, ReceiveOptions, ReceivedMessage,
};
use es_lambda::sqs;
use serde_json::{Value, json};

use crate::kit::{Desk, Printer, SECOND, fixture};

/// For so long the queue hides what its pollers receive.
const HIDDEN: Duration = Duration::from_secs(600);
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(8), max: Duration::from_secs(60) };

struct Pollers {
    desk: Desk,
    queue: QueueName,
}

impl Pollers {
    async fn of(queue: &str) -> Self {
        let (desk, queue) = (Desk::new().await, QueueName::new(queue).unwrap());
        let options = QueueOptions { visibility_timeout: HIDDEN, ..QueueOptions::default() };
        desk.queues.configure(&queue, options).await.unwrap();
        Self { desk, queue }
    }

    async fn send(&self, bodies: impl IntoIterator<Item = String>) {
        for body in bodies {
            let message = match self.queue.is_fifo() {
                true => NewMessage::new(&*body).group(&body[..1]),
                false => NewMessage::new(&*body),
            };
            self.desk.queues.send(&self.queue, message).await.unwrap();
        }
    }

    fn consumer(&self, handler: impl MessageHandler) -> QueueConsumer {
        let queue = self.queue.clone();
        QueueConsumer::new("printing", self.desk.queues.clone(), queue, handler)
            .unwrap()
            .backoff(BACKOFF)
            .handler_timeout(100 * SECOND)
            .with_clock(self.desk.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(7)))
    }

    async fn receive(&self) -> Vec<ReceivedMessage> {
        let mut all = Vec::new();
        loop {
            let some = self.desk.queues.receive(&self.queue, ReceiveOptions::up_to(10)).await;
            let some = some.unwrap();
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    /// The event of these messages, as if they had been received so often.
    fn event(&self, messages: &[ReceivedMessage], receives: u32) -> Value {
        let record = match self.queue.is_fifo() {
            true => fixture!("sqs_fifo")["Records"][0].clone(),
            false => fixture!("sqs")["Records"][0].clone(),
        };
        let records = messages.iter().map(|message| {
            let mut record = record.clone();
            record["messageId"] = json!(message.id.as_str());
            record["receiptHandle"] = json!(message.receipt.as_str());
            record["body"] = json!(message.body);
            record["attributes"]["ApproximateReceiveCount"] = json!(receives.to_string());
            if let Some(group) = &message.group {
                record["attributes"]["MessageGroupId"] = json!(group);
            }
            record
        });
        json!({ "Records": records.collect::<Vec<_>>() })
    }

    /// Lets a function with so much time handle what is in the queue, and deletes what its answer does not name.
    async fn invoke(&self, consumer: QueueConsumer, receives: u32, time: Duration) -> Vec<String> {
        let messages = self.receive().await;
        let function = sqs(consumer).with_clock(self.desk.clock.clone());
        let event = self.desk.event_with(&self.event(&messages, receives), time);
        let answer = self.desk.within(time + SECOND, function.invoke(event)).await.unwrap();
        let failures: Vec<String> =
            answer.batch_item_failures.into_iter().map(|it| it.item_identifier).collect();
        let (left, done): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|it| failures.contains(&it.id.to_string()));
        for message in done {
            self.desk.queues.acknowledge(&self.queue, &message.receipt).await.unwrap();
        }
        left.into_iter().map(|message| message.body).collect()
    }

    fn faults(&self) -> Faults {
        Faults::none().with_clock(self.desk.clock.clone())
    }

    /// How many failures the answer has when the message comes alone, and the function asks its queue through faults.
    async fn answer_through(&self, faults: Faults, body: &str) -> usize {
        self.send([body.to_owned()]).await;
        let messages = self.receive().await;
        let queues = FaultyMessageQueue::new(self.desk.queues.clone(), faults);
        let consumer = QueueConsumer::new(
            "printing",
            Arc::new(queues),
            self.queue.clone(),
            Printer::default(),
        )
        .unwrap()
        .with_clock(self.desk.clock.clone());
        let function = sqs(consumer).with_clock(self.desk.clock.clone());
        let answer = function.invoke(self.desk.event(&self.event(&messages, 1))).await.unwrap();
        answer.batch_item_failures.len()
    }

    /// After how many seconds each message comes that is hidden, in their order.
    async fn waits(&self, until: Duration) -> BTreeMap<String, u64> {
        let mut waits = BTreeMap::new();
        for second in 0..=until.as_secs() {
            for message in self.receive().await {
                assert_eq!(waits.insert(message.body, second), None, "it came twice");
                // For the next of its group.
                self.desk.queues.acknowledge(&self.queue, &message.receipt).await.unwrap();
            }
            self.desk.clock.advance(SECOND);
        }
        waits
    }
}

const A_WHILE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_message_that_failed_comes_again_after_a_time_that_doubles_with_its_receives() {
    // From 8 s to a minute, each a random part of it, in whole seconds at the latest.
    for (receives, most) in [(1, 8), (2, 16), (3, 32), (4, 60), (40, 60)] {
        let pollers = Pollers::of("labels").await;
        pollers.send((0..60).map(|n| format!("fail {n}"))).await;
        let consumer = pollers.consumer(Printer::default());
        assert_eq!(pollers.invoke(consumer, receives, A_WHILE).await.len(), 60);
        let waits: Vec<u64> = pollers.waits(HIDDEN - SECOND).await.into_values().collect();
        let longest = *waits.iter().max().unwrap();
        assert_eq!(waits.len(), 60, "all of them, before the queue's own time is over");
        assert!(longest <= most && longest > most * 3 / 4, "{receives} receives: {waits:?}");
        let early = waits.iter().filter(|wait| **wait <= most / 2).count();
        assert!((10..50).contains(&early), "{receives} receives: {waits:?}");
    }
}

/// Fails, and says when to try again.
struct Busy(Duration);

#[async_trait::async_trait]
impl MessageHandler for Busy {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        Err(MessageError::after("come again later", self.0))
    }
}

#[tokio::test]
async fn a_message_comes_again_when_its_handler_says_so() {
    for (asked, wait) in [(Duration::ZERO, 0), (300 * SECOND, 300)] {
        let pollers = Pollers::of("labels").await;
        pollers.send(["1".to_owned()]).await;
        pollers.invoke(pollers.consumer(Busy(asked)), 1, A_WHILE).await;
        assert_eq!(pollers.waits(HIDDEN - SECOND).await, BTreeMap::from([("1".to_owned(), wait)]));
    }
}

#[tokio::test]
async fn a_wait_is_as_long_as_a_queue_allows_and_no_longer() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let pollers = Pollers::of("labels").await;
    let options = QueueOptions::default().visibility_timeout(HOUR);
    pollers.desk.queues.configure(&pollers.queue, options).await.unwrap();
    pollers.send(["1".to_owned()]).await;
    let messages = pollers.receive().await;
    // A batching window, and what is left for the invocation.
    pollers.desk.clock.advance(HOUR / 4);
    let function = sqs(pollers.consumer(Busy(24 * HOUR))).with_clock(pollers.desk.clock.clone());
    let answer = function.invoke(pollers.desk.event(&pollers.event(&messages, 1))).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1);
    pollers.desk.clock.advance(11 * HOUR);
    assert!(pollers.receive().await.is_empty(), "released for less");
    pollers.desk.clock.advance(HOUR);
    assert_eq!(pollers.receive().await.len(), 1);
}

#[tokio::test]
async fn a_group_waits_for_its_first_message_alone_and_in_order() {
    let pollers = Pollers::of("labels.fifo").await;
    pollers.send(["a1", "a-fail", "b1", "a2", "a3"].map(str::to_owned)).await;
    let left = pollers.invoke(pollers.consumer(Printer::default()), 1, A_WHILE).await;
    assert_eq!(left, ["a-fail", "a2", "a3"]);
    let waits = pollers.waits(HIDDEN - SECOND).await;
    let first = waits["a-fail"];
    assert!(first <= 8, "{waits:?}");
    // One after the other, as soon as the one before it is out of the way.
    assert_eq!((waits["a2"], waits["a3"]), (first, first));
}

#[tokio::test]
async fn what_there_was_no_time_for_is_hidden_as_long_as_the_queue_says() {
    let pollers = Pollers::of("labels").await;
    pollers.send(["hang", "1"].map(str::to_owned)).await;
    let consumer = pollers.consumer(Printer::default()).concurrency(1);
    assert_eq!(pollers.invoke(consumer, 1, 10 * SECOND).await, ["hang", "1"]);
    let waited = pollers.waits(HIDDEN).await;
    assert!(waited.values().all(|wait| *wait > 500), "{waited:?}");
}

#[tokio::test]
async fn what_the_records_cannot_be_asked_about_is_hidden_as_long_as_the_queue_says() {
    let pollers = Pollers::of("labels").await;
    pollers.send(["1", "2"].map(str::to_owned)).await;
    let faults = pollers.faults();
    faults.at(Call::BeginRequest, 1, Fault::LostRequest);
    let records = FaultyIdempotencyStore::new(pollers.desk.records.clone(), faults);
    let consumer = pollers.consumer(Printer::default()).concurrency(1);
    let consumer = consumer.idempotent(Arc::new(records), HIDDEN);
    assert_eq!(pollers.invoke(consumer, 1, A_WHILE).await, ["1"]);
    assert_eq!(pollers.waits(HIDDEN).await, BTreeMap::from([("1".to_owned(), 600)]));
}

#[tokio::test]
async fn a_queue_that_does_not_answer_is_not_waited_for_until_the_invocation_is_over() {
    let pollers = Pollers::of("labels").await;
    let (faults, an_hour) = (pollers.faults(), Duration::from_secs(60 * 60));
    let faults = faults.with_delay(an_hour);
    faults.at(Call::Release, 1, Fault::Delay);
    let answer = async {
        let failures = pollers.answer_through(faults, "fail").await;
        (failures, pollers.desk.clock.monotonic())
    };
    let answered = pollers.desk.within(30 * SECOND, answer).await;
    assert_eq!(answered, (1, 15 * SECOND), "half of the time is for the answer");
}

#[tokio::test]
async fn a_message_whose_release_is_refused_is_hidden_as_long_as_the_queue_says() {
    let pollers = Pollers::of("labels").await;
    let faults = pollers.faults();
    faults.at(Call::Release, 1, Fault::LostRequest);
    assert_eq!(pollers.answer_through(faults, "fail").await, 1);
    assert_eq!(pollers.waits(HIDDEN).await, BTreeMap::from([("fail".to_owned(), 600)]));
}

#[tokio::test]
async fn a_queue_is_asked_for_nothing_when_nothing_failed() {
    let pollers = Pollers::of("labels").await;
    let faults = pollers.faults();
    assert_eq!(pollers.answer_through(faults.clone(), "1").await, 0);
    assert_eq!(faults.calls(Call::Release), 0);
    assert_eq!(pollers.answer_through(faults.clone(), "fail").await, 1);
    assert_eq!(faults.calls(Call::Release), 1);
}
