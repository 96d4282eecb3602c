//! What is taken goes where the rules say, as [`es_routing`] decides, to queues that let them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use es_core::{MAX_BATCH, MessageError, MessageQueue as _, NewMessage, QueueName};
use es_routing::{Delivery, Destination, Router, Rules, Target};
use serde_json::{Map, Value, json};

use super::{FakeEvents, rule_arn, text};

impl FakeEvents {
    /// What routes the events of each bus, into the outbox.
    pub(super) fn routers(
        &self,
        entries: &[Value],
        outbox: &Arc<Outbox>,
    ) -> BTreeMap<String, Router> {
        let buses: BTreeSet<_> = entries.iter().map(|entry| text(entry, "EventBusName")).collect();
        let router = |bus: String| {
            let rules = self.rules(&bus)?;
            let queues: Vec<_> = rules.queues().into_iter().cloned().collect();
            let router = queues.into_iter().fold(Router::builder(rules), |router, queue| {
                let target = ToOutbox { queue: queue.clone(), outbox: outbox.clone() };
                router.target(Destination::Queue(queue), Arc::new(target))
            });
            Some((bus, router.build().expect("queues only")))
        };
        buses.into_iter().filter_map(router).collect()
    }

    /// Sends what is in the outbox, by tens.
    pub(super) async fn send(&self, outbox: &Outbox) {
        let outgoing = std::mem::take(&mut *outbox.0.lock().expect("nobody panicked"));
        for (queue, messages) in outgoing {
            for batch in messages.chunks(MAX_BATCH) {
                let sent = self.0.queues.send_batch(&queue, batch.to_vec()).await;
                assert!(sent.expect("a queue").iter().all(Result::is_ok));
            }
        }
    }

    /// The rules of the bus as a rule file, without targets that the queues do not let in.
    fn rules(&self, bus: &str) -> Option<Rules> {
        let rules = self.state().buses.get(bus).cloned()?;
        let file =
            rules.iter().filter(|(_, rule)| rule.state == "ENABLED").filter_map(|(name, rule)| {
                let targets: Vec<_> =
                    rule.targets.values().filter_map(|it| self.target(bus, name, it)).collect();
                let pattern: Value = serde_json::from_str(&rule.pattern).expect("a pattern");
                (!targets.is_empty())
                    .then(|| json!({ "name": name, "event_pattern": pattern, "targets": targets }))
            });
        let file = json!({ "rules": file.collect::<Vec<_>>() }).to_string();
        Some(file.parse().expect("rules that were deployed"))
    }

    fn target(&self, bus: &str, rule: &str, target: &Value) -> Option<Value> {
        let queue = text(target, "Arn").rsplit(':').next()?.to_owned();
        let policy = self.0.messaging.attributes(&queue).get("Policy").cloned().unwrap_or_default();
        if !policy.contains(&format!("{:?}", rule_arn(bus, rule))) {
            return None;
        }
        let mut form = Map::from_iter([
            ("id".to_owned(), target["Id"].clone()),
            ("queue".to_owned(), json!(queue)),
        ]);
        if let Some(input) = target["Input"].as_str() {
            form.insert("input".to_owned(), serde_json::from_str(input).expect("JSON"));
        }
        if target["InputPath"].is_string() {
            form.insert("input_path".to_owned(), target["InputPath"].clone());
        }
        if let Some(transformer) = target["InputTransformer"].as_object() {
            let transformer = json!({
                "input_paths_map": transformer.get("InputPathsMap").cloned().unwrap_or(json!({})),
                "input_template": transformer["InputTemplate"],
            });
            form.insert("input_transformer".to_owned(), transformer);
        }
        Some(Value::Object(form))
    }
}

/// What is to be sent to queues when a request is done.
#[derive(Debug, Default)]
pub(super) struct Outbox(Mutex<BTreeMap<QueueName, Vec<NewMessage>>>);

#[derive(Debug)]
struct ToOutbox {
    queue: QueueName,
    outbox: Arc<Outbox>,
}

#[async_trait::async_trait]
impl Target for ToOutbox {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError> {
        let mut outbox = self.outbox.0.lock().expect("nobody panicked");
        let message = NewMessage::new(delivery.input.as_str());
        outbox.entry(self.queue.clone()).or_default().push(message);
        Ok(())
    }
}
