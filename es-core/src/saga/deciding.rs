//! What comes next.

use std::time::Duration;

use crate::process_manager::{Decision, cut};

use super::course::Course;
use super::run::SagaRun;
use super::steps::WayBack;
use super::{
    Answer, Direction, Readable, Saga, SagaEvent, SagaFact, Step, StepCommand, StepState, Steps,
    TurnBackCause,
};

/// The deadline of the whole.
const WHOLE: &str = "saga";

fn deadline_of(step: &str) -> String {
    format!("step {step}")
}

/// A decision in the making: what happens is taken into account at once.
pub(super) struct Deciding<'a, S: Saga> {
    data: &'a S,
    pub(super) steps: Steps<S>,
    course: Course,
    decided: Decided<S>,
    pub(super) refusal: Option<String>,
}

/// What was decided, without the data.
pub(super) struct Decided<S: Saga> {
    happened: Vec<SagaEvent>,
    decision: Decision<SagaRun<S>>,
}

impl<S: Saga> Decided<S> {
    pub(super) fn into_decision(self, first: Option<SagaFact<S>>) -> Decision<SagaRun<S>> {
        let facts = first.into_iter().chain(self.happened.into_iter().map(SagaFact::Happened));
        facts.fold(self.decision, Decision::event)
    }
}

impl<'a, S: Saga> Deciding<'a, S> {
    pub(super) fn on(data: &'a S, course: &Course) -> Self {
        let decided = Decided { happened: Vec::new(), decision: Decision::new() };
        let course = course.clone();
        Self { data, steps: S::steps(), course, decided, refusal: None }
    }

    pub(super) fn decided(self) -> Decided<S> {
        self.decided
    }

    pub(super) fn begin(&mut self) {
        if let Some(time) = self.steps.time() {
            self.set_deadline(WHOLE.to_owned(), time);
        }
        self.go_on();
    }

    pub(super) fn answered(&mut self, answer: Answer) {
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

    pub(super) fn done(&mut self, step: &str) {
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

    pub(super) fn failed(&mut self, step: &str, reason: String, without_effect: bool) {
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

    pub(super) fn undone(&mut self, step: &str) {
        self.happen(SagaEvent::StepUndone { step: step.to_owned() });
        self.go_on();
    }

    pub(super) fn given_up(&mut self, step: &str) {
        self.happen(SagaEvent::StepLeft { step: step.to_owned(), given_up: true });
        self.go_on();
    }

    pub(super) fn passed(&mut self, deadline: &str) {
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
    pub(super) fn turn_back(&mut self, cause: TurnBackCause, reason: String) {
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
    pub(super) fn passed_point_of_no_return(&self) -> Option<&'static str> {
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
            // What an answer has told to be done is not executed again, whoever looks at this saga later.
            let answered = steps.iter().any(Step::is_answered);
            self.change(|decision| match answered {
                true => decision.withdraw_commands().complete(outcome),
                false => decision.complete(outcome),
            });
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
