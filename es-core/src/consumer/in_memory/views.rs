//! The views that one pass builds: all of them are always at the same place.

use std::sync::Arc;

use tracing::Instrument as _;

use crate::checkpoint_store::{Advance, CheckpointStore, ConsumerId, Position, Progress, Revision};
use crate::clock::Clock;
use crate::error::Result;
use crate::feed::{Checkpoint, Feed, FeedPage, PartitionId};
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Version;
use crate::view_store::{ViewChange, ViewStore};

use super::super::catch_up::Tally;
use super::super::step::Step;
use super::InMemory;
use super::group::{Decoded, Decoder, Group};
use super::pass::Report;
use super::streams::{Accepted, Streams};

/// After so many bytes of events the memory of the documents is measured again, at the latest.
const MEASURED_AFTER: usize = 4 * 1024 * 1024;

/// How many documents and streams a view may have in memory. They are written in one transaction, and where a store has
/// one writer, nobody else writes meanwhile. A room of the default size is full long before. A tenth of these would end it
/// early: views of 50,000 streams that grow side by side took six times as long then.
const MOST_ROWS: usize = 500_000;

/// What a view is built from.
#[derive(Clone)]
pub(in super::super) struct BuiltFrom {
    pub(in super::super) feed: Arc<dyn Feed>,
    pub(in super::super) page_size: usize,
}

/// A view that is built.
pub(in super::super) struct Building {
    pub(in super::super) consumer: ConsumerId,
    pub(in super::super) from: BuiltFrom,
    pub(in super::super) clock: Arc<dyn Clock>,
    pub(in super::super) based_on: Vec<(PartitionId, Revision)>,
    /// How many bytes may be kept in memory before they are saved.
    pub(in super::super) memory: usize,
    pub(in super::super) views: Arc<dyn ViewStore>,
    pub(in super::super) in_memory: InMemory,
}

pub(super) struct Views {
    partition: PartitionId,
    views: Vec<View>,
    groups: Vec<Box<dyn Group>>,
    orders: Vec<Order>,
    /// Nothing was ever saved, so nothing has to be looked up.
    is_fresh: bool,
    /// The bytes of events since the documents were measured.
    unmeasured: usize,
    /// When these are so many, they are measured again.
    measured_after: usize,
}

struct View {
    consumer: ConsumerId,
    based_on: Vec<(PartitionId, Revision)>,
    memory: usize,
    views: Arc<dyn ViewStore>,
    /// Its group, and its number there.
    place: (usize, usize),
    /// The number of its order.
    order: usize,
    position: Position,
    /// The commits that had their effect in memory only.
    unsaved: u64,
}

/// The order within streams, for views of the same categories.
struct Order {
    categories: &'static [&'static str],
    streams: Streams,
}

/// What became of a page.
pub(super) enum Folded {
    Whole,
    /// Nothing was done.
    NotPlain,
    /// Something was done.
    Refused,
}

impl Views {
    pub(super) fn of(buildings: Vec<Building>, partition: PartitionId) -> Self {
        let (views, groups, orders) = (Vec::new(), Vec::new(), Vec::new());
        let (is_fresh, unmeasured, measured_after) = (false, 0, 0);
        let mut all =
            Self { partition, views, groups, orders, is_fresh, unmeasured, measured_after };
        buildings.into_iter().for_each(|building| all.add(building));
        all
    }

    fn add(&mut self, building: Building) {
        let Building { consumer, based_on, memory, views, in_memory, .. } = building;
        let InMemory { events, fold, new_group } = in_memory;
        let group = self.groups.iter().position(|group| group.has(events)).unwrap_or_else(|| {
            self.groups.push(new_group(events, consumer.clone()));
            self.groups.len() - 1
        });
        let place = (group, self.groups[group].add(fold));
        let categories = events.categories;
        let order = self.orders.iter().position(|order| order.categories == categories);
        let order = order.unwrap_or_else(|| {
            self.orders.push(Order { categories, streams: Streams::default() });
            self.orders.len() - 1
        });
        let (position, unsaved) = (Position::default(), 0);
        let view = View { consumer, based_on, memory, views, place, order, position, unsaved };
        self.views.push(view);
    }

