//! Rules on the bus.

mod check;
mod ensure;
mod queues;
mod remove;
mod target;

pub use check::RuleDifference;
pub(crate) use queues::{senders, statement};
pub(crate) use target::queue_of;
