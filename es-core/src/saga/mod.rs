//! Several steps that succeed together or are undone.
//!
//! | file | what it is about |
//! |---|---|
//! | `steps` | the steps, what each needs, and how it is undone |
//! | `fact` | what is written down about a saga |
//! | `run`, `course` | a saga on its way: its data, and how far it has come |
//! | `manager`, `deciding` | a saga as a process manager, and what comes next |
//! | `labelled` | which step a command is of |

mod course;
mod deciding;
mod fact;
mod labelled;
mod manager;
mod run;
mod steps;

use serde::Serialize;
use serde::de::DeserializeOwned;

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::codec::Payload;
use crate::command::Command;
use crate::deadline_store::DeadlineStore;
use crate::error::Result;
use crate::event::{DecodeError, Event, Recorded};
use crate::event_store::EventStore;
use crate::process_manager::{CommandBus, Correlation, HistoryEntry, ProcessEntry, Processes};

use labelled::ForwardingBus;

pub use fact::{SagaEvent, SagaFact, TurnBackCause};
pub use labelled::{Direction, Readable, StepCommand};
pub use run::{SagaPhase, SagaRun, StepState};
pub use steps::{Step, Steps};

/// A transaction over several aggregates: steps, some of them independent of each other, each with what undoes it, its
/// compensation.
/// When one fails, takes too long, or the whole is called off, those that were begun are undone in reverse order.
/// Every saga ends: [completed](SagaPhase::Completed), [compensated](SagaPhase::Compensated), or with a command that
/// [waits for an operator](crate::ProcessStatus::Parked) and says so.
///
/// A saga is a [`ProcessManager`](crate::ProcessManager) with a plan: all that is said there about crashes, repetitions and
/// deadlines holds. The type that implements it is the saga's data: what commands are made of. It is kept with the
/// saga as JSON.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/transfer_saga.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::saga::{SagaPhase, Sagas, sagas};
/// use es_core::{Reactor, Repository};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(9)).await?;
/// let orders = Repository::<Order>::new(store.clone());
/// let transfer = OrderCommand::Transfer { from: "a-1".into(), to: "closed".into(), amount: 5 };
/// orders.execute("t-1", transfer).await?;
///
/// // `TransferSaga`: debit one account, then credit the other. Nobody can credit the account `closed`.
/// let sagas: Sagas<TransferSaga> = sagas(store.clone(), Bank(accounts.clone()), store.clone())?;
/// Reactor::on(sagas.clone(), store)?.catch_up().await?;
///
/// assert_eq!(sagas.load("t-1").await?.state().phase(), SagaPhase::Compensated);
/// assert_eq!(accounts.load("a-1").await?.balance, 9, "the money came back");
/// # Ok(())
/// # }
/// ```
///
/// # What cannot be undone
///
/// A step that nothing undoes stays as it is when the saga turns back: right for what does no harm, as a
/// notification. What must not be done in vain, as a delivery, is a [point of no return](Step::point_of_no_return).
///
/// # What undoes a step must bear
///
/// A saga that turns back undoes every step that was begun and is not known to have failed, since it cannot know
/// whether a step without an answer has had its effect. So what undoes a step
///
/// - may come when the step has not happened, and must not fail then;
/// - may come *before* the step, where a message was under way for long. An aggregate that can be met so should
///   remember that the step was undone, and refuse it afterwards. Where it does not, and the step has an
///   [answer](Step::until_answered) that the saga hears, the saga undoes it once more.
pub trait Saga: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The saga's name: see [`ProcessManager::NAME`](crate::ProcessManager::NAME).
    const NAME: &'static str;

    /// The categories whose events it follows: see [`ProcessManager::CATEGORIES`](crate::ProcessManager::CATEGORIES).
    const CATEGORIES: &'static [&'static str];

    /// The version of the data's form, from 1. A form that older data cannot be read as needs a new one, and an
    /// [`upcast`](Self::upcast) from those before. [`SchemaLock`](crate::testing) makes a test of that, of
    /// [`SagaFact`] with this type.
    const DATA_VERSION: u32 = 1;

    /// The events that it follows, of all categories.
    type Input: Event;

    /// What it asks others for.
    type Command: Command + Serialize + DeserializeOwned;

    /// Which saga an event belongs to.
    fn correlate(event: &Recorded<'_, &Self::Input>) -> Correlation;

    /// The data of a saga that begins with `event`; `None` if it does not begin with this one. Events that come before
    /// the one that it begins with are ignored: streams have no order among each other.
    fn begin(event: &Recorded<'_, &Self::Input>) -> Option<Self>;

    /// The steps. Those that do not wait for each other are begun together; their commands are executed one after the
    /// other, in the order of the steps.
    ///
    /// While sagas are on their way, a newer program must have the steps that they have begun, under their names. One that
    /// it does not have cannot be undone: it counts as given up.
    fn steps() -> Steps<Self>;

    /// What an event means to a saga that has begun. The default is nothing: right where every step is done when
    /// its command has succeeded.
    fn answer(&self, _event: &Recorded<'_, &Self::Input>) -> Answer {
        Answer::Nothing
    }

    /// Reads data that were written in an older `version`: as that version's type, and makes today's data of it.
    ///
    /// ```
    /// # use es_core::{DecodeError, Payload};
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Serialize, Deserialize)]
    /// struct Sending { reader: String, cents: u64 }
    ///
    /// #[derive(Deserialize)]
    /// struct SendingV1 { reader: String, euros: u64 }
    ///
    /// // In `impl Saga for Sending`, with `const DATA_VERSION: u32 = 2`:
    /// fn upcast(_version: u32, stored: Payload<'_>) -> Result<Sending, DecodeError> {
    ///     let SendingV1 { reader, euros } = stored.decode()?;
    ///     Ok(Sending { reader, cents: euros * 100 })
    /// }
    /// # let old = upcast(1, Payload::Json(r#"{"reader":"ada","euros":3}"#))?;
    /// # assert_eq!((old.reader.as_str(), old.cents), ("ada", 300));
    /// # Ok::<(), DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DecodeError`], as [`Event::decode`]; by default for every older version.
    fn upcast(_version: u32, _stored: Payload<'_>) -> Result<Self, DecodeError> {
        Err(DecodeError::UnknownVersion { newest: Self::DATA_VERSION })
    }

    /// Takes from an event what later commands need, as the number of a payment. By default nothing.
    fn learn(&mut self, _event: &Recorded<'_, &Self::Input>) {}
}

