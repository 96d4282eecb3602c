//! A projection and a policy on the ledgers, and what the log says they must come to.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::faults::{
    Faults, FaultyCheckpointStore, FaultyEventStore, FaultyFeed, FaultyViewStore,
};
use es_core::{
    Aggregate as _, BoxError, Checkpoint, CheckpointStore as _, Commit, ConsumerId,
    EventStore as _, Expected, Feed, PartitionId, Policy, Projection, Projector, Reaction,
    ReactionError, Reactor, Recorded, Repository, StreamId, Version, ViewQuery,
};
use serde::{Deserialize, Serialize};

use crate::ledger::{Enter, Ledger, LedgerEvent, clock, entered, foreign, ledgers, stream};

/// A document for every ledger with its lines, and one for all ledgers together.
#[derive(Debug)]
pub(crate) struct Pages;

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page {
    /// In their order; empty for all together, where the order is nobody's promise.
    lines: Vec<u64>,
    sum: u64,
}

const ALL: &str = "all";

impl Projector for Pages {
    const NAME: &'static str = "pages";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["ledger"];
    type Event = LedgerEvent;
    type View = Page;

    fn keys(&self, event: &Recorded<'_, LedgerEvent>, keys: &mut Vec<String>) {
        keys.extend([event.aggregate_id().to_owned(), ALL.to_owned()]);
    }

    fn project(
        &self,
        key: &str,
        page: &mut Option<Page>,
        event: &Recorded<'_, LedgerEvent>,
    ) -> Result<(), BoxError> {
        let LedgerEvent::Entered { number, .. } = event.event;
        let page = page.get_or_insert_default();
        page.sum += number;
        if key != ALL {
            page.lines.push(number);
        }
        Ok(())
    }
}

/// Enters every line of every other ledger into one, as a line of its own.
#[derive(Debug)]
pub(crate) struct Copying(Repository<Ledger>);

const COPIES: &str = "copies";

#[async_trait]
impl Policy for Copying {
    const NAME: &'static str = "copying";
    const CATEGORIES: &'static [&'static str] = &["ledger"];
    type Event = LedgerEvent;

    async fn react(
        &self,
        event: &Recorded<'_, LedgerEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let LedgerEvent::Entered { number, line, .. } = event.event;
        if event.aggregate_id() != COPIES {
            let copy = Enter { number: copied(number, line), lines: 1 };
            self.0.execute_with(COPIES, copy, reaction.options(0)?).await?;
        }
        Ok(())
    }
}

fn copied(number: u64, line: u32) -> u64 {
    number * 100 + u64::from(line)
}

/// A log, and everything that follows it, under the same faults.
pub(crate) struct Scene {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) faults: Faults,
    pub(crate) log: Arc<FaultyEventStore>,
    feed: Arc<FaultyFeed>,
    views: Arc<FaultyViewStore>,
    checkpoints: Arc<FaultyCheckpointStore>,
}

impl Scene {
    /// With so many commits in three ledgers.
    pub(crate) async fn new(faults: Faults, commits: u64) -> Self {
        let store = Arc::new(MemoryStore::new());
        let scene = Self {
            log: Arc::new(FaultyEventStore::new(store.clone(), faults.clone())),
            feed: Arc::new(FaultyFeed::new(store.clone(), faults.clone())),
            views: Arc::new(FaultyViewStore::new(store.clone(), faults.clone())),
            checkpoints: Arc::new(FaultyCheckpointStore::new(store.clone(), faults.clone())),
            store,
            faults,
        };
        for number in 1..=commits {
            scene.commit(number).await;
        }
        scene
    }

