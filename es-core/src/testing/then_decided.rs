use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::Clock as _;
use crate::event::Event;
use crate::process_manager::{
    DispatchError, ProcessEntry, ProcessManager, ProcessRecord, ProcessStatus,
};
use crate::saga::{Saga, SagaRun};

use super::command_named::CommandNamed;
use super::differences::{assert_same, indented, written};
use super::given_process::GivenProcess;

/// What a process manager decided.
pub struct ThenDecided<P: ProcessManager> {
    pub(super) given: GivenProcess<P>,
    pub(super) entries: Vec<ProcessEntry<P::Event>>,
    /// The names of the commands that were withdrawn on it.
    pub(super) withdrawn: Vec<String>,
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

    /// It withdrew exactly the commands of these names, in the order in which they were issued: those that had no
    /// outcome, waited for another attempt, or were parked.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn then_withdrawn<'a>(self, expected: impl IntoIterator<Item = &'a str>) -> Self {
        assert_eq!(self.withdrawn, Vec::from_iter(expected), "other commands were withdrawn");
        self
    }

    /// Commands of exactly these names wait for an operator, in the order in which they were issued.
    ///
    /// # Panics
    ///
    /// When they do not.
    #[track_caller]
    pub fn then_parked<'a>(self, expected: impl IntoIterator<Item = &'a str>) -> Self {
        let parked = self.given.rehearsal.process().parked();
        let actual: Vec<_> = parked.iter().map(|parked| parked.name.as_str()).collect();
        assert_eq!(actual, Vec::from_iter(expected), "other commands are parked");
        self
    }

    /// It is there.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[track_caller]
    pub fn then_status(self, expected: ProcessStatus) -> Self {
        assert_eq!(self.given.rehearsal.process().status(), expected, "it is somewhere else");
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
    pub fn when_succeeded<'a>(self, command: impl Into<CommandNamed<'a>>) -> Self {
        self.given.when_succeeded(command)
    }

    /// Then a command is rejected: as [`GivenProcess::when_rejected`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_rejected<'a>(
        self,
        command: impl Into<CommandNamed<'a>>,
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
    pub fn when_failed<'a>(
        self,
        command: impl Into<CommandNamed<'a>>,
        error: DispatchError,
    ) -> Self {
        self.given.when_failed(command, error)
    }

    /// Then an operator gives up a command: as [`GivenProcess::when_dropped`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_dropped<'a>(self, command: impl Into<CommandNamed<'a>>) -> Self {
        self.given.when_dropped(command)
    }

    /// Then an operator has a command tried again: as [`GivenProcess::when_resumed`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_resumed<'a>(self, command: impl Into<CommandNamed<'a>>) -> Self {
        self.given.when_resumed(command)
    }

    /// Then an operator ends the process: as [`GivenProcess::when_cancelled`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_cancelled(self, reason: &str) -> Self {
        self.given.when_cancelled(reason)
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

impl<S: Saga> ThenDecided<SagaRun<S>> {
    /// Then an operator turns the saga back: as [`GivenProcess::when_turned_back`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn when_turned_back(self, reason: &str) -> Self {
        self.given.when_turned_back(reason)
    }
}

impl<P: ProcessManager> fmt::Debug for ThenDecided<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThenDecided").field("name", &P::NAME).finish_non_exhaustive()
    }
}
