//! The example programs as their users run them.
#![allow(dead_code, unreachable_pub, unused_imports)]

#[cfg(feature = "aws")]
mod aws;
mod client;
#[cfg(feature = "lambda")]
mod deployed;
mod door;
mod eventually;
mod inbox;
mod log;
mod place;
mod program;
mod requests;

#[cfg(feature = "aws")]
pub use aws::{Aws, AwsWithQueues};
pub use client::{Client, PRESCRIPTION, stored_file};
#[cfg(feature = "lambda")]
pub use deployed::Deployed;
pub use door::Door;
pub use eventually::eventually;
#[cfg(feature = "aws")]
pub use inbox::S3Inbox;
pub use inbox::{Inbox, Ingested, LocalInbox};
pub use log::start_dispenses;
#[cfg(feature = "aws")]
pub use place::{DynamoDb, DynamoDbAlone};
pub use place::{Embedded, Place};
pub use program::{
    DISPENSARY, INGEST, INVENTORY, ORDERS, Output, Program, Running, Server, USERS, dispensary,
    dispensary_on,
};
pub use requests::replay;
