//! Records that are watched: whether a request was begun after it was completed, and who completed it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::idempotency_store::{
    Begun, Claim, IdempotencyStore, IdempotentRequest, OwnerToken, Settled,
};

#[derive(Debug)]
pub(super) struct Witness {
    inner: Arc<dyn IdempotencyStore>,
    seen: Mutex<HashMap<String, Seen>>,
}

/// What was seen of one request.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) begun: u32,
    pub(super) completed_by: Option<OwnerToken>,
}

impl Witness {
    pub(super) fn of(inner: Arc<dyn IdempotencyStore>) -> Self {
        Self { inner, seen: Mutex::default() }
    }

    pub(super) fn seen(&self, key: &str) -> Seen {
        self.lock().get(key).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl IdempotencyStore for Witness {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        let begun = self.inner.begin(request, hold).await?;
        if let Begun::Started(_) = begun {
            let mut seen = self.lock();
            let seen = seen.entry(request.key().to_owned()).or_default();
            seen.begun += 1;
            assert_eq!(seen.completed_by, None, "{request:?} was begun after its completion");
        }
        Ok(begun)
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        let settled = self.inner.complete(claim, result, keep).await?;
        if settled == Settled::Done {
            let mut seen = self.lock();
            let seen = seen.entry(claim.request.key().to_owned()).or_default();
            let owner = *seen.completed_by.get_or_insert(claim.token);
            assert_eq!(owner, claim.token, "{:?} was completed by two", claim.request);
        }
        Ok(settled)
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        self.inner.abandon(claim).await
    }
}
