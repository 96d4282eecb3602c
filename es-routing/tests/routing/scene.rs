//! Queues, rules and targets that fail.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use es_core::memory::MemoryQueues;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    MessageError, MessageQueue as _, QueueName, QueueOptions, ReceiveOptions, ReceivedMessage,
    Timestamp,
};
use es_routing::{BusEvent, Delivery, EventId, NewBusEvent, Router, RouterOptions, Rules, Target};
use serde_json::{Value, json};

pub(crate) struct Scene {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) queues: Arc<MemoryQueues>,
}

impl Scene {
    /// On a clock that moves when somebody sleeps, with these queues.
    pub(crate) async fn with_queues(names: &[&str]) -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let queues = MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
        let scene = Self { clock, queues: Arc::new(queues) };
        for name in names {
            let options = QueueOptions::default().retention(*QueueOptions::RETENTION.end());
            scene.queues.configure(&queue(name), options).await.expect("a queue");
        }
        scene
    }

    pub(crate) fn options(&self, router: RouterOptions) -> RouterOptions {
        router
            .queues(self.queues.clone())
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(7)))
    }

    pub(crate) fn router(&self, rules: &Rules) -> RouterOptions {
        self.options(Router::builder(rules.clone()))
    }

    pub(crate) async fn received(&self, name: &str) -> Vec<ReceivedMessage> {
        let options = ReceiveOptions::up_to(10);
        self.queues.receive(&queue(name), options).await.expect("a queue")
    }
}

pub(crate) fn queue(name: &str) -> QueueName {
    QueueName::new(name).expect("a name")
}

pub(crate) fn rules(rules: Value) -> Rules {
    let file = json!({ "rules": rules }).to_string();
    file.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// One rule for everything, with these targets.
pub(crate) fn rule_to(targets: Value) -> Rules {
    rules(
        json!([{ "name": "all", "event_pattern": { "source": [{ "exists": true }] }, "targets": targets }]),
    )
}

pub(crate) fn new_event(detail: Value) -> NewBusEvent {
    NewBusEvent::new("orders", "Order Created", detail).expect("an event")
}

pub(crate) fn event(detail: Value) -> BusEvent {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
    new_event(detail).accepted(EventId::from_bus("e-1"), "000000000000", "local", now)
}

/// A target that does what it is told, attempt by attempt, and then succeeds.
#[derive(Debug)]
pub(crate) struct Scripted {
    /// Of failures whether they are transient.
    failures: Vec<bool>,
    attempts: AtomicU32,
    pub(crate) inputs: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn failing(failures: &[bool]) -> Arc<Self> {
        let (failures, attempts) = (failures.to_vec(), AtomicU32::new(0));
        Arc::new(Self { failures, attempts, inputs: Mutex::default() })
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Target for Scripted {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError> {
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst);
        match self.failures.get(attempt as usize) {
            Some(true) => Err(MessageError::transient("the printer has no paper")),
            Some(false) => Err(MessageError::permanent("there is no printer")),
            None => {
                let mut inputs = self.inputs.lock().expect("no panic");
                inputs.push(delivery.input.as_str().to_owned());
                Ok(())
            }
        }
    }
}
