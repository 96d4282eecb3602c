//! Deciding which targets an event goes to, and delivering it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use es_core::{
    Backoff, Clock, Entropy, Error, MessageError, MessageQueue, Result, SystemClock, SystemEntropy,
    Topic,
};
use futures::future::join_all;
use tracing::Instrument as _;

use crate::bus_event::BusEvent;
use crate::excerpt::{NAME, excerpt};
use crate::pattern::Undecidable;
use crate::rules::{Destination, Rule, Rules};
use crate::target::{Delivery, Target, ToFunction, ToQueue, ToTopic};
use crate::telemetry;

mod dead_letter;
mod delivering;

pub use dead_letter::DeadLetterAttribute;
pub use delivering::NotDelivered;

use delivering::Task;

/// Delivers events to the targets of the rules that match.
///
/// ```
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryQueues;
/// use es_core::{MessageQueue, QueueName, QueueOptions, Timestamp};
/// use es_routing::{EventId, NewBusEvent, Router, Rules};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules: Rules = r#"{"rules": [{
///     "name": "created", "event_pattern": {"detail-type": ["Order Created"]},
///     "targets": [{"id": "work", "queue": "orders"}, {"id": "tell", "function": "tell"}]
/// }]}"#.parse()?;
///
/// let queues = Arc::new(MemoryQueues::default());
/// let orders = QueueName::new("orders")?;
/// queues.configure(&orders, QueueOptions::default()).await?;
/// let router = Router::builder(rules)
///     .queues(queues.clone())
///     .function("tell", |delivery| async move {
///         println!("{} is new", delivery.event.detail["order_id"]);
///         Ok(())
///     })
///     .build()?;
///
/// let created = NewBusEvent::new("orders", "Order Created", json!({ "order_id": "o-1" }))?;
/// let id = EventId::from_bus("53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa");
/// let routed = router.route(created.accepted(id, "000000000000", "local", Timestamp::now())).await?;
/// assert_eq!(routed.delivered, 2);
/// assert_eq!(queues.counts(&orders).await?.visible, 1);
/// # Ok(())
/// # }
/// ```
///
/// # What is promised
///
/// - **Every target of every rule that matches** gets the event, side by side: one that fails, or is slow, holds
///   no other.
/// - **At least once.** A delivery whose answer was lost is repeated.
/// - **Retries** as the [policy](crate::RetryPolicy) of the target says, after a backoff with full jitter, at
///   first up to a second, at most a minute. What trying again does not help is given up at once.
/// - **Nothing is lost in silence.** What is given up is in the target's dead-letter queue when
///   [`route`](Self::route) returns, as the event was, with [attributes](DeadLetterAttribute) that say where it
///   should have gone and why it did not. Without such a queue it is dropped, as EventBridge does, with a
///   warning in the log and in the [metrics](telemetry).
pub struct Router {
    rules: Rules,
    targets: HashMap<Destination, Arc<dyn Target>>,
    dead_letters: Option<Arc<dyn MessageQueue>>,
    bus_name: String,
    backoff: Backoff,
    patience: u32,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// How a router is made; from [`Router::builder`].
#[must_use = "a router is made by `build`"]
pub struct RouterOptions {
    router: Router,
    queues: Option<Arc<dyn MessageQueue>>,
    topics: Option<Arc<dyn Topic>>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Routed {
    /// How many rules matched.
    pub rules: usize,
    /// How many targets have it.
    pub delivered: usize,
    /// How many do not, and it is in their dead letters.
    pub dead_lettered: usize,
    /// How many do not, and have no dead-letter queue.
    pub dropped: usize,
}

/// Why an event was not routed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotRouted {
    /// Nobody can say where it has to go; it went nowhere.
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
    /// It may be with some of its targets, and is neither with this one nor in its dead letters: route it again.
    #[error(transparent)]
    NotDelivered(#[from] NotDelivered),
}

impl Router {
    /// A router for these rules.
    pub fn builder(rules: Rules) -> RouterOptions {
        let router = Self {
            rules,
            targets: HashMap::new(),
            dead_letters: None,
            bus_name: "default".to_owned(),
            backoff: Backoff { base: Duration::from_secs(1), max: Duration::from_secs(60) },
            patience: u32::MAX,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        RouterOptions { router, queues: None, topics: None }
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// The rules that match the event, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`Undecidable`] when one of them cannot say.
    pub fn matching(&self, event: &BusEvent) -> Result<Vec<&Rule>, Undecidable> {
        let event = event.to_value();
        let mut matching = Vec::new();
        for rule in &self.rules {
            if rule.pattern().matches(&event)? {
                matching.push(rule);
            }
        }
        Ok(matching)
    }

    /// Delivers the event to all targets of the rules that match, and says what became of it when each has it or
    /// was given up.
    ///
    /// A call that is dropped may have delivered to any of them.
    ///
    /// # Errors
    ///
    /// [`NotRouted`]: the event is not accepted, and has to be routed again.
    pub async fn route(&self, event: BusEvent) -> Result<Routed, NotRouted> {
        let span = tracing::info_span!(
            "route",
            event = event.id.shown(),
            source = excerpt(&event.source, NAME),
            detail_type = excerpt(&event.detail_type, NAME),
            traceparent = traceparent(&event),
        );
        self.route_in_span(event).instrument(span).await
    }

    async fn route_in_span(&self, event: BusEvent) -> Result<Routed, NotRouted> {
        let rules = match self.matching(&event) {
            Ok(rules) => rules,
            Err(undecidable) => {
                count_event("undecidable");
                return Err(undecidable.into());
            }
        };
        count_event(if rules.is_empty() { "unmatched" } else { "matched" });
        let began = self.clock.monotonic();
        let event = Arc::new(event);
        let tasks = rules.iter().flat_map(|rule| {
            rule.targets().iter().map(|target| {
                Task { router: self, rule, target, event: Arc::clone(&event), began }.run()
            })
        });
        let mut routed = Routed { rules: rules.len(), ..Routed::default() };
        let mut failed = None;
        for outcome in join_all(tasks).await {
            match outcome {
                Ok(outcome) => routed.count(outcome),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(routed), |error| Err(error.into()))
    }
}

impl Routed {
    fn count(&mut self, outcome: delivering::Outcome) {
        let counted = match outcome {
            delivering::Outcome::Delivered => &mut self.delivered,
            delivering::Outcome::DeadLettered => &mut self.dead_lettered,
            delivering::Outcome::Dropped => &mut self.dropped,
        };
        *counted += 1;
    }
}

fn count_event(outcome: &'static str) {
    metrics::counter!(telemetry::EVENTS, "outcome" => outcome).increment(1);
}

/// The trace context of the CloudEvent in it.
fn traceparent(event: &BusEvent) -> Option<&str> {
    let traceparent = event.detail.get("cloudevent")?.get("traceparent")?.as_str()?;
    Some(excerpt(traceparent, NAME))
}

impl RouterOptions {
    /// Where the queues are, for targets and dead letters.
    pub fn queues(mut self, queues: Arc<dyn MessageQueue>) -> Self {
        self.queues = Some(queues);
        self
    }

    /// Where the topics are.
    pub fn topics(mut self, topics: Arc<dyn Topic>) -> Self {
        self.topics = Some(topics);
        self
    }

    /// What a [function](Destination::Function) of the rules is.
    pub fn function<F, Done>(self, name: impl Into<String>, function: F) -> Self
    where
        F: Fn(Delivery) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<(), MessageError>> + Send + 'static,
    {
        self.target(Destination::Function(name.into()), Arc::new(ToFunction(function)))
    }

    /// Delivers to this target what goes to the destination, instead of to a queue or topic of this name.
    pub fn target(mut self, destination: Destination, target: Arc<dyn Target>) -> Self {
        self.router.targets.insert(destination, target);
        self
    }

    /// The name of the bus, as it is in ARNs. Default: `default`.
    pub fn bus_name(mut self, name: impl Into<String>) -> Self {
        self.router.bus_name = name.into();
        self
    }

    /// How long a delivery waits before it is tried again. Default: a second at first, a minute at most.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.router.backoff = backoff;
        self
    }

    /// How often a delivery is tried before the event is given back to the caller, as
    /// [`NotDelivered`], while its policy would have it tried again; at least once. Default: never, as long as the
    /// policy says.
    pub fn patience(mut self, attempts: u32) -> Self {
        self.router.patience = attempts.max(1);
        self
    }

    /// Takes time from this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.router.clock = clock;
        self
    }

    /// Takes the jitter of its waits from here.
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.router.entropy = entropy;
        self
    }

