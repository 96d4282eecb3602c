//! Idempotency records.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::lock;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::Result;
use crate::idempotency_store::{
    Begun, Claim, IdempotencyRecord, IdempotencyStore, IdempotentRequest, OwnerToken, Settled,
    check_result,
};

/// Idempotency records in memory. Clones share what is stored.
#[derive(Clone)]
pub struct MemoryIdempotency {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    by_key: HashMap<(Box<str>, Box<str>), IdempotencyRecord>,
    /// How many there were after the useless ones were last removed.
    swept: usize,
}

impl MemoryIdempotency {
    /// No records yet. Time is that of `clock`, tokens are made from `entropy`.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { shared: Arc::new(Shared { clock, entropy, records: Mutex::default() }) }
    }
}

impl Default for MemoryIdempotency {
    /// On the machine's clock.
    fn default() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemEntropy))
    }
}

impl fmt::Debug for MemoryIdempotency {
    /// Says how many there are, never what is in them: results do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryIdempotency")
            .field("records", &lock(&self.shared.records).by_key.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl IdempotencyStore for MemoryIdempotency {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        let mut records = lock(&self.shared.records);
        let now = self.shared.clock.now();
        records.sweep(now);
        let stored = records.by_key.get(&key(request));
        if let Some(answer) = stored.and_then(|record| record.answer(request, now)) {
            return Ok(answer);
        }
        let token = OwnerToken::generate(&*self.shared.entropy);
        let claim = Claim { request: request.clone(), token };
        let record = IdempotencyRecord::in_progress(&claim, hold, now);
        records.by_key.insert(key(request), record);
        Ok(Begun::Started(claim))
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        check_result(claim, &result)?;
        let mut records = lock(&self.shared.records);
        let Some(record) = records.owned(claim) else { return Ok(Settled::Lost) };
        if record.result.is_none() {
            let now = self.shared.clock.now();
            *record = IdempotencyRecord::completed(claim, result, keep, now);
        }
        Ok(Settled::Done)
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        let mut records = lock(&self.shared.records);
        if records.owned(claim).is_none_or(|record| record.result.is_some()) {
            return Ok(Settled::Lost);
        }
        records.by_key.remove(&key(&claim.request));
        Ok(Settled::Done)
    }
}

impl Records {
    fn owned(&mut self, claim: &Claim) -> Option<&mut IdempotencyRecord> {
        let record = self.by_key.get_mut(&key(&claim.request));
        record.filter(|record| record.token == claim.token)
    }

    /// Removes what is of no use any more, each time that the records have doubled: on average that
    /// costs a begin nothing.
    fn sweep(&mut self, now: Timestamp) {
        const FEW: usize = 1024;
        if self.by_key.len() < FEW.max(2 * self.swept) {
            return;
        }
        self.by_key.retain(|_, record| record.removable_at() > now);
        self.swept = self.by_key.len();
    }
}

fn key(request: &IdempotentRequest) -> (Box<str>, Box<str>) {
    (request.scope().into(), request.key().into())
}
