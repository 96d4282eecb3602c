use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock as _, Timestamp};
use crate::codec::Codec;
use crate::commit::{Commit, CommitId, NewCommit};
use crate::encoded_events::EncodedEvents;
use crate::event::{Event, Recorded};
use crate::metadata::EncodedMetadata;
use crate::process_manager::rehearsal::{Met, Rehearsal};
use crate::process_manager::{Correlation, DispatchError, ProcessEntry, ProcessManager};
use crate::saga::{Saga, SagaRun};
use crate::stream_id::StreamId;
use crate::version::Version;

use super::VirtualClock;
use super::command_named::CommandNamed;
use super::then_decided::ThenDecided;

/// Given/when/then for a process manager or a [saga](crate::saga::SagaRun), without a store and a bus: what it meets,
/// and what it decides on it, one after the other.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/transfer.rs"));
/// # }
/// # use doc::*;
/// use es_core::testing::GivenProcess;
///
/// let (from, to) = ("a-1".to_owned(), "a-2".to_owned());
/// GivenProcess::<Transfer>::nothing()
///     .when_event("order", "t-1", OrderEvent::TransferAsked { from, to, amount: 5 })
///     .then_commands([TransferCommand::Debit { account: "a-1".into(), amount: 5 }])
///     .when_succeeded("Debit")
///     .then_commands([TransferCommand::Credit { account: "a-2".into(), amount: 5 }])
///     .then_completed("transferred");
/// ```
///
/// Events are encoded, and decoded again, on their way, as by a store.
#[must_use]
pub struct GivenProcess<P: ProcessManager> {
    pub(super) rehearsal: Rehearsal<P>,
    id: Option<String>,
    pub(super) clock: VirtualClock,
    /// How many events came before.
    events: u64,
}

impl<P: ProcessManager> GivenProcess<P> {
    /// A process that has not begun, on 1 January 2026.
    pub fn nothing() -> Self {
        Self {
            rehearsal: Rehearsal::default(),
            id: None,
            clock: VirtualClock::at("2026-01-01T00:00:00Z"),
            events: 0,
        }
    }

    /// Lets time pass. Deadlines pass when they are [met](Self::when_deadline), not by themselves.
    pub fn after(self, duration: Duration) -> Self {
        self.clock.advance(duration);
        self
    }

    /// An event of the aggregate `aggregate` in `category` comes.
    ///
    /// # Panics
    ///
    /// When the process manager does not follow the category, the event belongs to another process than those before,
    /// or something cannot be encoded or decoded.
    #[track_caller]
    pub fn when_event<E: Event>(
        mut self,
        category: &str,
        aggregate: &str,
        event: E,
    ) -> ThenDecided<P> {
        assert!(
            P::CATEGORIES.contains(&category),
            "{} does not follow the category {category:?}, only {:?}",
            P::NAME,
            P::CATEGORIES
        );
        self.events += 1;
        let commit = commit(category, aggregate, &[event], self.events, self.clock.now());
        let input: P::Input = match commit.decode() {
            Ok(mut decoded) => decoded.remove(0).event,
            Err(error) => panic!("{} cannot read the event: {error}", P::NAME),
        };
        let version = commit.first_version();
        let (id, may_begin) = match P::correlate(&Recorded::new(&input, &commit, version)) {
            Correlation::Start(id) => (id, true),
            Correlation::Continue(id) => (id, false),
            Correlation::Ignore => return self.decided(Vec::new()),
        };
        let known = self.id.get_or_insert_with(|| id.clone());
        assert_eq!(*known, id, "the event belongs to another process");
        self.meet(Met::Event { event: Arc::new(input), commit, version, may_begin })
    }

    /// The deadline of this name passes; the clock is set to its time, unless it is later.
    ///
    /// # Panics
    ///
    /// When it is not set.
    #[track_caller]
    pub fn when_deadline(self, name: &str) -> ThenDecided<P> {
        let deadlines = self.rehearsal.process().deadlines();
        let Some(&due) = deadlines.get(name) else {
            panic!("the deadline {name:?} is not set; set are {:?}", deadlines.keys())
        };
        self.clock.set(due.max(self.clock.now()));
        self.meet(Met::Deadline { name: name.to_owned() })
    }

