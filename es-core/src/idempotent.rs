//! Effects that must happen once, around a store of what was done.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::backoff::Backoff;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::idempotency_store::{Begun, Claim, IdempotencyStore, IdempotentRequest, Settled};

/// Causes effects once per request, however often the requests come.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use es_core::memory::MemoryIdempotency;
/// use es_core::{Idempotent, IdempotentRequest, Once};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let records = Arc::new(MemoryIdempotency::default());
/// let (hold, keep) = (Duration::from_secs(60), Duration::from_secs(7 * 24 * 60 * 60));
/// let payments = Idempotent::new(records, hold, keep);
///
/// let mut charged = 0;
/// for _ in 0..3 {
///     let request = IdempotentRequest::new("payments", "order-17", br#"{"amount":5}"#)?;
///     let outcome = payments.once(&request, || async {
///         charged += 5;
///         Ok::<_, std::io::Error>("payment-1".into())
///     });
///     assert_eq!(outcome.await?.result(), Some(&"payment-1".into()));
/// }
/// assert_eq!(charged, 5);
/// # Ok(())
/// # }
/// ```
///
/// # What is promised
///
/// A request that was completed has no effect again until its record expires, and all who ask get the
/// result of the one effect that was recorded. Of those that ask at the same time one causes the effect.
///
/// # What is not
///
/// Effect and record are two steps. When the process dies between them, or cannot reach the store any
/// more, the effect was caused and nobody knows: it is caused again when the time in progress is
/// over. The same is so when an effect takes longer than this time and the request comes again
/// meanwhile: then both owners cause it, one of them completes, and the other one is told
/// [`Once::Overtaken`]. So the `hold` is longer than any effect can take, and what bounds the effect is
/// up to the caller: no claim can be extended. Effects that can be made conditional, as an append
/// with an idempotency key, close the window.
#[derive(Debug, Clone)]
pub struct Idempotent {
    store: Arc<dyn IdempotencyStore>,
    hold: Duration,
    keep: Duration,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Idempotent {
    /// How often a completion is tried while the store is not available. With the backoff between them
    /// the attempts take less than a second.
    pub const COMPLETIONS: u32 = 6;

    /// Effects recorded in `store`. A request is in progress for `hold`, which is longer than its effect
    /// takes; its result is kept for `keep`, which is longer than the request can come again.
    pub fn new(store: Arc<dyn IdempotencyStore>, hold: Duration, keep: Duration) -> Self {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Self { store, hold, keep, clock, entropy }
    }

    /// Waits between completions on this clock, and not on the machine's. Times in progress are those of
    /// the store's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes the jitter of those waits from here.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Causes the effect, unless that was done, is being done, or was asked with another payload.
    ///
    /// An effect that fails says that it was not caused: the request can come again at once. An effect
    /// that does not know whether it was caused should not return until it does.
    ///
    /// # Errors
    ///
    /// [`OnceError`]. After [`OnceError::Unrecorded`] the effect was caused.
    pub async fn once<F, E>(
        &self,
        request: &IdempotentRequest,
        effect: impl FnOnce() -> F,
    ) -> Result<Once, OnceError<E>>
    where
        F: Future<Output = Result<Bytes, E>>,
    {
        let begun = self.store.begin(request, self.hold).await;
        let claim = match begun.map_err(OnceError::NotBegun)? {
            Begun::Started(claim) => claim,
            Begun::InProgress { until } => return Ok(Once::InProgress { until }),
            Begun::Completed(result) => return Ok(Once::Before(result)),
            Begun::Mismatch => {
                return Err(OnceError::Mismatch { scope: request.scope().to_owned() });
            }
        };
        match effect().await {
            Ok(result) => match self.complete(&claim, &result).await {
                Ok(Settled::Done) => Ok(Once::Done(result)),
                Ok(Settled::Lost) => Ok(Once::Overtaken),
                Err(error) => Err(OnceError::Unrecorded(error)),
            },
            Err(error) => {
                // If that is lost, the request waits until its time in progress is over.
                let _ = self.store.abandon(&claim).await;
                Err(OnceError::Failed(error))
            }
        }
    }

    /// The effect is there, so much depends on its record: tries more than once.
    async fn complete(&self, claim: &Claim, result: &Bytes) -> Result<Settled> {
        let backoff = Backoff::default();
        let mut retry = 0;
        loop {
            retry += 1;
            match self.store.complete(claim, result.clone(), self.keep).await {
                Err(error) if error.is_transient() && retry < Self::COMPLETIONS => {
                    self.clock.sleep(backoff.delay(retry, &*self.entropy)).await;
                }
                completed => return completed,
            }
        }
    }
}

/// What became of a request.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub enum Once {
    /// It had its effect now, with this result.
    Done(Bytes),
    /// It had its effect before, with this result.
    Before(Bytes),
    /// Another one is at it.
    InProgress {
        /// When it can be begun again, unless it is completed or given up before: by the clock of the
        /// store.
        until: Timestamp,
    },
    /// It took longer than its time in progress, and another one has begun it meanwhile: whose result
    /// counts. The one of this effect is not given out.
    Overtaken,
}

impl Once {
    /// The result, if there is one that counts.
    pub fn result(&self) -> Option<&Bytes> {
        match self {
            Self::Done(result) | Self::Before(result) => Some(result),
            Self::InProgress { .. } | Self::Overtaken => None,
        }
    }
}

impl fmt::Debug for Once {
    /// Without the result: that does not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(result) => write!(f, "Done({} bytes)", result.len()),
            Self::Before(result) => write!(f, "Before({} bytes)", result.len()),
            Self::InProgress { until } => write!(f, "InProgress {{ until: {until} }}"),
            Self::Overtaken => f.write_str("Overtaken"),
        }
    }
}

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnceError<E> {
    /// The effect failed, and was not caused. It can be tried again at once.
    #[error("the effect failed")]
    Failed(#[source] E),
    /// The key was used for another payload. Trying again does not help before that record expires. The key
    /// is not said: it may be personal.
    #[error("the key of the request was already used in {scope} for another payload")]
    Mismatch {
        /// The scope of the request.
        scope: String,
    },
    /// The effect was not caused. The request may be in progress all the same, for its hold: when the
    /// answer was lost that it was begun.
    #[error("the request cannot be begun")]
    NotBegun(#[source] Error),
    /// The effect was caused, and it is not known whether that is recorded. If it is not, and the request
    /// comes again when its time in progress is over, the effect is caused again.
    #[error("the effect was caused and may not be recorded")]
    Unrecorded(#[source] Error),
}
