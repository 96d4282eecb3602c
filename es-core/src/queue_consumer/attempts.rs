//! Which attempt a receive is.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;

use crate::message_queue::{MessageId, ReceivedMessage};

/// The receives that were no attempts, as far as this object knows: the message was given back before
/// it was handled. A queue counts them all.
pub(super) struct Unhandled(Mutex<Cache<MessageId, u32>>);

impl Unhandled {
    /// Of how many messages it is remembered; of others every receive is an attempt.
    const MESSAGES: usize = 10_000;

    /// Which attempt this receive is, counted from 1.
    pub(super) fn attempt(&self, message: &ReceivedMessage) -> u32 {
        let unhandled = self.lock().get(&message.id).copied().unwrap_or_default();
        message.receive_count.saturating_sub(unhandled).max(1)
    }

    /// A receive of the message was no attempt.
    pub(super) fn note(&self, id: &MessageId) {
        let mut counts = self.lock();
        let known = counts.get(id).copied().unwrap_or_default();
        counts.insert(id.clone(), known.saturating_add(1));
    }

    /// The message does not come again.
    pub(super) fn forget(&self, id: &MessageId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, Cache<MessageId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Unhandled {
    fn default() -> Self {
        Self(Mutex::new(Cache::new(Self::MESSAGES)))
    }
}

impl fmt::Debug for Unhandled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unhandled").field("messages", &self.lock().len()).finish()
    }
}
