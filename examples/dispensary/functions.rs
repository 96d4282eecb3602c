//! The dispensary as functions in AWS Lambda, one program for all of them.
//!
//! ```text
//! HTTP API ─▶ api ─┬─▶ log ─▶ stream of the table ─▶ publisher ─▶ data stream ─┬─▶ list ────▶ api
//!                  └─▶ bucket ────────────────────────────────────┐           ├─▶ details ─▶ api
//!                                                                 └─▶ analyst ◀┘
//!                                                                        └─▶ log
//!
//! every hour ─▶ catch-up, from the log to data stream, list, details and analysis
//! ```

/// Answers requests.
pub const API: &str = "api";
/// Publishes the log to the data stream.
pub const PUBLISHER: &str = "publisher";
/// Keeps the view for lists.
pub const LIST: &str = "list";
/// Keeps the view for details.
pub const DETAILS: &str = "details";
/// Analyzes the prescriptions that are uploaded.
pub const ANALYST: &str = "analyst";
/// Brings those that follow the log what was never pushed to them.
pub const CATCH_UP: &str = "catch-up";

/// The bucket for prescriptions.
pub const PRESCRIPTIONS: &str = "prescriptions";
/// The data stream.
pub const DATA_STREAM: &str = "events";
/// The queue for records, of the log or of the data stream, that could not be read.
pub const DEAD_RECORDS: &str = "dead-records";

#[cfg(feature = "lambda")]
mod deployed;

#[cfg(feature = "lambda")]
pub use deployed::Deployed;
