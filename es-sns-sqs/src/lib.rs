//! Queues in Amazon SQS and topics in Amazon SNS for [`es_core`]: [`SqsQueues`] is a
//! [`MessageQueue`](es_core::MessageQueue), [`SnsTopics`] a [`Topic`](es_core::Topic). What is written against
//! the traits, and runs on a queue in a file, runs on the services.
//!
//! ```text
//! publisher → SnsTopics → filters → SqsQueues → consumers → dead letters
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use es_core::{
//!     MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions, Topic, TopicName, Topology,
//! };
//! use es_sns_sqs::{SnsTopics, SqsQueues};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // Region, credentials and endpoint as every AWS program finds them.
//! let queues = SqsQueues::builder().name_prefix("staging-").connect().await?;
//! let topics = SnsTopics::builder(&queues).connect().await?;
//!
//! let orders = TopicName::new("orders")?;
//! let (billing, dead) = (QueueName::new("billing")?, QueueName::new("billing-dead")?);
//! let topology = Topology::builder()
//!     .queue(&dead, QueueOptions::for_dead_letters())
//!     .queue(&billing, QueueOptions::default().dead_letters(dead.clone(), 3))
//!     .topic(&orders)
//!     .subscription(&orders, &billing, r#"{"kind":["placed"]}"#.parse()?)
//!     .build()?;
//! // For development; in production the same comes from the CloudFormation template.
//! topology.ensure(&queues, &topics).await?;
//!
//! topics.publish(&orders, NewMessage::new("{}").attribute("kind", "placed")).await?;
//! let long_poll = ReceiveOptions::up_to(10).wait(Duration::from_secs(20));
//! for message in queues.receive(&billing, long_poll).await? {
//!     queues.acknowledge(&billing, &message.receipt).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **The contracts of the traits**, but for what the services cannot: that is listed at [`SqsQueues`] and
//!   [`SnsTopics`], and the tests of this crate name each rule that it breaks.
//! - **Old receipts do not count**, as far as this program can know, though SQS says that they do.
//! - **Each entry of a batch has its own answer**: sent, refused for good, or to be tried again.
//! - **Few requests.** Messages, acknowledgements and heartbeats go by tens; names and attributes are asked for
//!   once in five minutes. A thousand messages are sent, received and acknowledged in 350 requests or less.
//! - **Nothing too large is sent.** What a queue or topic does not take is refused before, with its size.
//! - **Queues that are set up right**: encrypted, with dead letters that live longer than messages, subscribed
//!   with raw delivery, and open to the topics that they follow and to nobody else. The same comes as a
//!   [template](cloudformation_template), with [policies](iam_policy) for what each role of a program may do.
//!
//! All requests are counted as [metrics](telemetry). What a user reads when something is not set up says in one
//! line what was tried, where, and what helps; for a queue or topic that is missing, the log says it.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `queues` | [`SqsOptions`], [`SqsQueues`]: connecting, sending, receiving, holds, redriving |
//! | `topics` | [`SnsOptions`], [`SnsTopics`]: connecting, publishing, who follows what |
//! | `batch`, `fifo_ids` | what both have in common about messages |
//! | `service` | what the errors of both become |
//! | `cloudformation`, `permissions` | [`cloudformation_template`], [`iam_policy`]: a [`Topology`](es_core::Topology) for operators |
//! | [`telemetry`] | counting |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod telemetry;

mod batch;
mod cloudformation;
mod doubt;
mod fifo_ids;
mod permissions;
mod queues;
mod service;
mod topics;

pub use cloudformation::cloudformation_template;
pub use es_aws::{Connection, PolicyLimit, QueuePolicyTooLarge};
pub use fifo_ids::own_deduplication_id;
pub use permissions::{Role, iam_policy};
pub use queues::SqsQueues;
pub use queues::options::SqsOptions;
pub use topics::SnsTopics;
pub use topics::options::SnsOptions;
