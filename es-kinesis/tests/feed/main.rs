//! The feed of a data stream, and consumers on it: what they show is what the log says, or they are told what
//! they have lost.
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod aggregates;
mod begin;
mod clocks;
mod damage;
mod fan_out;
mod measures;
mod reading;
mod scene;
mod shards;
#[path = "../../../es-dynamodb/tests/whole_system/simulation.rs"]
mod simulation;
mod storm;
mod trimmed;
mod workers;
