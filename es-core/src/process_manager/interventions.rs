//! What an operator does about a process. It is decided as everything else is, and written in the stream.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::repository::IdempotencyKey;

use super::instance::Progress;
use super::met::{Met, TurnBack};
use super::processes::Processes;
use super::{CommandId, CommandText, ProcessManager, identities};

/// The longest reason of an operator, in bytes.
const MAX_REASON: usize = 1000;

impl<P: ProcessManager> Processes<P> {
    /// Has a [parked](super::FailureAction::Park) command of the process `id` tried again, by the
    /// [sweeper](crate::DeadlineSweeper), at once. If it fails, it is decided again what to do. Nothing happens if
    /// the command is not parked any more.
    ///
    /// # Errors
    ///
    /// As [`Repository::execute`](crate::Repository::execute).
    pub async fn resume(&self, id: &str, command: CommandId) -> Result<()> {
        self.resume_if_parked(id, command).await.map(drop)
    }

    pub(super) async fn resume_if_parked(&self, id: &str, command: CommandId) -> Result<bool> {
        self.intervene(id, command, |_| Met::Resumption { command }).await
    }

    /// Gives a [parked](super::FailureAction::Park) command of the process `id` up: it is not tried again. The
    /// process manager meets [`Trigger::CommandDropped`](super::Trigger::CommandDropped). Nothing happens if the command is
    /// not parked any more.
    ///
    /// # Errors
    ///
    /// As [`Repository::execute`](crate::Repository::execute).
    pub async fn drop_parked(&self, id: &str, command: CommandId) -> Result<()> {
        let of = command;
        self.intervene(id, command, |text| {
            let command = text.decode().ok().map(Arc::new);
            Met::Dropping { of, command }
        })
        .await
        .map(drop)
    }

    /// Ends the process `id` from outside, for `reason`, which is kept in its stream. It is
    /// [cancelled](super::ProcessStatus::Cancelled) then: its deadlines are cancelled, its commands that have no outcome
    /// yet are [withdrawn](super::Decision::withdraw_commands), also those that wait for an operator, and what comes
    /// later goes to [`ProcessManager::handle_late`]. What else is done, [`ProcessManager::on_cancellation`] decides.
    ///
    /// A worker that is in the middle of a decision finishes the command that it executes and begins no further one.
    /// Stream and commands are not one transaction, though: a worker that wrote or read the process just before, and is on
    /// its way from there to a command, executes that one. So do not take the return of this call to mean that nothing is
    /// under way.
    ///
    /// Nothing happens to a process that is complete. Called again it finishes what is not done yet; the first reason
    /// stands. A saga is not cancelled, but [turned back](Processes::turn_back).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchProcess`] when it has not begun; [`Error::Misuse`] for a reason that is empty or longer than 1,000
    /// bytes, and when the process manager refuses. Otherwise as [`Repository::execute`](crate::Repository::execute).
    pub async fn cancel(&self, id: &str, reason: &str) -> Result<()> {
        let met = Met::Cancellation { reason: reason.to_owned() };
        self.intervene_in(id, reason, identities::cancellation(), met).await
    }

    /// As [`cancel`](Self::cancel), for a saga that says what it means to turn back.
    pub(crate) async fn turn_back_by(
        &self,
        id: &str,
        reason: &str,
        decide: TurnBack<P>,
    ) -> Result<()> {
        let met = Met::TurningBack { reason: reason.to_owned(), decide };
        self.intervene_in(id, reason, identities::turning_back(), met).await
    }

    async fn intervene_in(
        &self,
        id: &str,
        reason: &str,
        key: IdempotencyKey,
        met: Met<P>,
    ) -> Result<()> {
        if reason.trim().is_empty() || reason.len() > MAX_REASON {
            let message = "the reason for ending a process has 1 to 1,000 bytes";
            return Err(Error::Misuse(message.to_owned()));
        }
        let process = self.load(id).await?;
        let Some(last) = process.last_commit() else {
            return Err(Error::NoSuchProcess { stream: process.stream().clone() });
        };
        let cause = self.commit(process.stream(), last).await?;
        let written = self.write_over_net(process.stream(), key, met, &cause).await?;
        self.carry_out(written).await
    }

    /// Whether the command was parked.
    async fn intervene(
        &self,
        id: &str,
        command: CommandId,
        how: impl FnOnce(&CommandText) -> Met<P>,
    ) -> Result<bool> {
        let process = self.load(id).await?;
        let Some(issued) = process.issued(command) else { return Ok(false) };
        let Progress::Parked { attempts, .. } = issued.progress else { return Ok(false) };
        let (key, met) = (identities::intervention_on(command, attempts), how(&issued.command));
        let cause = self.commit(process.stream(), command.commit).await?;
        let written = self.write_over_net(process.stream(), key, met, &cause).await?;
        self.carry_out(written).await?;
        Ok(true)
    }
}
