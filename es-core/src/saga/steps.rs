use std::fmt;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::error::{Error, Result};
use crate::stream_id::check_id;

use super::Saga;

/// The steps of a saga, in the order in which they are begun where nothing else is said.
pub struct Steps<S: Saga> {
    steps: Vec<Step<S>>,
    within: Option<Duration>,
}

/// One step of a saga: a command, what undoes it, and what must be done before.
///
/// Without [`after`](Self::after) it begins with the saga, at the same time as others. Without
/// [`until_answered`](Self::until_answered) it is done when its command has succeeded.
pub struct Step<S: Saga> {
    name: &'static str,
    command: fn(&S) -> S::Command,
    undo: Option<Undo<S>>,
    undone_when_rejected: bool,
    after: Vec<&'static str>,
    answered: bool,
    within: Option<Duration>,
    point_of_no_return: bool,
    retry: Option<(u32, Backoff)>,
}

/// The command that undoes a step.
enum Undo<S: Saga> {
    Plain(fn(&S) -> S::Command),
    WithReason(fn(&S, &str) -> S::Command),
}

/// Whether a saga can turn back when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WayBack {
    /// It can.
    Open,
    /// Only if the domain rejects the step, so that it has had no effect.
    IfRejected,
    /// It cannot.
    Closed,
}

impl<S: Saga> Steps<S> {
    /// The longest name of a step, in bytes.
    pub const MAX_NAME_LEN: usize = 80;

    /// No steps.
    pub fn new() -> Self {
        Self { steps: Vec::new(), within: None }
    }

    /// And this one.
    #[must_use]
    pub fn step(mut self, step: Step<S>) -> Self {
        self.steps.push(step);
        self
    }

    /// Turns back when not all steps are done so long after the beginning. A saga with a step that waits for an answer
    /// must have a time, or the step must.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    pub(super) fn time(&self) -> Option<Duration> {
        self.within
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Step<S>> {
        self.steps.iter()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Step<S>> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The step after which there is no way back, and its place.
    pub(super) fn point_of_no_return(&self) -> Option<(usize, &Step<S>)> {
        self.iter().enumerate().find(|(_, step)| step.is_point_of_no_return())
    }

    /// Whether a saga can turn back at a step.
    pub(super) fn way_back_from(&self, name: &str) -> WayBack {
        let Some((point, _)) = self.point_of_no_return() else { return WayBack::Open };
        match self.steps.iter().position(|step| step.name == name) {
            Some(at) if at == point => WayBack::IfRejected,
            Some(at) if at > point => WayBack::Closed,
            _ => WayBack::Open,
        }
    }

    /// What must be done before `step` begins.
    pub(super) fn needed_by(&self, step: &Step<S>) -> impl Iterator<Item = &'static str> {
        let at = self.steps.iter().position(|it| it.name == step.name).unwrap_or_default();
        let barrier = match self.point_of_no_return() {
            Some((point, _)) if at == point => &self.steps[..point],
            Some((point, _)) if at > point => &self.steps[point..=point],
            _ => &[],
        };
        step.after.iter().copied().chain(barrier.iter().map(Step::name))
    }

    /// Checks the plan, as [`sagas`](super::sagas) does: call it in a test. Each step has a name of its own and comes
    /// behind those that it waits for, so that none can wait for itself; what waits for an answer has a time; and what
    /// comes behind the point of no return has nothing that undoes it.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`], which says the first thing that does not fit.
    pub fn check(&self) -> Result<()> {
        let misuse = |what: String| Err(Error::Misuse(format!("the saga {}: {what}", S::NAME)));
        if self.steps.is_empty() {
            return misuse("it has no steps".to_owned());
        }
        for (at, step) in self.steps.iter().enumerate() {
            check_id("name of a step", step.name, Self::MAX_NAME_LEN)?;
            let before = &self.steps[..at];
            if before.iter().any(|earlier| earlier.name == step.name) {
                return misuse(format!("two steps are called {:?}", step.name));
            }
            for needed in &step.after {
                if !before.iter().any(|earlier| earlier.name == *needed) {
                    let name = step.name;
                    return misuse(format!(
                        "the step {name:?} waits for {needed:?}, which is not before it"
                    ));
                }
            }
        }
        for step in &self.steps {
            let name = step.name;
            if step.retry.is_some_and(|(attempts, _)| attempts == 0) {
                return misuse(format!("the step {name:?} is never tried"));
            }
            if step.undone_when_rejected && step.undo.is_none() {
                return misuse(format!(
                    "the step {name:?} is undone when rejected, and nothing undoes it"
                ));
            }
            if step.answered && step.within.is_none() && self.within.is_none() {
                return misuse(format!(
                    "the step {name:?} waits for an answer, and neither it nor the saga has a time for it"
                ));
            }
        }
        let last_part = self.point_of_no_return().map_or(&[][..], |(at, _)| &self.steps[at..]);
        for step in last_part {
            let name = step.name;
            if step.can_be_undone() || step.answered || step.within.is_some() {
                return misuse(format!(
                    "the step {name:?} has no way back, so that it cannot be undone, nor wait for an answer, nor \
                     have a time"
                ));
            }
        }
        if last_part.iter().skip(1).any(Step::is_point_of_no_return) {
            return misuse("it has two points of no return".to_owned());
        }
        Ok(())
    }
}

