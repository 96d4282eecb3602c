//! Log, feed, leases, progress, views and snapshots together, when everything around them fails.

#[path = "../support/mod.rs"]
mod support;

mod ledger;
mod life_of_a_stream;
mod simulation;
mod storm;
mod world;
mod writing;
