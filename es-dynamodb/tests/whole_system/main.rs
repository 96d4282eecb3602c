//! Log, feed, leases, progress, views and snapshots together, when everything around them fails.

#[path = "../support/mod.rs"]
mod support;

mod crashes;
mod fencing;
mod life_of_a_stream;
mod pages;
mod rebuilds;
mod scenario;
mod simulation;
mod snapshots;
mod storm;
mod world;
mod writing;
