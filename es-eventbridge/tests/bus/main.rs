//! EventBridge as it is asked, on servers in memory that misbehave as it does.
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod cloudformation;
mod deploying;
mod permissions;
mod policies;
mod putting;
mod stale;
