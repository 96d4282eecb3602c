//! The system as functions in AWS Lambda, one program for all of them.
//!
//! ```text
//! HTTP API ─▶ api ─▶ log ─▶ stream of the table ─▶ projector ─┬─▶ summary ─▶ api
//!                                                             └─▶ detail ──▶ api
//! ```

/// Answers requests.
pub const API: &str = "api";
/// Keeps both read models.
pub const PROJECTOR: &str = "projector";

/// The queue for records of the log that could not be read.
pub const DEAD_RECORDS: &str = "dead-records";

#[cfg(feature = "lambda")]
mod deployed;

#[cfg(feature = "lambda")]
pub use deployed::Deployed;
