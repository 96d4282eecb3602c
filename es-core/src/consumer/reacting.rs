use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};

use crate::checkpoint_store::{Adopted, Adoption, CheckpointStore, ConsumerId, Progress};
use crate::clock::within;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, Recorded, UnknownEvents};
use crate::event_store::EventStore;
use crate::feed::Feed;
use crate::policy::{Policy, Reaction, ReactionError};
use crate::stream_id::StreamId;
use crate::telemetry;

use super::Consumer;
use super::handler::{Batch, Failed, Handled, Handler, Rewindable, panicked};

/// A consumer that reacts with a [`Policy`].
pub type Reactor<P> = Consumer<Reacting<P>>;

/// The handler of a [`Reactor`].
pub struct Reacting<P> {
    policy: P,
    checkpoints: Arc<dyn CheckpointStore>,
    /// How long one reaction may take.
    time_limit: Duration,
}

impl<P: Policy> Consumer<Reacting<P>> {
    /// A reactor that follows `feed`, repairs gaps from `log`, and keeps its progress in
    /// `checkpoints`, under the policy's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the policy's name is not valid.
    pub fn new(
        policy: P,
        feed: Arc<dyn Feed>,
        log: Arc<dyn EventStore>,
        checkpoints: Arc<dyn CheckpointStore>,
    ) -> Result<Self> {
        /// What is saved at once is also what is done again after a crash.
        const BATCH_SIZE: usize = 20;
        let id = ConsumerId::new(P::NAME)?;
        let handler = Reacting { policy, checkpoints, time_limit: Duration::MAX };
        Ok(Self::with_handler(handler, id, feed, log, BATCH_SIZE))
    }

    /// A reactor on a store that is log, feed and checkpoints in one.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn on<S: EventStore + Feed + CheckpointStore>(policy: P, store: Arc<S>) -> Result<Self> {
        Self::new(policy, store.clone(), store.clone(), store)
    }

    /// Drops a reaction that has taken so long, at the `await` where it is: it has failed, and is tried again with
    /// backoff as after an error that trying again can help, for as long as it takes or
    /// [so often](Self::with_max_attempts). Nothing is left out: the event comes again, and later ones of its stream
    /// wait for it. Commands with the options of their [`Reaction`] have their effect once all the same.
    ///
    /// Without, a reaction may take any time, and what comes later in its partition of the feed waits. Choose it
    /// longer than the slowest reaction that may succeed, as that fails each time otherwise. A policy that blocks its
    /// thread is not at an `await`, and holds all up.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.handler.time_limit = limit;
        self
    }
}

impl<P: Policy> Reacting<P> {
    /// Reacts to commits of one stream, up to the first that fails.
    async fn react_in_order(&self, batch: &Batch<'_>, places: Vec<usize>) -> Option<Failed> {
        for at in places {
            if let Err(error) = self.react(&batch.commits[at], batch).await {
                return Some(Failed { at, error });
            }
        }
        None
    }

    async fn react(&self, commit: &Commit, batch: &Batch<'_>) -> Result<()> {
        let consumer = batch.consumer;
        let unknown = self.policy.unknown_events();
        for event in decoded::<P::Event>(commit, unknown, consumer)? {
            let reaction = Reaction::new(P::NAME, commit.clone(), event.version());
            let reacting = async { self.policy.react(&event, &reaction).await };
            // What is dropped as its time is over may panic as well.
            let reacting = within(batch.clock, self.time_limit, reacting);
            let reacted = match AssertUnwindSafe(reacting).catch_unwind().await {
                Ok(Some(reacted)) => reacted,
                Ok(None) => Err(self.time_is_over()),
                Err(panic) => Err(ReactionError::permanent(panicked(&*panic))),
            };
            reacted.map_err(|error| Error::Handler {
                consumer: consumer.to_string(),
                stream: event.stream().clone(),
                version: event.version(),
                transient: error.is_transient(),
                source: error.into_source(),
            })?;
        }
        Ok(())
    }

    fn time_is_over(&self) -> ReactionError {
        let (what, waited) = ("the end of the reaction".to_owned(), self.time_limit);
        ReactionError::transient(Error::DeadlineExceeded { what, waited })
    }
}

#[async_trait]
impl<P: Policy> Handler for Reacting<P> {
    type Effect = ();

