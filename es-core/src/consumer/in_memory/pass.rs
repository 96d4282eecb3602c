//! One pass over a log.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::Result;
use crate::feed::{Checkpoint, Feed, PartitionId};

use super::super::catch_up::Tally;
use super::super::step::Step;
use super::pages::{Next, Pages, Reading};
use super::views::{Building, Folded, Views};

/// Others take a rebuild that saves nothing for a minute for one that has stopped.
const SAVED_WITHIN: Duration = Duration::from_secs(15);

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
        let Some(first) = buildings.first() else { return Ok(None) };
        let feed = Arc::clone(&first.feed);
        let (clock, page_size) = (Arc::clone(&first.clock), first.page_size);
        // The steps of views with other pages would lead to other places.
        let same = |other: &Building| {
            Arc::as_ptr(&other.feed).addr() == Arc::as_ptr(&feed).addr()
                && other.page_size == page_size
        };
        if !buildings.iter().all(same) {
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
        let views = Views::of(buildings, partition.id);
        let (unsaved, left_out) = (0, None);
        Ok(Some(Self { views, feed, clock, began, page_size, is_new, unsaved, left_out, saved_at }))
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
                    // A feed that fails now and then has nothing folded twice.
                    self.save_before(&reached, 0, tallies, saved).await?;
                    return Err(error);
                }
            };
            let folded = if self.left_out == Some(self.unsaved) {
                Folded::NotPlain
            } else {
                self.views.fold(&page, decoded, tallies, report).await?
            };
            match folded {
                Folded::Whole => {}
                Folded::NotPlain => {
                    self.left_out = None;
                    return self.save_before(&reached, 1, tallies, saved).await.map(Some);
                }
                Folded::Refused => {
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
