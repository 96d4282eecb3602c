use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::BoxError;
use crate::event::Recorded;
use crate::projector::Projector;

use super::status_entry::StatusEntry;
use super::{AfterFailure, ProcessEntry, ProcessManager, ProcessRecord, ProcessStatus};

/// A view of all processes of `P`: one [`ProcessSummary`] each, under the process's id. Listings can be
/// filtered by `status`, `phase` and `outcome`. [`Processes::parked`](super::Processes::parked) counts by it what waits
/// for an operator.
///
/// A program that is older than the one that leads the processes goes on listing them: where a process is, since when, and
/// what it waits for follow from what the framework writes down. Only the phase is told by facts of the process manager, and
/// [`phase_of_unread`](ProcessManager::phase_of_unread) says what is made of those that cannot be read. The phase of such a
/// process is right again after the next fact that says one, or after a rebuild by the newer program. What a newer
/// version of the framework wrote down is not passed over: such a process is parked among the dead letters of the view.
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
#[non_exhaustive]
pub struct ProcessSummary {
    /// Where it is.
    pub status: ProcessStatus,
    /// What it is about, as its [phases](ProcessManager::phase) say, as long as it is about anything: of a saga `running`
    /// or `compensating`. [`UNKNOWN_PHASE`](Self::UNKNOWN_PHASE) if a fact could not be read that may have said so.
    pub phase: Option<String>,
    /// Since when it is there and about that.
    pub since: Timestamp,
    /// As what it was completed.
    pub outcome: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When something happened to it for the last time.
    pub changed_at: Timestamp,
    /// The commands that wait for an operator, each under its [id](super::CommandId).
    pub parked: BTreeMap<String, ParkedSummary>,
    /// The deadlines that are waited for, by name.
    pub deadlines: BTreeMap<String, Timestamp>,
    /// Whether an operator ended it.
    pub cancelled: bool,
}

/// A command that waits for an operator, in the summary of its process.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParkedSummary {
    /// Its name.
    pub name: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it waits.
    pub since: Timestamp,
    /// What was said the last time, at most 2,048 bytes: it may be about a person.
    pub error: String,
}

impl fmt::Debug for ParkedSummary {
    /// Without the error: it may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParkedSummary({} after attempt {} at {})", self.name, self.attempts, self.since)
    }
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
    const VERSION: u32 = 2;
    const CATEGORIES: &'static [&'static str] = &[P::NAME];
    const INDEXED_FIELDS: &'static [&'static str] = &["status", "phase", "outcome"];
    type Event = StatusEntry<P::Event>;
    type View = ProcessSummary;

    fn project(
        &self,
        _: &str,
        view: &mut Option<ProcessSummary>,
        event: &Recorded<'_, StatusEntry<P::Event>>,
    ) -> Result<(), BoxError> {
        let at = event.recorded_at();
        let summary = view.get_or_insert_with(|| ProcessSummary::began(at));
        let before = (summary.status, summary.phase.clone());
        match &event.event {
            StatusEntry::Read(ProcessEntry::Record(record)) => summary.take_in(record, at),
            StatusEntry::Read(ProcessEntry::Fact(fact)) => summary.enter(P::phase(fact)),
            StatusEntry::UnreadFact { name } => summary.enter(P::phase_of_unread(name)),
        }
        summary.changed_at = at;
        if before != (summary.status, summary.phase.clone()) {
            summary.since = at;
        }
        Ok(())
    }
}

impl ProcessSummary {
    /// The phase of a process after a fact that the program could not read.
    pub const UNKNOWN_PHASE: &'static str = "unknown";

    fn enter(&mut self, phase: Option<&str>) {
        self.phase = phase.map(str::to_owned).or(self.phase.take());
    }

    fn began(at: Timestamp) -> Self {
        Self {
            status: ProcessStatus::Running,
            phase: None,
            since: at,
            outcome: None,
            began_at: at,
            changed_at: at,
            parked: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            cancelled: false,
        }
    }

    fn take_in(&mut self, record: &ProcessRecord, at: Timestamp) {
        match record {
            ProcessRecord::CommandFailed {
                command,
                name,
                attempt,
                error,
                then: AfterFailure::Parked,
                ..
            } => {
                let (name, error) = (name.clone(), error.clone());
                let parked = ParkedSummary { name, attempts: *attempt, since: at, error };
                self.parked.insert(command.to_string(), parked);
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
            ProcessRecord::Completed { outcome } => {
                self.outcome = Some(outcome.clone());
                self.phase = None;
            }
            ProcessRecord::Cancelled { .. } => {
                self.cancelled = true;
                self.phase = None;
            }
            ProcessRecord::EventReceived { .. }
            | ProcessRecord::CommandFailed { .. }
            | ProcessRecord::CommandSucceeded { .. }
            | ProcessRecord::TurnedBack { .. }
            | ProcessRecord::CommandIssued { .. } => {}
        }
        self.status = match &self.outcome {
            _ if !self.parked.is_empty() => ProcessStatus::Parked,
            _ if self.cancelled => ProcessStatus::Cancelled,
            Some(_) => ProcessStatus::Completed,
            None => ProcessStatus::Running,
        };
    }
}
