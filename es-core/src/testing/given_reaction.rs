use std::fmt;
use std::future::Future;
use std::panic::Location;

use crate::checkpoint_store::Position;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, Recorded, UnknownEvents};
use crate::feed::Feed as _;
use crate::policy::{Policy, Reaction, ReactionError};

use super::GivenEvents;
use super::differences::{assert_same, chain, stored, written};

/// Given/when/then for a [`Policy`]: what it does to the log when an event comes.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use async_trait::async_trait;
/// use es_core::testing::GivenEvents;
/// use es_core::{Policy, Reaction, ReactionError, Recorded, Repository};
///
/// /// Whatever an account gets, a tenth of it goes into the savings.
/// struct Saving(Repository<Account>);
///
/// #[async_trait]
/// impl Policy for Saving {
///     const NAME: &'static str = "saving";
///     const CATEGORIES: &'static [&'static str] = &["account"];
///     type Event = AccountEvent;
///
///     async fn react(
///         &self,
///         event: &Recorded<'_, AccountEvent>,
///         reaction: &Reaction,
///     ) -> Result<(), ReactionError> {
///         let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
///         let (debit, credit) =
///             (AccountCommand::Debit(amount / 10), AccountCommand::Credit(amount / 10));
///         self.0.execute_with(event.aggregate_id(), debit, reaction.options(0)?).await?;
///         self.0.execute_with("savings", credit, reaction.options(1)?).await?;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// GivenEvents::of("account", "savings", [AccountEvent::Credited { amount: 100 }])
///     .react_with(|given| Saving(given.repository()))
///     .when("account", "a-1", [AccountEvent::Credited { amount: 50 }])
///     .await
///     .then_caused("account", "a-1", [AccountEvent::Debited { amount: 5 }])
///     .then_caused("account", "savings", [AccountEvent::Credited { amount: 5 }])
///     .then_nothing_else()
///     .then_redelivery_changes_nothing()
///     .await;
/// # }
/// ```
///
/// Only the commit of [`when`](Self::when) is delivered. Commits that the policy causes in categories
/// that it follows itself are not: their deliveries are scenarios of their own.
#[must_use]
pub struct GivenReaction<P> {
    given: GivenEvents,
    policy: P,
}

impl<P: Policy> GivenReaction<P> {
    pub(super) fn new(given: GivenEvents, policy: P) -> Self {
        Self { given, policy }
    }

    /// Appends one commit of `events` and delivers it to the policy, event by event, until one is
    /// met with an error.
    ///
    /// # Panics
    ///
    /// When the policy does not follow the category, and as [`GivenEvents::and`].
    #[track_caller]
    pub fn when<E: Event>(
        self,
        category: &str,
        id: &str,
        events: impl IntoIterator<Item = E>,
    ) -> impl Future<Output = ThenReacted<P>> {
        assert!(
            P::CATEGORIES.contains(&category),
            "the policy {} does not follow the category {category:?}, only {:?}",
            P::NAME,
            P::CATEGORIES
        );
        let cause = self.given.append(category, id, events);
        self.deliver(cause)
    }

    async fn deliver(self, cause: Commit) -> ThenReacted<P> {
        let Self { given, policy } = self;
        let before = log(&given).await.len();
        let outcome = react(&policy, &cause).await;
        let caused = log(&given).await.split_off(before);
        ThenReacted {
            given,
            policy,
            cause,
            failure: outcome.err(),
            unclaimed: caused.clone(),
            caused,
        }
    }
}

/// What a policy did when an event came.
pub struct ThenReacted<P> {
    given: GivenEvents,
    policy: P,
    cause: Commit,
    /// The error that has not been asked for yet.
    failure: Option<ReactionError>,
    caused: Vec<Commit>,
    /// The commits that have not been asked for yet.
    unclaimed: Vec<Commit>,
}

impl<P: Policy> ThenReacted<P> {
    /// It caused a commit of exactly these events to the aggregate `id` in `category`. Several
    /// commits to one aggregate are asked for in their order.
    ///
    /// # Panics
    ///
    /// When it caused none, or one of other events, or met the event with an error.
    #[track_caller]
    pub fn then_caused<E: Event>(
        mut self,
        category: &str,
        id: &str,
        events: impl IntoIterator<Item = E>,
    ) -> Self {
        self.assert_succeeded();
        let expected = written(&events.into_iter().collect::<Vec<_>>());
        let of_stream =
            |commit: &Commit| (commit.stream().category(), commit.stream().id()) == (category, id);
        let Some(index) = self.unclaimed.iter().position(of_stream) else {
            panic!(
                "nothing (more) was caused in {category}:{id}, where this was expected:\n\n\
                 {expected}\n{}",
                listed("caused and not asked for", &self.unclaimed)
            );
        };
        let commit = self.unclaimed.remove(index);
        let message = format!("something else was caused in {category}:{id}");
        assert_same(&message, &expected, &stored(commit.events()));
        self
    }

