//! Doing what a process has decided. All of it can be done again: it is done again whenever what was met is
//! delivered again, as after a crash.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use jiff::SignedDuration;

use crate::checkpoint_store::ConsumerId;
use crate::clock::Timestamp;
use crate::commit::{Commit, CommitId};
use crate::consumer::panicked;
use crate::deadline_store::{Deadline, DeadlineId};
use crate::error::{Error, Result};
use crate::event::DecodeError;
use crate::metadata::Metadata;
use crate::repository::{ExecuteOptions, IdempotencyKey, Loaded};
use crate::stream_id::StreamId;
use crate::telemetry;

use super::instance::{Process, Progress};
use super::met::Met;
use super::processes::{Processes, Written};
use super::sight::Sight;
use super::{
    AfterFailure, CommandId, CommandText, DispatchError, Dispatched, ProcessManager, ProcessRecord,
    Retry, identities,
};

/// How long after the writing of a commit it is looked whether it was carried out.
pub(super) const NET: SignedDuration = SignedDuration::from_secs(60);

/// A command to be executed.
#[derive(Clone, Copy)]
struct Dispatch<'a> {
    stream: &'a StreamId,
    /// The commit in which it was issued.
    issued_in: &'a Commit,
    id: CommandId,
    name: &'a str,
    text: &'a CommandText,
    confirmed: bool,
    attempt: u32,
}

impl<P: ProcessManager> Processes<P> {
    /// Keeps the deadlines and executes the commands that a commit decided, and what follows from their outcomes.
    pub(super) async fn carry_out(&self, written: impl IntoIterator<Item = Written>) -> Result<()> {
        let mut work: VecDeque<_> = written.into_iter().collect();
        let (mut nets, mut seen) = (Vec::new(), None);
        while let Some(Written { commit, again, net }) = work.pop_front() {
            nets.extend(net);
            let now = match seen.take() {
                // What was there before may be done in part: the process knows.
                _ if again => Sight::of_read(self.load(commit.stream().id()).await?),
                Some(seen) => seen,
                None => Sight::of_written(&commit),
            };
            let seen = seen.insert(now);
            let records = records_of(&commit)?;
            if !again {
                tell_of_parked::<P>(&commit, &records);
            }
            let process = seen.process().filter(|_| again);
            self.index_deadlines(&commit, &records, process).await?;
            for (index, name, text, confirmed) in issued_among(&records) {
                let id = CommandId { commit: commit.id(), index };
                if seen.progress_of(id) == Progress::Issued {
                    seen.is_renewed_by(self, &commit).await?;
                }
                for told_in in
                    seen.process().map_or_else(Vec::new, |process| process.left_by_outcomes(id))
                {
                    let commit = self.commit(commit.stream(), told_in).await?;
                    work.push_back(Written { commit, again: true, net: None });
                }
                match seen.progress_of(id) {
                    Progress::Issued => {
                        let (stream, issued_in, attempt) = (commit.stream(), &commit, 1);
                        let dispatch =
                            Dispatch { stream, issued_in, id, name, text, confirmed, attempt };
                        seen.ages();
                        let outcome = self.dispatch(dispatch).await?;
                        outcome.iter().try_for_each(|written| seen.takes_in(written))?;
                        work.extend(outcome);
                    }
                    Progress::Retrying { retry, .. } => {
                        self.index(commit.stream(), &[retry]).await?;
                    }
                    Progress::Settled { .. } | Progress::Parked { .. } | Progress::Withdrawn => {}
                }
            }
        }
        if !nets.is_empty() {
            self.deadlines.remove(&nets).await?;
        }
        Ok(())
    }

