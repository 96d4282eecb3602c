//! SQS and SNS as they are asked, on servers in memory that misbehave as they do.
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../../../es-aws/tests/support/canned.rs"]
mod canned;
#[path = "../support/mod.rs"]
mod support;

mod batches;
mod cloudformation;
mod ensure;
mod errors;
mod foreign_messages;
mod permissions;
mod queue_policies;
mod receipts;
mod redriving;
mod requests;
mod storm;
mod timeouts;
mod whole_way;
