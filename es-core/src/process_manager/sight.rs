//! What a worker knows of a process while it carries out what was decided.

use crate::commit::Commit;
use crate::error::Result;
use crate::repository::Loaded;
use crate::version::Version;

use super::carrying_out::records_of;
use super::instance::{Process, Progress};
use super::processes::{Processes, Written};
use super::{CommandId, ProcessManager, ProcessRecord};

/// A process as a worker has seen it last.
///
/// While a command is executed, somebody may withdraw the next one: an operator who cancels the process, or another
/// worker. So before each command but the first there is a look at the stream. It costs nothing where the worker has
/// written how the last command went and that commit follows on what it had seen: then nobody came in between.
/// Otherwise it costs the request for the end of the stream, and a reading only if that has moved.
pub(super) struct Sight<P> {
    /// `None` as long as nothing but the worker's own commits is in the stream since it wrote the first of them:
    /// then no command of theirs has an outcome that it does not know of.
    process: Option<Loaded<Process<P>>>,
    /// Up to where the stream was seen.
    until: Version,
    age: Age,
}

/// How far a sight can be trusted, the less the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// No command was executed since.
    Fresh,
    /// A command was executed since, and meanwhile something may have happened.
    Aged,
    /// Something has happened.
    Outdated,
}

impl<P: ProcessManager> Sight<P> {
    /// Of who has just written this commit.
    pub(super) fn of_written(commit: &Commit) -> Self {
        Self { process: None, until: commit.last_version(), age: Age::Fresh }
    }

    /// Of who has just read the process.
    pub(super) fn of_read(process: Loaded<Process<P>>) -> Self {
        Self { until: process.version(), process: Some(process), age: Age::Fresh }
    }

    /// The process, if it was read.
    pub(super) fn process(&self) -> Option<&Loaded<Process<P>>> {
        self.process.as_ref()
    }

    /// How far a command has come. One that was never read of was just issued.
    pub(super) fn progress_of(&self, command: CommandId) -> Progress {
        let issued = self.process.as_ref().and_then(|process| process.issued(command));
        issued.map_or(Progress::Issued, |issued| issued.progress.clone())
    }

    /// A command begins.
    pub(super) fn ages(&mut self) {
        self.age = self.age.max(Age::Aged);
    }

    /// This worker has written something.
    pub(super) fn takes_in(&mut self, written: &Written) -> Result<()> {
        let commit = &written.commit;
        let follows = !written.again && commit.first_version() == self.until.next();
        // What withdraws others must be read: it may concern each command that is still to come.
        let withdraws = records_of(commit)?.contains(&ProcessRecord::CommandsWithdrawn);
        if follows && !withdraws && self.age != Age::Outdated {
            (self.until, self.age) = (commit.last_version(), Age::Fresh);
        } else {
            self.age = Age::Outdated;
        }
        Ok(())
    }

    /// Looks again, if a command was executed since.
    pub(super) async fn is_renewed_by(
        &mut self,
        processes: &Processes<P>,
        of: &Commit,
    ) -> Result<()> {
        let stream = of.stream();
        if self.age == Age::Aged {
            let head = processes.instances.store().head(stream).await?;
            let has_moved = head.is_none_or(|head| head.version() != self.until);
            self.age = if has_moved { Age::Outdated } else { Age::Fresh };
        }
        if self.age == Age::Outdated {
            *self = Self::of_read(processes.load(stream.id()).await?);
        }
        Ok(())
    }
}
