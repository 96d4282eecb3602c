//! One pass over a log.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::Result;
use crate::feed::{Checkpoint, Feed, PartitionId};

use super::super::catch_up::Tally;
use super::super::step::Step;
use super::pages::{Next, Pages, Reading};
use super::views::{Building, BuiltFrom, Folded, Views};

/// Others take a rebuild that saves nothing for a minute for one that has stopped.
const SAVED_WITHIN: Duration = Duration::from_secs(15);

/// The most pages that are left to steps at once.
const MOST_LEFT: usize = 64;

/// Views that are built in one pass, from a feed of one partition.
pub(in super::super) struct Pass {
    views: Views,
    feed: Arc<dyn Feed>,
    clock: Arc<dyn Clock>,
    began: Timestamp,
    page_size: usize,
    /// No step was taken since the place was cleared. One that fails may leave progress without a position.
    is_new: bool,
    /// The pages that are in memory only.
    unsaved: usize,
    /// What is in memory has to be saved before this one of the unsaved pages, which is left to steps.
    left_out: Option<usize>,
    /// How many pages were left to steps at the last page that could not be folded.
    left: usize,
    /// Whether a page was folded since.
    has_folded: bool,
    saved_at: Duration,
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

pub(super) type Report<'a> = dyn FnMut(usize, &mut Tally, &Step) + Send + 'a;

impl Pass {
    /// `None` when the views have no feed in common, or one that has several partitions or forgets commits: there
    /// steps overlap each other, and know what to do at the end of a partition. Nothing is done then.
    ///
    /// `is_new` says that nothing was done since the places were cleared.
    pub(in super::super) async fn over(
        buildings: Vec<Building>,
        is_new: bool,
    ) -> Result<Option<Self>> {
        let Some(Building { from, clock, .. }) = buildings.first() else { return Ok(None) };
        let (BuiltFrom { feed, page_size }, clock) = (from.clone(), Arc::clone(clock));
        let from: Vec<_> = buildings.iter().map(|building| building.from.clone()).collect();
        let Some(partition) = Self::partition_of(&from).await? else { return Ok(None) };
        let (began, saved_at) = (clock.now(), clock.monotonic());
        Ok(Some(Self {
            views: Views::of(buildings, partition),
            feed,
            clock,
            began,
            page_size,
            is_new,
            unsaved: 0,
            left_out: None,
            left: 0,
            has_folded: false,
            saved_at,
        }))
    }

    /// The partition that one pass can build views from.
    pub(in super::super) async fn partition_of(from: &[BuiltFrom]) -> Result<Option<PartitionId>> {
        let Some(BuiltFrom { feed, page_size }) = from.first() else { return Ok(None) };
        // The steps of views with other pages would lead to other places.
        let same = |other: &BuiltFrom| {
            Arc::as_ptr(&other.feed).addr() == Arc::as_ptr(feed).addr()
                && other.page_size == *page_size
        };
        if !from.iter().all(same) {
            return Ok(None);
        }
        let mut partitions = feed.partitions().await?;
        let (Some(partition), true) = (partitions.pop(), partitions.is_empty()) else {
            return Ok(None);
        };
        if !partition.parents.is_empty() || !feed.anchors().await?.is_empty() {
            return Ok(None);
        }
        Ok(Some(partition.id))
    }

    pub(in super::super) fn partition(&self) -> &PartitionId {
        self.views.partition()
    }

    /// Tells how long the pass has taken so far.
    pub(in super::super) fn timer(&self) -> impl Fn() -> Duration + Send + Sync + use<> {
        let (clock, began) = (Arc::clone(&self.clock), self.began);
        move || Duration::try_from(clock.now().duration_since(began)).unwrap_or_default()
    }

