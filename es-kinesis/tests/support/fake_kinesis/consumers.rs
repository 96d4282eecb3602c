//! The consumers of enhanced fan-out: registered by name, each with a throughput of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::asked::Asked;
use super::model::Model;
use super::moment::Moment;
use super::refusal::Refusal;
use super::stream::ACCOUNT;

/// How many a stream can have.
const MOST_CONSUMERS: usize = 20;

/// How long after one subscription another one to the same shard is refused.
const SUBSCRIPTION_PAUSE_MILLIS: i64 = 5_000;

/// The consumers of a stream, by name.
#[derive(Debug, Default)]
pub(super) struct Consumers(BTreeMap<String, Consumer>);

#[derive(Debug)]
pub(super) struct Consumer {
    name: String,
    arn: String,
    created: Moment,
    /// The one of each shard, be it over or not.
    subscriptions: BTreeMap<String, Current>,
}

/// The last subscription of a consumer to a shard.
#[derive(Debug)]
struct Current {
    began: Moment,
    /// How a test ends it.
    ending: Option<Ending>,
}

/// How a subscription ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As after its five minutes.
    Over,
    /// The connection breaks.
    Broken,
    /// An event says so, with this code.
    Failed(&'static str),
}

impl Model {
    pub(super) fn register_stream_consumer(
        &mut self,
        asked: Asked<'_>,
        now: Moment,
    ) -> Result<Value, Refusal> {
        let name = asked.text("ConsumerName")?.to_owned();
        let stream = self.stream_mut(asked.stream()?, now)?;
        let consumer = stream.consumers.register(&stream.arn(), &name, now)?;
        Ok(json!({ "Consumer": consumer.description(None, "CREATING") }))
    }

    pub(super) fn describe_stream_consumer(
        &mut self,
        asked: Asked<'_>,
        now: Moment,
    ) -> Result<Value, Refusal> {
        let stream = self.stream_mut(asked.stream_of_consumer()?, now)?;
        let arn = stream.arn();
        let consumer = stream.consumers.find(asked)?;
        Ok(json!({ "ConsumerDescription": consumer.description(Some(&arn), "ACTIVE") }))
    }

    pub(super) fn deregister_stream_consumer(
        &mut self,
        asked: Asked<'_>,
        now: Moment,
    ) -> Result<Value, Refusal> {
        let stream = self.stream_mut(asked.stream_of_consumer()?, now)?;
        let name = stream.consumers.find(asked)?.name.clone();
        stream.consumers.0.remove(&name);
        Ok(json!({}))
    }
}

impl Consumers {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    fn register(&mut self, stream: &str, name: &str, now: Moment) -> Result<&Consumer, Refusal> {
        if self.0.contains_key(name) {
            return Err(Refusal::in_use(format!(
                "Consumer {name} under stream {stream} already exists for account {ACCOUNT}."
            )));
        }
        if self.0.len() == MOST_CONSUMERS {
            return Err(Refusal::exceeds_limit(format!("{stream} has {MOST_CONSUMERS} consumers")));
        }
        let arn = format!("{stream}/consumer/{name}:{}", now.millis / 1_000);
        let subscriptions = BTreeMap::new();
        let consumer = Consumer { name: name.to_owned(), arn, created: now, subscriptions };
        Ok(self.0.entry(name.to_owned()).or_insert(consumer))
    }

    /// Ends all subscriptions.
    pub(super) fn end_subscriptions(&mut self, ending: Ending) {
        let subscriptions = self.0.values_mut().flat_map(|it| it.subscriptions.values_mut());
        subscriptions.for_each(|current| current.ending = Some(ending));
    }

    /// How the subscription to a shard that began then is to end by now, if so.
    pub(super) fn ending(&self, arn: &str, shard: &str, began: Moment) -> Option<Ending> {
        let Some(consumer) = self.0.values().find(|consumer| consumer.arn == arn) else {
            return Some(Ending::Failed("ResourceNotFoundException"));
        };
        let current = consumer.subscriptions.get(shard);
        match current.filter(|current| current.began == began) {
            Some(current) => current.ending,
            // Another one took over.
            None => Some(Ending::Failed("ResourceInUseException")),
        }
    }

    /// The consumer that a request says by its ARN or by its name.
    pub(super) fn find(&mut self, asked: Asked<'_>) -> Result<&mut Consumer, Refusal> {
        let arn = asked.optional_text("ConsumerARN");
        let name = asked.optional_text("ConsumerName");
        let mut consumers = self.0.values_mut();
        let consumer = consumers.find(|it| {
            arn.is_some_and(|arn| arn == it.arn) || name.is_some_and(|name| name == it.name)
        });
        consumer.ok_or_else(|| {
            let asked = arn.or(name).unwrap_or_default();
            Refusal::not_found(format!("Consumer {asked} under account {ACCOUNT} not found."))
        })
    }
}

impl Consumer {
    /// Lets a subscription take over from the one before.
    pub(super) fn subscribe(&mut self, shard: &str, now: Moment) -> Result<(), Refusal> {
        let last = self.subscriptions.get(shard);
        if last.is_some_and(|last| last.began.millis_until(now) < SUBSCRIPTION_PAUSE_MILLIS) {
            let name = &self.name;
            return Err(Refusal::in_use(format!(
                "Another active subscription exists for this consumer: {name}, shard: {shard}"
            )));
        }
        self.subscriptions.insert(shard.to_owned(), Current { began: now, ending: None });
        Ok(())
    }

    fn description(&self, stream: Option<&str>, status: &str) -> Value {
        let mut description = json!({
            "ConsumerName": self.name,
            "ConsumerARN": self.arn,
            "ConsumerStatus": status,
            "ConsumerCreationTimestamp": self.created.as_seconds(),
        });
        if let Some(stream) = stream {
            description["StreamARN"] = stream.into();
        }
        description
    }
}
