//! Functions, by the events that Lambda gives them and the answers that it gets.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod kit;
mod ledger;

mod catch_up;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod event_bridge;
mod hostile;
#[cfg(feature = "http")]
mod http_api;
#[cfg(feature = "kinesis")]
mod kinesis;
mod schedule;
#[cfg(feature = "kinesis")]
mod several;
#[cfg(feature = "sqs")]
mod sqs;
#[cfg(feature = "sqs")]
mod sqs_backoff;
