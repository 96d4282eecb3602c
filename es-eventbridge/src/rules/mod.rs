//! Rules on the bus.

mod check;
mod ensure;
mod ownership;
mod policy;
mod policy_limits;
mod queues;
mod remove;
mod target;

pub use check::RuleDifference;
pub(crate) use policy::statement;
pub use policy_limits::{PolicyLimit, QueuePolicyTooLarge};
pub(crate) use queues::senders;
pub(crate) use target::queue_of;
