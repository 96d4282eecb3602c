use super::{SagaEvent, StepState, TurnBackCause};

/// How far a saga has come: folded from what happened to it.
#[derive(Clone, Default)]
pub(super) struct Course {
    /// The steps that were begun; those that are done stand behind in the order in which they were.
    steps: Vec<(String, StepState)>,
    turned_back: Option<(TurnBackCause, String)>,
    completed: bool,
    given_up: bool,
}

impl Course {
    pub(super) fn steps(&self) -> impl Iterator<Item = (&str, StepState)> {
        self.steps.iter().map(|(name, state)| (name.as_str(), *state))
    }

    pub(super) fn step(&self, name: &str) -> Option<StepState> {
        self.steps().find(|(step, _)| *step == name).map(|(_, state)| state)
    }

    /// Why it turned back, and what was said about it.
    pub(super) fn turned_back(&self) -> Option<(&TurnBackCause, &str)> {
        self.turned_back.as_ref().map(|(cause, reason)| (cause, reason.as_str()))
    }

    pub(super) fn is_completed(&self) -> bool {
        self.completed
    }

    /// Whether an operator gave up undoing a step.
    pub(super) fn has_given_up(&self) -> bool {
        self.given_up
    }

    /// The step that is undone next: the one that was done last, of those that are, or may be, done.
    pub(super) fn next_to_undo(&self) -> Option<&str> {
        let may_be_done = |state| matches!(state, StepState::Begun | StepState::Done);
        self.steps().filter(|(_, state)| may_be_done(*state)).map(|(name, _)| name).last()
    }

    pub(super) fn is_undoing(&self) -> bool {
        self.steps().any(|(_, it)| matches!(it, StepState::Undoing | StepState::UndoingAgain))
    }

    pub(super) fn happen(&mut self, event: &SagaEvent) {
        match event {
            SagaEvent::StepBegun { step } => self.steps.push((step.clone(), StepState::Begun)),
            SagaEvent::StepDone { step } => self.finish(step),
            SagaEvent::StepFailed { step, without_effect: true } => {
                self.set(step, StepState::Failed);
            }
            SagaEvent::StepFailed { without_effect: false, .. } => {}
            SagaEvent::Completed => self.completed = true,
            SagaEvent::TurnedBack { cause, reason } => {
                self.turned_back = Some((cause.clone(), reason.clone()));
            }
            SagaEvent::UndoBegun { step } => self.set(step, StepState::Undoing),
            SagaEvent::StepUndone { step } => {
                let again = self.step(step) == Some(StepState::UndoingAgain);
                self.set(step, if again { StepState::Done } else { StepState::Undone });
            }
            SagaEvent::StepLeft { step, given_up } => {
                self.given_up |= given_up;
                self.set(step, StepState::Left);
            }
        }
    }

    /// The step is done: the last one of those that are.
    fn finish(&mut self, step: &str) {
        let Some(at) = self.steps.iter().position(|(name, _)| name == step) else { return };
        let (name, state) = self.steps.remove(at);
        let state = match state {
            StepState::Undoing | StepState::UndoingAgain => StepState::UndoingAgain,
            _ => StepState::Done,
        };
        self.steps.push((name, state));
    }

    fn set(&mut self, step: &str, state: StepState) {
        if let Some((_, it)) = self.steps.iter_mut().find(|(name, _)| name == step) {
            *it = state;
        }
    }
}