impl<S: Saga> Step<S> {
    /// The step `name`, which is `command`. The name is stored: it cannot change while sagas are on their way.
    pub fn new(name: &'static str, command: fn(&S) -> S::Command) -> Self {
        Self {
            name,
            command,
            undo: None,
            undone_when_rejected: false,
            after: Vec::new(),
            answered: false,
            within: None,
            point_of_no_return: false,
            retry: None,
        }
    }

    /// What undoes it, its *compensation*. It is tried until it succeeds, at most [`ATTEMPTS`](super::SagaRun::ATTEMPTS) times, and
    /// then parked. Without, a step stays as it is.
    #[must_use]
    pub fn undone_by(mut self, command: fn(&S) -> S::Command) -> Self {
        self.undo = Some(Undo::Plain(command));
        self
    }

    /// As [`undone_by`](Self::undone_by), by a command that tells the reason: what the domain said that made the saga
    /// [turn back](super::SagaRun::turn_back_reason).
    #[must_use]
    pub fn undone_with_reason(mut self, command: fn(&S, &str) -> S::Command) -> Self {
        self.undo = Some(Undo::WithReason(command));
        self
    }

    /// Is undone also when the domain has rejected it. For aggregates that remember what was
    /// [undone](super::Saga#what-undoes-a-step-must-bear) and refuse it from then on: so not even a worker that was
    /// suspended while it executed the same command, and wakes up long after another one was rejected, leaves anything
    /// behind.
    #[must_use]
    pub fn undone_when_rejected(mut self) -> Self {
        self.undone_when_rejected = true;
        self
    }

    /// Begins when the step `name` is done, which must stand before this one. With several of them, all have to be.
    #[must_use]
    pub fn after(mut self, name: &'static str) -> Self {
        self.after.push(name);
        self
    }

    /// Is done when an event [says so](super::Saga::answer), not when its command has succeeded.
    #[must_use]
    pub fn until_answered(mut self) -> Self {
        self.answered = true;
        self
    }

    /// Turns the saga back when the step is not done so long after it was begun.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Is the step after which there is no way back (the *pivot* of the literature), as a delivery: once it has begun, the saga turns back only if
    /// the domain rejects it, not when its time is over or it is called off.
    ///
    /// It begins when all steps that stand before it are done, and those that stand behind it begin when it is done.
    /// It and they are tried until they succeed, at most [`ATTEMPTS`](super::SagaRun::ATTEMPTS) times, and then parked. Nothing undoes them.
    #[must_use]
    pub fn point_of_no_return(mut self) -> Self {
        self.point_of_no_return = true;
        self
    }

    /// Is tried so often, at least once, and waits between attempts as `backoff` says, where another attempt can help.
    /// Unless this is said it is tried [`ATTEMPTS`](super::SagaRun::ATTEMPTS) times, after a second at first and half a
    /// minute at most. What undoes it is tried as always.
    #[must_use]
    pub fn retry(mut self, attempts: u32, backoff: Backoff) -> Self {
        self.retry = Some((attempts, backoff));
        self
    }

    pub(super) fn attempts(&self) -> Option<(u32, Backoff)> {
        self.retry
    }

    pub(super) fn is_point_of_no_return(&self) -> bool {
        self.point_of_no_return
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn command(&self, data: &S) -> S::Command {
        (self.command)(data)
    }

    pub(super) fn undo(&self, data: &S, reason: &str) -> Option<S::Command> {
        self.undo.as_ref().map(|undo| match undo {
            Undo::Plain(command) => command(data),
            Undo::WithReason(command) => command(data, reason),
        })
    }

    pub(super) fn is_undone_when_rejected(&self) -> bool {
        self.undone_when_rejected
    }

    pub(super) fn can_be_undone(&self) -> bool {
        self.undo.is_some()
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) fn time(&self) -> Option<Duration> {
        self.within
    }
}

impl<S: Saga> Default for Steps<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Saga> fmt::Debug for Steps<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").field("steps", &self.steps).field("within", &self.within).finish()
    }
}

impl<S: Saga> fmt::Debug for Step<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("name", &self.name)
            .field("can_be_undone", &self.can_be_undone())
            .field("after", &self.after)
            .field("answered", &self.answered)
            .field("within", &self.within)
            .finish()
    }
}
