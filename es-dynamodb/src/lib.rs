//! The DynamoDB backend of [`es_core`].

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod telemetry;

mod ensure_tables;
mod errors;
mod item;
mod metering;
mod options;
mod store;
mod tables;

pub use options::{DynamoOptions, Heads, TableCreation};
pub use store::DynamoStore;
