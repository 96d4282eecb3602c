//! What waits for an operator, over all processes.

use futures::TryStreamExt as _;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::telemetry;
use crate::view_store::{View, ViewQuery};

use super::processes::Processes;
use super::{ProcessManager, ProcessSummary};

/// What waits for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Parked {
    /// The processes with a command that does.
    pub processes: u64,
    /// Their commands that do.
    pub commands: u64,
    /// Since when the oldest of them does.
    pub since: Option<Timestamp>,
}

/// What [`Processes::resume_all`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ResumedAll {
    /// The commands that are tried again.
    pub resumed: u64,
    /// Whether there are more, which the limit left out.
    pub more: bool,
    /// The processes that could not be read. They are in the log, each with the reason.
    pub failed: u64,
}

impl<P: ProcessManager> Processes<P> {
    /// Counts what waits for an operator, by the view of [`ProcessStatuses`](super::ProcessStatuses), as far as that is.
    /// The metric [`PROCESS_COMMANDS_PARKED_NOW`](telemetry::PROCESS_COMMANDS_PARKED_NOW) shows it from then on. Call it
    /// where the health of a program is asked for, and once when it starts: what was parked before is not told anew.
    ///
    /// It reads the summaries of all processes that are parked.
    ///
    /// # Errors
    ///
    /// As [`View::list`].
    pub async fn parked(&self, statuses: &View<ProcessSummary>) -> Result<Parked> {
        let mut all = statuses.all(parked());
        let mut found = Parked::default();
        while let Some((_, summary)) = all.try_next().await? {
            found.processes += 1;
            found.commands += summary.parked.len() as u64;
            let oldest = summary.parked.values().map(|parked| parked.since).min();
            found.since = found.since.into_iter().chain(oldest).min();
        }
        metrics::gauge!(telemetry::PROCESS_COMMANDS_PARKED_NOW, "process" => P::NAME)
            .set(found.commands as f64);
        if found.commands > 0 {
            let Parked { processes, commands, .. } = found;
            tracing::warn!(
                process = P::NAME,
                processes,
                commands,
                "commands of processes wait for an operator"
            );
        }
        Ok(found)
    }

    /// [Resumes](Self::resume) parked commands, at most `limit`, of the processes that the view of
    /// [`ProcessStatuses`](super::ProcessStatuses) shows as parked: for when what made them fail is mended. What the view
    /// does not show yet, or shows still though it is not parked any more, is left alone.
    ///
    /// # Errors
    ///
    /// As [`View::list`] and [`resume`](Self::resume), except that a process that cannot be read stops no others, unless the
    /// error is [transient](crate::Error::is_transient): see [`ResumedAll::failed`]. What was resumed before stays so.
    pub async fn resume_all(
        &self,
        statuses: &View<ProcessSummary>,
        limit: u64,
    ) -> Result<ResumedAll> {
        let mut all = statuses.all(parked());
        let mut done = ResumedAll::default();
        while let Some((id, _)) = all.try_next().await? {
            let process = match self.load(&id).await {
                Ok(process) => process,
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    done.failed += 1;
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(process = P::NAME, id, cause, "a process cannot be read");
                    continue;
                }
            };
            for parked in process.parked() {
                if done.resumed == limit {
                    done.more = true;
                    return Ok(done);
                }
                if self.resume_if_parked(&id, parked.id).await? {
                    done.resumed += 1;
                }
            }
        }
        Ok(done)
    }
}

fn parked() -> ViewQuery {
    ViewQuery::default().equals("status", "parked")
}
