//! Which attempt a receive is.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;

use crate::dead_letter_queue::GivenUp;
use crate::message_queue::{MessageId, ReceivedMessage};

/// The receives that were attempts and those that were none, as far as this object knows: the message was
/// given back before it was handled. A queue counts them all.
pub(super) struct Unhandled(Mutex<Cache<MessageId, Known>>);

#[derive(Debug, Clone, Default)]
struct Known {
    unhandled: u32,
    attempts: u32,
    /// It was given up, and could not be sent to the dead letters.
    given_up: Option<Arc<GivenUp>>,
}

impl Unhandled {
    /// Of how many messages it is remembered; of others every receive is an attempt.
    const MESSAGES: usize = 10_000;

    /// Which attempt this receive is, counted from 1.
    ///
    /// In a group a message is given back, by this and by other consumers, as often as one before it fails:
    /// what the queue counts says nothing, so only attempts of this object count.
    pub(super) fn attempt(&self, message: &ReceivedMessage) -> u32 {
        let known = self.lock().get(&message.id).cloned().unwrap_or_default();
        match message.group {
            Some(_) => known.attempts.saturating_add(1),
            None => message.receive_count.saturating_sub(known.unhandled).max(1),
        }
    }

    /// A receive of the message was no attempt.
    pub(super) fn note(&self, id: &MessageId) {
        self.change(id, |known| known.unhandled = known.unhandled.saturating_add(1));
    }

    /// It was one, and failed.
    pub(super) fn note_attempt(&self, id: &MessageId) {
        self.change(id, |known| known.attempts = known.attempts.saturating_add(1));
    }

    /// It is given up, and came to no dead letter: it is not handled again, only sent there.
    pub(super) fn give_up(&self, id: &MessageId, given_up: Arc<GivenUp>) {
        self.change(id, |known| known.given_up = Some(given_up));
    }

    /// Why it was given up before.
    pub(super) fn given_up(&self, id: &MessageId) -> Option<Arc<GivenUp>> {
        self.lock().get(id).and_then(|known| known.given_up.clone())
    }

    fn change(&self, id: &MessageId, change: impl FnOnce(&mut Known)) {
        let mut messages = self.lock();
        let mut known = messages.get(id).cloned().unwrap_or_default();
        change(&mut known);
        messages.insert(id.clone(), known);
    }

    /// The message does not come again.
    pub(super) fn forget(&self, id: &MessageId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, Cache<MessageId, Known>> {
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
