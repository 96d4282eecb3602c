use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::{Clock as _, Timestamp};
use crate::codec::Codec;
use crate::commit::{Commit, CommitId, NewCommit};
use crate::encoded_events::EncodedEvents;
use crate::event::{Event, Recorded};
use crate::metadata::EncodedMetadata;
use crate::process_manager::rehearsal::{Met, Rehearsal};
use crate::process_manager::{
    Correlation, DispatchError, ProcessEntry, ProcessManager, ProcessRecord,
};
use crate::stream_id::StreamId;
use crate::version::Version;

use super::VirtualClock;
use super::differences::{assert_same, indented, written};

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
    rehearsal: Rehearsal<P>,
    id: Option<String>,
    clock: VirtualClock,
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

    /// The last command of this name, which was to be [confirmed](crate::Decision::confirmed_command), succeeds.
    ///
    /// # Panics
    ///
    /// When no such command waits.
    #[track_caller]
    pub fn when_succeeded(self, command: &str) -> ThenDecided<P> {
        self.settle(command, Ok(()))
    }

    /// The last command of this name is rejected by the domain.
    ///
    /// # Panics
    ///
    /// When no such command waits.
    #[track_caller]
    pub fn when_rejected(
        self,
        command: &str,
        rejection: impl Into<crate::error::BoxError>,
    ) -> ThenDecided<P> {
        self.settle(command, Err(DispatchError::rejected(rejection)))
    }

    /// The last command of this name fails.
    ///
    /// # Panics
    ///
    /// When no such command waits.
    #[track_caller]
    pub fn when_failed(self, command: &str, error: DispatchError) -> ThenDecided<P> {
        self.settle(command, Err(error))
    }

    #[track_caller]
    fn settle(self, name: &str, result: Result<(), DispatchError>) -> ThenDecided<P> {
        let Some((of, attempt, text)) = self.rehearsal.waiting(name) else {
            panic!("no command {name:?} waits for its outcome");
        };
        let command = match text.decode() {
            Ok(command) => Arc::new(command),
            Err(error) => panic!("the command {name} cannot be read back: {error}"),
        };
        self.meet(Met::Outcome { of, attempt, command, result: result.map_err(Arc::new) })
    }

    #[track_caller]
    fn meet(mut self, met: Met<P>) -> ThenDecided<P> {
        let id = self.id.clone().unwrap_or_else(|| "p-1".to_owned());
        match self.rehearsal.meet(&id, met, self.clock.now()) {
            Ok(entries) => self.decided(entries),
            Err(error) => panic!("the decision cannot be written: {error}"),
        }
    }

    fn decided(self, entries: Vec<ProcessEntry<P::Event>>) -> ThenDecided<P> {
        ThenDecided { given: self, entries }
    }
}

/// What a process manager decided.
pub struct ThenDecided<P: ProcessManager> {
    given: GivenProcess<P>,
    entries: Vec<ProcessEntry<P::Event>>,
}

