//! Tables, a stream that forgets and splits, a clock that the test moves, and what must hold in the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Backoff, CheckpointStore as _, Commit, EventStore as _, Projection, ReadStream, Repository,
    SnapshotPolicy, StreamId, Version, ViewQuery, WorkerId,
};
use es_dynamodb::{DynamoOptions, DynamoStore};
use futures::TryStreamExt as _;

use crate::pages::{Page, Pages, folded};
use crate::support::Server;
use crate::support::faults::Faults;
use crate::support::ledger::{Ledger, LedgerEvent, lines, stream};
use crate::support::stream_server::StreamServer;

pub(crate) const LEDGERS: [&str; 5] = ["a", "b", "c", "d", "e"];

const BEGINNING: &str = "2026-01-01T00:00:00Z";

/// How long a lease lasts.
pub(crate) const LEASE: Duration = Duration::from_secs(9);

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) stream: StreamServer,
    pub(crate) faults: Faults,
    /// The processes' clock.
    pub(crate) clock: Arc<VirtualClock>,
    /// Beside the faults, on a clock of its own.
    pub(crate) plain: DynamoStore,
    options: DynamoOptions,
    prefix: String,
    seed: u64,
    /// How many objects have been made: each has random bits of its own.
    made: AtomicU64,
}

impl World {
    /// One whose time only the test moves.
    pub(crate) async fn with(faults: Faults, seed: u64) -> Self {
        Self::on(VirtualClock::at(BEGINNING), 2, faults, seed).await
    }

    /// One in which waiting takes no time, for tests without leases.
    pub(crate) async fn without_waiting() -> Self {
        Self::on(VirtualClock::auto_advancing(BEGINNING), 1, Faults::none(), 1).await
    }

    async fn on(clock: VirtualClock, segments: u32, faults: Faults, seed: u64) -> Self {
        let clock = Arc::new(clock);
        let stream = StreamServer::new();
        let server = Server::direct(&stream);
        let prefix = Server::prefix();
        let options = options(&server, &prefix).scan_segments(segments);
        let own_clock = Arc::new(VirtualClock::auto_advancing(BEGINNING));
        let plain = server.store_with(options.clone().clock(own_clock)).await;
        let made = AtomicU64::new(0);
        let world = Self { server, stream, faults, clock, plain, options, prefix, seed, made };
        world.watching().prepare().await.expect("the view can be made");
        world
    }

    /// Random bits that nobody else has.
    pub(crate) fn entropy(&self) -> Arc<SeededEntropy> {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        Arc::new(SeededEntropy::new(self.seed * 1_000_000 + made))
    }

    /// The store of a program that has just been started, behind the faults.
    pub(crate) fn store(&self) -> Arc<DynamoStore> {
        let options =
            self.options.clone().clock(self.clock.clone()).entropy(self.entropy()).with_clients(
                self.faults.dynamodb(&self.server),
                self.faults.streams(&self.server),
            );
        Arc::new(options.expect("valid options"))
    }

    /// A writer that has just been started.
    pub(crate) fn ledgers(&self) -> Repository<Ledger> {
        let store = self.store();
        Repository::new(store.clone())
            .with_snapshots(store, SnapshotPolicy::Every(3))
            .with_cache(2)
            .with_attempts(4, Backoff::default())
            .with_clock(self.clock.clone())
            .with_entropy(self.entropy())
    }

    /// A consumer that has just been started.
    pub(crate) fn pages(&self) -> Projection<Pages> {
        let store = self.store();
        Projection::on(Pages, store)
            .expect("a valid name")
            .with_clock(self.clock.clone())
            .with_entropy(self.entropy())
            .with_backoff(Backoff { max: Duration::from_secs(1), ..Backoff::default() })
            .with_batch_size(4)
            .with_rebuild_when_trimmed()
    }

