//! The example programs as their users run them.
#![allow(dead_code, unreachable_pub, unused_imports)]

mod client;
mod eventually;
mod log;
mod place;
mod program;
mod requests;

pub use client::{Client, PRESCRIPTION, stored_file};
pub use eventually::eventually;
pub use log::start_dispenses;
#[cfg(feature = "aws")]
pub use place::DynamoDb;
pub use place::{Embedded, Place};
pub use program::{Output, Running, Server, dispensary, dispensary_on};
pub use requests::replay;
