use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;

use crate::aggregate::Aggregate;
use crate::clock::Clock as _;
use crate::codec::Codec;
use crate::commit::{Commit, CommitId, NewCommit};
use crate::encoded_events::EncodedEvents;
use crate::error::BoxError;
use crate::event::Event;
use crate::event_store::{EventStore as _, Expected};
use crate::memory::MemoryStore;
use crate::metadata::Metadata;
use crate::policy::Policy;
use crate::projector::Projector;
use crate::repository::Repository;
use crate::stream_id::StreamId;

use super::differences::chain;
use super::{GivenReaction, SeededEntropy, ThenViews, VirtualClock};

/// A log with a history: where scenarios of projectors and policies begin.
///
/// Events are appended to a [`MemoryStore`] in the order in which they are given, whatever streams,
/// categories and event types they are of. Each call makes one commit, stamped by a virtual clock.
///
/// # Projectors
///
/// The view is built by a [`Projection`](crate::Projection), so what a scenario sees is what users
/// will see: events are encoded, stored and decoded, older versions through their upcasters, and
/// documents are written and read back.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
/// # }
/// # use doc::*;
/// use es_core::testing::GivenEvents;
///
/// GivenEvents::of("account", "a-1", [AccountEvent::Credited { amount: 5 }])
///     .and("account", "a-2", [AccountEvent::Credited { amount: 1 }])
///     .and("account", "a-1", [AccountEvent::Debited { amount: 3 }])
///     .project_with(Statements)
///     .then_view("a-1", Statement { balance: 2, movements: 2 })
///     .then_view("a-2", Statement { balance: 1, movements: 1 })
///     .then_no_view("a-3");
/// ```
///
/// # Policies
///
/// A policy executes its commands on repositories of the same log, and a scenario looks at the
/// commits that it caused: see [`GivenReaction`].
#[must_use]
#[derive(Debug)]
pub struct GivenEvents {
    store: MemoryStore,
    clock: Arc<VirtualClock>,
    entropy: Arc<SeededEntropy>,
    metadata: Metadata,
}

impl GivenEvents {
    /// An empty log, on 1 January 2026.
    pub fn nothing() -> Self {
        Self {
            store: MemoryStore::new(),
            clock: Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z")),
            entropy: Arc::new(SeededEntropy::new(0)),
            metadata: Metadata::new(),
        }
    }

    /// A log with one commit of `events` to the aggregate `id` in `category`.
    ///
    /// # Panics
    ///
    /// As [`and`](Self::and).
    #[track_caller]
    pub fn of<E: Event>(category: &str, id: &str, events: impl IntoIterator<Item = E>) -> Self {
        Self::nothing().and(category, id, events)
    }

    /// One more commit.
    ///
    /// # Panics
    ///
    /// When category or id are not valid, or an event cannot be encoded.
    #[track_caller]
    pub fn and<E: Event>(
        self,
        category: &str,
        id: &str,
        events: impl IntoIterator<Item = E>,
    ) -> Self {
        self.append(category, id, events);
        self
    }

    /// One more commit, of one event as another version of the program wrote it: its stored name and
    /// schema version, and its payload as JSON.
    ///
    /// ```
    /// # mod doc {
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
    /// # }
    /// # use doc::*;
    /// # use es_core::testing::GivenEvents;
    /// GivenEvents::nothing()
    ///     .and_stored("account", "a-1", "Account:Credited", 1, r#"{"amount":5}"#)
    ///     .project_with(Statements)
    ///     .then_view("a-1", Statement { balance: 5, movements: 1 });
    /// ```
    ///
    /// # Panics
    ///
    /// When category or id are not valid, or the name is not one that can be stored.
    #[track_caller]
    pub fn and_stored(
        self,
        category: &str,
        id: &str,
        name: &str,
        schema_version: u32,
        payload: &str,
    ) -> Self {
        let manifest = format!("{name} {schema_version} {}", payload.len());
        let payloads = Bytes::copy_from_slice(payload.as_bytes());
        match EncodedEvents::from_stored(Default::default(), manifest.into(), payloads) {
            Ok(events) => drop(self.append_encoded(category, id, events)),
            Err(error) => panic!("{name:?} cannot be a stored event: {error}"),
        }
        self
    }

    /// Sets the clock (RFC 3339) that stamps the commits after it.
    ///
    /// # Panics
    ///
    /// When `time` is not a time.
    #[track_caller]
    pub fn at(self, time: &str) -> Self {
        self.clock.set(VirtualClock::parse(time));
        self
    }

    /// Lets time pass before the next commit.
    pub fn after(self, duration: Duration) -> Self {
        self.clock.advance(duration);
        self
    }

    /// Gives the commits after it this metadata.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// A repository on the log, with the scenario's clock and ids: what a policy executes its
    /// commands with. Waits between attempts take no time.
    pub fn repository<A: Aggregate>(&self) -> Repository<A> {
        Repository::new(Arc::new(self.store.clone()))
            .with_clock(self.clock.clone())
            .with_entropy(self.entropy.clone())
    }

    /// The log, as for a repository with other options. It also keeps snapshots, views and
    /// checkpoints.
    pub fn store(&self) -> Arc<MemoryStore> {
        Arc::new(self.store.clone())
    }

    /// The clock that stamps the commits.
    pub fn clock(&self) -> Arc<VirtualClock> {
        self.clock.clone()
    }

    /// The projector under test, after all events.
    ///
    /// # Panics
    ///
    /// When its name is not valid, or when the documents depend on how commits are taken together:
    /// a document then loses something when it is stored and read back.
    #[track_caller]
    pub fn project_with<P: Projector>(self, projector: P) -> ThenViews<P> {
        ThenViews::project(self.store, projector)
    }

    /// The policy under test, made with what the scenario has. The events so far are history: it has
    /// dealt with them before.
    pub fn react_with<P: Policy>(self, policy: impl FnOnce(&Self) -> P) -> GivenReaction<P> {
        let policy = policy(&self);
        GivenReaction::new(self, policy)
    }

    /// Appends one commit of `events`.
    #[track_caller]
    pub(super) fn append<E: Event>(
        &self,
        category: &str,
        id: &str,
        events: impl IntoIterator<Item = E>,
    ) -> Commit {
        let events: Vec<E> = events.into_iter().collect();
        assert!(!events.is_empty(), "a commit to {category}:{id} has at least one event");
        match EncodedEvents::encode(&events, Codec::Json, Default::default(), 0) {
            Ok(events) => self.append_encoded(category, id, events),
            Err(error) => panic!("{}", chain(&error)),
        }
    }

    #[track_caller]
    fn append_encoded(&self, category: &str, id: &str, events: EncodedEvents) -> Commit {
        match self.try_append(category, id, events) {
            Ok(commit) => commit,
            Err(error) => panic!("the events of {category}:{id} cannot be given: {error}"),
        }
    }

    fn try_append(
        &self,
        category: &str,
        id: &str,
        events: EncodedEvents,
    ) -> Result<Commit, BoxError> {
        let stream = StreamId::new(category, id)?;
        let now = self.clock.now();
        let commit_id = CommitId::generate(now, &*self.entropy);
        let commit = NewCommit::new(commit_id, now, self.metadata.encode()?, events);
        let append = self.store.append(&stream, Expected::Any, commit).now_or_never();
        let appended = append.ok_or("the store in memory made somebody wait")??;
        Ok(appended.commit)
    }
}
