//! The example programs as their users run them.
#![allow(dead_code, unreachable_pub)]

mod program;
mod requests;

pub use program::{Server, dispensary};
pub use requests::replay;
