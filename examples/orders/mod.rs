//! Orders: accepted, paid for in the background, announced to whoever is interested.
//!
//! ```text
//!            ┌ intake ─▶ queue ─▶ processor ┐
//! create ─▶ log ◀─────────────── PROCESSED ─┘ ─ 4 attempts ─▶ dead letters ─ redrive ─▶ queue
//!            └ notifier ─▶ topic ─┬─▶ shipping
//!                                 └─▶ bookkeeping
//! ```
//!
//! The intake announces each `Order:Created` with all of its data to a queue inside the system. The
//! processor takes ten at a time, has each paid for and records that. The notifier announces each
//! `Order:Processed` to a topic for others, without what is marked as personal in the event's type.
//!
//! Every step may be repeated, by a client that asks again, a queue that delivers twice, or a process that
//! was killed: an order is created once, processed once, and every notification of it has the same id.
//!
//! | module | what is in it |
//! |---|---|
//! | [`domain`] | the aggregate: commands, events, rules. Pure |
//! | [`views`], [`time_to_live`] | the read model: one document per order, until it expires |
//! | [`payments`] | who takes the money, and how that can fail |
//! | [`processor`] | what is done with an order in the queue |
//! | [`channels`] | the queues, the topic, and who follows it |
//! | [`service`] | the parts put together on a backend |
//! | [`dead_letters`] | what the processor gave up, to be looked at |
//! | [`watching`] | what happens, as it happens |
//! | [`backend`] | where everything is kept: embedded, or on AWS |
//! | `functions` | the same as functions in AWS Lambda (with the feature `lambda`) |
//! | `infrastructure` | all of it on AWS, as a CloudFormation template (with the feature `aws`) |
//! | [`journey`] | the main job: orders in, notifications out |
//! | [`cli`] | the command line |
//! | [`report`] | the tables and totals that it prints |

pub mod backend;
pub mod channels;
pub mod cli;
pub mod dead_letters;
pub mod domain;
#[cfg(feature = "aws")]
pub mod functions;
#[cfg(feature = "aws")]
pub mod infrastructure;
pub mod journey;
pub mod payments;
pub mod processor;
pub mod report;
pub mod service;
pub mod time_to_live;
pub mod views;
pub mod watching;
