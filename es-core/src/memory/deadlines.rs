//! Deadlines: what is due when.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;

use super::{MemoryStore, lock};
use crate::checkpoint_store::ConsumerId;
use crate::clock::{Timestamp, whole_microseconds};
use crate::deadline_store::{Deadline, DeadlineStore, DuePage, DueQuery};
use crate::error::Result;

/// Those of each process, in their order.
pub(super) type Deadlines = BTreeMap<ConsumerId, BTreeSet<Deadline>>;

#[async_trait]
impl DeadlineStore for MemoryStore {
    async fn set(&self, deadlines: &[Deadline]) -> Result<()> {
        let mut stored = lock(&self.shared.deadlines);
        for deadline in deadlines {
            stored.entry(deadline.process().clone()).or_default().insert(deadline.clone());
        }
        Ok(())
    }

    async fn remove(&self, deadlines: &[Deadline]) -> Result<()> {
        let mut stored = lock(&self.shared.deadlines);
        for deadline in deadlines {
            if let Some(of_process) = stored.get_mut(deadline.process()) {
                of_process.remove(deadline);
            }
        }
        Ok(())
    }

    async fn due(&self, query: &DueQuery) -> Result<DuePage> {
        let stored = lock(&self.shared.deadlines);
        let Some(of_process) = stored.get(&query.process) else {
            return Ok(DuePage { deadlines: Vec::new(), more: false });
        };
        let until = whole_microseconds(query.until);
        let after = query.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut due = of_process
            .range::<Deadline, _>((after, Bound::Unbounded))
            .take_while(|deadline| deadline.due() <= until);
        let deadlines = due.by_ref().take(query.limit).cloned().collect();
        Ok(DuePage { deadlines, more: due.next().is_some() })
    }

    async fn next(&self, process: &ConsumerId) -> Result<Option<Timestamp>> {
        let stored = lock(&self.shared.deadlines);
        let first = stored.get(process).and_then(BTreeSet::first);
        Ok(first.map(Deadline::due))
    }
}
