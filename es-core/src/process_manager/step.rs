//! The next commit of a process: what it met, and what it decided on it.

use std::sync::Arc;
use std::time::Duration;

use crate::aggregate::Aggregate;
use crate::command::Command;
use crate::commit::Commit;
use crate::entropy::Entropy;
use crate::error::{Error, Result, with_causes};
use crate::event::{Event, Recorded};
use crate::stream_id::check_id;
use crate::version::Version;

use super::decision::{Confirmation, MAX_NAME_LEN};
use super::instance::{Issued, Process, Progress};
use super::met::{Met, Step, TurnBack};
use super::{
    AfterFailure, CommandFailure, CommandId, CommandOutcome, CommandText, Decision, DispatchError,
    DroppedCommand, FailureAction, ProcessEntry, ProcessManager, ProcessRecord, Trigger,
    identities,
};

/// The longest text of an error that is written down, in bytes.
const MAX_ERROR_LEN: usize = 2048;

type Entries<P> = Vec<ProcessEntry<<P as ProcessManager>::Event>>;

impl<P: ProcessManager> Aggregate for Process<P> {
    const CATEGORY: &'static str = P::NAME;
    type Command = Step<P>;
    type Event = ProcessEntry<P::Event>;
    type Error = Error;

    fn handle(&self, step: Step<P>) -> Result<Entries<P>> {
        if self.has_met(step.id) {
            return Ok(Vec::new());
        }
        match &step.met {
            Met::Event { event, commit, version, may_begin } => {
                if !self.has_begun() && !may_begin {
                    return Ok(Vec::new());
                }
                self.receive(&step, event, commit, *version)
            }
            Met::Deadline { name } => self.pass(&step, name),
            Met::Outcome { of, attempt, command, result } => {
                self.settle_attempt(&step, *of, *attempt, command, result.as_ref().err())
            }
            Met::Unreadable { command, attempt, reason } => {
                Ok(self.park_unreadable(&step, *command, *attempt, reason))
            }
            Met::Resumption { command } => Ok(self.resume(&step, *command)),
            Met::Dropping { of, command } => self.drop_parked(&step, *of, command.as_deref()),
            Met::Cancellation { reason } => self.cancel(&step, reason),
            Met::TurningBack { reason, decide } => self.turn_back(&step, reason, *decide),
        }
    }

    fn apply(&mut self, entry: ProcessEntry<P::Event>) {
        self.fold(entry);
    }
}

impl<P: ProcessManager> Process<P> {
    fn receive(
        &self,
        step: &Step<P>,
        event: &Arc<P::Input>,
        commit: &Commit,
        version: Version,
    ) -> Result<Entries<P>> {
        let decision = self.decide(&Trigger::Event(Recorded::new(&**event, commit, version)));
        if decision.is_ignored() {
            return Ok(Vec::new());
        }
        let received = ProcessRecord::EventReceived {
            id: step.id,
            event: event.name().to_owned(),
            stream: commit.stream().to_string(),
            version,
            commit: commit.id(),
        };
        self.entries(step, received, decision)
    }

    fn pass(&self, step: &Step<P>, name: &str) -> Result<Entries<P>> {
        let passes = self.set_deadlines().get(name).is_some_and(|deadline| deadline.id == step.id);
        if !passes {
            return Ok(Vec::new());
        }
        let decision = self.decide(&Trigger::DeadlinePassed(name));
        let passed = ProcessRecord::DeadlinePassed { id: step.id, deadline: name.to_owned() };
        self.entries(step, passed, decision)
    }