    fn handles(&self, category: &str) -> bool {
        P::CATEGORIES.contains(&category)
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &*self.checkpoints
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// Several streams at a time, each in its order.
    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<()>> {
        let reacting =
            by_stream(batch.commits).into_iter().map(|places| self.react_in_order(batch, places));
        let reacting: Vec<_> = reacting.collect();
        let failed = futures::stream::iter(reacting)
            .buffer_unordered(batch.concurrency.max(1))
            .filter_map(std::future::ready)
            .collect()
            .await;
        Ok(Handled { effect: (), failed })
    }

    async fn save(&self, (): (), progress: Progress) -> Result<()> {
        self.checkpoints.save(progress).await
    }
}

/// The places of each stream's commits, streams in the order in which they come.
fn by_stream(commits: &[Commit]) -> Vec<Vec<usize>> {
    let mut places: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<&StreamId, usize> = HashMap::new();
    for (at, commit) in commits.iter().enumerate() {
        let stream = *known.entry(commit.stream()).or_insert_with(|| {
            places.push(Vec::new());
            places.len() - 1
        });
        places[stream].push(at);
    }
    places
}

/// Moves on without an effect: what sets a [`Rewindable`] handler without a view to another place.
pub struct Passing {
    handles: Box<dyn Fn(&str) -> bool + Send + Sync>,
    checkpoints: Arc<dyn CheckpointStore>,
}

impl Passing {
    /// Passes by the commits of those categories that `handles` says, and keeps its progress in
    /// `checkpoints`.
    pub fn new(
        handles: impl Fn(&str) -> bool + Send + Sync + 'static,
        checkpoints: Arc<dyn CheckpointStore>,
    ) -> Self {
        Self { handles: Box::new(handles), checkpoints }
    }

    /// Takes over what another one has come to, as [`Rewindable::adopt`]. Passing by, it has neither handled
    /// nor parked anything.
    ///
    /// # Errors
    ///
    /// As [`CheckpointStore::adopt`].
    pub async fn adopted(&self, adoption: &Adoption) -> Result<Adopted> {
        let adoption = Adoption { replaces_dead_letters: false, ..adoption.clone() };
        self.checkpoints.adopt(&adoption).await
    }
}

#[async_trait]
impl Handler for Passing {
    type Effect = ();

    fn handles(&self, category: &str) -> bool {
        (self.handles)(category)
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &*self.checkpoints
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    async fn handle(&self, _: &Batch<'_>) -> Result<Handled<()>> {
        Ok(Handled { effect: (), failed: Vec::new() })
    }

    async fn save(&self, (): (), progress: Progress) -> Result<()> {
        self.checkpoints.save(progress).await
    }
}

#[async_trait]
impl<P: Policy> Rewindable for Reacting<P> {
    type Beside = Passing;

    const HAS_VIEW: bool = false;

    fn beside(&self) -> Result<Passing> {
        let handles = |category: &str| P::CATEGORIES.contains(&category);
        Ok(Passing::new(handles, Arc::clone(&self.checkpoints)))
    }

    async fn start_over(&self, _: &Passing, consumer: &ConsumerId) -> Result<()> {
        self.checkpoints.reset(consumer).await
    }

    async fn adopt(&self, beside: &Passing, adoption: &Adoption) -> Result<Adopted> {
        beside.adopted(adoption).await
    }
}

/// The events of a commit, without those that the consumer chose to leave out. An upcaster that panics
/// concerns this commit alone.
pub(super) fn decoded<'a, E: Event>(
    commit: &'a Commit,
    unknown: UnknownEvents,
    consumer: &ConsumerId,
) -> Result<Vec<Recorded<'a, E>>> {
    let decode = AssertUnwindSafe(|| events_of(commit, unknown, consumer));
    std::panic::catch_unwind(decode).unwrap_or_else(|panic| {
        Err(Error::Handler {
            consumer: consumer.to_string(),
            stream: commit.stream().clone(),
            version: commit.first_version(),
            transient: false,
            source: panicked(&*panic),
        })
    })
}

fn events_of<'a, E: Event>(
    commit: &'a Commit,
    unknown: UnknownEvents,
    consumer: &ConsumerId,
) -> Result<Vec<Recorded<'a, E>>> {
    let mut events = Vec::with_capacity(commit.events().len());
    commit.for_each_event(|version, event| {
        match event {
            Ok(event) => events.push(Recorded::new(event, commit, version)),
            Err(Error::Decode { source: DecodeError::UnknownName, .. })
                if unknown == UnknownEvents::Skip =>
            {
                metrics::counter!(telemetry::EVENTS_SKIPPED, "consumer" => consumer.to_string())
                    .increment(1);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    Ok(events)
}

impl fmt::Debug for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passing").finish_non_exhaustive()
    }
}

impl<P: Policy> fmt::Debug for Reacting<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reacting").field("policy", &P::NAME).finish_non_exhaustive()
    }
}