    /// A command, which was to be [confirmed](crate::Decision::confirmed_command), succeeds.
    ///
    /// # Panics
    ///
    /// When no such command waits.
    #[track_caller]
    pub fn when_succeeded<'a>(self, command: impl Into<CommandNamed<'a>>) -> ThenDecided<P> {
        self.settle(command.into(), Ok(()))
    }

    /// A command is rejected by the domain.
    ///
    /// # Panics
    ///
    /// When no such command waits.
    #[track_caller]
    pub fn when_rejected<'a>(
        self,
        command: impl Into<CommandNamed<'a>>,
        rejection: impl Into<crate::error::BoxError>,
    ) -> ThenDecided<P> {
        self.settle(command.into(), Err(DispatchError::rejected(rejection)))
    }

    /// A command fails.
    ///
    /// # Panics
    ///
    /// When no such command waits.
    #[track_caller]
    pub fn when_failed<'a>(
        self,
        command: impl Into<CommandNamed<'a>>,
        error: DispatchError,
    ) -> ThenDecided<P> {
        self.settle(command.into(), Err(error))
    }

    /// An operator gives up a command that was [parked](crate::FailureAction::Park): as
    /// [`Processes::drop_parked`](crate::Processes::drop_parked).
    ///
    /// # Panics
    ///
    /// When no such command is parked.
    #[track_caller]
    pub fn when_dropped<'a>(self, command: impl Into<CommandNamed<'a>>) -> ThenDecided<P> {
        let command = command.into();
        let Some((of, text)) = command.of(&self.rehearsal.parked(command.name)) else {
            panic!("no command {command} is parked");
        };
        let command = text.decode().ok().map(Arc::new);
        self.meet(Met::Dropping { of, command })
    }

    /// An operator has a command tried again that was [parked](crate::FailureAction::Park): as
    /// [`Processes::resume`](crate::Processes::resume). How the attempt goes, the next step of the scenario says.
    ///
    /// # Panics
    ///
    /// When no such command is parked.
    #[track_caller]
    pub fn when_resumed<'a>(self, command: impl Into<CommandNamed<'a>>) -> ThenDecided<P> {
        let command = command.into();
        let Some((command, _)) = command.of(&self.rehearsal.parked(command.name)) else {
            panic!("no command {command} is parked");
        };
        self.meet(Met::Resumption { command })
    }

    /// An operator ends the process: as [`Processes::cancel`](crate::Processes::cancel).
    ///
    /// # Panics
    ///
    /// When the process manager refuses.
    #[track_caller]
    pub fn when_cancelled(self, reason: &str) -> ThenDecided<P> {
        self.meet(Met::Cancellation { reason: reason.to_owned() })
    }

    #[track_caller]
    fn settle(
        self,
        command: CommandNamed<'_>,
        result: Result<(), DispatchError>,
    ) -> ThenDecided<P> {
        let Some((of, attempt, text)) = command.of(&self.rehearsal.waiting(command.name)) else {
            panic!("no command {command} waits for its outcome");
        };
        let command = match text.decode() {
            Ok(command) => Arc::new(command),
            Err(error) => panic!("the command {command} cannot be read back: {error}"),
        };
        self.meet(Met::Outcome { of, attempt, command, result: result.map_err(Arc::new) })
    }

    #[track_caller]
    fn meet(mut self, met: Met<P>) -> ThenDecided<P> {
        let id = self.id.clone().unwrap_or_else(|| "p-1".to_owned());
        let before = self.rehearsal.withdrawn();
        match self.rehearsal.meet(&id, met, self.clock.now()) {
            Ok(entries) => {
                let mut withdrawn = self.rehearsal.withdrawn();
                withdrawn.retain(|(id, _)| !before.iter().any(|(earlier, _)| earlier == id));
                let withdrawn = withdrawn.into_iter().map(|(_, name)| name).collect();
                ThenDecided { withdrawn, ..self.decided(entries) }
            }
            Err(error) => panic!("the decision cannot be written: {error}"),
        }
    }

    fn decided(self, entries: Vec<ProcessEntry<P::Event>>) -> ThenDecided<P> {
        ThenDecided { given: self, entries, withdrawn: Vec::new() }
    }
}

impl<S: Saga> GivenProcess<SagaRun<S>> {
    /// An operator turns the saga back: as [`Processes::turn_back`](crate::Processes::turn_back).
    ///
    /// # Panics
    ///
    /// When it has no way back.
    #[track_caller]
    pub fn when_turned_back(self, reason: &str) -> ThenDecided<SagaRun<S>> {
        let decide = SagaRun::turn_back_by_operator;
        self.meet(Met::TurningBack { reason: reason.to_owned(), decide })
    }
}

#[track_caller]
fn commit<E: Event>(category: &str, id: &str, events: &[E], number: u64, now: Timestamp) -> Commit {
    let encoded = match EncodedEvents::encode(events, Codec::Json, Default::default(), 0) {
        Ok(encoded) => encoded,
        Err(error) => panic!("the event cannot be encoded: {error}"),
    };
    let stream = match StreamId::new(category, id) {
        Ok(stream) => stream,
        Err(error) => panic!("{error}"),
    };
    let commit_id = CommitId::derive(&stream, &number.to_string());
    let new = NewCommit::new(commit_id, now, EncodedMetadata::default(), encoded);
    new.place(stream, Version::new(number))
}

impl<P: ProcessManager> fmt::Debug for GivenProcess<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenProcess").field("name", &P::NAME).finish_non_exhaustive()
    }
}
