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
#[allow(dead_code, reason = "more of it is used by the tests of archives")]
#[path = "../archive/partitioned.rs"]
mod partitioned;
mod reindexing;
mod stage;
mod stored;
mod stranger;
mod unread;
mod withdrawing;