impl<P: ProcessManager> ThenDecided<P> {
    /// It decided on exactly these facts.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn then_facts(self, expected: impl IntoIterator<Item = P::Event>) -> Self {
        let expected: Vec<_> = expected.into_iter().collect();
        let facts = self.entries.iter().filter_map(|entry| match entry {
            ProcessEntry::Fact(fact) => Some(fact),
            ProcessEntry::Record(_) => None,
        });
        let actual: String = facts.map(|fact| written(std::slice::from_ref(fact))).collect();
        let expected: String = expected.chunks(1).map(written).collect();
        assert_same("other facts were decided on", &expected, &actual);
        self
    }

    /// It issued exactly these commands.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn then_commands(self, expected: impl IntoIterator<Item = P::Command>) -> Self {
        let text = |command: P::Command| match serde_json::to_string(&command) {
            Ok(json) => indented(&json) + "\n",
            Err(error) => panic!("the expected command cannot be written: {error}"),
        };
        let expected: String = expected.into_iter().map(text).collect();
        let actual: String = self.issued().map(|(_, json)| indented(json) + "\n").collect();
        assert_same("other commands were issued", &expected, &actual);
        self
    }

    /// It issued exactly commands of these names.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn then_commands_named<'a>(self, expected: impl IntoIterator<Item = &'a str>) -> Self {
        let actual: Vec<_> = self.issued().map(|(name, _)| name).collect();
        assert_eq!(actual, Vec::from_iter(expected), "other commands were issued");
        self
    }

    /// It set the deadline of this name, so long after now.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn then_deadline(self, name: &str, after: Duration) -> Self {
        let set = self.records().find_map(|record| match record {
            ProcessRecord::DeadlineSet { deadline, due, .. } if deadline == name => Some(*due),
            _ => None,
        });
        let Some(due) = set else { panic!("the deadline {name:?} was not set") };
        let actual = due.duration_since(self.given.clock.now());
        let expected = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
        assert_eq!(actual, expected, "the deadline {name:?} was set for another time");
        self
    }

    /// It cancelled the deadline of this name.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn then_cancelled(self, name: &str) -> Self {
        let cancelled = self.records().any(|record| {
            matches!(record, ProcessRecord::DeadlineCancelled { deadline, .. } if deadline == name)
        });
        assert!(cancelled, "the deadline {name:?} was not cancelled");
        self
    }

    /// It is complete, with this outcome.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[track_caller]
    pub fn then_completed(self, outcome: &str) -> Self {
        assert_eq!(self.given.rehearsal.process().outcome(), Some(outcome));
        self
    }

    /// It ignored what it met: nothing was written.
    ///
    /// # Panics
    ///
    /// When something was.
    #[track_caller]
    pub fn then_ignored(self) -> Self {
        let told: Vec<_> = self
            .entries
            .iter()
            .map(|entry| match entry {
                ProcessEntry::Record(record) => record.to_string(),
                ProcessEntry::Fact(fact) => fact.name().to_owned(),
            })
            .collect();
        assert!(told.is_empty(), "it was not ignored: {told:#?}");
        self
    }

    /// Looks at the state.
    pub fn then_state(self, look: impl FnOnce(&P)) -> Self {
        look(self.given.rehearsal.process().state());
        self
    }

    /// Lets time pass.
    pub fn after(self, duration: Duration) -> GivenProcess<P> {
        self.given.after(duration)
    }

    /// Then an event comes: as [`GivenProcess::when_event`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_event<E: Event>(self, category: &str, aggregate: &str, event: E) -> Self {
        self.given.when_event(category, aggregate, event)
    }

    /// Then a deadline passes: as [`GivenProcess::when_deadline`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_deadline(self, name: &str) -> Self {
        self.given.when_deadline(name)
    }

    /// Then a command succeeds: as [`GivenProcess::when_succeeded`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_succeeded(self, command: &str) -> Self {
        self.given.when_succeeded(command)
    }

    /// Then a command is rejected: as [`GivenProcess::when_rejected`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_rejected(
        self,
        command: &str,
        rejection: impl Into<crate::error::BoxError>,
    ) -> Self {
        self.given.when_rejected(command, rejection)
    }

    /// Then a command fails: as [`GivenProcess::when_failed`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_failed(self, command: &str, error: DispatchError) -> Self {
        self.given.when_failed(command, error)
    }

    fn records(&self) -> impl Iterator<Item = &ProcessRecord> {
        self.entries.iter().filter_map(|entry| match entry {
            ProcessEntry::Record(record) => Some(record),
            ProcessEntry::Fact(_) => None,
        })
    }

    fn issued(&self) -> impl Iterator<Item = (&str, &str)> {
        self.records().filter_map(|record| match record {
            ProcessRecord::CommandIssued { name, command, .. } => {
                Some((name.as_str(), command.as_str()))
            }
            _ => None,
        })
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

impl<P: ProcessManager> fmt::Debug for ThenDecided<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThenDecided").field("name", &P::NAME).finish_non_exhaustive()
    }
}
