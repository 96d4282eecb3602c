//! Conformance suites: one behaviour for every backend.
//!
//! Each trait that a backend implements has a suite here, and a suite is a list of rules: small tests
//! named by the sentence they hold the implementation to. Memory, SQLite and DynamoDB pass the same
//! rules; a backend of your own joins with one line per trait.
//!
//! The macros make a test of every rule, so that a test report names the rule that is broken:
//!
//! ```
//! use es_core::memory::MemoryStore;
//!
//! # #[cfg(any())] // The macros expand to tests, which a documentation test does not run.
//! mod event_store {
//!     es_core::event_store_conformance!(|| async { super::MemoryStore::new() });
//! }
//! # fn main() {}
//! ```
//!
//! Every test makes a store of its own. The factory is any expression that can be called for a future
//! of a fresh, empty store. What the store needs for its life, as a temporary directory, comes along
//! with [`holding`]: `|| async { holding(store, directory) }`. Where the log and its feed are two
//! objects, the factory of a feed suite gives the pair. Queues, topics and idempotency records go by a
//! clock, which the rules move: the factory gives the pair of them and an `Arc<VirtualClock>`.
//!
//! Tests run under `#[tokio::test]`, unless attributes before the factory say otherwise:
//!
//! ```
//! # #[cfg(any())]
//! es_core::event_store_conformance!(
//!     #[tokio::test(flavor = "multi_thread")]
//!     || async { super::open().await }
//! );
//! # fn main() {}
//! ```
//!
//! A service may be unable to keep a rule. Then its tests name it with the reason, as an [`Exception`]:
//! `message_queue_conformance!(make, except: EXCEPTIONS)`.
//!
//! Without a macro, one call runs all rules of a suite and panics with those that are broken:
//!
//! ```
//! use es_core::memory::MemoryStore;
//! use es_core::testing::conformance;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::snapshot_store(|| async { MemoryStore::new() }).await;
//! # }
//! ```
//!
//! | trait | macro | call | rules |
//! |---|---|---|---|
//! | [`EventStore`](crate::EventStore) | [`event_store_conformance!`](crate::event_store_conformance) | [`event_store()`] | [`event_store::SUITE`] |
//! | [`Feed`](crate::Feed) | [`feed_conformance!`](crate::feed_conformance) | [`feed()`] | [`feed::SUITE`] |
//! | [`Feed`](crate::Feed) in one total order | [`ordered_feed_conformance!`](crate::ordered_feed_conformance) | [`ordered_feed()`] | [`ordered_feed::SUITE`] |
//! | [`EventStore`](crate::EventStore) and [`Feed`](crate::Feed), by an [archive](crate::archive) | [`archive_conformance!`](crate::archive_conformance) | [`archive()`] | [`archive::SUITE`] |
//! | [`SnapshotStore`](crate::SnapshotStore) | [`snapshot_store_conformance!`](crate::snapshot_store_conformance) | [`snapshot_store()`] | [`snapshot_store::SUITE`] |
//! | [`CheckpointStore`](crate::CheckpointStore) | [`checkpoint_store_conformance!`](crate::checkpoint_store_conformance) | [`checkpoint_store()`] | [`checkpoint_store::SUITE`] |
//! | [`ViewStore`](crate::ViewStore) | [`view_store_conformance!`](crate::view_store_conformance) | [`view_store()`] | [`view_store::SUITE`] |
//! | [`LeaseStore`](crate::LeaseStore) | [`lease_store_conformance!`](crate::lease_store_conformance) | [`lease_store()`] | [`lease_store::SUITE`] |
//! | [`DeadlineStore`](crate::DeadlineStore) | [`deadline_store_conformance!`](crate::deadline_store_conformance) | [`deadline_store()`] | [`deadline_store::SUITE`] |
//! | [`IdempotencyStore`](crate::IdempotencyStore) | [`idempotency_store_conformance!`](crate::idempotency_store_conformance) | [`idempotency_store()`] | [`idempotency_store::SUITE`] |
//! | [`MessageQueue`](crate::MessageQueue) | [`message_queue_conformance!`](crate::message_queue_conformance) | [`message_queue()`] | [`message_queue::SUITE`] |
//! | [`MessageQueue`](crate::MessageQueue) and [`IdempotencyStore`](crate::IdempotencyStore), by a [`QueueConsumer`](crate::QueueConsumer) | [`queue_consumer_conformance!`](crate::queue_consumer_conformance) | [`queue_consumer()`] | [`queue_consumer::SUITE`] |
//! | [`Topic`](crate::Topic) | [`topic_conformance!`](crate::topic_conformance) | [`topic()`] | [`topic::SUITE`] |
//!
//! A view store keeps the rules of a checkpoint store as well, so it runs both suites.
//!
//! The rules ask something of what they test: that it takes commits of ten events and of 64 KiB, dead
//! letters of such commits with errors of 4 KiB, snapshots of 250 KiB, view documents of 100 kB,
//! messages of 200 kB, and steps of 80 documents or streams, or of 20 dead letters of as many streams;
//! that an adoption hands over 250 streams and as many letters, and a swap 300 documents, in one step
//! that readers never see half of; and that the limits on commits are at most [`MAX_TESTABLE_EVENTS`]
//! and [`MAX_TESTABLE_BYTES`], so that they can be reached. What cannot be asked through the traits is
//! left to the backend's own tests: that damaged bytes are reported, and that what was acknowledged
//! survives a crash.

