//! A whole log as one file, from any store into any store: nothing is lost, changed or written twice,
//! and what is damaged, cut off or already taken is told.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod damage;
mod exporting;
mod format;
mod importing;
mod logs;
mod partitioned;
mod resuming;
mod round_trips;
