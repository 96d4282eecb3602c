//! The feed of a table: a scan of the history, and the stream behind it.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod consumers;
mod history;
mod pushed;
mod scene;
mod shards;
