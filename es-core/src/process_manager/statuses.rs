use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::BoxError;
use crate::event::{Recorded, UnknownEvents};
use crate::projector::Projector;

use super::{AfterFailure, ProcessManager, ProcessRecord, ProcessStatus};

/// A view of all processes of `P`: one [`ProcessSummary`] each, under the process's id. Listings can be
/// filtered by `status` and `outcome`.
///
/// [`ProcessManager::NAME`] must be a view's name, too: lower-case letters, digits and `_`, at most 40.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/transfer.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{ProcessStatuses, Projection, ViewQuery};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let statuses = Projection::on(ProcessStatuses::<Transfer>::new(), Arc::new(MemoryStore::new()))?;
/// statuses.catch_up().await?;
/// let parked = ViewQuery::default().equals("status", "parked");
/// assert!(statuses.view().list(&parked).await?.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct ProcessStatuses<P>(PhantomData<fn() -> P>);

/// Where one process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSummary {
    /// Where it is.
    pub status: ProcessStatus,
    /// As what it was completed.
    pub outcome: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When something happened to it for the last time.
    pub changed_at: Timestamp,
    /// The commands that wait for an operator, each under its [id](super::CommandId) with its name.
    pub parked: BTreeMap<String, String>,
    /// The deadlines that are waited for, by name.
    pub deadlines: BTreeMap<String, Timestamp>,
}

impl<P> ProcessStatuses<P> {
    /// The view.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P> Default for ProcessStatuses<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> fmt::Debug for ProcessStatuses<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessStatuses")
    }
}

impl<P: ProcessManager> Projector for ProcessStatuses<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[P::NAME];
    const INDEXED_FIELDS: &'static [&'static str] = &["status", "outcome"];
    type Event = ProcessRecord;
    type View = ProcessSummary;

    /// The process's own facts are not asked for.
    fn unknown_events(&self) -> UnknownEvents {
        UnknownEvents::Skip
    }

    fn project(
        &self,
        _: &str,
        view: &mut Option<ProcessSummary>,
        event: &Recorded<'_, ProcessRecord>,
    ) -> Result<(), BoxError> {
        let at = event.recorded_at();
        let summary = view.get_or_insert_with(|| ProcessSummary::began(at));
        summary.changed_at = at;
        summary.take_in(&event.event);
        Ok(())
    }
}

impl ProcessSummary {
    fn began(at: Timestamp) -> Self {
        Self {
            status: ProcessStatus::Running,
            outcome: None,
            began_at: at,
            changed_at: at,
            parked: BTreeMap::new(),
            deadlines: BTreeMap::new(),
        }
    }

    fn take_in(&mut self, record: &ProcessRecord) {
        match record {
            ProcessRecord::CommandFailed { command, name, then: AfterFailure::Parked, .. } => {
                self.parked.insert(command.to_string(), name.clone());
            }
            ProcessRecord::CommandResumed { command, .. }
            | ProcessRecord::CommandDropped { command, .. } => {
                self.parked.remove(&command.to_string());
            }
            ProcessRecord::CommandsWithdrawn => self.parked.clear(),
            ProcessRecord::DeadlineSet { deadline, due, .. } => {
                self.deadlines.insert(deadline.clone(), *due);
            }
            ProcessRecord::DeadlineCancelled { deadline, .. }
            | ProcessRecord::DeadlinePassed { deadline, .. } => {
                self.deadlines.remove(deadline);
            }
            ProcessRecord::Completed { outcome } => self.outcome = Some(outcome.clone()),
            ProcessRecord::EventReceived { .. }
            | ProcessRecord::CommandFailed { .. }
            | ProcessRecord::CommandSucceeded { .. }
            | ProcessRecord::CommandIssued { .. } => {}
        }
        self.status = match (self.parked.is_empty(), &self.outcome) {
            (false, _) => ProcessStatus::Parked,
            (true, Some(_)) => ProcessStatus::Completed,
            (true, None) => ProcessStatus::Running,
        };
    }
}
