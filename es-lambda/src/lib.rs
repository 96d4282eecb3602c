//! AWS Lambda for [`es_core`]: the handlers of a program as functions.
//!
//! What runs in a service as a consumer runs in a function as the same consumer, with one line:
//!
//! ```no_run
//! # #[cfg(feature = "sqs")] mod with_sqs {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use async_trait::async_trait;
//! use es_core::{
//!     IdempotencyStore, Incoming, MessageError, MessageHandler, MessageQueue, QueueConsumer, QueueName,
//! };
//!
//! struct Labels;
//!
//! #[async_trait]
//! impl MessageHandler for Labels {
//!     async fn handle(&self, label: &Incoming) -> Result<(), MessageError> {
//!         let number: u32 = label.json().map_err(MessageError::permanent)?;
//!         println!("label {number}");
//!         Ok(())
//!     }
//! }
//!
//! # pub async fn function(
//! #     queues: Arc<dyn MessageQueue>,
//! #     records: Arc<dyn IdempotencyStore>,
//! # ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let printing = QueueConsumer::new("printing", queues, QueueName::new("labels")?, Labels)?
//!     .dead_letters_to(QueueName::new("labels-dead")?)
//!     .handler_timeout(Duration::from_secs(20))
//!     .idempotent(records, Duration::from_secs(14 * 24 * 60 * 60));
//!
//! es_lambda::sqs(printing).run().await
//! # }
//! # }
//! ```
//!
//! # What becomes a function
//!
//! | behind | feature | what you have | line |
//! |---|---|---|---|
//! | a queue in SQS | `sqs` | a [`QueueConsumer`] | [`sqs`]`(consumer).run().await` |
//! | a data stream in Kinesis | `kinesis` | a [`Consumer`](es_core::Consumer), a projection, a policy, an announcer, or several as [`Consumers`] | [`kinesis`]`(consumers, records).run().await` |
//! | the stream of an events table | `dynamodb` | the same, a Kinesis publisher too | [`dynamodb`]`(consumers, store).run().await` |
//! | an HTTP API | `http` | a tower service, as an axum `Router` | [`http`](fn@http)`(router).run().await` |
//! | a rule of EventBridge | | a [`QueueConsumer`] | [`event_bridge`]`(consumer).run().await` |
//! | a schedule | | a [`DeadlineSweeper`] | [`schedule`]`(sweeper).run().await` |
//! | a schedule | | what is behind a data stream or a table, with its own feed | [`catch_up`](fn@catch_up)`(consumers).run().await` |
//!
//! All of them take what they are about as it is, or in the [`Arc`] in which a program has it.
//!
//! # Several functions of one program
//!
//! A program may be several functions: its `main` asks for the [`handler`] that Lambda was told to run, and has a line
//! for each.
//!
//! ```
//! use std::sync::Arc;
//!
//! use es_core::{DeadlineSweeper, QueueConsumer};
//! use es_lambda::{HandlerError, HandlerName};
//!
//! struct System {
//!     printing: Arc<QueueConsumer>,
//!     sweeper: Arc<DeadlineSweeper>,
//! }
//!
//! impl System {
//!     async fn run(&self, handler: &HandlerName) -> Result<(), lambda_runtime::Error> {
//!         match handler.as_str() {
//!             "printing" => es_lambda::event_bridge(self.printing.clone()).run().await,
//!             "deadlines" => es_lambda::schedule(self.sweeper.clone()).run().await,
//!             _ => Err(handler.unknown().into()),
//!         }
//!     }
//! }
//!
//! // Outside of Lambda a process is no function.
//! assert_eq!(es_lambda::handler(), Err(HandlerError::Unset));
//! ```
//!
//! # What all of them promise
//!
//! - **The answer is true.** What Lambda is told was done had its effect, now or before, or lies in dead letters
//!   where an operator finds it. What could not be read is never counted as done.
//! - **Once in effect.** Lambda delivers at least once, also twice at the same time. Functions recognise what had its
//!   effect in the same way as everything else in the framework, and with the same stores: a service and a function
//!   may even share a consumer.
//! - **In time.** Work ends before the invocation is over, by the deadline that it brings and an injected
//!   [`Clock`](es_core::Clock): an invocation that Lambda breaks off answers nothing, and all of its batch comes
//!   again.
//! - **Nothing before the first event.** Making a function asks no service for anything, and clients that are made in
//!   `main` connect when they are first used. A consumer needs no `prepare` before: its view is prepared with the first
//!   commits that are pushed, in the tables that a template made.
//!
//! Each function has `invoke` beside `run`, for a [`Runtime`](lambda_runtime::Runtime) with layers of one's own and
//! for tests: an event as JSON in, the answer out.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `sqs` | [`SqsFunction`]: a queue |
//! | `kinesis`, `dynamodb` | [`KinesisFunction`], [`DynamoFunction`]: the records of shards |
//! | `shard` | what both have in common: effects, the answer, records that cannot be read |
//! | `http_api` | [`HttpFunction`]: requests |
//! | `event_bridge` | [`EventBridgeFunction`]: rules |
//! | `schedule` | [`ScheduleFunction`]: deadlines |
//! | `catch_up` | [`CatchUpFunction`]: what was never pushed |
//! | `handler` | [`HandlerName`]: which function of its program a process is |
//! | `batch` | the records of an event, each for itself |
//! | `running` | how functions run, and their options of time |
//! | `time_left` | when work has to end |
//! | `error` | [`FunctionError`] |

