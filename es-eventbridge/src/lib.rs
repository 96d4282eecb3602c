//! Amazon EventBridge for [`es_core`]: [`EventBridgeBus`] is an [`EventBus`](es_routing::EventBus) in AWS, and the rule
//! file that [`es_routing`] runs in the process is deployed to it.
//!
//! ```text
//! NewBusEvent → EventBridgeBus → rules → SQS queues → QueueConsumer, Incoming
//! ```
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use es_eventbridge::EventBridgeBus;
//! use es_routing::{EventBus, LocalBus, NewBusEvent, Rules};
//! use serde_json::json;
//!
//! # async fn example(queues: Arc<es_core::memory::MemoryQueues>, on_aws: bool) -> Result<(), Box<dyn std::error::Error>> {
//! let rules: Rules = std::fs::read_to_string("rules.json")?.parse()?;
//! let bus: Arc<dyn EventBus> = if on_aws {
//!     let bus = EventBridgeBus::builder("shop").connect().await?;
//!     // Bus and rules come from a template; that they are those of the file is seen here.
//!     for difference in bus.check(&rules).await? {
//!         eprintln!("the bus is not as the file says: {difference}");
//!     }
//!     Arc::new(bus)
//! } else {
//!     Arc::new(LocalBus::new(rules, |router| router.queues(queues))?)
//! };
//! bus.put_event(&NewBusEvent::new("orders", "Order Created", json!({ "order_id": "o-1" }))?).await?;
//! # Ok(()) }
//! ```
//!
//! What comes out of a queue behind a rule is read by [`es_core::Incoming`], which takes the envelope of EventBridge
//! off, and by [`es_routing::BusEvent`], which keeps it.
//!
//! # What it promises
//!
//! - **Each event has its own answer**: taken, refused for good, or to be put again.
//! - **Few requests.** Events go by tens.
//! - **Nothing too large is sent.** It is refused before, with its size.
//! - **The same decisions as in the process.** What EventBridge could decide otherwise is refused when the rule file
//!   is read; see [`es_routing::EventPattern`].
//! - **Rules whose events arrive.** Queues let the rules that send to them in, and nobody else, before there are
//!   targets. The same comes as a [template](cloudformation_template), with [policies](iam_policy) for each role.
//!
//! All requests are counted as [metrics](telemetry).
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `options`, `bus` | [`EventBridgeOptions`], [`EventBridgeBus`]: connecting |
//! | `putting`, `shared_error` | putting events, and what is told of each |
//! | `rules` | deploying a rule file: [`ensure`](EventBridgeBus::ensure), [`check`](EventBridgeBus::check), [`remove`](EventBridgeBus::remove) |
//! | `service` | what errors become |
//! | `cloudformation`, `permissions` | [`cloudformation_template`], [`iam_policy`]: for operators |
//! | [`telemetry`] | counting |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod telemetry;

mod bus;
mod cloudformation;
mod options;
mod permissions;
mod putting;
mod rules;
mod service;
mod shared_error;

pub use bus::EventBridgeBus;
pub use cloudformation::cloudformation_template;
pub use es_aws::{Connection, PolicyLimit, QueuePolicyTooLarge};
pub use options::EventBridgeOptions;
pub use permissions::{Role, iam_policy};
pub use rules::RuleDifference;
