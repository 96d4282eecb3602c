//! The example programs as their users run them.
#![allow(dead_code, unreachable_pub, unused_imports)]

#[cfg(feature = "aws")]
mod aws;
mod client;
mod door;
mod eventually;
mod log;
mod place;
mod program;
mod requests;

#[cfg(feature = "aws")]
pub use aws::{Aws, AwsWithQueues};
pub use client::{Client, PRESCRIPTION, stored_file};
pub use door::Door;
pub use eventually::eventually;
pub use log::start_dispenses;
#[cfg(feature = "aws")]
pub use place::DynamoDb;
pub use place::{Embedded, Place};
pub use program::{
    DISPENSARY, ORDERS, Output, Program, Running, Server, dispensary, dispensary_on,
};
pub use requests::replay;
