use std::fmt::Debug;
use std::time::Duration;

use crate::aggregate::Aggregate;
use crate::clock::{Clock as _, Timestamp};
use crate::codec::Codec;
use crate::encoded_events::EncodedEvents;
use crate::event::Event;

use super::VirtualClock;
use super::differences::{assert_same, written};

/// Given/when/then for an aggregate, without a store.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use es_core::testing::Given;
///
/// Given::<Account>::events([AccountEvent::Credited { amount: 5 }])
///     .when(AccountCommand::Debit(3))
///     .then_events([AccountEvent::Debited { amount: 3 }])
///     .then_state(|account| assert_eq!(account.balance, 2));
///
/// Given::<Account>::nothing().when(AccountCommand::Debit(3)).then_rejected(Overdrawn(0));
/// ```
///
/// Time comes to an aggregate with its commands. A scenario has a virtual clock for that:
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// # use std::time::Duration;
/// # use es_core::testing::Given;
/// Given::<Account>::nothing()
///     .at("2026-01-31T12:00:00Z")
///     .after(Duration::from_secs(7))
///     .when_at(|now| AccountCommand::Credit(now.as_second() as u64 % 60))
///     .then_events([AccountEvent::Credited { amount: 7 }]);
/// ```
#[must_use]
#[derive(Debug)]
pub struct Given<A: Aggregate> {
    state: A,
    clock: VirtualClock,
}

impl<A: Aggregate> Given<A> {
    /// An aggregate to which nothing has happened.
    pub fn nothing() -> Self {
        Self { state: A::default(), clock: VirtualClock::at("2026-01-01T00:00:00Z") }
    }

    /// An aggregate to which `events` have happened.
    #[track_caller]
    pub fn events(events: impl IntoIterator<Item = A::Event>) -> Self {
        Self::nothing().and(events)
    }

    /// More events that have happened.
    #[track_caller]
    pub fn and(mut self, events: impl IntoIterator<Item = A::Event>) -> Self {
        for event in stored_and_read(events.into_iter().collect::<Vec<_>>()) {
            self.state.apply(event);
        }
        self
    }

    /// A command that was carried out before.
    ///
    /// # Panics
    ///
    /// When it is rejected.
    #[track_caller]
    pub fn command(self, command: A::Command) -> Self {
        match self.state.handle(command) {
            Ok(events) => self.and(events),
            Err(rejection) => panic!("a given command was rejected: {rejection}"),
        }
    }

    /// Sets the virtual clock (RFC 3339).
    #[track_caller]
    pub fn at(mut self, time: &str) -> Self {
        self.clock = VirtualClock::at(time);
        self
    }

    /// Lets time pass on the virtual clock.
    pub fn after(self, duration: Duration) -> Self {
        self.clock.advance(duration);
        self
    }

    /// The command under test.
    pub fn when(self, command: A::Command) -> Then<A> {
        let outcome = self.state.handle(command);
        Then { state: self.state, outcome }
    }

    /// The command under test, made with the virtual clock's time.
    pub fn when_at(self, command: impl FnOnce(Timestamp) -> A::Command) -> Then<A> {
        let now = self.clock.now();
        self.when(command(now))
    }
}

/// Events as they come back from storage: what does not survive being stored shows in every test.
#[track_caller]
fn stored_and_read<E: Event>(events: Vec<E>) -> Vec<E> {
    let encoded = match EncodedEvents::encode(&events, Codec::Json, Default::default(), 0) {
        Ok(encoded) => encoded,
        Err(error) => panic!("{error}: {}", error.source),
    };
    if encoded.is_empty() {
        return events;
    }
    let open = match encoded.open() {
        Ok(open) => open,
        Err(error) => panic!("encoded events cannot be opened: {error}"),
    };
    open.iter()
        .map(|stored| match E::decode(stored) {
            Ok(event) => event,
            Err(error) => panic!("event {} does not read back: {error}", stored.name),
        })
        .collect()
}

/// What came of the command.
#[derive(Debug)]
pub struct Then<A: Aggregate> {
    state: A,
    outcome: Result<Vec<A::Event>, A::Error>,
}

impl<A: Aggregate> Then<A> {
    /// The command led to exactly these events, which is compared as they are stored: names,
    /// versions and payloads.
    ///
    /// # Panics
    ///
    /// When it led to others or was rejected.
    #[track_caller]
    pub fn then_events(self, expected: impl IntoIterator<Item = A::Event>) -> Self {
        let events = match &self.outcome {
            Ok(events) => events,
            Err(rejection) => panic!("the command was rejected: {rejection}"),
        };
        let expected: Vec<A::Event> = expected.into_iter().collect();
        assert_same("the command led to other events", &written(&expected), &written(events));
        self
    }

    /// There was nothing to do.
    ///
    /// # Panics
    ///
    /// When there were events or the command was rejected.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then_events([])
    }

    /// The domain rejected the command with `expected`.
    ///
    /// # Panics
    ///
    /// When it was carried out, or rejected with another error.
    #[track_caller]
    pub fn then_rejected(self, expected: A::Error)
    where
        A::Error: PartialEq + Debug,
    {
        match &self.outcome {
            Ok(events) => panic!("the command was carried out:\n\n{}", written(events)),
            Err(rejection) => assert_eq!(*rejection, expected, "rejected for another reason"),
        }
    }

    /// Looks at the state after the events.
    #[track_caller]
    pub fn then_state(mut self, look: impl FnOnce(&A)) {
        if let Ok(events) = std::mem::replace(&mut self.outcome, Ok(Vec::new())) {
            for event in stored_and_read(events) {
                self.state.apply(event);
            }
        }
        look(&self.state);
    }
}
