//! Rules on the bus.

mod check;
mod ensure;
mod ownership;
mod queues;
mod remove;
mod target;

pub use check::RuleDifference;
pub(crate) use queues::{SERVICE, senders};
pub(crate) use target::queue_of;
