//! What is done with messages.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{BoxError, Error, with_causes};
use crate::incoming::Incoming;
use crate::repository::ExecuteError;

/// Does what a message asks for. A [`QueueConsumer`](crate::QueueConsumer) gives it every message of a
/// queue, freed from what it was wrapped in.
///
/// ```
/// use async_trait::async_trait;
/// use es_core::{Incoming, MessageError, MessageHandler};
///
/// /// Tells customers that their order was processed.
/// struct Notifier;
///
/// #[async_trait]
/// impl MessageHandler for Notifier {
///     async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
///         #[derive(serde::Deserialize)]
///         struct Processed {
///             order_id: String,
///         }
///         // What cannot be read today cannot be read tomorrow.
///         let order: Processed = message.json().map_err(MessageError::permanent)?;
///         println!("order {} was processed", order.order_id);
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait MessageHandler: Send + Sync + 'static {
    /// Handles `message`. It is called again for the same message after an error or a crash, and when a
    /// queue delivers twice: what it does must be idempotent, or the consumer be
    /// [made so](crate::QueueConsumer::idempotent).
    ///
    /// The future may be dropped at any of its awaits: when the message is not this consumer's any
    /// more, when its time is over, or at a shutdown. Work that computes for long without awaiting
    /// anything keeps the consumer from its other messages; it belongs into
    /// [`spawn_blocking`](https://docs.rs/tokio/latest/tokio/task/fn.spawn_blocking.html).
    ///
    /// # Errors
    ///
    /// [`MessageError`] says whether the message is to come again. A panic is like
    /// [`MessageError::permanent`].
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError>;
}

#[async_trait]
impl<H: MessageHandler + ?Sized> MessageHandler for Arc<H> {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        (**self).handle(message).await
    }
}

/// A message that was not handled, and whether trying again can help.
///
/// Its text, with those of its causes, is kept: in logs, in the [health](crate::QueueHealth) of the
/// consumer, and beside the message in the dead letters. It should say what went wrong, and nothing of what
/// is in the message.
///
/// ```
/// use std::time::Duration;
/// use es_core::MessageError;
///
/// assert!(MessageError::transient("the printer has no paper").is_transient());
/// assert!(MessageError::after("the shop is closed", Duration::from_secs(3600)).is_transient());
/// assert!(!MessageError::permanent("there is no such article").is_transient());
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct MessageError {
    retry: Retry,
    source: BoxError,
}

/// When a message comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After a wait that gets longer from one attempt to the next.
    Backoff,
    /// After this time.
    After(Duration),
    Never,
}

impl MessageError {
    /// Trying again can help. The message comes again after the consumer's
    /// [backoff](crate::QueueConsumer::backoff), until its
    /// [attempts](crate::QueueConsumer::max_attempts) are used up.
    pub fn transient(source: impl Into<BoxError>) -> Self {
        Self { retry: Retry::Backoff, source: source.into() }
    }

    /// Trying again can help, but not before `delay` is over: what a service says that is asked too
    /// often. At most the 12 hours that a queue can hide a message for. It counts as an attempt.
    pub fn after(source: impl Into<BoxError>, delay: Duration) -> Self {
        Self { retry: Retry::After(delay), source: source.into() }
    }

    /// Trying again does not help. The message becomes a dead letter at once.
    pub fn permanent(source: impl Into<BoxError>) -> Self {
        Self { retry: Retry::Never, source: source.into() }
    }

    /// Whether trying again can help.
    pub fn is_transient(&self) -> bool {
        self.retry != Retry::Never
    }

    pub(crate) fn retry(&self) -> Retry {
        self.retry
    }

    /// The error and its causes in one line.
    pub fn with_causes(&self) -> String {
        with_causes(&*self.source)
    }

    fn as_it_says(transient: bool, source: BoxError) -> Self {
        Self { retry: if transient { Retry::Backoff } else { Retry::Never }, source }
    }
}

impl<D: StdError + Send + Sync + 'static> From<ExecuteError<D>> for MessageError {
    /// A rejected command is permanent, a failed one as its error says. A handler for which a rejection
    /// is a normal outcome looks at it before.
    fn from(error: ExecuteError<D>) -> Self {
        Self::as_it_says(error.is_transient(), error.into())
    }
}

impl From<Error> for MessageError {
    fn from(error: Error) -> Self {
        Self::as_it_says(error.is_transient(), error.into())
    }
}
