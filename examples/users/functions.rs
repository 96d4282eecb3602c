//! The system as functions in AWS Lambda, one program for all of them.
//!
//! ```text
//! HTTP API ─▶ api ─▶ log ─▶ stream of the table ─▶ projector ─┬─▶ summary ─▶ api
//!                                                             └─▶ detail ──▶ api
//!
//! every hour ─▶ catch-up, from the log to the same
//! ```

/// Answers requests.
pub const API: &str = "api";
/// Keeps both read models.
pub const PROJECTOR: &str = "projector";
/// Brings those that follow the log what was never pushed to them.
pub const CATCH_UP: &str = "catch-up";

/// The queue for records of the log that could not be read.
pub const DEAD_RECORDS: &str = "dead-records";

#[cfg(feature = "lambda")]
mod deployed;

#[cfg(feature = "lambda")]
pub use deployed::Deployed;
