use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::commit::CommitId;

use super::{
    AfterFailure, CommandId, CommandText, ProcessEntry, ProcessManager, ProcessRecord, Retry,
};

/// One process, folded from its stream.
pub struct Process<P> {
    state: P,
    outcome: Option<String>,
    cancelled: bool,
    /// The commit whose entries are being folded.
    current: Option<CommitId>,
    /// The commands of each commit, in order.
    issued: HashMap<CommitId, Vec<Issued>>,
    issued_so_far: usize,
    deadlines: BTreeMap<String, SetDeadline>,
}

/// Where a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProcessStatus {
    /// Nothing has happened to it.
    NotBegun,
    /// It waits for an event, a deadline, or the next attempt at a command.
    Running,
    /// A command waits for an operator.
    Parked,
    /// It is complete.
    Completed,
    /// An operator [ended](super::Processes::cancel) it.
    Cancelled,
}

/// A command that waits for an operator.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParkedCommand {
    /// Its identity.
    pub id: CommandId,
    /// Its name.
    pub name: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What was said the last time, at most 2,048 bytes: it may be about a person.
    pub error: String,
}

impl fmt::Debug for ParkedCommand {
    /// Without the error: it may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParkedCommand({} {} after attempt {})", self.name, self.id, self.attempts)
    }
}

/// A command that was issued.
pub(super) struct Issued {
    /// How many were issued before.
    number: usize,
    pub(super) name: String,
    pub(super) command: CommandText,
    pub(super) confirmed: bool,
    pub(super) progress: Progress,
    /// The commits that tell how it went, in which more may have been decided. There can be several: attempts that
    /// failed, and a success that was late.
    pub(super) told_in: Vec<CommitId>,
}

/// How far a command has come.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Progress {
    /// It is executed, or about to be: a success is written down only where it makes a difference.
    Issued,
    /// Its attempt of this number is waited for.
    Retrying { attempt: u32, retry: Retry },
    /// It is known how it went.
    Settled { succeeded: bool },
    /// It waits for an operator after so many attempts.
    Parked { attempts: u32, error: String },
    /// It is not wanted any more, and it is not known whether it had its effect.
    Withdrawn,
}

/// A deadline that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetDeadline {
    /// The commit in which it passes.
    pub(super) id: CommitId,
    pub(super) due: Timestamp,
    /// The commit in which it was set.
    pub(super) set_by: CommitId,
}

impl<P> Process<P> {
    /// The process manager's own state.
    pub fn state(&self) -> &P {
        &self.state
    }

    /// Where it is. A parked command shows also when the process is complete or cancelled.
    pub fn status(&self) -> ProcessStatus {
        if !self.has_begun() {
            ProcessStatus::NotBegun
        } else if self.all_issued().any(|(_, it)| matches!(it.progress, Progress::Parked { .. })) {
            ProcessStatus::Parked
        } else if self.cancelled {
            ProcessStatus::Cancelled
        } else if self.outcome.is_some() {
            ProcessStatus::Completed
        } else {
            ProcessStatus::Running
        }
    }

    /// As what it was [completed](super::Decision::complete).
    pub fn outcome(&self) -> Option<&str> {
        self.outcome.as_deref()
    }

    /// The commands that wait for an operator, in the order in which they were issued.
    pub fn parked(&self) -> Vec<ParkedCommand> {
        let parked = self.all_issued().filter_map(|(id, issued)| match &issued.progress {
            Progress::Parked { attempts, error } => {
                let (name, error) = (issued.name.clone(), error.clone());
                Some((issued.number, ParkedCommand { id, name, attempts: *attempts, error }))
            }
            _ => None,
        });
        let in_order: BTreeMap<_, _> = parked.collect();
        in_order.into_values().collect()
    }

    /// The deadlines that are waited for, by name.
    pub fn deadlines(&self) -> BTreeMap<&str, Timestamp> {
        self.deadlines.iter().map(|(name, deadline)| (name.as_str(), deadline.due)).collect()
    }

