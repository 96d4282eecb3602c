use std::collections::BTreeSet;

use super::{DeadLetterReason, DeadMessage};
use crate::clock::Timestamp;
use crate::message_queue::{MessageId, QueueName};

/// Which messages of a dead-letter queue. All conditions must hold.
///
/// ```
/// use es_core::{DeadLetterReason, DeadMessageFilter, QueueName};
///
/// let unreadable_orders = DeadMessageFilter::all()
///     .reason(DeadLetterReason::Undecodable)
///     .origin(QueueName::new("orders")?);
/// # let _ = unreadable_orders;
/// # Ok::<(), es_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadMessageFilter {
    ids: Option<BTreeSet<MessageId>>,
    reason: Option<DeadLetterReason>,
    origin: Option<QueueName>,
    kind: Option<String>,
    until: Option<Timestamp>,
}

impl DeadMessageFilter {
    /// All.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only those with these ids, in the dead-letter queue or where they were.
    #[must_use]
    pub fn ids(mut self, ids: impl IntoIterator<Item = MessageId>) -> Self {
        self.ids = Some(ids.into_iter().collect());
        self
    }

    /// Only those that are here for this reason, which those of a redrive policy do not have.
    #[must_use]
    pub fn reason(mut self, reason: DeadLetterReason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Only those that come from this queue.
    #[must_use]
    pub fn origin(mut self, queue: QueueName) -> Self {
        self.origin = Some(queue);
        self
    }

    /// Only those with something of this [kind](crate::Incoming::kind) in them.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Only those that were given up until `mark`; of a redrive policy, those that were sent until then.
    #[must_use]
    pub fn until(mut self, mark: Timestamp) -> Self {
        self.until = Some(mark);
        self
    }

    /// Whether all conditions hold.
    pub fn matches(&self, message: &DeadMessage) -> bool {
        let has_id =
            |ids: &BTreeSet<_>| ids.contains(&message.id) || ids.contains(&message.message_id);
        let reason = message.failure.as_ref().map(|failure| &failure.reason);
        self.ids.as_ref().is_none_or(has_id)
            && self.reason.as_ref().is_none_or(|asked| reason == Some(asked))
            && self.origin.as_ref().is_none_or(|asked| message.origin.as_ref() == Some(asked))
            && self.until.is_none_or(|mark| message.died_at() <= mark)
            && self.kind.as_ref().is_none_or(|kind| has_kind(message, kind))
    }
}

fn has_kind(message: &DeadMessage, kind: &str) -> bool {
    let all = message.incoming().unwrap_or_default();
    all.iter().any(|incoming| incoming.kind() == Some(kind))
}
