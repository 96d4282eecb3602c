//! A saga as a process manager.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::codec::json_error;
use crate::error::{Error, Result};
use crate::event::{Event, Recorded};
use crate::process_manager::{
    CommandFailure, Correlation, Decision, FailureAction, ProcessManager, ProcessSummary, Trigger,
};
use crate::stream_id::StreamId;

use super::course::Course;
use super::deciding::Deciding;
use super::fact::BEGUN;
use super::run::SagaRun;
use super::steps::WayBack;
use super::{Answer, Direction, Saga, SagaFact, Step, StepCommand, TurnBackCause};

/// Before the next attempt at a step: its time runs out sooner or later.
const STEP_BACKOFF: Backoff =
    Backoff { base: Duration::from_secs(1), max: Duration::from_secs(30) };

/// Before the next attempt at undoing a step. Ten attempts are made within 17 minutes.
const UNDO_BACKOFF: Backoff =
    Backoff { base: Duration::from_secs(2), max: Duration::from_secs(600) };

impl<S: Saga> ProcessManager for SagaRun<S> {
    const NAME: &'static str = S::NAME;
    const CATEGORIES: &'static [&'static str] = S::CATEGORIES;
    type Input = S::Input;
    type Event = SagaFact<S>;
    type Command = StepCommand<S::Command>;

    fn correlate(event: &Recorded<'_, &S::Input>) -> Correlation {
        S::correlate(event)
    }

    fn handle(&self, trigger: &Trigger<'_, Self>) -> Decision<Self> {
        let Some(data) = &self.data else { return begin(trigger) };
        let mut deciding = Deciding::on(data, &self.course);
        let mut learned = None;
        match trigger {
            Trigger::Event(event) => {
                learned = match data_after(data, event) {
                    Ok(learned) => learned,
                    Err(error) => {
                        // The parser quotes values, which may be personal data.
                        let reason = json_error(&error);
                        return Decision::refuse(format!("its data cannot be read back: {reason}"));
                    }
                };
                let answer = data.answer(event);
                if answer == Answer::Nothing && learned.is_none() {
                    return Decision::ignore();
                }
                deciding = Deciding::on(learned.as_ref().unwrap_or(data), &self.course);
                deciding.answered(answer);
            }
            Trigger::DeadlinePassed(name) => deciding.passed(name),
            Trigger::CommandSucceeded(outcome) => match outcome.command.direction {
                Direction::Forth => deciding.done(&outcome.command.step),
                Direction::Back => deciding.undone(&outcome.command.step),
            },
            Trigger::CommandFailed(failure) => {
                let step = &failure.command.step;
                let undone = deciding.steps.find(step).is_some_and(Step::is_undone_when_rejected);
                let without_effect = failure.error.is_rejected() && !undone;
                deciding.failed(step, failure.error.to_string(), without_effect);
            }
            Trigger::CommandDropped(dropped) => match dropped.command {
                Some(StepCommand { step, direction: Direction::Forth, .. }) => {
                    deciding.failed(step, "an operator gave it up".to_owned(), false);
                }
                Some(StepCommand { step, direction: Direction::Back, .. }) => {
                    deciding.given_up(step);
                }
                None => {
                    return Decision::refuse(format!("what {} is cannot be read", dropped.name));
                }
            },
        }
        if let Some(reason) = deciding.refusal {
            return Decision::refuse(reason);
        }
        let decided = deciding.decided();
        decided.into_decision(learned.map(SagaFact::Learned))
    }

    /// A step that turns out to be done after all was undone is undone again.
    fn handle_late(&self, trigger: &Trigger<'_, Self>) -> Decision<Self> {
        match self.course.is_completed() {
            true => Decision::ignore(),
            false => self.handle(trigger),
        }
    }

    fn on_cancellation(&self, _: &str) -> Decision<Self> {
        Decision::refuse("a saga is turned back, not cancelled: what was done has to be undone")
    }

    fn phase(fact: &SagaFact<S>) -> Option<&'static str> {
        phase_after(fact.name())
    }

    /// The name alone tells: what a newer program wrote differently are the data.
    fn phase_of_unread(stored_name: &str) -> Option<&'static str> {
        match SagaFact::<S>::SCHEMAS.iter().any(|schema| schema.name == stored_name) {
            true => phase_after(stored_name),
            false => Some(ProcessSummary::UNKNOWN_PHASE),
        }
    }

    fn apply(&mut self, fact: SagaFact<S>) {
        self.take_in(fact);
    }

    fn on_failure(&self, failure: &CommandFailure<'_, Self::Command>) -> FailureAction {
        let StepCommand { step, direction, .. } = failure.command;
        let (steps, error) = (S::steps(), failure.error);
        let of_step = steps.find(step).and_then(Step::attempts);
        let (attempts, backoff) = match direction {
            Direction::Forth => of_step.unwrap_or((Self::ATTEMPTS, STEP_BACKOFF)),
            Direction::Back => (Self::ATTEMPTS, UNDO_BACKOFF),
        };
        let again = (failure.attempt < attempts).then_some(FailureAction::Retry(backoff));
        match (direction, steps.way_back_from(step)) {
            (Direction::Back, _) => again.unwrap_or(FailureAction::Park),
            (Direction::Forth, WayBack::Open) if error.is_transient() => {
                again.unwrap_or(FailureAction::Compensate)
            }
            (Direction::Forth, WayBack::Open) => FailureAction::Compensate,
            (Direction::Forth, WayBack::IfRejected) if error.is_rejected() => {
                FailureAction::Compensate
            }
            (Direction::Forth, WayBack::IfRejected | WayBack::Closed) => {
                again.unwrap_or(FailureAction::Park)
            }
        }
    }
}