    pub(super) fn has_begun(&self) -> bool {
        self.current.is_some()
    }

    /// The commit that was written last.
    pub(super) fn last_commit(&self) -> Option<CommitId> {
        self.current
    }

    /// Whether it was completed or cancelled.
    pub(super) fn is_over(&self) -> bool {
        self.cancelled || self.outcome.is_some()
    }

    /// The commits that issued a command whose outcome is not written: it may not have been executed.
    pub(super) fn unfinished(&self) -> HashSet<CommitId> {
        let is_open = |issued: &[Issued]| issued.iter().any(|it| it.progress == Progress::Issued);
        let open = self.issued.iter().filter(|(_, issued)| is_open(issued));
        open.map(|(&commit, _)| commit).collect()
    }

    /// What is waited for, of deadlines and of next attempts, each with the commit in which it passes.
    pub(super) fn waited_for(&self) -> Vec<Retry> {
        let deadlines =
            self.deadlines.values().map(|&SetDeadline { due, id, .. }| Retry { due, id });
        let retries = self.all_issued().filter_map(|(_, issued)| match issued.progress {
            Progress::Retrying { retry, .. } => Some(retry),
            _ => None,
        });
        deadlines.chain(retries).collect()
    }

    /// The commits that tell how a command went and may have decided something that is not done yet. A command that was
    /// tried a thousand times has as many outcomes: most of them decided nothing but the next attempt.
    pub(super) fn left_by_outcomes(&self, command: CommandId) -> Vec<CommitId> {
        let Some(issued) = self.issued(command) else { return Vec::new() };
        let decided = |commit: &CommitId| {
            issued.told_in.last() == Some(commit)
                || self.issued.get(commit).is_some_and(|issued| !issued.is_empty())
                || self.deadlines.values().any(|deadline| deadline.set_by == *commit)
        };
        issued.told_in.iter().copied().filter(decided).collect()
    }

    /// Whether what has this id was met before.
    pub(super) fn has_met(&self, id: CommitId) -> bool {
        self.issued.contains_key(&id)
    }

    pub(super) fn issued(&self, id: CommandId) -> Option<&Issued> {
        self.issued.get(&id.commit)?.get(usize::try_from(id.index).ok()?)
    }

    pub(super) fn set_deadlines(&self) -> &BTreeMap<String, SetDeadline> {
        &self.deadlines
    }

    /// The deadline that passes in the commit `id`.
    pub(super) fn deadline_of(&self, id: CommitId) -> Option<(&str, SetDeadline)> {
        let mut deadlines = self.deadlines.iter();
        deadlines.find(|(_, it)| it.id == id).map(|(name, it)| (name.as_str(), *it))
    }

    /// The command whose next attempt has its outcome in the commit `id`.
    pub(super) fn retry_of(&self, id: CommitId) -> Option<(CommandId, u32)> {
        self.all_issued().find_map(|(command, issued)| match issued.progress {
            Progress::Retrying { attempt, retry } if retry.id == id => Some((command, attempt)),
            _ => None,
        })
    }

    /// The commit in which the deadline of this name passes.
    #[cfg(feature = "testing")]
    pub(super) fn deadlines_commit(&self, name: &str) -> Option<CommitId> {
        self.deadlines.get(name).map(|deadline| deadline.id)
    }

    /// The commands that were issued, in order.
    #[cfg(feature = "testing")]
    pub(super) fn issued_in_order(&self) -> Vec<(CommandId, &Issued)> {
        let mut issued: Vec<_> = self.all_issued().collect();
        issued.sort_by_key(|(_, issued)| issued.number);
        issued
    }

    fn all_issued(&self) -> impl Iterator<Item = (CommandId, &Issued)> {
        self.issued.iter().flat_map(|(&commit, issued)| {
            (0..).zip(issued).map(move |(index, it)| (CommandId { commit, index }, it))
        })
    }

