//! Views of the same type of events.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::ConsumerId;
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event, Recorded, UnknownEvents};
use crate::telemetry;
use crate::version::Version;
use crate::view_store::{ViewChange, check_view_key};

use super::EventsOf;

/// Decodes the events of a page, anywhere.
pub(super) type Decoder = Arc<dyn Fn(&[Commit]) -> Decoded + Send + Sync>;

/// A page as a [`Decoder`] gives it.
pub(super) struct Decoded {
    /// A [`DecodedPage`] of the group's type of events. `None` when something in it cannot be decoded, or has a key
    /// that no document may have.
    page: Option<Box<dyn Any + Send + Sync>>,
}

impl Decoded {
    pub(super) fn is_whole(&self) -> bool {
        self.page.is_some()
    }
}

/// An event could not be taken into a document. Of the page in which it is, documents have a part now.
#[derive(Debug)]
pub(super) struct Refused;

/// Views whose events are decoded once.
#[async_trait]
pub(super) trait Group: Send {
    fn has(&self, events: EventsOf) -> bool;

    /// Adds a view, a `Box<dyn FoldOf<E>>`, and gives its number in the group.
    fn add(&mut self, fold: Box<dyn Any + Send>) -> usize;

    fn decoder(&self) -> Decoder;

    /// Gets the documents which a page touches from the store, where they are not in memory.
    async fn load(&mut self, decoded: &Decoded) -> Result<()>;

    /// Takes the events of the accepted commits into the documents. `accepted` has for each view of the group
    /// whether a commit is to have its effect.
    fn fold(
        &mut self,
        commits: &[Commit],
        decoded: Decoded,
        accepted: &[&[bool]],
    ) -> Result<(), Refused>;

    fn view(&mut self, number: usize) -> &mut dyn InView;
}

/// The documents of one view.
#[async_trait]
pub(super) trait InView: Send {
    /// Gets those from the store that are not in memory.
    async fn load(&mut self, keys: &[String]) -> Result<()>;

    /// How many there are.
    fn count(&self) -> usize;

    /// About how many bytes they take.
    fn bytes(&self) -> usize;

    /// Looks how many bytes they take.
    fn measure(&mut self);

    /// Takes all out of memory, as changes of the view. `None` when one cannot be written.
    async fn take(&mut self) -> Option<Vec<ViewChange>>;

    /// Forgets all.
    fn clear(&mut self);
}

/// The documents of one view that is made of events `E`.
pub(super) trait FoldOf<E: Event>: InView {
    fn keys_of(&self) -> Arc<dyn KeysOf<E>>;

    /// Takes an event of so many bytes into the document under `key`.
    fn fold(&mut self, key: String, event: &Recorded<'_, E>, bytes: usize) -> Result<(), Refused>;
}

/// Says which documents an event touches.
pub(super) trait KeysOf<E: Event>: Send + Sync {
    fn keys(&self, event: &Recorded<'_, E>, keys: &mut Vec<String>);
}

pub(super) struct EventGroup<E: Event> {
    events: EventsOf,
    /// The first view's.
    consumer: ConsumerId,
    views: Vec<Box<dyn FoldOf<E>>>,
}

impl<E: Event> EventGroup<E> {
    pub(super) fn new(events: EventsOf, consumer: ConsumerId) -> Self {
        Self { events, consumer, views: Vec::new() }
    }
}

struct DecodedPage<E> {
    events: Vec<DecodedEvent<E>>,
    /// The places of the commits that have an event whose name is unknown, once for each such event.
    skipped: Vec<usize>,
    /// By view.
    keys: Vec<Keys>,
}

struct DecodedEvent<E> {
    /// The place of its commit in the page.
    commit: usize,
    version: Version,
    event: E,
}

/// The keys of all events of a page, one event's after the other's.
struct Keys {
    keys: Vec<String>,
    /// How many each event has.
    counts: Vec<usize>,
}

impl Keys {
    /// With room for a key of each of so many events: most have one.
    fn with_room(events: usize) -> Self {
        Self { keys: Vec::with_capacity(events), counts: Vec::with_capacity(events) }
    }
}

#[async_trait]
impl<E: Event> Group for EventGroup<E> {
    fn has(&self, events: EventsOf) -> bool {
        // What is left out is counted by consumer.
        self.events == events && events.unknown == UnknownEvents::Fail
    }