    /// It caused no other commits than those that were asked for before.
    ///
    /// # Panics
    ///
    /// When it did, or met the event with an error.
    #[track_caller]
    pub fn then_nothing_else(self) -> Self {
        self.assert_succeeded();
        let unclaimed = &self.unclaimed;
        assert!(unclaimed.is_empty(), "there is more:\n\n{}", listed("caused", unclaimed));
        self
    }

    /// It caused nothing.
    ///
    /// # Panics
    ///
    /// As [`then_nothing_else`](Self::then_nothing_else).
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then_nothing_else()
    }

    /// It met an event with an error for which trying again can help, and whose message, with its
    /// causes, contains `expected`.
    ///
    /// # Panics
    ///
    /// When it did not, or with another error.
    #[track_caller]
    pub fn then_transient_error(self, expected: &str) -> Self {
        self.then_failure(true, expected)
    }

    /// It met an event with an error for which trying again does not help, and whose message, with
    /// its causes, contains `expected`: the policy would stop.
    ///
    /// # Panics
    ///
    /// When it did not, or with another error.
    #[track_caller]
    pub fn then_permanent_error(self, expected: &str) -> Self {
        self.then_failure(false, expected)
    }

    #[track_caller]
    fn then_failure(mut self, transient: bool, expected: &str) -> Self {
        let kind = |transient| if transient { "transient" } else { "permanent" };
        let Some(failure) = self.failure.take() else {
            panic!("there was no error; {}", listed("caused", &self.caused));
        };
        let (actual, text) = (failure.is_transient(), chain(&failure));
        assert!(
            actual == transient && text.contains(expected),
            "a {} error that says {expected:?} was expected, there was a {} one: {text}",
            kind(transient),
            kind(actual)
        );
        self
    }

    /// The same commit, delivered once more as after a crash, causes nothing new, and what succeeded
    /// succeeds again.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[track_caller]
    pub fn then_redelivery_changes_nothing(self) -> impl Future<Output = Self> {
        let place = Location::caller();
        async move {
            let before = log(&self.given).await.len();
            let outcome = react(&self.policy, &self.cause).await;
            let new = log(&self.given).await.split_off(before);
            assert!(
                new.is_empty(),
                "{place}: a second delivery of the same commit has effects of its own. Are all \
                 commands executed with the options of the reaction, each with a number of its \
                 own that is the same each time?\n\n{}",
                listed("caused by the second delivery", &new)
            );
            if let (None, Err(error)) = (&self.failure, outcome) {
                panic!("{place}: the second delivery of the same commit failed: {}", chain(&error));
            }
            self
        }
    }

    /// The commits that it caused, in order, to be looked at.
    pub fn caused(&self) -> &[Commit] {
        &self.caused
    }

    /// What the scenario began with, as to load an aggregate.
    pub fn given(&self) -> &GivenEvents {
        &self.given
    }

    #[track_caller]
    fn assert_succeeded(&self) {
        if let Some(failure) = &self.failure {
            panic!("the policy met the event with an error: {}", chain(failure));
        }
    }
}

/// Delivers as a reactor does.
async fn react<P: Policy>(policy: &P, commit: &Commit) -> Result<(), ReactionError> {
    for event in events_of(policy, commit)? {
        let reaction = Reaction::new(P::NAME, commit.clone(), event.version());
        policy.react(&event, &reaction).await?;
    }
    Ok(())
}

fn events_of<'a, P: Policy>(policy: &P, commit: &'a Commit) -> Result<Vec<Recorded<'a, P::Event>>> {
    let unknown = policy.unknown_events();
    let mut events = Vec::new();
    commit.for_each_event(|version, event| {
        match event {
            Ok(event) => events.push(Recorded::new(event, commit, version)),
            Err(Error::Decode { source: DecodeError::UnknownName, .. })
                if unknown == UnknownEvents::Skip => {}
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    Ok(events)
}

/// Everything that is in the log.
async fn log(given: &GivenEvents) -> Vec<Commit> {
    let store = given.store();
    let mut commits = Vec::new();
    let read = async {
        for partition in store.partitions().await? {
            let mut after = Position::default().checkpoint;
            loop {
                let page = store.read(&partition.id, &after, usize::MAX).await?;
                if page.commits.is_empty() {
                    break;
                }
                commits.extend(page.commits);
                after = page.checkpoint;
            }
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = read.await {
        panic!("the log in memory cannot be read: {error}");
    }
    commits
}

fn listed(what: &str, commits: &[Commit]) -> String {
    if commits.is_empty() {
        return format!("nothing was {what}\n");
    }
    let commits: String = commits
        .iter()
        .map(|commit| format!("{}\n{}\n", commit.stream(), stored(commit.events())))
        .collect();
    format!("{what}:\n\n{commits}")
}

impl<P: Policy> fmt::Debug for GivenReaction<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenReaction").field("policy", &P::NAME).finish_non_exhaustive()
    }
}

impl<P: Policy> fmt::Debug for ThenReacted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThenReacted")
            .field("policy", &P::NAME)
            .field("failure", &self.failure)
            .field("caused", &self.caused.len())
            .finish_non_exhaustive()
    }
}
