//! The DynamoDB backend of [`es_core`].

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod telemetry;

mod attempts;
mod batch_get;
mod cloudformation;
mod contention;
mod ensure_indexes;
mod ensure_tables;
mod errors;
mod event_log;
mod idempotency;
mod feed;
mod item;
mod item_size;
mod leases;
mod metering;
mod options;
mod partition_query;
mod progress;
mod snapshots;
mod store;
mod table_check;
mod tables;
mod views;

pub use cloudformation::cloudformation_template;
pub use metering::metered;
pub use options::{DynamoOptions, Heads, TableCreation};
pub use store::DynamoStore;