    fn add(&mut self, fold: Box<dyn Any + Send>) -> usize {
        if let Ok(fold) = fold.downcast::<Box<dyn FoldOf<E>>>() {
            self.views.push(*fold);
        }
        self.views.len() - 1
    }

    fn decoder(&self) -> Decoder {
        let events = self.events;
        let keys_of: Vec<_> = self.views.iter().map(|view| view.keys_of()).collect();
        Arc::new(move |commits| {
            let decode = AssertUnwindSafe(|| decode::<E>(commits, events, &keys_of));
            let page = catch_unwind(decode).ok().and_then(Result::ok);
            Decoded { page: page.map(|page| Box::new(page) as Box<dyn Any + Send + Sync>) }
        })
    }

    async fn load(&mut self, decoded: &Decoded) -> Result<()> {
        let page = decoded.page.as_ref().and_then(|page| page.downcast_ref::<DecodedPage<E>>());
        let Some(page) = page else { return Ok(()) };
        for (view, keys) in self.views.iter_mut().zip(&page.keys) {
            view.load(&keys.keys).await?;
        }
        Ok(())
    }

    fn fold(
        &mut self,
        commits: &[Commit],
        decoded: Decoded,
        accepted: &[&[bool]],
    ) -> Result<(), Refused> {
        let page = decoded.page.ok_or(Refused)?;
        let DecodedPage { events, skipped, keys } =
            *page.downcast::<DecodedPage<E>>().map_err(|_| Refused)?;
        let mut keys: Vec<_> =
            keys.into_iter().map(|keys| (keys.keys.into_iter(), keys.counts)).collect();
        for (number, DecodedEvent { commit: at, version, event }) in events.into_iter().enumerate()
        {
            let commit = &commits[at];
            let bytes = commit.events().stored_len() / commit.events().len().max(1);
            let event = Recorded::new(event, commit, version);
            let views = self.views.iter_mut().zip(&mut keys).zip(accepted);
            for ((view, (keys, counts)), accepted) in views {
                for key in keys.by_ref().take(counts[number]) {
                    if accepted[at] {
                        view.fold(key, &event, bytes)?;
                    }
                }
            }
        }
        // Counted here, as pages that were read ahead may be decoded again.
        let is_accepted = |at: &&usize| accepted.iter().any(|accepted| accepted[**at]);
        let skipped = skipped.iter().filter(is_accepted).count() as u64;
        if skipped > 0 {
            metrics::counter!(telemetry::EVENTS_SKIPPED, "consumer" => self.consumer.to_string())
                .increment(skipped);
        }
        Ok(())
    }

    fn view(&mut self, number: usize) -> &mut dyn InView {
        &mut *self.views[number]
    }
}

fn decode<E: Event>(
    commits: &[Commit],
    of: EventsOf,
    keys_of: &[Arc<dyn KeysOf<E>>],
) -> Result<DecodedPage<E>> {
    let mut events = Vec::with_capacity(commits.len());
    let mut skipped = Vec::new();
    let mut keys: Vec<Keys> = keys_of.iter().map(|_| Keys::with_room(commits.len())).collect();
    let mut of_event = Vec::new();
    for (at, commit) in commits.iter().enumerate() {
        if !of.categories.contains(&commit.stream().category()) {
            continue;
        }
        commit.for_each_event::<E>(|version, event| {
            let event = match event {
                Ok(event) => Recorded::new(event, commit, version),
                Err(Error::Decode { source: DecodeError::UnknownName, .. })
                    if of.unknown == UnknownEvents::Skip =>
                {
                    skipped.push(at);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            for (keys_of, keys) in keys_of.iter().zip(&mut keys) {
                keys_of.keys(&event, &mut of_event);
                for key in &of_event {
                    check_view_key(key)?;
                }
                keys.counts.push(of_event.len());
                keys.keys.append(&mut of_event);
            }
            events.push(DecodedEvent { commit: at, version, event: event.event });
            Ok(())
        })?;
    }
    Ok(DecodedPage { events, skipped, keys })
}