    /// Another process commits, which no fault hinders. Now and then there is more than a page of a
    /// category that nobody follows, so that there are steps without any effect.
    pub(crate) async fn commit(&self, number: u64) {
        let stream = stream(["a", "b", "c"][(number % 3) as usize]);
        let commit = foreign(number, 1 + (number % 4) as u32);
        self.store.append(&stream, Expected::Any, commit).await.unwrap();
        if number.is_multiple_of(10) {
            let noise = StreamId::new("noise", &number.to_string()).unwrap();
            for number in 1..=9 {
                self.store.append(&noise, Expected::Any, foreign(number, 1)).await.unwrap();
            }
        }
    }

    /// The projection, as a process that has just been started.
    pub(crate) fn projection(&self) -> Projection<Pages> {
        Projection::new(Pages, self.feed.clone(), self.log.clone(), self.views.clone())
            .unwrap()
            .with_clock(clock())
            .with_batch_size(4)
    }

    /// The policy, as a process that has just been started.
    pub(crate) fn reactor(&self) -> Reactor<Copying> {
        let copying = Copying(ledgers(self.log.clone(), 7));
        Reactor::new(copying, self.feed.clone(), self.log.clone(), self.checkpoints.clone())
            .unwrap()
            .with_clock(clock())
            .with_batch_size(4)
    }

    /// Returns when the consumer has come so far; panics when that takes too many turns of the others.
    pub(crate) async fn until_seen(&self, consumer: &ConsumerId, stream: &StreamId, at: Version) {
        for _ in 0..10_000 {
            let streams = std::slice::from_ref(stream);
            if self.store.stream_progress(consumer, streams).await.unwrap()[0].version >= at {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{consumer} does not come to version {at} of {stream}");
    }

    /// Panics unless the documents are the fold of the log.
    pub(crate) async fn assert_shown(&self) {
        assert_eq!(self.shown().await, self.folded().await);
    }

    async fn shown(&self) -> BTreeMap<String, Page> {
        let (feed, log) = (self.store.clone(), self.store.clone());
        let view = Projection::new(Pages, feed, log, self.store.clone()).unwrap().view();
        view.list(&ViewQuery::default().limit(1_000)).await.unwrap().into_iter().collect()
    }

    async fn folded(&self) -> BTreeMap<String, Page> {
        let mut pages = BTreeMap::<String, Page>::new();
        for commit in self.commits().await {
            for recorded in commit.decode::<LedgerEvent>().unwrap() {
                let LedgerEvent::Entered { number, .. } = recorded.event;
                let page = pages.entry(recorded.aggregate_id().to_owned()).or_default();
                page.lines.push(number);
                page.sum += number;
                pages.entry(ALL.to_owned()).or_default().sum += number;
            }
        }
        pages
    }

    /// Panics unless every line of the log was copied once, those of one ledger in order.
    pub(crate) async fn assert_copied(&self) {
        let copies = entered(&*self.store, COPIES).await;
        let mut missing = copies.clone();
        for id in ["a", "b", "c"] {
            let mut originals = Vec::new();
            for commit in self.commits().await.iter().filter(|commit| commit.stream().id() == id) {
                for recorded in commit.decode::<LedgerEvent>().unwrap() {
                    let LedgerEvent::Entered { number, line, .. } = recorded.event;
                    originals.push(copied(number, line));
                }
            }
            let copied: Vec<_> =
                copies.iter().copied().filter(|copy| originals.contains(copy)).collect();
            assert_eq!(copied, originals, "of ledger {id}");
            missing.retain(|copy| !originals.contains(copy));
        }
        assert!(missing.is_empty(), "copies of nothing: {missing:?}");
    }

    /// All commits to ledgers, in the order of the log.
    async fn commits(&self) -> Vec<Commit> {
        let partition = PartitionId::new("log").unwrap();
        let page =
            Feed::read(&*self.store, &partition, &Checkpoint::start(), usize::MAX).await.unwrap();
        assert_eq!(page.remaining, Some(0));
        let of_a_ledger = |commit: &Commit| commit.stream().category() == Ledger::CATEGORY;
        page.commits.into_iter().filter(of_a_ledger).collect()
    }
}
