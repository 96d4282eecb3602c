//! What must be so on whatever server the environment names, and on the one in memory if it names none: by
//! the API alone.
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod consuming;
mod queue_policies;
mod rules;
