//! Events of Lambda with a clock that a test moves, and a handler that does as the message says.

#![allow(dead_code, reason = "each feature uses a part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::memory::{MemoryIdempotency, MemoryQueues};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Clock, Incoming, MessageError, MessageHandler, MessageQueue, QueueConsumer, QueueName,
    QueueOptions, ReceiveOptions, ReceivedMessage,
};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The event in `tests/events/`.
macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/events/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}
pub(crate) use fixture;

pub(crate) struct Desk {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) queues: Arc<MemoryQueues>,
    pub(crate) dead: QueueName,
    pub(crate) records: Arc<MemoryIdempotency>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let entropy = Arc::new(SeededEntropy::new(1));
        let queues = Arc::new(MemoryQueues::new(clock.clone(), entropy.clone()));
        let dead = QueueName::new("dead").unwrap();
        queues.configure(&dead, QueueOptions::default()).await.unwrap();
        let records = Arc::new(MemoryIdempotency::new(clock.clone(), entropy));
        Self { clock, queues, dead, records }
    }

    /// A consumer whose queue nobody receives from.
    pub(crate) fn consumer(&self, handler: impl MessageHandler) -> QueueConsumer {
        let queue = QueueName::new("labels").unwrap();
        QueueConsumer::new("printing", self.queues.clone(), queue, handler)
            .unwrap()
            .dead_letters_to(self.dead.clone())
            .handler_timeout(20 * SECOND)
            .idempotent(self.records.clone(), A_DAY)
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(7)))
    }

    /// The event in an invocation that has 30 s.
    pub(crate) fn event(&self, event: &Value) -> LambdaEvent<Box<RawValue>> {
        self.event_with(event, 30 * SECOND)
    }

    pub(crate) fn event_with(&self, event: &Value, left: Duration) -> LambdaEvent<Box<RawValue>> {
        self.raw_event(&event.to_string(), left)
    }

    pub(crate) fn raw_event(&self, json: &str, left: Duration) -> LambdaEvent<Box<RawValue>> {
        let mut context = Context::default();
        let end = self.clock.now().as_millisecond() + i64::try_from(left.as_millis()).unwrap();
        context.deadline = end.try_into().unwrap();
        LambdaEvent::new(RawValue::from_string(json.to_owned()).unwrap(), context)
    }

    pub(crate) async fn buried(&self) -> Vec<ReceivedMessage> {
        self.queues.receive(&self.dead, ReceiveOptions::default()).await.unwrap()
    }

    /// What the work comes to while so much time passes; it is too long if it takes more.
    pub(crate) async fn within<T>(&self, time: Duration, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            () = self.pass(time) => panic!("it has not ended within {time:?}"),
        }
    }

    /// Lets so much time pass in steps of a second, and everything happen that it brings about.
    pub(crate) async fn pass(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            settle().await;
            self.clock.advance(SECOND);
        }
        settle().await;
    }
}

pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// Does what the body begins with: `fail`, `poison`, `hang`; everything else is printed.
#[derive(Default)]
pub(crate) struct Printer {
    pub(crate) printed: Mutex<Vec<String>>,
    pub(crate) began: Mutex<Vec<Incoming>>,
}

impl Printer {
    pub(crate) fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    pub(crate) fn began(&self) -> Vec<String> {
        self.began.lock().unwrap().iter().map(|label| label.body().to_owned()).collect()
    }
}

#[async_trait]
impl MessageHandler for Printer {
    async fn handle(&self, label: &Incoming) -> Result<(), MessageError> {
        self.began.lock().unwrap().push(label.clone());
        let body = label.body();
        if body.contains("fail") {
            return Err(MessageError::transient("the printer is out of paper"));
        }
        if body.contains("poison") {
            return Err(MessageError::permanent("that is no label"));
        }
        if body.contains("hang") {
            std::future::pending::<()>().await;
        }
        self.printed.lock().unwrap().push(body.to_owned());
        Ok(())
    }
}
