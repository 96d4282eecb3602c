//! One pass over a log.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use crate::checkpoint_store::{Advance, CheckpointStore, ConsumerId, Position, Progress, Revision};
use crate::clock::{Clock, Timestamp};
use crate::commit::Commit;
use crate::error::Result;
use crate::feed::{Checkpoint, Feed, FeedPage, PartitionId};
use crate::stream_id::StreamId;
use crate::telemetry;
use crate::version::Version;
use crate::view_store::ViewStore;

use super::super::catch_up::Tally;
use super::super::step::Step;
use super::InMemory;
use super::group::{Decoded, Group};
use super::pages::{Next, Pages, Reading};
use super::streams::Streams;

/// After so many bytes of events the memory of the documents is measured again.
const MEASURED_AFTER: usize = 4 * 1024 * 1024;

/// Others take a rebuild that saves nothing for a minute for one that has stopped.
const SAVED_WITHIN: Duration = Duration::from_secs(15);

/// A view that is built.
pub(in super::super) struct Building {
    pub(in super::super) consumer: ConsumerId,
    pub(in super::super) feed: Arc<dyn Feed>,
    pub(in super::super) clock: Arc<dyn Clock>,
    pub(in super::super) based_on: Vec<(PartitionId, Revision)>,
    pub(in super::super) page_size: usize,
    /// How many bytes may be kept in memory before they are saved.
    pub(in super::super) memory: usize,
    pub(in super::super) views: Arc<dyn ViewStore>,
    pub(in super::super) in_memory: InMemory,
}

/// Views that are built in one pass, from a feed of one partition. All of them are always at the same place.
pub(in super::super) struct Pass {
    views: Vec<View>,
    groups: Vec<Box<dyn Group>>,
    orders: Vec<Order>,
    feed: Arc<dyn Feed>,
    partition: PartitionId,
    clock: Arc<dyn Clock>,
    began: Timestamp,
    page_size: usize,
    /// No step was taken since the place was cleared. One that fails may leave progress without a position.
    is_new: bool,
    /// Nothing was ever saved, so nothing has to be looked up.
    is_fresh: bool,
    /// The pages that are in memory only.
    unsaved: usize,
    /// What is in memory has to be saved before this one of the unsaved pages, which is left to steps.
    left_out: Option<usize>,
    saved_at: Duration,
    /// The bytes of events since the documents were measured.
    unmeasured: usize,
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

/// How a pass ended.
#[derive(Debug)]
pub(in super::super) enum End {
    /// The feed had nothing more, and all is saved.
    Reached,
    /// All before the next so many pages is saved. Something in them has to be taken step by step.
    Steps(usize),
    /// The views are not at the same place.
    Apart,
}

/// What became of a page.
enum Folded {
    Whole,
    /// Nothing was done.
    NotPlain,
    /// Something was done.
    Refused,
}

type Report<'a> = dyn FnMut(usize, &mut Tally, &Step) + Send + 'a;

impl Pass {
    /// `None` when the views have no feed in common, or one that has several partitions or forgets commits: there
    /// steps overlap each other, and know what to do at the end of a partition.
    ///
    /// `is_new` says that nothing was done since the places were cleared.
    pub(in super::super) async fn over(
        buildings: Vec<Building>,
        is_new: bool,
    ) -> Result<Option<Self>> {
        let Some(first) = buildings.first() else { return Ok(None) };
        let feed = Arc::clone(&first.feed);
        let (clock, page_size) = (Arc::clone(&first.clock), first.page_size);
        let same = |other: &Arc<dyn Feed>| Arc::as_ptr(other).addr() == Arc::as_ptr(&feed).addr();
        if !buildings.iter().all(|building| same(&building.feed)) {
            return Ok(None);
        }
        let mut partitions = feed.partitions().await?;
        let (Some(partition), true) = (partitions.pop(), partitions.is_empty()) else {
            return Ok(None);
        };
        if !partition.parents.is_empty() || !feed.anchors().await?.is_empty() {
            return Ok(None);
        }
        let (began, saved_at) = (clock.now(), clock.monotonic());
        let mut pass = Self {
            views: Vec::new(),
            groups: Vec::new(),
            orders: Vec::new(),
            feed,
            partition: partition.id,
            clock,
            began,
            page_size,
            is_new,
            is_fresh: false,
            unsaved: 0,
            left_out: None,
            saved_at,
            unmeasured: 0,
        };
        for building in buildings {
            pass.add(building);
        }
        Ok(Some(pass))
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
        let position = Position::default();
        self.views.push(View {
            consumer,
            based_on,
            memory,
            views,
            place,
            order,
            position,
            unsaved: 0,
        });
    }

