use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::idempotency_store::{Begun, Claim, IdempotencyStore, IdempotentRequest, Settled};

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults};

/// A store of what was done whose requests meet faults.
pub struct FaultyIdempotencyStore {
    inner: Arc<dyn IdempotencyStore>,
    faults: Faults,
    late: LateRequests<Late>,
}

enum Late {
    Completion(Claim, Bytes, Duration),
    Abandonment(Claim),
}

impl FaultyIdempotencyStore {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn IdempotencyStore>, faults: Faults) -> Self {
        Self { inner, faults, late: LateRequests::default() }
    }

    async fn pass_on(&self, call: Call) -> Result<Request<'_>> {
        for late in self.late.arriving() {
            // Nobody waits for the answer any more.
            let _ = match late {
                Late::Completion(claim, result, keep) => {
                    self.inner.complete(&claim, result, keep).await
                }
                Late::Abandonment(claim) => self.inner.abandon(&claim).await,
            };
        }
        self.faults.begin(call).await
    }
}

#[async_trait]
impl IdempotencyStore for FaultyIdempotencyStore {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        let passing = self.pass_on(Call::BeginRequest).await?;
        passing.end(self.inner.begin(request, hold).await).await
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        let passing = self.pass_on(Call::CompleteRequest).await?;
        if passing.is_due(Fault::LateRequest) {
            let late = Late::Completion(claim.clone(), result, keep);
            self.late.hold_up(late, self.faults.lateness());
            return Err(passing.unavailable(Fault::LateRequest));
        }
        passing.end(self.inner.complete(claim, result, keep).await).await
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        let passing = self.pass_on(Call::AbandonRequest).await?;
        if passing.is_due(Fault::LateRequest) {
            self.late.hold_up(Late::Abandonment(claim.clone()), self.faults.lateness());
            return Err(passing.unavailable(Fault::LateRequest));
        }
        passing.end(self.inner.abandon(claim).await).await
    }
}

impl fmt::Debug for FaultyIdempotencyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyIdempotencyStore")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish()
    }
}
