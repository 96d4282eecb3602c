//! Routing by content for [`es_core`]: rules in EventBridge's event-pattern language, decided in the process or
//! deployed to EventBridge from the same file.
//!
//! ```text
//! NewBusEvent → EventBus → patterns of the rules → inputs → queues, topics, functions → dead letters
//! ```
//!
//! ```
//! use std::sync::Arc;
//!
//! use es_core::memory::MemoryQueues;
//! use es_core::{MessageQueue, QueueName, QueueOptions};
//! use es_routing::{EventBus, LocalBus, NewBusEvent, Rules};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rules: Rules = r#"{"rules": [{
//!     "name": "orders",
//!     "event_pattern": {"source": ["orders"], "detail-type": [{"prefix": "Order "}]},
//!     "targets": [{"id": "work", "queue": "orders"}, {"id": "audit", "queue": "audit"}]
//! }]}"#.parse()?;
//!
//! let queues = Arc::new(MemoryQueues::default());
//! for queue in rules.queues() {
//!     queues.configure(queue, QueueOptions::default()).await?;
//! }
//! let bus = LocalBus::new(rules, |router| router.queues(queues.clone()))?;
//! bus.put_event(&NewBusEvent::new("orders", "Order Created", json!({ "order_id": "o-1" }))?).await?;
//! for queue in ["orders", "audit"] {
//!     assert_eq!(queues.counts(&QueueName::new(queue)?).await?.visible, 1);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **The same decisions everywhere.** A pattern means here what it means in EventBridge, or is refused when the
//!   rules are read: see [`EventPattern`].
//! - **Nothing is lost in silence.** An event is accepted when each of its targets has it, or its dead letters do.
//! - **One failing target does not hold the others.**
//! - **Rules are right before they run.** Names, patterns, templates and ranges are checked when the file is
//!   read, and what is wrong is said with rule, target and field.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `bus_event` | [`NewBusEvent`], [`BusEvent`]: what is on a bus, also as a CloudEvent |
//! | `pattern` | [`EventPattern`]: which events a rule is for |
//! | `rules` | [`Rules`]: the form of a rule file |
//! | `input` | [`Input`]: the form in which a target gets an event |
//! | `target` | [`Target`]: what takes events |
//! | `router` | [`Router`]: deciding and delivering |
//! | `event_bus`, `local_bus` | [`EventBus`], and [`LocalBus`] in the process |
//! | [`telemetry`] | the names of spans and metrics |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod telemetry;

mod bus_event;
mod event_bus;
mod excerpt;
mod input;
mod local_bus;
mod pattern;
mod router;
mod rules;
mod target;

pub use bus_event::{BusEvent, EventId, InvalidBusEvent, NewBusEvent};
pub use event_bus::{EventBus, NotPut};
pub use input::{Input, InputForm, InvalidInput, NoInput};
pub use local_bus::LocalBus;
pub use pattern::{EventPattern, InvalidPattern, PatternFault, Undecidable};
pub use router::{DeadLetterAttribute, NotDelivered, NotRouted, Routed, Router, RouterOptions};
pub use rules::{Destination, InvalidRules, RetryPolicy, Rule, RuleFault, RuleTarget, Rules};
pub use target::{Delivery, DeliveryInput, Target};