/// What an event means to a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Nothing,
    /// The step of this name is done.
    Done(&'static str),
    /// The step of this name has failed, for this reason: it had no effect, and needs not be undone.
    Failed(&'static str, String),
    /// The whole is called off, for this reason.
    CalledOff(String),
}

/// The sagas of one kind: processes whose manager is [`SagaRun`].
pub type Sagas<S> = Processes<SagaRun<S>>;

/// The sagas whose streams are in `store`, whose commands go over `bus`, and whose deadlines are indexed in
/// `deadlines`. They are driven as [`Processes`] are.
///
/// # Errors
///
/// [`Error::Misuse`](crate::Error::Misuse) when the [steps](Saga::steps) do not fit together.
pub fn sagas<S: Saga>(
    store: Arc<dyn EventStore>,
    bus: impl CommandBus<S::Command>,
    deadlines: Arc<dyn DeadlineStore>,
) -> Result<Sagas<S>> {
    S::steps().check()?;
    Ok(Processes::new(store, ForwardingBus(bus), deadlines))
}

impl<S: Saga> Processes<SagaRun<S>> {
    /// Turns the saga `id` back from where it is, for `reason`, which is kept in its stream: what was begun is undone, as
    /// when it is [called off](Answer::CalledOff). Nothing happens to one that has turned back already. Called again it
    /// finishes what is not done yet; the first reason stands.
    ///
    /// Steps that were begun and not yet executed are not executed any more, with the limit that
    /// [`cancel`](Processes::cancel) has: one that a worker is about to execute may be. All of them are undone in any case.
    ///
    /// # Errors
    ///
    /// [`Error::NoWayBack`](crate::Error::NoWayBack) when all is done, or the
    /// [point of no return](Step::point_of_no_return) has begun: the saga is as it was.
    /// [`Error::NoSuchProcess`](crate::Error::NoSuchProcess) when it has not begun,
    /// [`Error::Misuse`](crate::Error::Misuse) for a reason that is empty or longer than 1,000 bytes. Otherwise as
    /// [`Repository::execute`](crate::Repository::execute).
    pub async fn turn_back(&self, id: &str, reason: &str) -> Result<()> {
        self.turn_back_by(id, reason, SagaRun::turn_back_by_operator).await
    }

    /// What has happened to the saga `id`, line by line, each with its time; nothing, if it has not begun. The lines
    /// have no contents, only names: they can be shown to anybody who operates the system.
    ///
    /// # Errors
    ///
    /// As [`Processes::history`].
    pub async fn story(&self, id: &str) -> Result<Vec<(Timestamp, String)>> {
        let history = self.history(id).await?;
        let line = |entry: HistoryEntry<SagaFact<S>>| {
            let told = match &entry.entry {
                ProcessEntry::Fact(fact) => fact.to_string(),
                ProcessEntry::Record(record) => record.to_string(),
            };
            (entry.recorded_at, told)
        };
        Ok(history.into_iter().map(line).collect())
    }
}
