//! A bus in the process.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use es_core::{Backoff, CommitId, Error, Result};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};

use crate::bus_event::{EventId, InvalidBusEvent, NewBusEvent};
use crate::event_bus::{EventBus, NotPut};
use crate::router::{NotRouted, Router, RouterOptions};
use crate::rules::Rules;

/// A bus that runs rules in the process: an event is accepted when it is with all targets of the rules that match,
/// or in their dead letters. With queues in a file it is as durable as they are, and nothing has to be installed.
///
/// ```
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryQueues;
/// use es_core::{Incoming, MessageQueue, QueueName, QueueOptions, ReceiveOptions};
/// use es_routing::{EventBus, LocalBus, NewBusEvent, Rules};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules: Rules = r#"{"rules": [{
///     "name": "large-orders",
///     "event_pattern": {"source": ["orders"], "detail": {"total": [{"numeric": [">", 100]}]}},
///     "targets": [{"id": "review", "queue": "reviews", "dead_letter_queue": "reviews-dead"}]
/// }]}"#.parse()?;
/// let queues = Arc::new(MemoryQueues::default());
/// for queue in rules.queues() {
///     queues.configure(queue, QueueOptions::default()).await?;
/// }
/// let bus = LocalBus::new(rules, |router| router.queues(queues.clone()))?;
///
/// let order = |total: u32| NewBusEvent::new("orders", "Order Created", json!({ "total": total }));
/// for put in bus.put_events(&[order(99)?, order(101)?]).await? {
///     put?;
/// }
///
/// let received = queues.receive(&QueueName::new("reviews")?, ReceiveOptions::up_to(10)).await?;
/// let [review] = received.as_slice() else { panic!("one order is large") };
/// let incoming = Incoming::of(review)?;
/// assert_eq!(incoming[0].kind(), Some("Order Created"));
/// assert_eq!(incoming[0].body(), r#"{"total":101}"#);
/// # Ok(())
/// # }
/// ```
///
/// A delivery that fails is tried [eight times](Self::PATIENCE) here, within seconds, or less if its policy says so. Then the
/// event is not accepted, and whoever puts it does so again: the bus keeps nothing by itself that a crash could take
/// away. Targets that had it get it twice then. A target that never answers holds the answer to its events, and
/// nothing else: functions should have a time-out.
pub struct LocalBus {
    router: Router,
    max_event_bytes: usize,
}

impl LocalBus {
    /// How often a delivery is tried before its event is given back.
    pub const PATIENCE: u32 = 8;
    /// The most bytes of an event unless [`with_max_event_bytes`](Self::with_max_event_bytes) says otherwise: 256
    /// KiB.
    pub const MAX_EVENT_BYTES: usize = 256 * 1024;
    /// The account of its events.
    pub const ACCOUNT: &'static str = "000000000000";
    /// The region of its events.
    pub const REGION: &'static str = "local";
    /// How many events are on their way at the same time.
    const IN_FLIGHT: usize = 16;

    /// A bus for these rules; `router` says what their targets are.
    ///
    /// # Errors
    ///
    /// Those of [`RouterOptions::build`].
    pub fn new(rules: Rules, router: impl FnOnce(RouterOptions) -> RouterOptions) -> Result<Self> {
        let backoff = Backoff { base: Duration::from_millis(50), max: Duration::from_secs(2) };
        let options = Router::builder(rules).patience(Self::PATIENCE).backoff(backoff);
        let router = router(options).build()?;
        Ok(Self { router, max_event_bytes: Self::MAX_EVENT_BYTES })
    }

    /// The most bytes of an event.
    #[must_use]
    pub fn with_max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self
    }

    /// What delivers its events.
    pub fn router(&self) -> &Router {
        &self.router
    }

    async fn put(&self, event: &NewBusEvent) -> Result<EventId, NotPut> {
        let (actual, limit) = (event.size(), self.max_event_bytes);
        if actual > limit {
            return Err(NotPut::Invalid(InvalidBusEvent::TooLarge { actual, limit }));
        }
        let now = self.router.clock().now();
        let id = EventId::from_bus(CommitId::generate(now, self.router.entropy()).to_string());
        let accepted = event.accepted(id.clone(), Self::ACCOUNT, Self::REGION, now);
        match self.router.route(accepted).await {
            Ok(_) => Ok(id),
            Err(NotRouted::Undecidable(undecidable)) => Err(NotPut::Undecidable(undecidable)),
            Err(NotRouted::NotDelivered(not_delivered)) => {
                let what =
                    format!("target {} of rule {}", not_delivered.target, not_delivered.rule);
                let transient = not_delivered.source.is_transient();
                let source = not_delivered.source.with_causes().into();
                Err(NotPut::Failed(match transient {
                    true => Error::Unavailable { what, source },
                    false => Error::Backend { what, source },
                }))
            }
        }
    }
}

#[async_trait]
impl EventBus for LocalBus {
    async fn put_events(&self, events: &[NewBusEvent]) -> Result<Vec<Result<EventId, NotPut>>> {
        let mut put: Vec<BoxFuture<'_, Result<EventId, NotPut>>> = Vec::with_capacity(events.len());
        for event in events {
            put.push(self.put(event).boxed());
        }
        Ok(stream::iter(put).buffered(Self::IN_FLIGHT).collect().await)
    }
}

impl fmt::Debug for LocalBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBus").field("router", &self.router).finish_non_exhaustive()
    }
}
