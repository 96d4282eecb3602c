use std::time::Duration;

use crate::dead_letter_queue::{DeadLetterReason, GivenUp};
use crate::error::Error;

/// What is to become of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Verdict {
    /// It was handled: it is to be acknowledged.
    Done,
    /// It was handled before: it is to be acknowledged.
    Duplicate,
    /// It is to come again.
    Again {
        /// After this time. [`Duration::MAX`]: when its hold is over. Nobody tried to handle it: there was no time for
        /// it, its body could not be fetched, or the idempotency records could not be asked about it. To release it would
        /// have the queue count receives, soon one after the other, that are no attempts.
        after: Duration,
        /// Why.
        error: String,
    },
    /// It is to become a dead letter.
    DeadLetter {
        /// Why.
        reason: DeadLetterReason,
        /// The error, with its causes.
        error: String,
    },
}

impl Verdict {
    /// Whether nothing is left to do but to acknowledge the message.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::Duplicate)
    }
}

/// A verdict, and how it came about.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    /// Which attempt it was.
    pub(super) attempt: u32,
    /// Whether it was one: a message that another receiver is at work on was not tried.
    pub(super) tried: bool,
    /// Why the records did not let it begin, if that is why it was not tried.
    pub(super) not_begun: Option<Error>,
}

impl Decided {
    pub(super) fn given_up(&self, reason: DeadLetterReason, error: String) -> GivenUp {
        GivenUp { reason, error, attempts: self.attempt }
    }
}
