//! The SQLite backend keeps every contract.

mod support;

use es_core::testing::conformance::{Holding, holding};
use es_sqlite::SqliteStore;
use support::Place;

/// A store in a directory of its own, which is removed with it.
async fn store() -> Holding<SqliteStore, Place> {
    let place = Place::new();
    holding(place.open().await, place)
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

mod snapshot_store {
    es_core::snapshot_store_conformance!(super::store);
}

mod checkpoint_store {
    es_core::checkpoint_store_conformance!(super::store);
}

mod view_store {
    es_core::view_store_conformance!(super::store);
}
