//! The system as functions in AWS Lambda, one program for all of them.
//!
//! ```text
//! log ─▶ stream of the table ─┬─▶ views
//!                             └─▶ policies ─▶ bus, payments, workflows
//!
//!        ┌─▶ orders ────────▶ order-processor ────────▶ bus
//! bus ───┼─▶ stock ─────────▶ inventory-processor ────▶ log
//!        ├─▶ notifications ─▶ notification-processor ─▶ log
//!        └─▶ workflows ─────▶ workflow-processor ─────▶ log
//!
//! every minute ─▶ sweeper ─▶ log
//! every hour ───▶ catch-up, from the log to views, bus, payments, workflows
//! ```

use super::bus;

/// Keeps the read models.
pub const VIEWS: &str = "views";
/// Follows the log to do something about it: tells the bus, has payments made, goes on with workflows.
pub const POLICIES: &str = "policies";
/// Fires the deadlines of the workflows.
pub const SWEEPER: &str = "sweeper";
/// Brings those that follow the log what was never pushed to them.
pub const CATCH_UP: &str = "catch-up";
/// Who works on which queue of the bus.
pub const PROCESSORS: [(&str, &str); 4] = [
    ("order-processor", bus::ORDERS),
    ("inventory-processor", bus::STOCK),
    ("notification-processor", bus::NOTIFICATIONS),
    ("workflow-processor", bus::WORKFLOWS),
];

/// The queue for records of the log's stream that could not be read, or were given up.
pub const DEAD_RECORDS: &str = "dead-records";

#[cfg(feature = "lambda")]
mod deployed;

#[cfg(feature = "lambda")]
pub use deployed::Deployed;
