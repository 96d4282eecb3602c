//! Long-running processes that react to events with commands and deadlines.
//!
//! | file | what it is about |
//! |---|---|
//! | `decision` | what a process manager decides |
//! | `command_bus`, `failure` | who executes its commands, and what if one fails |
//! | `record`, `entry` | what is written in the stream of a process |
//! | `identities` | what the ids of commits and commands are derived from |
//! | `instance`, `met`, `step` | one process: its state, folded from its stream, what it meets, and the next commit |
//! | `processes`, `carrying_out`, `sight` | the engine: what comes in is written down, what was decided is done, unless it was withdrawn |
//! | `interventions` | what an operator does about a process |
//! | `reindexing` | the index of deadlines, made again from the streams |
//! | `rehearsal` | a process without a store, for the test kit |
//! | `statuses`, `status_entry`, `parked` | a view of all processes, and what waits for an operator |

mod carrying_out;
mod command_bus;
mod decision;
mod entry;
mod failure;
mod identities;
mod instance;
mod interventions;
mod met;
mod parked;
mod processes;
mod record;
#[cfg(feature = "testing")]
pub(crate) mod rehearsal;
mod reindexing;
mod sight;
mod status_entry;
mod statuses;
mod step;

use serde::Serialize;
use serde::de::DeserializeOwned;

use std::fmt;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::command::Command;
use crate::event::{Event, Recorded};

pub use command_bus::{CommandBus, DispatchError, Dispatched};
pub use decision::Decision;
pub use entry::ProcessEntry;
pub use failure::{CommandFailure, CommandOutcome, DroppedCommand, FailureAction};
pub use instance::{ParkedCommand, Process, ProcessStatus};
pub use parked::{Parked, ResumedAll};
pub use processes::{HistoryEntry, Orchestrator, Processes};
pub use record::{AfterFailure, CommandId, CommandText, ProcessRecord, Retry};
pub use reindexing::Reindexed;
pub use statuses::{ParkedSummary, ProcessStatuses, ProcessSummary};
pub(crate) use step::cut;

