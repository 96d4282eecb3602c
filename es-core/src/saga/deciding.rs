use std::time::Duration;

use crate::backoff::Backoff;
use crate::codec::json_error;
use crate::error::{Error, Result};
use crate::event::Recorded;
use crate::process_manager::{
    CommandFailure, Correlation, Decision, FailureAction, ProcessManager, Trigger, cut,
};
use crate::stream_id::StreamId;

use super::course::Course;
use super::run::SagaRun;
use super::steps::WayBack;
use super::{
    Answer, Direction, Readable, Saga, SagaEvent, SagaFact, Step, StepCommand, StepState, Steps,
    TurnBackCause,
};

/// The deadline of the whole.
const WHOLE: &str = "saga";

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
        match fact {
            SagaFact::Begun(_) => Some("running"),
            SagaFact::Happened(SagaEvent::TurnedBack { .. } | SagaEvent::UndoBegun { .. }) => {
                Some("compensating")
            }
            SagaFact::Learned(_) | SagaFact::Happened(_) => None,
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

fn begin<S: Saga>(trigger: &Trigger<'_, SagaRun<S>>) -> Decision<SagaRun<S>> {
    let Trigger::Event(event) = trigger else { return Decision::ignore() };
    let Some(data) = S::begin(event) else { return Decision::ignore() };
    let course = Course::default();
    let mut deciding = Deciding::on(&data, &course);
    if let Some(time) = deciding.steps.time() {
        deciding.set_deadline(WHOLE.to_owned(), time);
    }
    deciding.go_on();
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

fn deadline_of(step: &str) -> String {
    format!("step {step}")
}

/// A decision in the making: what happens is taken into account at once.
struct Deciding<'a, S: Saga> {
    data: &'a S,
    steps: Steps<S>,
    course: Course,
    decided: Decided<S>,
    refusal: Option<String>,
}

/// What was decided, without the data.
struct Decided<S: Saga> {
    happened: Vec<SagaEvent>,
    decision: Decision<SagaRun<S>>,
}

impl<S: Saga> Decided<S> {
    fn into_decision(self, first: Option<SagaFact<S>>) -> Decision<SagaRun<S>> {
        let facts = first.into_iter().chain(self.happened.into_iter().map(SagaFact::Happened));
        facts.fold(self.decision, Decision::event)
    }
}

impl<'a, S: Saga> Deciding<'a, S> {
    fn on(data: &'a S, course: &Course) -> Self {
        let decided = Decided { happened: Vec::new(), decision: Decision::new() };
        let course = course.clone();
        Self { data, steps: S::steps(), course, decided, refusal: None }
    }

    fn decided(self) -> Decided<S> {
        self.decided
    }

    fn answered(&mut self, answer: Answer) {
        if let Answer::Done(step) | Answer::Failed(step, _) = &answer
            && !self.steps.find(step).is_some_and(Step::is_answered)
        {
            self.refusal = Some(format!("there is no step {step:?} that waits for an answer"));
            return;
        }
        match answer {
            Answer::Nothing => {}
            Answer::Done(step) => self.done(step),
            Answer::Failed(step, reason) => self.failed(step, reason, true),
            Answer::CalledOff(reason) => self.turn_back(TurnBackCause::CalledOff, reason),
        }
    }

    fn done(&mut self, step: &str) {
        // A step that was not begun by this saga is not its own; what is done is done.
        let counts = !matches!(
            self.course.step(step),
            None | Some(StepState::Done | StepState::UndoingAgain | StepState::Left)
        );
        if counts {
            self.happen(SagaEvent::StepDone { step: step.to_owned() });
            self.change(|decision| decision.cancel_deadline(deadline_of(step)));
            self.go_on();
        }
    }

    fn failed(&mut self, step: &str, reason: String, without_effect: bool) {
        let has_way_back = self.steps.way_back_from(step) == WayBack::Open;
        match self.course.step(step) {
            // Only an operator ends such a step without knowing how it went.
            Some(StepState::Begun) if !without_effect && !has_way_back => {
                return self.given_up(step);
            }
            Some(StepState::Begun) => {
                let step = step.to_owned();
                self.happen(SagaEvent::StepFailed { step, without_effect });
            }
            // It was done before: that is what has to be undone.
            Some(StepState::Done) => {}
            _ => return,
        }
        self.turn_back(TurnBackCause::StepFailed(step.to_owned()), reason);
    }

    fn undone(&mut self, step: &str) {
        self.happen(SagaEvent::StepUndone { step: step.to_owned() });
        self.go_on();
    }

    fn given_up(&mut self, step: &str) {
        self.happen(SagaEvent::StepLeft { step: step.to_owned(), given_up: true });
        self.go_on();
    }

    fn passed(&mut self, deadline: &str) {
        let cause = match deadline {
            WHOLE => TurnBackCause::Late,
            // A deadline of a step that was done is cancelled.
            step => match step.strip_prefix(&deadline_of("")) {
                Some(step) => TurnBackCause::StepLate(step.to_owned()),
                None => return,
            },
        };
        let reason = cause.to_string();
        self.turn_back(cause, reason);
    }

    /// From here on it goes back, unless it is too late for that. What has not been executed yet is not executed any
    /// more.
    fn turn_back(&mut self, cause: TurnBackCause, reason: String) {
        let too_late = self.course.is_completed() || self.is_past_return();
        if !too_late && self.course.turned_back().is_none() {
            self.happen(SagaEvent::TurnedBack { cause, reason: cut(reason) });
            let deadlines: Vec<_> =
                self.course.steps().map(|(step, _)| deadline_of(step)).collect();
            self.change(|decision| {
                let decision = decision.withdraw_commands().cancel_deadline(WHOLE);
                deadlines.into_iter().fold(decision, Decision::cancel_deadline)
            });
        }
        self.go_on();
    }

    fn is_past_return(&self) -> bool {
        self.passed_point_of_no_return().is_some()
    }

    /// The step behind which the saga is and cannot come back.
    fn passed_point_of_no_return(&self) -> Option<&'static str> {
        let (_, step) = self.steps.point_of_no_return()?;
        let state = self.course.step(step.name());
        let is_begun = matches!(state, Some(StepState::Begun | StepState::Done | StepState::Left));
        is_begun.then(|| step.name())
    }

    fn go_on(&mut self) {
        match self.course.turned_back() {
            Some(_) => self.go_back(),
            None => self.go_forth(),
        }
    }

    /// Begins every step whose turn it is.
    fn go_forth(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        let begun: Vec<_> = steps.iter().filter(|step| self.is_ready(&steps, step)).collect();
        for step in begun {
            self.begin_step(step);
        }
        if steps.iter().all(|step| self.is_over(step.name())) {
            self.happen(SagaEvent::Completed);
            let outcome = match self.course.has_given_up() {
                true => "partly completed",
                false => "completed",
            };
            self.change(|decision| decision.complete(outcome));
        }
        self.steps = steps;
    }

    fn is_ready(&self, steps: &Steps<S>, step: &Step<S>) -> bool {
        self.course.step(step.name()).is_none()
            && steps.needed_by(step).all(|needed| self.is_over(needed))
    }

    fn is_over(&self, step: &str) -> bool {
        matches!(self.course.step(step), Some(StepState::Done | StepState::Left))
    }

    fn begin_step(&mut self, step: &Step<S>) {
        let name = step.name().to_owned();
        self.happen(SagaEvent::StepBegun { step: name.clone() });
        if let Some(time) = step.time() {
            self.set_deadline(deadline_of(&name), time);
        }
        let command = step.command(self.data);
        let command = StepCommand {
            step: name,
            direction: Direction::Forth,
            command: Readable::Yes(command),
        };
        self.change(|decision| match step.is_answered() {
            true => decision.command(command),
            false => decision.confirmed_command(command),
        });
    }

    /// Undoes the next step, unless one is being undone.
    fn go_back(&mut self) {
        while !self.course.is_undoing() {
            let Some(step) = self.course.next_to_undo().map(str::to_owned) else {
                let outcome = match self.course.has_given_up() {
                    true => "partly compensated",
                    false => "compensated",
                };
                return self.change(|decision| decision.complete(outcome));
            };
            match self.undo_command(&step) {
                // What a newer plan does not have any more cannot be undone, and must be seen.
                None => {
                    let given_up = self.steps.find(&step).is_none();
                    self.happen(SagaEvent::StepLeft { step, given_up });
                }
                Some(command) => {
                    self.happen(SagaEvent::UndoBegun { step: step.clone() });
                    let direction = Direction::Back;
                    let command = Readable::Yes(command);
                    let command = StepCommand { step, direction, command };
                    self.change(|decision| decision.confirmed_command(command));
                }
            }
        }
    }

    fn undo_command(&self, step: &str) -> Option<S::Command> {
        let (_, reason) = self.course.turned_back()?;
        self.steps.find(step)?.undo(self.data, reason)
    }

    fn set_deadline(&mut self, name: String, time: Duration) {
        self.change(|decision| decision.deadline(name, time));
    }

    fn happen(&mut self, event: SagaEvent) {
        self.course.happen(&event);
        self.decided.happened.push(event);
    }

    fn change(&mut self, how: impl FnOnce(Decision<SagaRun<S>>) -> Decision<SagaRun<S>>) {
        let decision = std::mem::take(&mut self.decided.decision);
        self.decided.decision = how(decision);
    }
}
