//! The system as functions in AWS Lambda, one program for all of them.
//!
//! ```text
//! create ─▶ log ─▶ stream of the table ─┬─▶ list       the view
//!                                       └─▶ announcer  ─┬─▶ queue ─▶ processor ─▶ log
//!                                                       └─▶ topic
//!
//! every hour ─▶ catch-up, from the log to list, queue and topic
//! ```

/// Keeps the list of orders.
pub const LIST: &str = "list";
/// Puts new orders into the queue, and tells others of those that are paid for.
pub const ANNOUNCER: &str = "announcer";
/// Has orders paid for.
pub const PROCESSOR: &str = "processor";
/// Brings those that follow the log what was never pushed to them.
pub const CATCH_UP: &str = "catch-up";

/// The queue for records of the log that could not be read.
pub const DEAD_RECORDS: &str = "dead-records";

#[cfg(feature = "lambda")]
mod deployed;

#[cfg(feature = "lambda")]
pub use deployed::Deployed;
