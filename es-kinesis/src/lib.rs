//! Kinesis Data Streams for [`es_core`].

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod aggregation;
pub mod hash_key;
pub mod telemetry;

mod cloudformation;
mod compression;
mod data_stream;
mod ensure;
mod errors;
mod feed;
mod options;
mod permissions;
mod publisher;
mod requests;
mod shard_list;
mod summary;

pub use cloudformation::cloudformation_template;
pub use data_stream::DataStream;
pub use ensure::Capacity;
pub use feed::{Begin, KinesisFeed};
pub use options::DataStreamOptions;
pub use permissions::{Role, iam_policy};
pub use publisher::{Oversized, Publisher, PublisherOptions, Publishing, ShardThroughput};