    /// As [`write`](Self::write), of what nobody delivers again should this program die before it is carried out: a
    /// deadline in the index, under the id of the commit, sees to it then.
    pub(super) async fn write_over_net(
        &self,
        stream: &StreamId,
        key: IdempotencyKey,
        met: Met<P>,
        cause: &Commit,
    ) -> Result<Option<Written>> {
        let id = key.commit_id(stream);
        let due = self.now().saturating_add(NET).unwrap_or(Timestamp::MAX);
        let net = deadlines::<P>(stream, &[Retry { due, id }])?;
        self.deadlines.set(&net).await?;
        match self.write(stream, key, met, cause).await {
            Ok(Some(written)) => Ok(Some(Written { net: net.into_iter().next(), ..written })),
            Ok(None) => {
                self.deadlines.remove(&net).await?;
                Ok(None)
            }
            // It was refused: there is nothing to be carried out.
            Err(error @ (Error::Misuse(_) | Error::NoWayBack { .. })) => {
                self.deadlines.remove(&net).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Acts on a deadline that is due. It may be one that passed before, or was cancelled: the process knows.
    pub(super) async fn pass(&self, deadline: &Deadline) -> Result<()> {
        let process = self.load(deadline.instance()).await?;
        let id = CommitId::from_bytes(*deadline.id().as_bytes());
        if let Some((name, set)) = process.deadline_of(id) {
            let name = name.to_owned();
            let key = identities::passing_of(set.set_by, &name);
            let cause = self.commit(process.stream(), set.set_by).await?;
            let written = self.write(process.stream(), key, Met::Deadline { name }, &cause).await?;
            return self.carry_out(written).await;
        }
        if let Some((command, attempt)) = process.retry_of(id) {
            return self.try_again(&process, command, attempt).await;
        }
        if process.has_met(id) {
            let commit = self.commit(process.stream(), id).await?;
            return self.carry_out(Some(Written { commit, again: true, net: None })).await;
        }
        Ok(())
    }

    async fn try_again(
        &self,
        process: &Loaded<Process<P>>,
        id: CommandId,
        attempt: u32,
    ) -> Result<()> {
        let Some(issued) = process.issued(id) else { return Ok(()) };
        let issued_in = self.commit(process.stream(), id.commit).await?;
        let written = self
            .dispatch(Dispatch {
                stream: process.stream(),
                issued_in: &issued_in,
                id,
                name: &issued.name,
                text: &issued.command,
                confirmed: issued.confirmed,
                attempt,
            })
            .await?;
        self.carry_out(written).await
    }

    /// Executes a command, and writes down how it went. The success of a first attempt goes without
    /// saying, unless it is to be confirmed: the next delivery finds the command's effect under its key. A command
    /// that had nothing to do has none to be found, and might have something to do the next time.
    async fn dispatch(&self, it: Dispatch<'_>) -> Result<Vec<Written>> {
        let Dispatch { stream, issued_in, id, name, text, confirmed, attempt } = it;
        let command = text.decode::<P::Command>().map(Arc::new);
        let met = match command {
            Err(error) => {
                let reason = format!("this program cannot read the command: {error}");
                Met::Unreadable { command: id, attempt, reason }
            }
            Ok(command) => {
                let result = self.execute(issued_in, id, (*command).clone()).await;
                let outcome = match &result {
                    Ok(_) => "succeeded",
                    Err(error) if error.is_rejected() => "rejected",
                    Err(_) => "failed",
                };
                metrics::counter!(
                    telemetry::PROCESS_COMMANDS, "process" => P::NAME, "outcome" => outcome
                )
                .increment(1);
                match &result {
                    Ok(_) => {}
                    // What the domain says may be about a person.
                    Err(error) if error.is_rejected() => {
                        tracing::info!(%stream, command = name, attempt, "a command of a process was rejected");
                    }
                    Err(error) => {
                        let cause = error as &dyn std::error::Error;
                        tracing::warn!(%stream, command = name, attempt, cause, "a command of a process failed");
                    }
                }
                if attempt == 1 && !confirmed && result.as_ref().is_ok_and(Dispatched::leaves_trace)
                {
                    return Ok(Vec::new());
                }
                let result = result.map(drop).map_err(Arc::new);
                Met::Outcome { of: id, attempt, command, result }
            }
        };
        self.settle(it, met).await
    }

    async fn settle(&self, it: Dispatch<'_>, met: Met<P>) -> Result<Vec<Written>> {
        let Dispatch { stream, issued_in, id, confirmed, attempt, .. } = it;
        let key = identities::outcome_of(id, attempt);
        let succeeded = matches!(met, Met::Outcome { result: Ok(()), .. });
        // Another worker for which the same command succeeds does not look back, if it is not to be confirmed.
        let written = match attempt == 1 && !confirmed && !succeeded {
            true => self.write_over_net(stream, key, met.clone(), issued_in).await?,
            false => self.write(stream, key, met.clone(), issued_in).await?,
        };
        let mut written = Vec::from_iter(written);
        // Of two that executed it, one may have failed, and been the first to say so.
        if confirmed && succeeded && !written.iter().any(|written| !written.again) {
            let key = identities::late_success_of(id);
            written.extend(self.write_over_net(stream, key, met, issued_in).await?);
        }
        Ok(written)
    }

    async fn execute(
        &self,
        issued_in: &Commit,
        id: CommandId,
        command: P::Command,
    ) -> Result<Dispatched, DispatchError> {
        let metadata = Metadata::caused_by(issued_in, self.actor())?;
        let key = identities::effect_of(P::NAME, id);
        let options = ExecuteOptions::new().idempotency_key(key).metadata(metadata);
        let executing = AssertUnwindSafe(self.bus.dispatch(command, options)).catch_unwind();
        executing.await.unwrap_or_else(|panic| Err(DispatchError::permanent(panicked(&*panic))))
    }

    /// Brings the index to what the commit says: the process, if the commit is not new, knows what of it is
    /// still to come.
    async fn index_deadlines(
        &self,
        commit: &Commit,
        records: &[ProcessRecord],
        process: Option<&Loaded<Process<P>>>,
    ) -> Result<()> {
        let still_waited_for = |retry: &Retry| {
            process.is_none_or(|process| {
                process.deadline_of(retry.id).is_some() || process.retry_of(retry.id).is_some()
            })
        };
        let (mut set, mut ended) = (Vec::new(), Vec::new());
        for record in records {
            match *record {
                ProcessRecord::DeadlineSet { due, id, .. } => set.push(Retry { due, id }),
                ProcessRecord::CommandResumed { retry, .. }
                | ProcessRecord::CommandFailed { then: AfterFailure::Retried(retry), .. } => {
                    set.push(retry);
                }
                ProcessRecord::DeadlineCancelled { due, id, .. } => ended.push(Retry { due, id }),
                _ => {}
            }
        }
        set.retain(still_waited_for);
        self.index(commit.stream(), &set).await?;
        if !ended.is_empty() {
            let ended = deadlines::<P>(commit.stream(), &ended)?;
            self.deadlines.remove(&ended).await?;
        }
        Ok(())
    }

    pub(super) async fn index(&self, stream: &StreamId, retries: &[Retry]) -> Result<()> {
        if retries.is_empty() {
            return Ok(());
        }
        self.deadlines.set(&deadlines::<P>(stream, retries)?).await
    }
}

fn deadlines<P: ProcessManager>(stream: &StreamId, at: &[Retry]) -> Result<Vec<Deadline>> {
    at.iter()
        .map(|Retry { due, id }| {
            let process = ConsumerId::new(P::NAME)?;
            Deadline::new(process, stream.id(), DeadlineId::from_bytes(*id.as_bytes()), *due)
        })
        .collect()
}

/// What waits for an operator has to be seen by one.
fn tell_of_parked<P: ProcessManager>(commit: &Commit, records: &[ProcessRecord]) {
    for record in records {
        if let ProcessRecord::CommandFailed { name, attempt, then: AfterFailure::Parked, .. } =
            record
        {
            metrics::counter!(telemetry::PROCESS_COMMANDS_PARKED, "process" => P::NAME)
                .increment(1);
            let stream = commit.stream();
            tracing::error!(%stream, command = name, attempt, "a command of a process waits for an operator");
        }
    }
}

/// What the framework wrote down in a commit, without the facts.
pub(super) fn records_of(commit: &Commit) -> Result<Vec<ProcessRecord>> {
    let mut records = Vec::new();
    commit.for_each_event::<ProcessRecord>(|_, record| {
        match record {
            Ok(record) => records.push(record),
            // A fact. A record that this program does not know is of a newer one, and is not passed over.
            Err(Error::Decode { source: DecodeError::UnknownName, name, .. })
                if !ProcessRecord::has_name_like(&name) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    Ok(records)
}

/// The commands that a commit issued, with their places.
fn issued_among(
    records: &[ProcessRecord],
) -> impl Iterator<Item = (u32, &str, &CommandText, bool)> {
    let issued = records.iter().filter_map(|record| match record {
        ProcessRecord::CommandIssued { name, confirmed, command } => {
            Some((name.as_str(), command, *confirmed))
        }
        _ => None,
    });
    (0..).zip(issued).map(|(index, (name, command, confirmed))| (index, name, command, confirmed))
}
