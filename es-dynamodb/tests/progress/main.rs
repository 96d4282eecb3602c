//! Progress and dead letters, as far as they are particular to this backend.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod costs;
mod damage;
mod epochs;
mod garbage;
mod processes;
mod races;
mod samples;
mod scene;
mod sizes;
