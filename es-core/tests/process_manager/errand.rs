//! The domain: somebody is sent on an errand and asked to be back in time.

use std::time::Duration;

use es_core::{
    Aggregate, Backoff, Command, CommandFailure, Correlation, Decision, Event, FailureAction,
    ProcessManager, Recorded, Trigger,
};
use serde::{Deserialize, Serialize};

/// What asks for errands and tells how they went.
#[derive(Debug, Default)]
pub(crate) struct Request;

#[derive(Debug, Clone, Command)]
pub(crate) struct Tell(pub(crate) RequestEvent);

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Request")]
pub(crate) enum RequestEvent {
    /// Starts an errand.
    Asked { effort: u32 },
    /// Gives it more time.
    Prolonged,
    /// The answer.
    Answered,
    /// Somebody else's.
    Noted,
    /// What no errand can handle.
    Garbled,
}

impl Aggregate for Request {
    const CATEGORY: &'static str = "request";
    type Command = Tell;
    type Event = RequestEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, Tell(event): Tell) -> Result<Vec<RequestEvent>, Self::Error> {
        Ok(vec![event])
    }

    fn apply(&mut self, _: RequestEvent) {}
}

/// Who does the errands, and refuses what is too much.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    pub(crate) done: u32,
    pub(crate) calls: u32,
}

#[derive(Debug, Clone, Command)]
pub(crate) enum WorkerCommand {
    Work(u32),
    CallBack,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Worker")]
pub(crate) enum WorkerEvent {
    Worked { effort: u32 },
    CalledBack,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0} is too much")]
pub(crate) struct TooMuch(pub(crate) u32);

impl Worker {
    pub(crate) const MOST: u32 = 100;
}

impl Aggregate for Worker {
    const CATEGORY: &'static str = "worker";
    type Command = WorkerCommand;
    type Event = WorkerEvent;
    type Error = TooMuch;

    fn handle(&self, command: WorkerCommand) -> Result<Vec<WorkerEvent>, TooMuch> {
        match command {
            WorkerCommand::Work(0) => Ok(vec![]),
            WorkerCommand::Work(effort) if effort > Self::MOST => Err(TooMuch(effort)),
            WorkerCommand::Work(effort) => Ok(vec![WorkerEvent::Worked { effort }]),
            WorkerCommand::CallBack => Ok(vec![WorkerEvent::CalledBack]),
        }
    }

    fn apply(&mut self, event: WorkerEvent) {
        match event {
            WorkerEvent::Worked { effort } => self.done += effort,
            WorkerEvent::CalledBack => self.calls += 1,
        }
    }
}

/// The process manager.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Errand {
    pub(crate) effort: u32,
    pub(crate) answers: u32,
    pub(crate) late: u32,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Errand")]
pub(crate) enum ErrandEvent {
    Begun { effort: u32 },
    Answered,
    AnsweredLate,
}

#[derive(Debug, Clone, PartialEq, Command, Serialize, Deserialize)]
pub(crate) enum ErrandCommand {
    Work { effort: u32 },
    CallBack,
}

pub(crate) const TIME: Duration = Duration::from_secs(60);
pub(crate) const MORE_TIME: Duration = Duration::from_secs(300);
pub(crate) const BACKOFF: Backoff =
    Backoff { base: Duration::from_secs(10), max: Duration::from_secs(60) };

impl ProcessManager for Errand {
    const NAME: &'static str = "errand";
    const CATEGORIES: &'static [&'static str] = &["request"];
    type Input = RequestEvent;
    type Event = ErrandEvent;
    type Command = ErrandCommand;

    fn correlate(event: &Recorded<'_, &RequestEvent>) -> Correlation {
        match event.event {
            RequestEvent::Asked { .. } => Correlation::start(event.aggregate_id()),
            RequestEvent::Prolonged | RequestEvent::Answered | RequestEvent::Garbled => {
                Correlation::continuing(event.aggregate_id())
            }
            RequestEvent::Noted => Correlation::Ignore,
        }
    }

