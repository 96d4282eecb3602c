//! The system as functions in AWS Lambda, one program for all of them.
//!
//! ```text
//! HTTP API ─▶ api ─┐
//!       bucket ────┴─▶ topic ─▶ queue ─▶ processor ─▶ log
//!
//!       log ─▶ stream of the table ─┬─▶ records    the read model
//!                                   └─▶ announcer ─▶ queue ─▶ confirmer ─▶ log
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

/// The queue for records of the log's stream that could not be read, or were given up.
pub const DEAD_RECORDS: &str = "dead-records";

#[cfg(feature = "lambda")]
mod deployed;

#[cfg(feature = "lambda")]
pub use deployed::Deployed;
