//! What an operator sees of a sweeper.

use std::time::Duration;

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
    /// When its last sweep that came to an end began; `None` if there was none yet.
    pub last_sweep_at: Option<Timestamp>,
    /// How many deadlines were due then.
    pub due: u64,
    /// How many have failed and wait to be tried again.
    pub overdue: u64,
    /// How long ago the first of those was due; zero when there is none. Serialized as seconds,
    /// `overdue_seconds`.
    #[serde(rename = "overdue_seconds", serialize_with = "seconds")]
    pub overdue_time: Duration,
    /// The last error that it met in this process, also about a single deadline, if any.
    pub last_error: Option<LastError>,
}

impl SweeperHealth {
    /// Whether nothing needs an operator: no deadline fails, and no failure is at hand.
    pub fn is_well(&self) -> bool {
        self.overdue == 0 && matches!(self.state, ConsumerState::Idle | ConsumerState::Running)
    }
}

impl DeadlineSweeper {
    /// Looks at the sweeper: what this process knows. Asks nobody and changes nothing.
    pub fn health(&self) -> SweeperHealth {
        let leads = self.leads();
        let book = self.book();
        let (last_sweep_at, swept) = book.last_sweep.unzip();
        SweeperHealth {
            process: self.process.to_string(),
            state: book.state,
            leads,
            last_sweep_at,
            due: swept.map(|swept| swept.due()).unwrap_or_default(),
            overdue: book.count_overdue(),
            overdue_time: book
                .longest_overdue()
                .map(Deadline::due)
                .map(|due| self.since(due))
                .unwrap_or_default(),
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
