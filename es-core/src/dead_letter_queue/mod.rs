//! Messages that could not be handled.

mod envelope;
mod reason;

pub(crate) use envelope::{Envelope, GivenUp};
pub use reason::DeadLetterReason;
