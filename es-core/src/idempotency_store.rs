//! What was done already, for effects that must not be repeated.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::clock::{Timestamp, whole_microseconds};
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::stream_id::check_id;

/// The most bytes of a result that a record keeps: with the rest of it, it fits in one item of DynamoDB.
pub const MAX_RESULT_LEN: usize = 256 * 1024;

/// Keeps a record per request that must have its effect once: a message that may come twice, a call
/// that a client may repeat.
///
/// Who is about to cause the effect [begins](Self::begin) and gets a [`Claim`], or is told what became
/// of the request before. Then it causes the effect and [completes](Self::complete) the record with a
/// result, which repetitions get from then on; or it [abandons](Self::abandon) the record, as when the
/// effect failed, and the request can be begun again at once.
///
/// ```
/// use std::time::Duration;
///
/// use es_core::memory::MemoryIdempotency;
/// use es_core::{Begun, IdempotencyStore, IdempotentRequest};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let (hold, keep) = (Duration::from_secs(60), Duration::from_secs(24 * 60 * 60));
/// let records = MemoryIdempotency::default();
/// let request = IdempotentRequest::new("payments", "order-17", br#"{"amount":5}"#)?;
///
/// let Begun::Started(claim) = records.begin(&request, hold).await? else {
///     panic!("nobody has begun it");
/// };
/// // Meanwhile it comes a second time.
/// assert!(matches!(records.begin(&request, hold).await?, Begun::InProgress { .. }));
/// // The effect, and then:
/// let _ = records.complete(&claim, "payment-1".into(), keep).await?;
/// assert_eq!(records.begin(&request, hold).await?, Begun::Completed("payment-1".into()));
///
/// let other = IdempotentRequest::new("payments", "order-17", br#"{"amount":500}"#)?;
/// assert_eq!(records.begin(&other, hold).await?, Begun::Mismatch);
/// # Ok(())
/// # }
/// ```
///
/// # What an implementation promises
///
/// **One claim.** Of those that begin a request at the same time one gets a claim. It is the only one
/// until its time in progress is over; then the request can be begun again, since its owner may be
/// dead.
///
/// **One completion.** The record belongs to the newest claim. An older one can neither complete nor
/// abandon it ([`Settled::Lost`]), however late it comes. An owner whose time is over can still complete,
/// for a day, as long as nobody has begun the request since.
///
/// So one result is kept, and a request whose record is complete is not begun again before the record
/// expires. What is *not* promised is that an effect is caused once when its owner takes longer than its
/// time in progress, or dies between the effect and the record: the next owner causes it again. Give
/// owners more time than their effects take.
///
/// **Answers that were lost.** Completing again on the same claim is [`Settled::Done`] and keeps the
/// first result.
///
/// **Time** is the clock of whoever is asked. Where clocks differ, a record in progress is given up
/// early or late by that difference, and two owners may be at work at the same time: still one of them
/// completes. Let times in progress be longer than clocks can differ. Records that expired are as if
/// they were not there, whether they are removed yet or not. Times are kept to the microsecond.
///
/// The suite `es_core::testing::conformance::idempotency_store` holds any implementation to this.
#[async_trait]
pub trait IdempotencyStore: Debug + Send + Sync + 'static {
    /// Claims the request for `hold` from now, unless there is a record of it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]: it may have been claimed, for `hold`. [`Error::Corrupt`].
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun>;

    /// Says that the effect was caused, and keeps the result for `keep` from now.
    ///
    /// # Errors
    ///
    /// [`Error::ResultTooLarge`]: nothing was written, and the claim stands.
    /// [`Error::Unavailable`]: it may have been completed.
    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled>;

    /// Gives the claim up, so that the request can be begun again at once. Only for an effect that was
    /// not caused. A claim that was abandoned before, or completed, is [`Settled::Lost`].
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]: it may have been given up.
    async fn abandon(&self, claim: &Claim) -> Result<Settled>;
}

/// A request that must have its effect once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotentRequest {
    scope: Arc<str>,
    key: Arc<str>,
    payload: PayloadHash,
}

impl IdempotentRequest {
    /// The longest scope, in bytes.
    pub const MAX_SCOPE_LEN: usize = 100;
    /// The longest key, in bytes.
    pub const MAX_KEY_LEN: usize = 4096;

