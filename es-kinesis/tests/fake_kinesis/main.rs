//! The Kinesis in memory does what the tests of the publisher and of the consumer rely on.
//!
//! These tests speak to it through the SDK alone.
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod fan_out;
mod faults;
mod reading;
mod retention;
mod scene;
mod shards;
mod writing;
