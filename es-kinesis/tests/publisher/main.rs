//! The publisher keeps the order of every stream and loses nothing, whatever becomes of its requests.
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod aggregates;
mod compression;
mod crashes;
mod errors;
mod order;
mod oversized;
mod requests;
mod saving;
mod scene;
mod streams;
mod throughput;
