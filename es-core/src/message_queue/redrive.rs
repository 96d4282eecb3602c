//! Moving dead letters back.

use std::collections::BTreeSet;

use super::MessageId;
use crate::clock::Timestamp;

/// Which dead letters go back to where they came from. All conditions must hold.
///
/// ```
/// use es_core::{MessageId, Redrive};
///
/// let everything = Redrive::all();
/// let a_trial = Redrive::all().up_to(1);
/// let one_of_them = Redrive::all().only([MessageId::from_stored("m-1")]);
/// # let _ = (everything, a_trial, one_of_them);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redrive {
    /// The most messages, the oldest first; `None` for no limit.
    pub max_messages: Option<u64>,
    /// Only those that became dead letters up to this time: the mark. `None` for the time of the
    /// call, so that what fails again at once is not moved twice.
    pub until: Option<Timestamp>,
    /// Only those with these ids; `None` for any.
    pub ids: Option<BTreeSet<MessageId>>,
}

impl Redrive {
    /// All dead letters that there are.
    pub fn all() -> Self {
        Self::default()
    }

    /// At most `max_messages`.
    #[must_use]
    pub fn up_to(mut self, max_messages: u64) -> Self {
        self.max_messages = Some(max_messages);
        self
    }

    /// Only those that became dead letters up to `mark`.
    #[must_use]
    pub fn until(mut self, mark: Timestamp) -> Self {
        self.until = Some(mark);
        self
    }

    /// Only those with these ids.
    #[must_use]
    pub fn only(mut self, ids: impl IntoIterator<Item = MessageId>) -> Self {
        self.ids = Some(ids.into_iter().collect());
        self
    }
}