    pub(super) fn partition(&self) -> &PartitionId {
        &self.partition
    }

    pub(super) fn decoders(&self) -> Vec<Decoder> {
        self.groups.iter().map(|group| group.decoder()).collect()
    }

    /// Looks where the views are, with nothing in memory. `None` when they are not at the same place, or have come to
    /// the end of the partition for good. `is_new` says that nothing was done since the places were cleared.
    pub(super) async fn begin(&mut self, is_new: bool) -> Result<Option<Checkpoint>> {
        self.orders.iter_mut().for_each(|order| drop(order.streams.take()));
        self.unmeasured = 0;
        for view in &mut self.views {
            self.groups[view.place.0].view(view.place.1).clear();
            view.unsaved = 0;
            let checkpoints: &dyn CheckpointStore = &*view.views;
            view.position = checkpoints.load(&view.consumer, &self.partition).await?;
        }
        let mut places = self.views.iter().map(|view| &view.position.checkpoint);
        let Some(first) = places.next() else { return Ok(None) };
        if first.is_end() || !places.all(|place| place == first) {
            return Ok(None);
        }
        self.is_fresh = is_new && first.is_start();
        Ok(Some(first.clone()))
    }

    /// Takes a page into the documents.
    pub(super) async fn fold(
        &mut self,
        page: &FeedPage,
        decoded: Vec<Decoded>,
        tallies: &mut [Tally],
        report: &mut Report<'_>,
    ) -> Result<Folded> {
        let commits = &page.commits;
        if !decoded.iter().all(Decoded::is_whole) {
            return Ok(Folded::NotPlain);
        }
        if !self.is_fresh {
            self.load(page, &decoded).await?;
        }
        let mut accepted: Vec<Accepted> = Vec::with_capacity(self.orders.len());
        for Order { categories, streams } in &mut self.orders {
            let Some(of_order) = streams.accept(commits, categories) else {
                let before = &mut self.orders[..accepted.len()];
                before.iter_mut().for_each(|order| order.streams.undo(commits));
                return Ok(Folded::NotPlain);
            };
            accepted.push(of_order);
        }
        for (number, (group, decoded)) in self.groups.iter_mut().zip(decoded).enumerate() {
            let of_group = self.views.iter().filter(|view| view.place.0 == number);
            let of_group: Vec<&[bool]> =
                of_group.map(|view| &*accepted[view.order].commits).collect();
            if group.fold(commits, decoded, &of_group).is_err() {
                return Ok(Folded::Refused);
            }
        }
        let bytes = commits.iter().map(|commit| commit.events().stored_len());
        self.unmeasured += bytes.sum::<usize>();
        for (number, (view, tally)) in self.views.iter_mut().zip(tallies).enumerate() {
            let Accepted { count, duplicates, .. } = accepted[view.order];
            view.unsaved += count;
            view.count_page(page, duplicates, &self.partition);
            let (passed, remaining) = (commits.len() as u64, page.remaining);
            let step = Step { applied: count, passed, remaining, ..Step::default() };
            report(number, tally, &step);
        }
        Ok(Folded::Whole)
    }

    /// Gets from the stores what a page touches and is not in memory.
    async fn load(&mut self, page: &FeedPage, decoded: &[Decoded]) -> Result<()> {
        for (number, Order { categories, streams }) in self.orders.iter_mut().enumerate() {
            let views = self.views.iter().filter(|view| view.order == number);
            let consumers = views.map(|view| {
                let checkpoints: &dyn CheckpointStore = &*view.views;
                (&view.consumer, checkpoints)
            });
            streams.load(&page.commits, categories, consumers).await?;
        }
        for (group, decoded) in self.groups.iter_mut().zip(decoded) {
            group.load(decoded).await?;
        }
        Ok(())
    }

    /// Whether one of them has no room for more.
    pub(super) fn is_full(&mut self) -> bool {
        let is_due = self.unmeasured >= self.measured_after || self.seems_full();
        if self.unmeasured > 0 && is_due {
            self.measure();
        }
        self.seems_full()
    }