    /// A consumer that shares the feed with others.
    pub(crate) fn sharing_pages(&self) -> Projection<Pages> {
        let worker = WorkerId::generate("worker", &*self.entropy()).expect("a valid name");
        self.pages().with_leases(self.store(), worker, LEASE)
    }

    /// The consumer beside the faults.
    pub(crate) fn watching(&self) -> Projection<Pages> {
        let own_clock = Arc::new(VirtualClock::auto_advancing(BEGINNING));
        Projection::on(Pages, Arc::new(self.plain.clone()))
            .expect("a valid name")
            .with_clock(own_clock)
    }

    pub(crate) fn state_table(&self) -> String {
        format!("{}state", self.prefix)
    }

    /// Puts an item in the place of another, as a person with a console could.
    pub(crate) async fn put_state(&self, item: Item) {
        let put = self.server.dynamodb().put_item().table_name(self.state_table());
        put.set_item(Some(item)).send().await.expect("the server takes it");
    }

    /// The items of the log.
    pub(crate) async fn log_items(&self) -> Vec<Item> {
        let scan = self.server.dynamodb().scan().table_name(format!("{}events", self.prefix));
        let items: Result<_, _> = scan.into_paginator().items().send().collect().await;
        items.expect("the table can be read")
    }

    /// The log of one ledger.
    pub(crate) async fn commits(&self, id: &str) -> Vec<Commit> {
        let read = self.plain.read(ReadStream::new(stream(id)));
        read.try_concat().await.expect("the log can be read").into_vec()
    }

    /// The lines of each ledger that the log has.
    ///
    /// Panics when a commit is not one decision, versions have a gap, or a decision was not made on the
    /// lines before it.
    pub(crate) async fn logged(&self) -> BTreeMap<String, Vec<(u64, u64)>> {
        let mut ledgers = BTreeMap::new();
        for id in LEDGERS {
            let mut all = Vec::new();
            for commit in self.commits(id).await {
                let before = all.len() as u64;
                assert_eq!(commit.first_version().get(), before + 1, "versions have no gap");
                let events = commit.decode::<LedgerEvent>().expect("events of the ledger");
                let events: Vec<_> = events.into_iter().map(|recorded| recorded.event).collect();
                let LedgerEvent::Entered { number, .. } = events[0];
                assert_eq!(events, lines(number, before), "a commit is one whole decision");
                all.extend((1..=events.len() as u64).map(|line| (number, line)));
            }
            if !all.is_empty() {
                ledgers.insert(id.to_owned(), all);
            }
        }
        ledgers
    }

    /// What the view shows.
    pub(crate) async fn shown(&self) -> BTreeMap<String, Page> {
        let view = self.watching().view();
        let listed = view.list(&ViewQuery::default().limit(1_000)).await;
        listed.expect("the view can be read").into_iter().collect()
    }

    /// Panics unless the view is the fold of the log, and nothing is parked.
    pub(crate) async fn assert_shown(&self) {
        assert_eq!(self.shown().await, folded(&self.logged().await));
        let pages = self.watching();
        let letters = self.plain.dead_letter_count(pages.id()).await.expect("it can be counted");
        assert_eq!(letters, Default::default(), "nothing is parked");
    }

    /// Whether the consumer has seen the log to its end.
    pub(crate) async fn has_seen_all(&self) -> bool {
        let streams: Vec<StreamId> = LEDGERS.map(stream).into();
        let consumer = self.watching().id().clone();
        let seen = self.plain.stream_progress(&consumer, &streams).await.expect("it can be read");
        for (stream, seen) in streams.iter().zip(seen) {
            let head = self.plain.head(stream).await.expect("the log answers");
            if seen.version < head.map_or(Version::ZERO, |head| head.version()) {
                return false;
            }
        }
        true
    }
}

fn options(server: &Server, prefix: &str) -> DynamoOptions {
    server
        .options(prefix)
        .scan_units_per_second(1_000_000)
        .poll_interval(Duration::from_millis(500))
}
