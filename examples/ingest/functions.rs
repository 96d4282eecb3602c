//! The system as functions in AWS Lambda, one program for all of them.
//!
//! ```text
//! HTTP API ─▶ api ─┐
//!       bucket ────┴─▶ topic ─▶ queue ─▶ processor ─▶ log
//!
//!       log ─▶ stream of the table ─┬─▶ records    the read model
//!                                   └─▶ announcer ─▶ queue ─▶ confirmer ─▶ log
//!
//!       every hour ─▶ catch-up, from the log to records and queue
//! ```

/// Takes submissions, and says what became of them.
pub const API: &str = "api";
/// Takes in what was submitted.
pub const PROCESSOR: &str = "processor";
/// Tells the second queue of what was processed.
pub const ANNOUNCER: &str = "announcer";
/// Writes down that it was told.
pub const CONFIRMER: &str = "confirmer";
/// Brings the records up to date.
pub const RECORDS: &str = "records";
/// Brings those that follow the log what was never pushed to them.
pub const CATCH_UP: &str = "catch-up";

/// The queue for records of the log's stream that could not be read, or were given up.
pub const DEAD_RECORDS: &str = "dead-records";

#[cfg(feature = "lambda")]
mod deployed;

#[cfg(feature = "lambda")]
pub use deployed::Deployed;
