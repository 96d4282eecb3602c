//! Operating projections and policies: dead letters, rebuilds, rewinding, pausing, health, workers, and
//! running inline or live.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod catching_up;
mod control;
mod dead_letters;
mod division;
mod expiring;
mod inline;
mod listing;
mod live;
mod moody;
mod parallel;
mod pushed;
mod rebuild;
mod rebuild_in_memory;
mod rebuild_meets;
mod rebuild_room;
mod rebuild_together;
mod retaining;
mod rewind;
mod sharing;
mod silence;
mod slow_policies;
mod trimmed;
mod turns;
mod workers;
