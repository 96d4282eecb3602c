//! The bus.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use es_aws::{Endpoint, Requests};
use es_core::Result;
use es_routing::{EventBus, EventId, NewBusEvent, NotPut};

use crate::options::EventBridgeOptions;
use crate::service::Service;
use crate::telemetry;

/// The service's name, for errors.
pub(crate) const SERVICE: &str = "EventBridge";

/// A bus in EventBridge: [`EventBus`]. Cloning is cheap, and clones share everything.
///
/// ```no_run
/// use es_eventbridge::EventBridgeBus;
/// use es_routing::{EventBus, NewBusEvent, Rules};
/// use serde_json::json;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let rules: Rules = std::fs::read_to_string("rules.json")?.parse()?;
/// let bus = EventBridgeBus::builder("shop").name_prefix("staging-").connect().await?;
/// // For development; in production bus and rules come from the CloudFormation template.
/// bus.ensure(&rules).await?;
///
/// let created = NewBusEvent::new("orders", "Order Created", json!({ "order_id": "o-1" }))?;
/// bus.put_event(&created).await?;
/// # Ok(()) }
/// ```
///
/// # How events are put
///
/// - **By tens**, up to [`max_bytes`](EventBridgeOptions::max_bytes) in a request; a few requests are on their way
///   at a time. A thousand small events are a hundred requests.
/// - **Each for itself.** Of a request that was taken in part, only the rest is put again, after a backoff with
///   full jitter. What will never be taken is not put again, and nothing waits for it. A request that fails as a whole
///   hides nothing of the others, and one that is refused for what is in it goes again event by event, so that one
///   event does not hold nine. So [`put_events`](EventBus::put_events) always has an answer for each.
/// - **At least once.** A request whose answer was lost is repeated, and its events have then two
///   [ids](EventId) of EventBridge. The id of a [CloudEvent](NewBusEvent::from_cloud_event) in the event is the
///   same, and [`Incoming::id`](es_core::Incoming::id) is made of it.
/// - **No order.** EventBridge promises none, and requests overtake each other here.
#[derive(Clone)]
pub struct EventBridgeBus {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) service: Service,
    pub(crate) queue_service: Service,
    pub(crate) options: EventBridgeOptions,
}

impl EventBridgeBus {
    /// How to connect, to the bus of this name.
    pub fn builder(bus: impl Into<String>) -> EventBridgeOptions {
        EventBridgeOptions::new(bus.into())
    }

    pub(crate) fn new(
        options: EventBridgeOptions,
        events: aws_sdk_eventbridge::Client,
        sqs: aws_sdk_sqs::Client,
    ) -> Self {
        let counted = |name| Requests::counted(telemetry::REQUESTS, "service", name);
        let service = |name, endpoint, region| Service {
            name,
            endpoint,
            connection: options.connection.clone(),
            region,
        };
        let endpoint = Endpoint::default();
        let config = events.config().to_builder();
        let config = config.interceptor(endpoint.clone()).interceptor(counted(SERVICE));
        let events = aws_sdk_eventbridge::Client::from_conf(config.build());
        let event_service = service(SERVICE, endpoint, events.config().region().cloned());
        let endpoint = Endpoint::default();
        let config = sqs.config().to_builder();
        let config = config.interceptor(endpoint.clone()).interceptor(counted("SQS"));
        let sqs = aws_sdk_sqs::Client::from_conf(config.build());
        let queue_service = service("SQS", endpoint, sqs.config().region().cloned());
        let shared = Shared { events, sqs, service: event_service, queue_service, options };
        Self { shared: Arc::new(shared) }
    }

    /// What the bus is called in the account.
    pub fn name(&self) -> String {
        let EventBridgeOptions { name_prefix, bus, .. } = &self.shared.options;
        format!("{name_prefix}{bus}")
    }
}

#[async_trait]
impl EventBus for EventBridgeBus {
    async fn put_events(&self, events: &[NewBusEvent]) -> Result<Vec<Result<EventId, NotPut>>> {
        Ok(self.put_all(events).await)
    }
}

impl fmt::Debug for EventBridgeBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBridgeBus")
            .field("name", &self.name())
            .field("place", &self.shared.service.place())
            .finish_non_exhaustive()
    }
}
