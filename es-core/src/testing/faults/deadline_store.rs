use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::ConsumerId;
use crate::clock::Timestamp;
use crate::deadline_store::{Deadline, DeadlineStore, DuePage, DueQuery};
use crate::error::Result;

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults};

/// A store of deadlines whose requests meet faults.
pub struct FaultyDeadlineStore {
    inner: Arc<dyn DeadlineStore>,
    faults: Faults,
    late: LateRequests<Late>,
}

enum Late {
    Setting(Vec<Deadline>),
    Removal(Vec<Deadline>),
}

impl FaultyDeadlineStore {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn DeadlineStore>, faults: Faults) -> Self {
        Self { inner, faults, late: LateRequests::default() }
    }

    async fn begin(&self, call: Call) -> Result<Request<'_>> {
        for late in self.late.arriving() {
            // Nobody waits for the answer any more.
            let _ = match late {
                Late::Setting(deadlines) => self.inner.set(&deadlines).await,
                Late::Removal(deadlines) => self.inner.remove(&deadlines).await,
            };
        }
        self.faults.begin(call).await
    }
}

#[async_trait]
impl DeadlineStore for FaultyDeadlineStore {
    async fn set(&self, deadlines: &[Deadline]) -> Result<()> {
        let request = self.begin(Call::SetDeadlines).await?;
        if request.is_due(Fault::LateRequest) {
            self.late.hold_up(Late::Setting(deadlines.to_vec()), self.faults.lateness());
            return Err(request.unavailable(Fault::LateRequest));
        }
        request.end(self.inner.set(deadlines).await).await
    }

    async fn remove(&self, deadlines: &[Deadline]) -> Result<()> {
        let request = self.begin(Call::RemoveDeadlines).await?;
        if request.is_due(Fault::LateRequest) {
            self.late.hold_up(Late::Removal(deadlines.to_vec()), self.faults.lateness());
            return Err(request.unavailable(Fault::LateRequest));
        }
        request.end(self.inner.remove(deadlines).await).await
    }

    async fn due(&self, query: &DueQuery) -> Result<DuePage> {
        let request = self.begin(Call::ListDueDeadlines).await?;
        request.end(self.inner.due(query).await).await
    }

    async fn next(&self, process: &ConsumerId) -> Result<Option<Timestamp>> {
        let request = self.begin(Call::NextDeadline).await?;
        request.end(self.inner.next(process).await).await
    }
}

impl fmt::Debug for FaultyDeadlineStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyDeadlineStore")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish()
    }
}