    /// The router, if there is something for each destination of the rules. Whether the queues and topics exist
    /// is seen when something is delivered.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`].
    pub fn build(self) -> Result<Router> {
        let Self { mut router, queues, topics } = self;
        let targets = router.rules.iter().flat_map(Rule::targets);
        for target in targets {
            let destination = target.destination();
            if router.targets.contains_key(destination) {
                continue;
            }
            let found: Option<Arc<dyn Target>> = match destination {
                Destination::Queue(queue) => queues.clone().map(|queues| {
                    Arc::new(ToQueue { queues, queue: queue.clone() }) as Arc<dyn Target>
                }),
                Destination::Topic(topic) => topics.clone().map(|topics| {
                    Arc::new(ToTopic { topics, topic: topic.clone() }) as Arc<dyn Target>
                }),
                Destination::Function(_) => None,
            };
            let missing = || {
                Error::Misuse(format!("the rules have the target {destination}, and there is none"))
            };
            router.targets.insert(destination.clone(), found.ok_or_else(missing)?);
        }
        let needs_queues =
            router.rules.iter().flat_map(Rule::targets).any(|it| it.dead_letter_queue().is_some());
        if needs_queues && queues.is_none() {
            let message = "the rules have dead-letter queues, and there are no queues";
            return Err(Error::Misuse(message.to_owned()));
        }
        router.dead_letters = queues;
        Ok(router)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("bus_name", &self.bus_name)
            .field("rules", &self.rules.iter().map(Rule::name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RouterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterOptions").field("router", &self.router).finish_non_exhaustive()
    }
}