    pub(in super::super) fn partition(&self) -> &PartitionId {
        &self.partition
    }

    /// Goes on from what is saved. `tallies` are by view; they count what is saved when this returns. `report` adds
    /// to them.
    ///
    /// # Errors
    ///
    /// What is saved stays, and the pass can be gone on with.
    pub(in super::super) async fn run(
        &mut self,
        tallies: &mut Vec<Tally>,
        report: &mut Report<'_>,
    ) -> Result<End> {
        loop {
            let mut saved = tallies.clone();
            let end = self.go(tallies, &mut saved, report).await;
            if self.unsaved > 0 {
                *tallies = saved;
            }
            match end {
                // Once more, to save what comes before what was refused.
                Ok(None) => {}
                Ok(Some(end)) => {
                    self.is_new &= !matches!(end, End::Steps(_));
                    return Ok(end);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// `None` when a page was refused half done.
    async fn go(
        &mut self,
        tallies: &mut [Tally],
        saved: &mut Vec<Tally>,
        report: &mut Report<'_>,
    ) -> Result<Option<End>> {
        if !self.begin().await? {
            return Ok(Some(End::Apart));
        }
        let mut reached = self.views[0].position.checkpoint.clone();
        let decoders = self.groups.iter().map(|group| group.decoder()).collect();
        let (feed, partition) = (Arc::clone(&self.feed), self.partition.clone());
        let after = reached.clone();
        let reading = Reading::of(feed, partition, after, self.page_size, decoders);
        let mut pages = Pages::of(reading);
        loop {
            let (page, decoded) = match pages.next().await? {
                Next::Page(page) => page,
                Next::End { for_good } => {
                    let left = usize::from(for_good);
                    return Ok(Some(self.save_all(reached, left).await?));
                }
            };
            let folded = match self.left_out {
                Some(left_out) if left_out == self.unsaved => Folded::NotPlain,
                _ => self.fold(&page, decoded, tallies, report).await?,
            };
            match folded {
                Folded::Whole => {}
                Folded::NotPlain => {
                    self.left_out = None;
                    return Ok(Some(self.save_all(reached, 1).await?));
                }
                Folded::Refused => {
                    self.left_out = Some(self.unsaved);
                    self.unsaved += 1;
                    return Ok(None);
                }
            }
            self.unsaved += 1;
            reached = page.checkpoint;
            if self.is_to_be_saved() {
                if !self.save(reached.clone()).await? {
                    return Ok(Some(End::Steps(self.unsaved)));
                }
                *saved = tallies.to_vec();
            }
        }
    }

    /// Looks where the views are, with nothing in memory. Returns whether they are at the same place.
    async fn begin(&mut self) -> Result<bool> {
        for view in &mut self.views {
            self.groups[view.place.0].view(view.place.1).clear();
            let checkpoints: &dyn CheckpointStore = &*view.views;
            view.position = checkpoints.load(&view.consumer, &self.partition).await?;
            view.unsaved = 0;
        }
        self.orders.iter_mut().for_each(|order| drop(order.streams.take()));
        let first = &self.views[0].position.checkpoint;
        self.is_fresh = self.is_new && first.is_start();
        (self.unsaved, self.unmeasured) = (0, 0);
        self.saved_at = self.clock.monotonic();
        Ok(!first.is_end() && self.views.iter().all(|view| view.position.checkpoint == *first))
    }

    async fn fold(
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
            for (number, order) in self.orders.iter_mut().enumerate() {
                let views = self.views.iter().filter(|view| view.order == number);
                let consumers = views.map(|view| {
                    let checkpoints: &dyn CheckpointStore = &*view.views;
                    (&view.consumer, checkpoints)
                });
                order.streams.load(commits, consumers).await?;
            }
            for (group, decoded) in self.groups.iter_mut().zip(&decoded) {
                group.load(decoded).await?;
            }
        }
        let mut accepted: Vec<Vec<bool>> = Vec::with_capacity(self.orders.len());
        for Order { categories, streams } in &mut self.orders {
            let follows = |commit: &Commit| categories.contains(&commit.stream().category());
            let Some(of_order) = streams.accept(commits, follows) else {
                let before = &mut self.orders[..accepted.len()];
                before.iter_mut().for_each(|order| order.streams.undo());
                return Ok(Folded::NotPlain);
            };
            accepted.push(of_order);
        }
        for (number, (group, decoded)) in self.groups.iter_mut().zip(decoded).enumerate() {
            let of_group = self.views.iter().filter(|view| view.place.0 == number);
            let of_group: Vec<&[bool]> = of_group.map(|view| &*accepted[view.order]).collect();
            if group.fold(commits, decoded, &of_group).is_err() {
                return Ok(Folded::Refused);
            }
        }
        let bytes = commits.iter().map(|commit| commit.events().stored_len());
        self.unmeasured += bytes.sum::<usize>();
        for (number, (view, tally)) in self.views.iter_mut().zip(tallies).enumerate() {
            let applied = accepted[view.order].iter().filter(|accepted| **accepted).count() as u64;
            view.unsaved += applied;
            let passed = commits.len() as u64;
            let step = Step { applied, passed, remaining: page.remaining, ..Step::default() };
            report(number, tally, &step);
        }
        Ok(Folded::Whole)
    }

    fn is_to_be_saved(&mut self) -> bool {
        let is_full = |pass: &mut Self| {
            pass.views.iter().any(|view| {
                let documents = pass.groups[view.place.0].view(view.place.1).bytes();
                documents + pass.orders[view.order].streams.bytes() > view.memory
            })
        };
        if self.unmeasured >= MEASURED_AFTER || (self.unmeasured > 0 && is_full(self)) {
            self.unmeasured = 0;
            for view in &self.views {
                self.groups[view.place.0].view(view.place.1).measure();
            }
        }
        is_full(self) || self.clock.monotonic().saturating_sub(self.saved_at) >= SAVED_WITHIN
    }

    /// Saves all, before so many pages that are to be taken step by step.
    async fn save_all(&mut self, reached: Checkpoint, left: usize) -> Result<End> {
        let unsaved = self.unsaved;
        if unsaved > 0 && !self.save(reached).await? {
            return Ok(End::Steps(unsaved));
        }
        Ok(if left > 0 { End::Steps(left) } else { End::Reached })
    }

    /// Writes the documents of each view, with its progress, in one step. Returns whether all could be written as
    /// JSON: otherwise nothing is saved.
    async fn save(&mut self, reached: Checkpoint) -> Result<bool> {
        let orders = self.orders.iter_mut().map(|order| order.streams.take());
        let streams: Vec<Vec<(StreamId, Version)>> = orders.collect();
        let mut writes = Vec::with_capacity(self.views.len());
        for view in &mut self.views {
            let Some(changes) = self.groups[view.place.0].view(view.place.1).take() else {
                return Ok(false);
            };
            let advance = Advance {
                partition: self.partition.clone(),
                based_on: view.position.revision,
                checkpoint: reached.clone(),
            };
            let mut progress = Progress::new(view.consumer.clone(), Some(advance));
            progress.based_on.clone_from(&view.based_on);
            progress.streams.clone_from(&streams[view.order]);
            let views = Arc::clone(&view.views);
            writes.push(async move { views.write(changes, progress).await });
        }
        join_all(writes).await.into_iter().collect::<Result<Vec<()>>>()?;
        for view in &mut self.views {
            let revision = view.position.revision.next();
            view.position = Position { checkpoint: reached.clone(), revision };
            let consumer = view.consumer.to_string();
            metrics::counter!(telemetry::COMMITS_CONSUMED, "consumer" => consumer)
                .increment(std::mem::take(&mut view.unsaved));
        }
        (self.unsaved, self.is_fresh) = (0, false);
        self.saved_at = self.clock.monotonic();
        Ok(true)
    }

    /// Tells how long the pass has taken so far.
    pub(in super::super) fn timer(&self) -> impl Fn() -> Duration + Send + Sync + use<> {
        let (clock, began) = (Arc::clone(&self.clock), self.began);
        move || Duration::try_from(clock.now().duration_since(began)).unwrap_or_default()
    }
}