    fn settle_attempt(
        &self,
        step: &Step<P>,
        id: CommandId,
        attempt: u32,
        command: &P::Command,
        error: Option<&Arc<DispatchError>>,
    ) -> Result<Entries<P>> {
        let Some(issued) = self.issued(id) else { return Ok(Vec::new()) };
        // Somebody else may have been at it when it was withdrawn, or failed here.
        let late = matches!(
            issued.progress,
            Progress::Withdrawn | Progress::Settled { succeeded: false, .. }
        );
        let counts = waits_for(issued, attempt) || (late && issued.confirmed && error.is_none());
        if !counts {
            return Ok(Vec::new());
        }
        let name = issued.name.clone();
        let Some(error) = error else {
            let outcome = CommandOutcome { command, id, attempt };
            let decision = match issued.confirmed {
                true => self.decide(&Trigger::CommandSucceeded(outcome)),
                false => Decision::new(),
            };
            let record =
                ProcessRecord::CommandSucceeded { id: step.id, command: id, name, attempt };
            return self.entries(step, record, decision);
        };
        let failure = || CommandFailure { command, id, attempt, error };
        let (then, decision) = match self.state().on_failure(&failure()) {
            FailureAction::Retry(backoff) => {
                let delay = backoff.delay(attempt, &Jitter(step.jitter));
                let retry = step.retry(id, attempt.saturating_add(1), delay);
                (AfterFailure::Retried(retry), Decision::new())
            }
            FailureAction::Compensate => {
                (AfterFailure::Compensated, self.decide(&Trigger::CommandFailed(failure())))
            }
            FailureAction::Skip => (AfterFailure::Skipped, Decision::new()),
            FailureAction::Park => (AfterFailure::Parked, Decision::new()),
        };
        let record = ProcessRecord::CommandFailed {
            id: step.id,
            command: id,
            name,
            attempt,
            rejected: error.is_rejected(),
            error: cut(with_causes(&**error)),
            then,
        };
        self.entries(step, record, decision)
    }

    fn park_unreadable(
        &self,
        step: &Step<P>,
        command: CommandId,
        attempt: u32,
        reason: &str,
    ) -> Entries<P> {
        let Some(issued) = self.issued(command) else { return Vec::new() };
        if !waits_for(issued, attempt) {
            return Vec::new();
        }
        vec![ProcessEntry::Record(ProcessRecord::CommandFailed {
            id: step.id,
            command,
            name: issued.name.clone(),
            attempt,
            rejected: false,
            error: cut(reason.to_owned()),
            then: AfterFailure::Parked,
        })]
    }

    fn resume(&self, step: &Step<P>, command: CommandId) -> Entries<P> {
        let Some((name, attempts)) = self.parked_command(command) else { return Vec::new() };
        let attempt = attempts.saturating_add(1);
        let retry = step.retry(command, attempt, Duration::ZERO);
        let record = ProcessRecord::CommandResumed { id: step.id, command, name, attempt, retry };
        vec![ProcessEntry::Record(record)]
    }

    fn drop_parked(
        &self,
        step: &Step<P>,
        id: CommandId,
        command: Option<&P::Command>,
    ) -> Result<Entries<P>> {
        let Some((name, attempt)) = self.parked_command(id) else { return Ok(Vec::new()) };
        let dropped = DroppedCommand { command, id, name: &name, attempts: attempt };
        let decision = self.decide(&Trigger::CommandDropped(dropped));
        let record = ProcessRecord::CommandDropped { id: step.id, command: id, name };
        self.entries(step, record, decision)
    }

    fn cancel(&self, step: &Step<P>, reason: &str) -> Result<Entries<P>> {
        if self.is_over() || !self.has_begun() {
            return Ok(Vec::new());
        }
        let decision = self.state().on_cancellation(reason).withdraw_commands();
        let cancelled = ProcessRecord::Cancelled { id: step.id, reason: reason.to_owned() };
        self.entries(step, cancelled, decision)
    }

    fn turn_back(&self, step: &Step<P>, reason: &str, decide: TurnBack<P>) -> Result<Entries<P>> {
        let decision = decide(self.state(), &step.stream, reason)?;
        if decision.is_ignored() {
            return Ok(Vec::new());
        }
        let turned_back = ProcessRecord::TurnedBack { id: step.id, reason: reason.to_owned() };
        self.entries(step, turned_back, decision)
    }

    fn parked_command(&self, command: CommandId) -> Option<(String, u32)> {
        let issued = self.issued(command)?;
        match issued.progress {
            Progress::Parked { attempts, .. } => Some((issued.name.clone(), attempts)),
            _ => None,
        }
    }