/// Leads a process from event to event: which process an event belongs to, what is to be done next, until
/// when an answer must have come, and when all is done.
///
/// A process manager is event-sourced as an [`Aggregate`](crate::Aggregate) is: its state is folded from its own
/// facts. What it meets and what it decides on it are one commit in the stream of the process; commands and
/// deadlines are done from there. So
///
/// - each event, deadline and outcome of a command is met **once in effect**, however often it is delivered:
///   its commit's id is derived from it;
/// - each command has its effect **once**, wherever the program is killed: its idempotency key is derived
///   from that commit and its place in it;
/// - deadlines are kept with the process, survive restarts, and are met at most once.
///
/// All functions are pure, as those of an aggregate: no I/O, no clock, no randomness.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/transfer.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{Processes, Reactor, Repository};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(9)).await?;
///
/// // `Transfer` is a process manager: debit, then credit, or give the money back.
/// let transfers = Processes::<Transfer>::new(store.clone(), Bank(accounts.clone()), store.clone());
/// let orders = Repository::<Order>::new(store.clone());
/// let transfer = OrderCommand::Transfer { from: "a-1".into(), to: "a-2".into(), amount: 5 };
/// orders.execute("t-1", transfer).await?;
/// Reactor::on(transfers.clone(), store)?.catch_up().await?;
///
/// assert_eq!(accounts.load("a-2").await?.balance, 5);
/// assert_eq!(transfers.load("t-1").await?.outcome(), Some("transferred"));
/// # Ok(())
/// # }
/// ```
pub trait ProcessManager: Default + Send + Sync + 'static {
    /// The process manager's name. Its processes' streams have it as their category, and its progress is kept
    /// under it: it cannot change. It is not one of the categories that it follows.
    const NAME: &'static str;

    /// The categories whose events it follows. They belong to the name, as with a
    /// [`Policy`](crate::Policy::CATEGORIES).
    const CATEGORIES: &'static [&'static str];

    /// The events that it follows, of all categories.
    type Input: Event;

    /// Its own facts, from which its state is folded.
    type Event: Event;

    /// What it asks others for. Commands are written down as JSON until they are executed; while one waits, a
    /// newer program must be able to read it.
    type Command: Command + Serialize + DeserializeOwned;

    /// Which process an event belongs to.
    fn correlate(event: &Recorded<'_, &Self::Input>) -> Correlation;

    /// Decides what is to be done about `trigger`.
    fn handle(&self, trigger: &Trigger<'_, Self>) -> Decision<Self>;

    /// Decides about what is met after the process was [completed](Decision::complete) or
    /// [cancelled](Processes::cancel): an answer that came too
    /// late, say, whose effect has to be undone. By default it is ignored.
    fn handle_late(&self, _trigger: &Trigger<'_, Self>) -> Decision<Self> {
        Decision::ignore()
    }

    /// Decides what is still done when an operator [cancels](Processes::cancel) the process: commands that undo what was
    /// done, say. By default nothing. The process ends in any case, without deadlines and without the commands that
    /// had no outcome yet, unless the decision [refuses](Decision::refuse) it.
    fn on_cancellation(&self, _reason: &str) -> Decision<Self> {
        Decision::new()
    }

    /// What a process is about after this fact, for the view of [`ProcessStatuses`]; by default the fact does not say.
    fn phase(_fact: &Self::Event) -> Option<&'static str> {
        None
    }

    /// As [`phase`](Self::phase), after a fact that this program cannot read, as a newer one wrote it: by its stored name.
    /// `None` says that the phase stays; by default it is [unknown](ProcessSummary::UNKNOWN_PHASE). Only the view passes
    /// such a fact over; the process itself fails on it until the program is newer.
    fn phase_of_unread(_stored_name: &str) -> Option<&'static str> {
        Some(ProcessSummary::UNKNOWN_PHASE)
    }

    /// Takes a fact into the state. It cannot fail: the fact has happened.
    fn apply(&mut self, event: Self::Event);

    /// Says what to do about a command that failed. By default what the domain rejected is
    /// [compensated](FailureAction::Compensate), what can succeed later is tried again for as long as it takes, after a
    /// second at first and five minutes at most, and anything else is parked.
    fn on_failure(&self, failure: &CommandFailure<'_, Self::Command>) -> FailureAction {
        const PATIENT: Backoff =
            Backoff { base: Duration::from_secs(1), max: Duration::from_secs(300) };
        match failure.error {
            error if error.is_rejected() => FailureAction::Compensate,
            error if error.is_transient() => FailureAction::Retry(PATIENT),
            _ => FailureAction::Park,
        }
    }
}

/// Which process an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correlation {
    /// The process of this id, which begins with it unless it has begun.
    ///
    /// Events of different streams come in no order: any event that may be the first must start the process.
    Start(String),
    /// The process of this id, if it has begun. Otherwise the event is ignored.
    Continue(String),
    /// None.
    Ignore,
}

impl Correlation {
    /// The process `id`, which begins with it unless it has begun.
    pub fn start(id: impl Into<String>) -> Self {
        Self::Start(id.into())
    }

    /// The process `id`, if it has begun.
    pub fn continuing(id: impl Into<String>) -> Self {
        Self::Continue(id.into())
    }
}

/// What a process manager meets.
pub enum Trigger<'a, P: ProcessManager> {
    /// An event that [belongs](ProcessManager::correlate) to the process.
    Event(Recorded<'a, &'a P::Input>),
    /// A deadline of this name passed.
    DeadlinePassed(&'a str),
    /// A command succeeded that was to be [confirmed](Decision::confirmed_command).
    CommandSucceeded(CommandOutcome<'a, P::Command>),
    /// A command failed that is to be [compensated](FailureAction::Compensate). Unless the domain rejected it,
    /// it may have had its effect all the same.
    CommandFailed(CommandFailure<'a, P::Command>),
    /// An operator gave up a command that was [parked](FailureAction::Park). It may have had its effect all the same.
    CommandDropped(DroppedCommand<'a, P::Command>),
}

impl<P: ProcessManager> fmt::Debug for Trigger<'_, P> {
    /// Without contents: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => write!(f, "Event({})", event.event.name()),
            Self::DeadlinePassed(name) => write!(f, "DeadlinePassed({name})"),
            Self::CommandSucceeded(outcome) => {
                write!(f, "CommandSucceeded({})", outcome.command.name())
            }
            Self::CommandDropped(outcome) => {
                write!(f, "CommandDropped({})", outcome.name)
            }
            Self::CommandFailed(failure) => write!(f, "CommandFailed({})", failure.command.name()),
        }
    }
}
