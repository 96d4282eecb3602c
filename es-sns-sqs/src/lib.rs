//! SNS topics and SQS queues for [`es_core`].

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod telemetry;

mod batch;
mod fifo_ids;
mod queues;
mod requests;
mod service;
mod topics;

pub use es_aws::Connection;
pub use queues::SqsQueues;
pub use queues::options::SqsOptions;
pub use topics::SnsTopics;
pub use topics::options::SnsOptions;