    /// The request that is called `key` in `scope`, as the name of a handler or an endpoint. The same key
    /// with another payload is another request, which is refused.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the scope is empty, longer than
    /// [`MAX_SCOPE_LEN`](Self::MAX_SCOPE_LEN), has control characters, or white space at an end; when the
    /// key is empty or longer than [`MAX_KEY_LEN`](Self::MAX_KEY_LEN).
    pub fn new(scope: &str, key: &str, payload: &[u8]) -> Result<Self> {
        check_id("idempotency scope", scope, Self::MAX_SCOPE_LEN)?;
        if key.is_empty() {
            return Err(Error::invalid_id("idempotency key", key, "it is empty"));
        }
        if key.len() > Self::MAX_KEY_LEN {
            return Err(Error::invalid_id("idempotency key", key, "it is too long"));
        }
        Ok(Self { scope: scope.into(), key: key.into(), payload: PayloadHash::of(payload) })
    }

    /// Who handles it.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Its name in the scope.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it asks for.
    pub fn payload(&self) -> PayloadHash {
        self.payload
    }
}

impl fmt::Debug for IdempotentRequest {
    /// Without the key, which may be personal: an id that somebody else has given, or the name of a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotentRequest").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// The SHA-256 of a payload: what a request asks for, without keeping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// The hash of these bytes.
    pub fn of(payload: &[u8]) -> Self {
        Self(Sha256::digest(payload).into())
    }

    /// A stored hash. For stores.
    pub fn from_stored(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Its bytes. For stores.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Tells the owner of a record from all earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerToken([u8; 16]);

impl OwnerToken {
    /// A new token. For stores.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let bits = u128::from(entropy.next_u64()) << 64 | u128::from(entropy.next_u64());
        Self(bits.to_be_bytes())
    }

    /// A stored token. For stores.
    pub fn from_stored(token: [u8; 16]) -> Self {
        Self(token)
    }

    /// Its bytes. For stores.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Begun {
    /// It is the caller's to cause the effect.
    Started(Claim),
    /// Another one is at it, and has until then.
    InProgress {
        /// When the request can be begun again, unless it is completed or abandoned before.
        until: Timestamp,
    },
    /// It had its effect, with this result.
    Completed(Bytes),
    /// The key was used for another payload, and its record is not expired.
    Mismatch,
}

/// The right to complete a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The request.
    pub request: IdempotentRequest,
    /// What proves the right.
    pub token: OwnerToken,
}

/// Whether the owner of a record had a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// It is as the owner said.
    Done,
    /// The record does not belong to the claim any more; nothing was written.
    Lost,
}

/// Checks the size of a result. For stores: the first line of every completion.
///
/// # Errors
///
/// [`Error::ResultTooLarge`].
pub fn check_result(claim: &Claim, result: &[u8]) -> Result<()> {
    if result.len() <= MAX_RESULT_LEN {
        return Ok(());
    }
    Err(Error::ResultTooLarge {
        scope: claim.request.scope.to_string(),
        actual: result.len(),
        limit: MAX_RESULT_LEN,
    })
}

/// A record as it is stored. For stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// What the request asks for.
    pub payload: PayloadHash,
    /// Who owns it.
    pub token: OwnerToken,
    /// The result of the effect; `None`: it is in progress.
    pub result: Option<Bytes>,
    /// When the request can be begun again.
    pub expires_at: Timestamp,
}

impl IdempotencyRecord {
    /// How long an owner whose time in progress is over can still complete.
    const LATE: Duration = Duration::from_secs(24 * 60 * 60);

    /// The record of a claim.
    pub fn in_progress(claim: &Claim, hold: Duration, now: Timestamp) -> Self {
        let (payload, token) = (claim.request.payload, claim.token);
        Self { payload, token, result: None, expires_at: later(now, hold) }
    }

    /// The record of a claim that was completed.
    pub fn completed(claim: &Claim, result: Bytes, keep: Duration, now: Timestamp) -> Self {
        let (payload, token) = (claim.request.payload, claim.token);
        Self { payload, token, result: Some(result), expires_at: later(now, keep) }
    }

    /// What is to be told to one who begins the request; `None`: it can be begun.
    pub fn answer(&self, request: &IdempotentRequest, now: Timestamp) -> Option<Begun> {
        if self.expires_at <= now {
            return None;
        }
        Some(match &self.result {
            _ if self.payload != request.payload => Begun::Mismatch,
            Some(result) => Begun::Completed(result.clone()),
            None => Begun::InProgress { until: self.expires_at },
        })
    }

    /// When the record is of no use any more.
    pub fn removable_at(&self) -> Timestamp {
        match self.result {
            Some(_) => self.expires_at,
            None => later(self.expires_at, Self::LATE),
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    /// A thousand years. For ever, and far from the end of what timestamps and databases can say.
    const LONGEST: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);
    whole_microseconds(now.saturating_add(by.min(LONGEST)).unwrap_or(now))
}
