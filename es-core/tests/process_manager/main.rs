//! Process managers: what they meet is met once, what they decide is done once, wherever the program is
//! killed.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod cancelling;
mod correlation;
mod crashes;
mod deadlines;
mod errand;
mod failures;
mod history;
mod kit;
mod once;
mod parked;
mod reindexing;
mod stage;
mod stored;