    fn settle(&mut self, command: CommandId, told_in: CommitId, progress: Progress) {
        let issued = usize::try_from(command.index)
            .ok()
            .and_then(|index| self.issued.get_mut(&command.commit)?.get_mut(index));
        if let Some(issued) = issued {
            issued.progress = progress;
            issued.told_in.push(told_in);
        }
    }

    fn withdraw(&mut self) {
        for issued in self.issued.values_mut().flatten() {
            if !matches!(issued.progress, Progress::Settled { .. }) {
                issued.progress = Progress::Withdrawn;
            }
        }
    }

    fn meet(&mut self, id: CommitId) {
        self.current = Some(id);
        self.issued.entry(id).or_default();
    }

    fn take_in(&mut self, record: ProcessRecord) {
        match record {
            ProcessRecord::EventReceived { id, .. } => self.meet(id),
            ProcessRecord::DeadlinePassed { id, deadline } => {
                self.meet(id);
                self.deadlines.remove(&deadline);
            }
            ProcessRecord::CommandSucceeded { id, command, .. } => {
                self.meet(id);
                self.settle(command, id, Progress::Settled { succeeded: true });
            }
            ProcessRecord::CommandDropped { id, command, .. } => {
                self.meet(id);
                self.settle(command, id, Progress::Settled { succeeded: false });
            }
            ProcessRecord::CommandFailed { id, command, attempt, error, then, .. } => {
                self.meet(id);
                let progress = match then {
                    AfterFailure::Retried(retry) => {
                        Progress::Retrying { attempt: attempt.saturating_add(1), retry }
                    }
                    AfterFailure::Compensated | AfterFailure::Skipped => {
                        Progress::Settled { succeeded: false }
                    }
                    AfterFailure::Parked => Progress::Parked { attempts: attempt, error },
                };
                self.settle(command, id, progress);
            }
            ProcessRecord::CommandResumed { id, command, retry, attempt, .. } => {
                self.meet(id);
                self.settle(command, id, Progress::Retrying { attempt, retry });
            }
            ProcessRecord::Cancelled { id, .. } => {
                self.meet(id);
                self.cancelled = true;
            }
            ProcessRecord::TurnedBack { id, .. } => self.meet(id),
            ProcessRecord::CommandsWithdrawn => self.withdraw(),
            ProcessRecord::CommandIssued { name, confirmed, command } => {
                let number = self.issued_so_far;
                self.issued_so_far += 1;
                if let Some(issued) = self.current.and_then(|id| self.issued.get_mut(&id)) {
                    let (progress, told_in) = (Progress::Issued, Vec::new());
                    issued.push(Issued { number, name, command, confirmed, progress, told_in });
                }
            }
            ProcessRecord::DeadlineSet { deadline, due, id } => {
                if let Some(set_by) = self.current {
                    self.deadlines.insert(deadline, SetDeadline { id, due, set_by });
                }
            }
            ProcessRecord::DeadlineCancelled { deadline, .. } => {
                self.deadlines.remove(&deadline);
            }
            ProcessRecord::Completed { outcome } => self.outcome = Some(outcome),
        }
    }
}

impl<P: ProcessManager> Process<P> {
    pub(super) fn fold(&mut self, entry: ProcessEntry<P::Event>) {
        match entry {
            ProcessEntry::Record(record) => self.take_in(record),
            ProcessEntry::Fact(fact) => self.state.apply(fact),
        }
    }
}

impl<P: Default> Default for Process<P> {
    fn default() -> Self {
        Self {
            state: P::default(),
            outcome: None,
            cancelled: false,
            current: None,
            issued: HashMap::new(),
            issued_so_far: 0,
            deadlines: BTreeMap::new(),
        }
    }
}

impl<P> fmt::Debug for Process<P> {
    /// Without the state: it may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("status", &self.status())
            .field("outcome", &self.outcome)
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}