#![deny(missing_docs)]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

use std::sync::Arc;

use es_core::{Consumers, DeadlineSweeper, QueueConsumer};

mod batch;
mod catch_up;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod error;
mod event_bridge;
mod handler;
#[cfg(feature = "http")]
mod http_api;
#[cfg(feature = "kinesis")]
mod kinesis;
mod running;
mod schedule;
#[cfg(any(feature = "dynamodb", feature = "kinesis"))]
mod shard;
#[cfg(feature = "sqs")]
mod sqs;
mod time_left;

pub use catch_up::{CatchUpEnded, CatchUpFunction, CaughtUp};
#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoFunction;
pub use error::FunctionError;
pub use event_bridge::EventBridgeFunction;
pub use handler::{HandlerError, HandlerName};
#[cfg(feature = "http")]
pub use http_api::HttpFunction;
#[cfg(feature = "kinesis")]
pub use kinesis::KinesisFunction;
pub use schedule::ScheduleFunction;
#[cfg(feature = "sqs")]
pub use sqs::SqsFunction;

/// Which function of its program this process is: the `Handler` of the function in Lambda, from the environment
/// variable `_HANDLER`.
///
/// # Errors
///
/// [`HandlerError::Unset`] outside of Lambda, [`HandlerError::NotText`].
pub fn handler() -> Result<HandlerName, HandlerError> {
    HandlerName::of_this_process()
}

/// The consumer as a function behind its queue in SQS.
#[cfg(feature = "sqs")]
pub fn sqs(consumer: impl Into<Arc<QueueConsumer>>) -> SqsFunction {
    SqsFunction::new(consumer.into())
}

/// The consumer as a function that is the target of rules of EventBridge.
pub fn event_bridge(consumer: impl Into<Arc<QueueConsumer>>) -> EventBridgeFunction {
    EventBridgeFunction::new(consumer.into())
}

/// The sweeper as a function that a schedule invokes.
pub fn schedule(sweeper: impl Into<Arc<DeadlineSweeper>>) -> ScheduleFunction {
    ScheduleFunction::new(sweeper.into())
}

/// One consumer or several as a function that a schedule invokes, and that catches them up from their own feeds.
pub fn catch_up(consumers: impl Into<Consumers>) -> CatchUpFunction {
    CatchUpFunction::new(consumers.into())
}

/// One consumer or several, projections, policies, announcers, as a function behind the data stream that `records`
/// reads.
#[cfg(feature = "kinesis")]
pub fn kinesis(
    consumers: impl Into<Consumers>,
    records: es_kinesis::PushedRecords,
) -> KinesisFunction {
    KinesisFunction::new(consumers.into(), records)
}

/// One consumer or several, publishers, projections, policies, as a function behind the stream of the events table
/// of `log`.
#[cfg(feature = "dynamodb")]
pub fn dynamodb(consumers: impl Into<Consumers>, log: es_dynamodb::DynamoStore) -> DynamoFunction {
    DynamoFunction::new(consumers.into(), log)
}

/// The service, an axum `Router` for one, as a function behind an HTTP API.
#[cfg(feature = "http")]
pub fn http<S>(service: S) -> HttpFunction<S> {
    HttpFunction::new(service)
}
