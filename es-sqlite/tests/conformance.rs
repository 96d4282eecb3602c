//! The SQLite backend keeps every contract.

mod support;

use std::sync::Arc;

use es_core::testing::conformance::{Holding, holding};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_sqlite::SqliteStore;
use support::Place;

/// A store in a directory of its own, which is removed with it.
async fn store() -> Holding<SqliteStore, Place> {
    let place = Place::new();
    holding(place.open().await, place)
}

/// The same, on a clock that stands still.
async fn on_a_clock() -> Holding<(SqliteStore, Arc<VirtualClock>), Place> {
    let place = Place::new();
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    let options = SqliteStore::builder(place.db())
        .clock(clock.clone())
        .entropy(Arc::new(SeededEntropy::new(1)));
    let store = options.open().await.expect("the store opens");
    holding((store, clock), place)
}

mod event_store {
    es_core::event_store_conformance!(super::store);
}

mod feed {
    es_core::feed_conformance!(super::store);
}

mod ordered_feed {
    es_core::ordered_feed_conformance!(super::store);
}

mod archive {
    es_core::archive_conformance!(super::store);
}

mod snapshot_store {
    es_core::snapshot_store_conformance!(super::store);
}

mod checkpoint_store {
    es_core::checkpoint_store_conformance!(super::store);
}

mod view_store {
    es_core::view_store_conformance!(super::store);
}

mod lease_store {
    es_core::lease_store_conformance!(super::store);
}

mod deadline_store {
    es_core::deadline_store_conformance!(super::store);
}

mod idempotency_store {
    es_core::idempotency_store_conformance!(super::on_a_clock);
}

mod message_queue {
    es_core::message_queue_conformance!(super::on_a_clock);
}

mod topic {
    es_core::topic_conformance!(super::on_a_clock);
}

mod queue_consumer {
    es_core::queue_consumer_conformance!(super::on_a_clock);
}
