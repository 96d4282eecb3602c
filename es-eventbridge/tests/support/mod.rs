//! EventBridge and SQS for tests: the ones in memory, or those of the server that the environment names.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses a part")]

pub(crate) mod fake_events;
#[path = "../../../es-sns-sqs/tests/support/fake_messaging/mod.rs"]
pub(crate) mod fake_messaging;
#[path = "../../../es-aws/tests/support/fault_plan.rs"]
pub(crate) mod fault_plan;

use std::sync::Arc;

use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{Clock, MessageQueue as _, QueueName, QueueOptions, ReceiveOptions};
use es_eventbridge::{EventBridgeBus, EventBridgeOptions};
use es_routing::Rules;
use es_sns_sqs::SqsQueues;
use fake_events::FakeEvents;
use fake_messaging::FakeMessaging;
use serde_json::{Value, json};

/// A bus in EventBridge and queues in SQS, both in memory, on a clock that moves when somebody sleeps.
pub(crate) struct Scene {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) messaging: FakeMessaging,
    pub(crate) events: FakeEvents,
    pub(crate) queues: SqsQueues,
    pub(crate) bus: EventBridgeBus,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|options| options)
    }

    pub(crate) fn with(options: impl FnOnce(EventBridgeOptions) -> EventBridgeOptions) -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let messaging = FakeMessaging::new(clock.clone(), 7);
        let queues = SqsQueues::builder().name_prefix("p-").clock(clock.clone());
        let queues = queues.with_client(messaging.sqs()).expect("a valid prefix");
        let events = FakeEvents::new(messaging.clone(), clock.clone());
        let builder = EventBridgeBus::builder("shop")
            .name_prefix("p-")
            .clock(clock.clone())
            .entropy(Arc::new(SeededEntropy::new(7)));
        let bus = options(builder).with_clients(events.client(), messaging.sqs());
        Self { clock, messaging, events, queues, bus: bus.expect("a valid name") }
    }

    /// What is in a queue, ten messages at most.
    pub(crate) async fn bodies(&self, name: &str) -> Vec<Value> {
        let received = self.queues.receive(&queue(name), ReceiveOptions::up_to(10)).await;
        let received = received.expect("a queue");
        received.iter().map(|it| serde_json::from_str(&it.body).expect("JSON")).collect()
    }

    /// Another program at the same servers.
    pub(crate) fn another(&self, bus: &str, owner: &str) -> EventBridgeBus {
        let options = EventBridgeBus::builder(bus).name_prefix("p-").owner(owner);
        let options = options.clock(self.clock.clone());
        options.with_clients(self.events.client(), self.messaging.sqs()).expect("a valid name")
    }

    /// Makes the queues of the rules.
    pub(crate) async fn make_queues(&self, rules: &Rules) {
        for queue in rules.queues() {
            self.queues.configure(queue, QueueOptions::default()).await.expect("a queue");
        }
    }
}

pub(crate) fn queue(name: &str) -> QueueName {
    QueueName::new(name).expect("a name")
}

pub(crate) fn rules(rules: Value) -> Rules {
    let file = json!({ "rules": rules }).to_string();
    file.parse().unwrap_or_else(|error| panic!("{error}"))
}