    fn handle(&self, trigger: &Trigger<'_, Self>) -> Decision<Self> {
        match trigger {
            Trigger::Event(event) => match event.event {
                RequestEvent::Asked { effort: THRICE } => three(THRICE, Decision::command),
                RequestEvent::Asked { effort: THRICE_TOLD } => {
                    three(THRICE_TOLD, Decision::confirmed_command)
                }
                RequestEvent::Asked { effort } => Decision::new()
                    .event(ErrandEvent::Begun { effort: *effort })
                    .command(ErrandCommand::Work { effort: *effort })
                    .deadline("answer", TIME),
                RequestEvent::Prolonged => Decision::new().deadline("answer", MORE_TIME),
                RequestEvent::Answered => {
                    Decision::new().event(ErrandEvent::Answered).complete("answered")
                }
                RequestEvent::Noted => Decision::ignore(),
                RequestEvent::Garbled => Decision::refuse("nobody understands it"),
            },
            Trigger::DeadlinePassed(_) => {
                Decision::new().confirmed_command(ErrandCommand::CallBack)
            }
            Trigger::CommandSucceeded(_) if self.effort == THRICE_TOLD => Decision::new(),
            Trigger::CommandSucceeded(_) => Decision::new().complete("called back"),
            Trigger::CommandFailed(_) => Decision::new().complete("refused"),
            Trigger::CommandDropped(_) => Decision::new().complete("given up"),
        }
    }

    fn handle_late(&self, trigger: &Trigger<'_, Self>) -> Decision<Self> {
        match trigger {
            Trigger::Event(event) if *event.event == RequestEvent::Answered => {
                Decision::new().event(ErrandEvent::AnsweredLate)
            }
            _ => Decision::ignore(),
        }
    }

    fn on_cancellation(&self, _: &str) -> Decision<Self> {
        match self.effort {
            STUBBORN => Decision::refuse("it must be done"),
            CAUTIOUS => Decision::new().command(ErrandCommand::CallBack).deadline("answer", TIME),
            _ => Decision::new(),
        }
    }

    fn apply(&mut self, event: ErrandEvent) {
        match event {
            ErrandEvent::Begun { effort } => self.effort = effort,
            ErrandEvent::Answered => self.answers += 1,
            ErrandEvent::AnsweredLate => self.late += 1,
        }
    }

    /// The effort of a piece of work says what is done when it fails.
    fn on_failure(&self, failure: &CommandFailure<'_, ErrandCommand>) -> FailureAction {
        match failure.command {
            _ if failure.error.is_transient() => FailureAction::Retry(BACKOFF),
            ErrandCommand::Work { effort: SKIPPED } => FailureAction::Skip,
            ErrandCommand::Work { effort: PARKED } => FailureAction::Park,
            _ if failure.error.is_rejected() => FailureAction::Compensate,
            _ => FailureAction::Park,
        }
    }
}

/// Three commands at once, which ask for confirmation or not.
fn three(
    effort: u32,
    command: fn(Decision<Errand>, ErrandCommand) -> Decision<Errand>,
) -> Decision<Errand> {
    let begun = Decision::new().event(ErrandEvent::Begun { effort }).deadline("answer", TIME);
    (1..=3).fold(begun, |decision, effort| command(decision, ErrandCommand::Work { effort }))
}

/// Is done in three pieces.
pub(crate) const THRICE: u32 = 21;
/// Is done in three pieces, and hears of each.
pub(crate) const THRICE_TOLD: u32 = 22;
/// Calls back when it is cancelled.
pub(crate) const CAUTIOUS: u32 = 11;
/// Cannot be cancelled.
pub(crate) const STUBBORN: u32 = 12;
pub(crate) const SKIPPED: u32 = 101;
pub(crate) const PARKED: u32 = 102;
pub(crate) const REFUSED: u32 = 103;
