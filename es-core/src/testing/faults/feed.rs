use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::commit::Commit;
use crate::error::Result;
use crate::feed::{Checkpoint, Feed, FeedPage, Partition, PartitionId};

use super::request::Request;
use super::{Call, Fault, Faults, damage};

/// A feed whose requests meet faults, and which delivers like a change stream on a bad day: commits
/// twice, out of order and late. It keeps what a [`Feed`] promises: nothing is skipped, and reading
/// again from a checkpoint gives again everything after it. Its checkpoints are its own: who has read
/// on a day with [late deliveries](Fault::LateDelivery) goes on with this feed, not with the wrapped one.
pub struct FaultyFeed {
    inner: Arc<dyn Feed>,
    faults: Faults,
    partitions: Mutex<HashMap<PartitionId, Deliveries>>,
}

/// What has come out of a partition.
#[derive(Default)]
struct Deliveries {
    delivered: Vec<Commit>,
    /// The commits that were left out of the page before a place. They are a page of their own there,
    /// whenever it is read, so that reading again gives them again.
    withheld: HashMap<Checkpoint, Vec<Commit>>,
}

/// A place of the wrapped feed, and how many of the commits that come late there are behind it.
struct Place {
    inner: Checkpoint,
    late: usize,
}

impl FaultyFeed {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn Feed>, faults: Faults) -> Self {
        Self { inner, faults, partitions: Mutex::default() }
    }

    /// The page as the wrapped feed gives it, or only its beginning.
    async fn page(
        &self,
        request: &Request<'_>,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let page = self.inner.read(partition, after, max_commits).await?;
        if page.commits.len() > 1 && request.meets(Fault::TornPage) {
            // Read again, as only the feed knows the checkpoint of a shorter page.
            return self.inner.read(partition, after, page.commits.len() / 2).await;
        }
        Ok(page)
    }

    /// The next page of those that come late at a place; `None` when all have come.
    fn late_page(
        &self,
        partition: &PartitionId,
        place: &Place,
        max_commits: usize,
    ) -> Option<FeedPage> {
        let deliveries = self.deliveries();
        let withheld = deliveries.get(partition)?.withheld.get(&place.inner)?;
        let left = withheld.get(place.late..).filter(|left| !left.is_empty())?;
        let commits: Vec<_> = left.iter().take(max_commits).cloned().collect();
        let behind = Place { inner: place.inner.clone(), late: place.late + commits.len() };
        let checkpoint = behind.checkpoint();
        Some(FeedPage { commits, checkpoint, remaining: None, ended: false })
    }

    fn deliveries(&self) -> MutexGuard<'_, HashMap<PartitionId, Deliveries>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Between the two parts in a checkpoint.
    const SEPARATOR: &str = " late ";

    /// Reads a checkpoint; one of the wrapped feed's own is at the first of the late commits.
    fn of(checkpoint: &Checkpoint) -> Self {
        if let Some((inner, late)) = checkpoint.as_str().rsplit_once(Self::SEPARATOR)
            && let Ok(late) = late.parse()
        {
            return Self { inner: Checkpoint::from_stored(inner), late };
        }
        Self { inner: checkpoint.clone(), late: 0 }
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint::from_stored(format!("{}{}{}", self.inner.as_str(), Self::SEPARATOR, self.late))
    }
}

#[async_trait]
impl Feed for FaultyFeed {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.faults.pass(Call::ListPartitions, self.inner.partitions()).await
    }

    async fn anchors(&self) -> Result<Vec<(PartitionId, Checkpoint)>> {
        self.faults.pass(Call::TakeAnchors, self.inner.anchors()).await
    }

    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        let request = self.faults.begin(Call::ReadFeed).await?;
        let place = Place::of(after);
        if let Some(page) = self.late_page(partition, &place, max_commits) {
            return request.end(Ok(page)).await;
        }
        // Duplicates need room in the page.
        let crowded = request.is_due(Fault::Duplicates);
        let room = if crowded { max_commits.div_ceil(2) } else { max_commits };
        let page = self.page(&request, partition, &place.inner, room).await;
        let page = request.end(page).await?;
        if page.commits.is_empty() {
            let checkpoint = if page.ended { Checkpoint::end() } else { after.clone() };
            return Ok(FeedPage { checkpoint, ..page });
        }
        let mut deliveries = self.deliveries();
        let deliveries = deliveries.entry(partition.clone()).or_default();
        deliveries.deliver(page, max_commits, &request)
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        let place = Place::of(after);
        let inner = async {
            match self.late_page(partition, &place, 1) {
                Some(_) => Ok(()),
                None => self.inner.wait(partition, &place.inner).await,
            }
        };
        self.faults.pass(Call::WaitForFeed, inner).await
    }
}

impl Deliveries {
    fn deliver(
        &mut self,
        mut page: FeedPage,
        max_commits: usize,
        request: &Request<'_>,
    ) -> Result<FeedPage> {
        page.commits = damage::page(page.commits, request)?;
        self.delivered.extend(page.commits.iter().cloned());
        // A page of nothing would look like the end.
        if page.commits.len() > 1 && request.meets(Fault::LateDelivery) {
            self.withhold_one(&mut page, request);
        }
        if !self.withheld.is_empty() {
            // What came late before comes again.
            page.remaining = None;
        }
        if page.commits.len() < max_commits && request.meets(Fault::Duplicates) {
            self.repeat_some(&mut page.commits, max_commits, request);
        }
        if request.meets(Fault::Reordering) {
            request.shuffle(&mut page.commits);
        }
        Ok(page)
    }

    fn withhold_one(&mut self, page: &mut FeedPage, request: &Request<'_>) {
        let late = page.commits.remove(request.index(page.commits.len()));
        let withheld = self.withheld.entry(page.checkpoint.clone()).or_default();
        if !withheld.contains(&late) {
            withheld.push(late);
        }
        // The end is behind what comes late.
        page.checkpoint = Place { inner: page.checkpoint.clone(), late: 0 }.checkpoint();
        page.ended = false;
    }

    /// Half of them of this page, half of any before.
    fn repeat_some(&self, page: &mut Vec<Commit>, max_commits: usize, request: &Request<'_>) {
        let new = page.len();
        for repetition in new..max_commits.min(2 * new) {
            let repeated = match repetition % 2 {
                0 => page[request.index(new)].clone(),
                _ => self.delivered[request.index(self.delivered.len())].clone(),
            };
            page.push(repeated);
        }
    }
}

impl fmt::Debug for FaultyFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyFeed")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
