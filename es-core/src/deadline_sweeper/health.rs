//! What an operator sees of a sweeper.

use std::time::Duration;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::clock::Timestamp;
use crate::consumer::{ConsumerState, LastError};
use crate::dead_letter::Failure;
use crate::deadline_store::Deadline;
use crate::error::Error;

use super::DeadlineSweeper;

/// How a sweeper is, as far as this process knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SweeperHealth {
    /// Whose deadlines it fires.
    pub process: String,
    /// What it does, in this process.
    pub state: ConsumerState,
    /// Whether it may sweep: it has the lease, or needs none. One of several workers does.
    pub leads: bool,
    /// When it began to look through the store the last time that it saw all that is due; `None` if it has not yet.
    pub last_sweep_at: Option<Timestamp>,
    /// How many deadlines were due then.
    pub due: u64,
    /// What fires just now, the longest first: as many as [may](DeadlineSweeper::with_concurrency) at most.
    pub under_way: Vec<DeadlineUnderWay>,
    /// How many have failed and wait to be tried again, or are just tried again.
    pub overdue: u64,
    /// How long ago the first of those was due; zero when there is none. Serialized as seconds,
    /// `overdue_seconds`.
    #[serde(rename = "overdue_seconds", serialize_with = "seconds")]
    pub overdue_time: Duration,
    /// How many of those have failed [ten times](DeadlineSweeper::STUCK_AFTER) or more: it is time that somebody
    /// looks.
    pub stuck: u64,
    /// The first of those that have failed, the longest due first: [a hundred](Self::MOST_FAILING) at most.
    pub failing: Vec<FailingDeadline>,
    /// The last error that it met in this process, also about a single deadline, if any.
    pub last_error: Option<LastError>,
}

/// A deadline that fires just now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeadlineUnderWay {
    /// Which one. Serialized as its `instance`, `id` and `due`.
    #[serde(serialize_with = "parts")]
    pub deadline: Deadline,
    /// For how long it has been firing. Serialized as seconds, `seconds`.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
}

/// A deadline that failed, and is tried again until it fires or is
/// [cancelled or forgotten](DeadlineSweeper::forget).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FailingDeadline {
    /// Which one. Serialized as its `instance`, `id` and `due`.
    #[serde(serialize_with = "parts")]
    pub deadline: Deadline,
    /// How often it has failed, as far as this process knows.
    pub attempts: u32,
    /// When it failed for the first time, as far as this process knows.
    pub since: Timestamp,
    /// How it failed the last time; the text is cut after 512 bytes.
    pub last_error: LastError,
}

impl SweeperHealth {
    /// The most deadlines that are listed in [`failing`](Self::failing).
    pub const MOST_FAILING: usize = 100;

    /// Whether nothing needs an operator: no deadline fails, and no failure is at hand.
    pub fn is_well(&self) -> bool {
        self.overdue == 0 && matches!(self.state, ConsumerState::Idle | ConsumerState::Running)
    }
}

impl DeadlineSweeper {
    /// Looks at the sweeper: what this process knows. Asks nobody and changes nothing.
    pub fn health(&self) -> SweeperHealth {
        let leads = self.leads();
        let now = self.clock.monotonic();
        let book = self.book();
        let (last_sweep_at, due) = book.last_sweep.unzip();
        let mut under_way: Vec<_> = book
            .under_way()
            .map(|firing| DeadlineUnderWay {
                deadline: firing.deadline.clone(),
                time: now.saturating_sub(firing.since),
            })
            .collect();
        under_way.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.deadline.cmp(&b.deadline)));
        let failing = book.failing();
        let longest_overdue = failing.keys().next().map(Deadline::due);
        SweeperHealth {
            process: self.process.to_string(),
            state: book.state,
            leads,
            last_sweep_at,
            due: due.unwrap_or_default(),
            under_way,
            overdue: failing.len() as u64,
            overdue_time: longest_overdue.map(|due| self.since(due)).unwrap_or_default(),
            stuck: book.count_failed(Self::STUCK_AFTER),
            failing: failing
                .iter()
                .take(SweeperHealth::MOST_FAILING)
                .map(|(deadline, failing)| FailingDeadline {
                    deadline: deadline.clone(),
                    attempts: failing.attempts,
                    since: failing.since,
                    last_error: failing.last_error.clone(),
                })
                .collect(),
            last_error: book.last_error.clone(),
        }
    }

    pub(super) fn enter(&self, state: ConsumerState) {
        self.book().state = state;
    }

    pub(super) fn note(&self, error: &Error) {
        let mut text = error.with_causes();
        text.truncate(text.floor_char_boundary(Failure::MAX_ERROR_LEN));
        self.book().last_error = Some(LastError { error: text, at: self.clock.now() });
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn parts<S: Serializer>(deadline: &Deadline, serializer: S) -> Result<S::Ok, S::Error> {
    let mut parts = serializer.serialize_struct("Deadline", 3)?;
    parts.serialize_field("instance", deadline.instance())?;
    parts.serialize_field("id", &deadline.id().to_string())?;
    parts.serialize_field("due", &deadline.due())?;
    parts.end()
}