impl<S: Saga> SagaRun<S> {
    /// What it decides when an operator turns it back: nothing, if it has turned back already.
    pub(crate) fn turn_back_by_operator(
        &self,
        stream: &StreamId,
        reason: &str,
    ) -> Result<Decision<Self>> {
        let no_way_back = |reason: String| Error::NoWayBack { stream: stream.clone(), reason };
        let Some(data) = &self.data else { return Ok(Decision::ignore()) };
        if self.course.turned_back().is_some() {
            return Ok(Decision::ignore());
        }
        if self.course.is_completed() {
            return Err(no_way_back("all is done".to_owned()));
        }
        let mut deciding = Deciding::on(data, &self.course);
        if let Some(step) = deciding.passed_point_of_no_return() {
            return Err(no_way_back(format!("{step} has begun, which cannot be undone")));
        }
        deciding.turn_back(TurnBackCause::Operator, reason.to_owned());
        Ok(deciding.decided().into_decision(None))
    }
}

fn phase_after(fact: &str) -> Option<&'static str> {
    match fact {
        BEGUN => Some("running"),
        "Saga:TurnedBack" | "Saga:UndoBegun" => Some("compensating"),
        _ => None,
    }
}

fn begin<S: Saga>(trigger: &Trigger<'_, SagaRun<S>>) -> Decision<SagaRun<S>> {
    let Trigger::Event(event) = trigger else { return Decision::ignore() };
    let Some(data) = S::begin(event) else { return Decision::ignore() };
    let course = Course::default();
    let mut deciding = Deciding::on(&data, &course);
    deciding.begin();
    let decided = deciding.decided();
    decided.into_decision(Some(SagaFact::Begun(data)))
}

/// The data with what the event tells, if it tells anything new.
fn data_after<S: Saga>(
    data: &S,
    event: &Recorded<'_, &S::Input>,
) -> Result<Option<S>, serde_json::Error> {
    // Data are not required to be `Clone` or `PartialEq`, but to be written and read.
    let before = serde_json::to_value(data)?;
    let mut after: S = serde_json::from_value(before.clone())?;
    after.learn(event);
    Ok((serde_json::to_value(&after)? != before).then_some(after))
}
