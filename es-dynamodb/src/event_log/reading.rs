//! Reading a stream, page by page.

use std::collections::VecDeque;

use es_core::{Commit, Cost, Direction, Error, Page, ReadStream, Result, StreamId, Version};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::chain::Chain;
use super::commit_item::CommitItem;
use super::requests::{CommitRange, ItemPage};
use crate::item::Item;
use crate::store::DynamoStore;

/// A page has room for one commit more while its bytes are below this.
const PAGE_BYTES: usize = 1 << 20;

/// From this page size on, a request asks for as many commits as it can give.
const SMALL_PAGE: usize = 1000;

pub(super) fn pages(store: &DynamoStore, query: ReadStream) -> BoxStream<'static, Result<Page>> {
    let reading = Reading::Begin(store.clone(), query);
    stream::unfold(reading, Reading::page).boxed()
}

/// How far a read has come.
enum Reading {
    Begin(DynamoStore, ReadStream),
    At(Box<Place>),
    /// There is damage behind the commits that were delivered, or a request failed.
    Failed(Error),
    Ended,
}

impl Reading {
    async fn page(self) -> Option<(Result<Page>, Self)> {
        let mut place = match self {
            Self::Begin(store, query) => match Place::of(store, query).await {
                Ok(Some(place)) => Box::new(place),
                Ok(None) => return None,
                Err(error) => return Some((Err(error), Self::Ended)),
            },
            Self::At(place) => place,
            Self::Failed(error) => return Some((Err(error), Self::Ended)),
            Self::Ended => return None,
        };
        let (commits, outcome) = place.page().await;
        match outcome {
            Ok(()) if commits.is_empty() => None,
            Ok(()) => Some((Ok(commits.into()), Self::At(place))),
            Err(error) if commits.is_empty() => Some((Err(error), Self::Ended)),
            Err(error) => Some((Ok(commits.into()), Self::Failed(error))),
        }
    }
}

/// Between two pages.
struct Place {
    store: DynamoStore,
    stream: StreamId,
    page_size: usize,
    chain: Chain,
    /// Items that were read, and are not delivered yet.
    waiting: VecDeque<Result<CommitItem>>,
    requests: Requests,
}

impl Place {
    /// The place at which a read begins; `None` where there is nothing.
    async fn of(store: DynamoStore, query: ReadStream) -> Result<Option<Self>> {
        let ReadStream { stream, from, direction, page_size } = query;
        let page_size = page_size.max(1);
        let (range, chain, inside) = match direction {
            Direction::Forwards => {
                let from = from.unwrap_or_default().max(Version::FIRST);
                let range = CommitRange::from(stream.clone(), from);
                let inside = Some(from).filter(|from| *from > Version::FIRST);
                (range, Chain::forwards(stream.clone(), from), inside)
            }
            Direction::Backwards if from == Some(Version::ZERO) => return Ok(None),
            Direction::Backwards => {
                let from = from.unwrap_or(Version::new(u64::MAX));
                let range = CommitRange::backwards_from(stream.clone(), from);
                (range, Chain::backwards(stream.clone()), None)
            }
        };
        let limit = i32::try_from(page_size).ok().filter(|_| page_size < SMALL_PAGE);
        let requests = Requests::of(store.clone(), range.limit(limit));
        let waiting = VecDeque::new();
        let mut place = Self { store, stream, page_size, chain, waiting, requests };
        if let Some(version) = inside {
            place.begin_with_the_commit_that_contains(version).await?;
        }
        Ok(Some(place))
    }

    /// Most reads begin where a commit does, and the first request shows it. Only where none does, the
    /// commit before is asked for: it may contain the version.
    async fn begin_with_the_commit_that_contains(&mut self, version: Version) -> Result<()> {
        self.fetch().await?;
        let begins_there = |item: &CommitItem| item.header.head().commit_start() == version;
        match self.waiting.front() {
            Some(Ok(first)) if begins_there(first) => return Ok(()),
            Some(Err(_)) => return Ok(()),
            Some(Ok(_)) | None => {}
        }
        let before = Version::new(version.get() - 1);
        let range = CommitRange::backwards_from(self.stream.clone(), before).limit(Some(1));
        let page = self.store.item_page(range).await?;
        for item in page.items {
            let item = self.store.read_commit_item(&self.stream, item)?;
            let head = item.header.head();
            if head.version() >= version {
                self.chain = Chain::forwards(self.stream.clone(), head.commit_start());
                self.waiting.push_front(Ok(item));
            }
        }
        Ok(())
    }

    /// The next commits, up to what is damaged or cannot be had.
    async fn page(&mut self) -> (Vec<Commit>, Result<()>) {
        let mut commits = Vec::new();
        let outcome = self.fill(&mut commits).await;
        (commits, outcome)
    }

    async fn fill(&mut self, commits: &mut Vec<Commit>) -> Result<()> {
        self.fetch().await?;
        if self.waiting.is_empty() {
            return self.chain.end();
        }
        let mut bytes = 0;
        while commits.len() < self.page_size
            && bytes < PAGE_BYTES
            && let Some(item) = self.waiting.pop_front()
        {
            let commit = self.store.complete(item?).await?;
            self.chain.join(commit.head())?;
            bytes += commit.events().stored_len() + commit.encoded_metadata().as_str().len();
            commits.push(commit);
        }
        Ok(())
    }

    /// Sees to it that items wait, if there are any left.
    async fn fetch(&mut self) -> Result<()> {
        while self.waiting.is_empty()
            && let Some(items) = self.requests.next().await?
        {
            let read = |item| self.store.read_commit_item(&self.stream, item);
            self.waiting.extend(items.into_iter().map(read));
        }
        Ok(())
    }
}

/// The requests of a read. From the second page on the next one is requested while the last one is
/// worked on: who asked for a second page means to go on, and who did not pays for one page only.
struct Requests {
    store: DynamoStore,
    rest: Option<CommitRange>,
    /// The request that is under way, at most one. It ends with the read.
    ahead: JoinSet<(Result<ItemPage>, Cost)>,
    goes_on: bool,
}

impl Requests {
    fn of(store: DynamoStore, range: CommitRange) -> Self {
        Self { store, rest: Some(range), ahead: JoinSet::new(), goes_on: false }
    }

    async fn next(&mut self) -> Result<Option<Vec<Item>>> {
        let page = match self.ahead.join_next().await {
            Some(Ok((page, cost))) => {
                // Tasks are not seen by those who measure.
                cost.charge();
                page?
            }
            Some(Err(stopped)) => {
                let what = "reading ahead".to_owned();
                return Err(Error::Unavailable { what, source: stopped.into() });
            }
            None => match self.rest.take() {
                Some(range) => self.store.item_page(range).await?,
                None => return Ok(None),
            },
        };
        self.rest = page.rest;
        if self.goes_on
            && let Some(range) = self.rest.take()
        {
            let store = self.store.clone();
            let request = async move { Cost::of(store.item_page(range)).await };
            self.ahead.spawn(request.in_current_span());
        }
        self.goes_on = true;
        Ok(Some(page.items))
    }
}