    /// Goes on from what is saved. `tallies` are by view; they count what is saved when this returns. `report` adds
    /// to them.
    ///
    /// # Errors
    ///
    /// What is saved stays, and the pass can be gone on with.
    pub(in super::super) async fn run(
        &mut self,
        tallies: &mut [Tally],
        report: &mut Report<'_>,
    ) -> Result<End> {
        loop {
            let mut saved = tallies.to_vec();
            let end = self.go(tallies, &mut saved, report).await;
            if self.unsaved > 0 {
                tallies.clone_from_slice(&saved);
            }
            match end? {
                // Once more, to save what comes before what was refused.
                None => {}
                Some(end) => {
                    self.is_new &= !matches!(end, End::Steps(_));
                    return Ok(end);
                }
            }
        }
    }

    /// `None` when a page was refused half done.
    async fn go(
        &mut self,
        tallies: &mut [Tally],
        saved: &mut [Tally],
        report: &mut Report<'_>,
    ) -> Result<Option<End>> {
        self.unsaved = 0;
        let Some(mut reached) = self.views.begin(self.is_new).await? else {
            return Ok(Some(End::Apart));
        };
        self.saved_at = self.clock.monotonic();
        let (feed, partition) = (Arc::clone(&self.feed), self.partition().clone());
        let reading = Reading::of(feed, partition, reached.clone(), self.page_size);
        let mut pages = Pages::of(reading, self.views.decoders());
        loop {
            let (page, decoded) = match pages.next().await {
                Ok(Next::Page(page, decoded)) => (page, decoded),
                Ok(Next::End { for_good }) => {
                    let left = usize::from(for_good);
                    return self.save_before(&reached, left, tallies, saved).await.map(Some);
                }
                Err(error) => {
                    self.save_before(&reached, 0, tallies, saved).await?;
                    return Err(error);
                }
            };
            let folded = if self.left_out == Some(self.unsaved) {
                Ok(Folded::NotPlain)
            } else {
                self.views.fold(&page, decoded, tallies, report).await
            };
            match folded {
                Ok(Folded::Whole) => self.has_folded = true,
                Ok(Folded::NotPlain) => {
                    self.left_out = None;
                    let left = self.leave_to_steps();
                    return self.save_before(&reached, left, tallies, saved).await.map(Some);
                }
                // Nothing of the page was done. What fails now and then has nothing folded twice.
                Err(error) => {
                    self.save_before(&reached, 0, tallies, saved).await?;
                    return Err(error);
                }
                Ok(Folded::Refused) => {
                    self.left_out = Some(self.unsaved);
                    self.unsaved += 1;
                    return Ok(None);
                }
            }
            self.unsaved += 1;
            reached = page.checkpoint;
            if self.views.is_full() || self.was_saved_long_ago() {
                let is_saved = self.save(&reached, tallies, saved).await?;
                if !is_saved {
                    return Ok(Some(End::Steps(self.unsaved)));
                }
            }
        }
    }

    /// How many pages are left to steps, as the next one cannot be folded. When a stream waits in the dead letters, each
    /// page may have a commit of it: the more pages were left in a row, the more are left before the next is looked at.
    fn leave_to_steps(&mut self) -> usize {
        let has_folded = std::mem::take(&mut self.has_folded);
        self.left = if has_folded { 1 } else { (self.left * 2).clamp(1, MOST_LEFT) };
        self.left
    }

    fn was_saved_long_ago(&self) -> bool {
        self.clock.monotonic().saturating_sub(self.saved_at) >= SAVED_WITHIN
    }

    /// Saves all that comes before so many pages, which are to be taken step by step.
    async fn save_before(
        &mut self,
        reached: &Checkpoint,
        left: usize,
        tallies: &[Tally],
        saved: &mut [Tally],
    ) -> Result<End> {
        let unsaved = self.unsaved;
        if unsaved > 0 && !self.save(reached, tallies, saved).await? {
            return Ok(End::Steps(unsaved));
        }
        Ok(if left > 0 { End::Steps(left) } else { End::Reached })
    }

    async fn save(
        &mut self,
        reached: &Checkpoint,
        tallies: &[Tally],
        saved: &mut [Tally],
    ) -> Result<bool> {
        if !self.views.save(reached, tallies, saved).await? {
            return Ok(false);
        }
        self.unsaved = 0;
        self.saved_at = self.clock.monotonic();
        // The places of the pages count from here on.
        self.left_out = None;
        Ok(true)
    }
}