    fn decide(&self, trigger: &Trigger<'_, P>) -> Decision<P> {
        match self.is_over() {
            false => self.state().handle(trigger),
            true => self.state().handle_late(trigger),
        }
    }

    /// What was met, and what was decided.
    fn entries(
        &self,
        step: &Step<P>,
        met: ProcessRecord,
        decision: Decision<P>,
    ) -> Result<Entries<P>> {
        if let Some(reason) = decision.refusal {
            return Err(Error::Misuse(format!("{} refuses it: {reason}", P::NAME)));
        }
        let mut records = Vec::new();
        if decision.withdraws {
            records.push(ProcessRecord::CommandsWithdrawn);
        }
        for (command, confirmation) in &decision.commands {
            records.push(issued(command, *confirmation)?);
        }
        self.deadlines_into(step, &met, &decision, &mut records)?;
        if let Some(outcome) = decision.outcome {
            check_name("outcome of a process", &outcome)?;
            records.push(ProcessRecord::Completed { outcome });
        }
        let mut entries = vec![ProcessEntry::Record(met)];
        entries.extend(decision.events.into_iter().map(ProcessEntry::Fact));
        entries.extend(records.into_iter().map(ProcessEntry::Record));
        Ok(entries)
    }

    /// The deadlines that end and those that are set. One that is set again ends first, and a process that
    /// completes or is cancelled has none, whatever the decision sets.
    fn deadlines_into(
        &self,
        step: &Step<P>,
        met: &ProcessRecord,
        decision: &Decision<P>,
        records: &mut Vec<ProcessRecord>,
    ) -> Result<()> {
        let completes =
            decision.outcome.is_some() || matches!(met, ProcessRecord::Cancelled { .. });
        let set = |name: &String| decision.deadlines.iter().any(|(set, _)| set == name);
        for (name, deadline) in self.set_deadlines() {
            let passed =
                matches!(met, ProcessRecord::DeadlinePassed { id, .. } if *id == deadline.id);
            let ends = completes || decision.cancelled.contains(name) || set(name);
            if ends && !passed {
                records.push(ProcessRecord::DeadlineCancelled {
                    deadline: name.clone(),
                    due: deadline.due,
                    id: deadline.id,
                });
            }
        }
        let set_now = decision.deadlines.iter().filter(|_| !completes);
        for (at, (name, after)) in set_now.enumerate() {
            check_name("name of a deadline", name)?;
            // The last one of a name counts.
            if decision.deadlines[at + 1..].iter().any(|(later, _)| later == name) {
                continue;
            }
            records.push(ProcessRecord::DeadlineSet {
                deadline: name.clone(),
                due: step.after(*after),
                id: identities::passing_of(step.id, name).commit_id(&step.stream),
            });
        }
        Ok(())
    }
}

/// Whether the outcome of this attempt is still to be written.
fn waits_for(issued: &Issued, attempt: u32) -> bool {
    match issued.progress {
        Progress::Issued => attempt == 1,
        Progress::Retrying { attempt: next, .. } => attempt == next,
        Progress::Settled { .. } | Progress::Parked { .. } | Progress::Withdrawn => false,
    }
}

fn issued<C: Command + serde::Serialize>(
    command: &C,
    confirmation: Confirmation,
) -> Result<ProcessRecord> {
    let name = command.name();
    let text = CommandText::of(command)
        .map_err(|error| Error::Encode { what: format!("command {name}"), source: error.into() })?;
    Ok(ProcessRecord::CommandIssued {
        name: name.to_owned(),
        confirmed: confirmation == Confirmation::Wanted,
        command: text,
    })
}

fn check_name(what: &'static str, name: &str) -> Result<()> {
    check_id(what, name, MAX_NAME_LEN)
}

/// What others say is written down, but not at any length: a commit has to hold it.
pub(crate) fn cut(mut text: String) -> String {
    let end = (0..=MAX_ERROR_LEN.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.truncate(end.unwrap_or(0));
    text
}

/// The entropy of one decision, so that it is a function of what it is given.
#[derive(Debug)]
struct Jitter(u64);

impl Entropy for Jitter {
    fn next_u64(&self) -> u64 {
        self.0
    }
}