    /// Measures the documents, and finds out how long they can be estimated from now on: until they may have taken a
    /// quarter of the room unnoticed.
    fn measure(&mut self) {
        let events = std::mem::take(&mut self.unmeasured).max(1);
        self.measured_after = MEASURED_AFTER;
        for view in &self.views {
            let documents = self.groups[view.place.0].view(view.place.1);
            let estimated = documents.bytes();
            documents.measure();
            let unnoticed = documents.bytes().saturating_sub(estimated);
            let by_byte_of_events = unnoticed.div_ceil(events).max(1);
            self.measured_after = self.measured_after.min(view.memory / 4 / by_byte_of_events);
        }
    }

    /// As far as the documents were measured.
    fn seems_full(&mut self) -> bool {
        let Self { views, groups, orders, .. } = self;
        views.iter().any(|view| {
            let documents = groups[view.place.0].view(view.place.1);
            let streams = &orders[view.order].streams;
            documents.bytes() + streams.bytes() > view.memory
                || documents.count() + streams.count() > MOST_ROWS
        })
    }

    /// Writes the documents of each view, with its progress up to a place, in one step for each. Returns whether all could
    /// be written as JSON: otherwise nothing is saved. Nothing is left in memory in any case. The tallies of the views
    /// that are saved become those in `saved`, also when others fail.
    pub(super) async fn save(
        &mut self,
        reached: &Checkpoint,
        tallies: &[Tally],
        saved: &mut [Tally],
    ) -> Result<bool> {
        let orders = self.orders.iter_mut().map(|order| order.streams.take());
        let streams: Vec<Vec<(StreamId, Version)>> = orders.collect();
        let mut changes = Vec::with_capacity(self.views.len());
        for view in &self.views {
            let Some(of_view) = self.groups[view.place.0].view(view.place.1).take().await else {
                return Ok(false);
            };
            changes.push(of_view);
        }
        self.is_fresh = false;
        let mut failed = None;
        // One after the other: where a store has one writer, others have their turn in between.
        for (number, (view, changes)) in self.views.iter_mut().zip(changes).enumerate() {
            let streams = &streams[view.order];
            match view.save(&self.partition, reached, changes, streams).await {
                Ok(()) => saved[number].clone_from(&tallies[number]),
                // What passes is tried again; views that are not saved by then go on together.
                Err(error) if error.is_transient() => return Err(failed.unwrap_or(error)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(true), Err)
    }
}

impl View {
    async fn save(
        &mut self,
        partition: &PartitionId,
        reached: &Checkpoint,
        changes: Vec<ViewChange>,
        streams: &[(StreamId, Version)],
    ) -> Result<()> {
        let (based_on, checkpoint) = (self.position.revision, reached.clone());
        let advance = Advance { partition: partition.clone(), based_on, checkpoint };
        let mut progress = Progress::new(self.consumer.clone(), Some(advance));
        progress.based_on.clone_from(&self.based_on);
        progress.streams = streams.to_vec();
        let span = tracing::debug_span!("projection.batch", consumer = %self.consumer,
            commits = self.unsaved);
        self.views.write(changes, progress).instrument(span).await?;
        self.position = Position { checkpoint: reached.clone(), revision: based_on.next() };
        metrics::counter!(telemetry::COMMITS_CONSUMED, "consumer" => self.consumer.to_string())
            .increment(std::mem::take(&mut self.unsaved));
        Ok(())
    }

    /// Tells operators what a step would.
    fn count_page(&self, page: &FeedPage, duplicates: u64, partition: &PartitionId) {
        if let Some(remaining) = page.remaining {
            let behind = remaining + page.commits.len() as u64;
            metrics::gauge!(telemetry::LAG, "consumer" => self.consumer.to_string(),
                "partition" => partition.to_string())
            .set(behind as f64);
        }
        if duplicates > 0 {
            metrics::counter!(telemetry::DUPLICATES, "consumer" => self.consumer.to_string())
                .increment(duplicates);
        }
    }
}
