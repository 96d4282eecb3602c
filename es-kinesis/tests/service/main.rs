//! A log, published and projected, by the API alone: what must be so on whatever server the environment
//! names, and on the Kinesis in memory if it names none.
//!
//! Time-outs are how long a broken library is waited for; nothing else depends on them.
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod beginning;
mod fan_out;
mod publishing;
mod resharding;
mod scene;
mod sharing;
