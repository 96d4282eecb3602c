use std::fmt;

use super::course::Course;
use super::{Saga, SagaFact, TurnBackCause};

/// A saga on its way.
pub struct SagaRun<S> {
    pub(super) data: Option<S>,
    pub(super) course: Course,
}

/// Where a saga is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SagaPhase {
    /// It has not begun.
    NotBegun,
    /// Steps are done.
    Running,
    /// Steps are undone.
    Compensating,
    /// All steps are done.
    Completed,
    /// It was too late to go back, and an operator gave up a step: the others are done.
    PartlyCompleted,
    /// All steps that were begun are undone, but for those that nothing undoes.
    Compensated,
    /// It went back, and an operator gave up undoing a step.
    PartlyCompensated,
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepState {
    /// Its command is executed, or its answer is waited for.
    Begun,
    /// It is done.
    Done,
    /// It has failed, without an effect.
    Failed,
    /// It is being undone.
    Undoing,
    /// It was done, as it turned out, while it was being undone: it is undone once more.
    UndoingAgain,
    /// It is undone.
    Undone,
    /// It stays as it is: nothing undoes it, or an operator gave it up.
    Left,
}

impl<S> SagaRun<S> {
    /// How often the command of a step, or what undoes one, is tried. Then the saga turns back; where it cannot, the
    /// command waits for an operator.
    pub const ATTEMPTS: u32 = 10;

    /// The saga's data, once it has begun.
    pub fn data(&self) -> Option<&S> {
        self.data.as_ref()
    }

    /// Where it is.
    pub fn phase(&self) -> SagaPhase {
        let course = &self.course;
        match (&self.data, course.turned_back()) {
            (None, _) => SagaPhase::NotBegun,
            (Some(_), None) if course.is_completed() && course.has_given_up() => {
                SagaPhase::PartlyCompleted
            }
            (Some(_), None) if course.is_completed() => SagaPhase::Completed,
            (Some(_), None) => SagaPhase::Running,
            (Some(_), Some(_)) if course.is_undoing() || course.next_to_undo().is_some() => {
                SagaPhase::Compensating
            }
            (Some(_), Some(_)) if course.has_given_up() => SagaPhase::PartlyCompensated,
            (Some(_), Some(_)) => SagaPhase::Compensated,
        }
    }

    /// Why it turned back, if it did.
    pub fn turned_back(&self) -> Option<&TurnBackCause> {
        self.course.turned_back().map(|(cause, _)| cause)
    }

    /// What was said about the cause of turning back: the domain's own words, which may be about a person.
    pub fn turn_back_reason(&self) -> Option<&str> {
        self.course.turned_back().map(|(_, reason)| reason)
    }

    /// The steps that were begun.
    pub fn steps(&self) -> impl Iterator<Item = (&str, StepState)> {
        self.course.steps()
    }

    /// Where the step `name` is; `None` if it was not begun.
    pub fn step(&self, name: &str) -> Option<StepState> {
        self.course.step(name)
    }
}

impl<S: Saga> SagaRun<S> {
    pub(super) fn take_in(&mut self, fact: SagaFact<S>) {
        match fact {
            SagaFact::Begun(data) | SagaFact::Learned(data) => self.data = Some(data),
            SagaFact::Happened(event) => self.course.happen(&event),
        }
    }
}

impl<S> Default for SagaRun<S> {
    fn default() -> Self {
        Self { data: None, course: Course::default() }
    }
}

impl<S> fmt::Debug for SagaRun<S> {
    /// Without the data: they may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaRun")
            .field("phase", &self.phase())
            .field("steps", &self.steps().collect::<Vec<_>>())
            .field("turned_back", &self.turned_back())
            .finish_non_exhaustive()
    }
}