use std::future::Future;

mod concurrently;
mod exception;
mod rule;
mod sample;

#[macro_use]
mod suite;

pub mod archive;
pub mod checkpoint_store;
pub mod deadline_store;
pub mod event_store;
pub mod feed;
pub mod idempotency_store;
pub mod lease_store;
pub mod message_queue;
pub mod ordered_feed;
pub mod queue_consumer;
pub mod snapshot_store;
pub mod topic;
pub mod view_store;

pub use event_store::limits::{MAX_TESTABLE_BYTES, MAX_TESTABLE_EVENTS};
pub use exception::Exception;
pub use rule::{Failure, Fixture, Holding, Rule, Suite, holding};

/// Holds an [`EventStore`](crate::EventStore) to its contract. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn event_store<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<event_store::Store>>>,
{
    event_store::SUITE.hold(make).await;
}

/// Holds a [`Feed`](crate::Feed) to its contract. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn feed<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<feed::LogAndFeed>>>,
{
    feed::SUITE.hold(make).await;
}

/// Holds a [`Feed`](crate::Feed) to what it promises more when it is in one total order. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn ordered_feed<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<ordered_feed::LogAndFeed>>>,
{
    ordered_feed::SUITE.hold(make).await;
}

/// Holds a log and its feed to this: an [archive](crate::archive) takes the log from and to other
/// stores as it is. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn archive<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<feed::LogAndFeed>>>,
{
    archive::SUITE.hold(make).await;
}

/// Holds a [`SnapshotStore`](crate::SnapshotStore) to its contract. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn snapshot_store<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<snapshot_store::Store>>>,
{
    snapshot_store::SUITE.hold(make).await;
}

/// Holds a [`CheckpointStore`](crate::CheckpointStore) to its contract. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn checkpoint_store<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<checkpoint_store::Store>>>,
{
    checkpoint_store::SUITE.hold(make).await;
}

/// Holds a [`ViewStore`](crate::ViewStore) to its contract. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn view_store<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<view_store::Store>>>,
{
    view_store::SUITE.hold(make).await;
}

/// Holds a [`LeaseStore`](crate::LeaseStore) to its contract. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn lease_store<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<lease_store::Store>>>,
{
    lease_store::SUITE.hold(make).await;
}

/// Holds a [`DeadlineStore`](crate::DeadlineStore) to its contract. `make` opens a fresh, empty one.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn deadline_store<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<deadline_store::Store>>>,
{
    deadline_store::SUITE.hold(make).await;
}

/// Holds an [`IdempotencyStore`](crate::IdempotencyStore) to its contract. `make` opens a fresh, empty
/// one, and gives it together with the clock that it goes by.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn idempotency_store<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<idempotency_store::RecordsAndClock>>>,
{
    idempotency_store::SUITE.hold(make).await;
}

/// Holds a [`MessageQueue`](crate::MessageQueue) to its contract. `make` opens a fresh, empty store,
/// and gives it together with the clock that it goes by.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn message_queue<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<message_queue::QueuesAndClock>>>,
{
    message_queue::SUITE.hold(make).await;
}

/// Holds queues and records of what was done to this: consumers on them lose nothing, repeat nothing that
/// was recorded, and come through [storms](super::queue_storm). `make` opens fresh, empty ones, and gives
/// them together with the clock that they go by.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn queue_consumer<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<queue_consumer::QueuesRecordsAndClock>>>,
{
    queue_consumer::SUITE.hold(make).await;
}

/// Holds a [`Topic`](crate::Topic) to its contract. `make` opens a fresh, empty store that also has
/// the queues, and gives it together with the clock that it goes by.
///
/// # Panics
///
/// When a rule is broken, with all that are.
pub async fn topic<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output: Into<Fixture<topic::TopicAndQueues>>>,
{
    topic::SUITE.hold(make).await;
}
