//! Documents in a view, written as applications write them: by a projection of events.

use std::sync::Arc;

use es_core::{
    BoxError, Codec, CommitId, EncodedEvents, EncodedMetadata, Event, EventStore as _, Expected,
    NewCommit, Projection, Projector, Recorded, SystemEntropy, Timestamp, ViewName,
};
use es_sqlite::{DocumentQuery, SqliteStore, Synchronous};
use serde_json::Value;

use crate::support::{Place, stream};

/// The view that the documents are in.
pub(crate) const VIEW: &str = "shelf_v1";

#[derive(Debug, Event)]
#[event(prefix = "Shelf")]
enum ShelfEvent {
    Put { key: String, document: Value },
    Removed { key: String },
}

#[derive(Debug)]
struct ShelfProjector;

impl Projector for ShelfProjector {
    const NAME: &'static str = "shelf";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["test"];
    const INDEXED_FIELDS: &'static [&'static str] = &["status", "total"];
    type Event = ShelfEvent;
    type View = Value;

    fn keys(&self, event: &Recorded<'_, ShelfEvent>, keys: &mut Vec<String>) {
        let (ShelfEvent::Put { key, .. } | ShelfEvent::Removed { key }) = &event.event;
        keys.push(key.clone());
    }

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Value>,
        event: &Recorded<'_, ShelfEvent>,
    ) -> Result<(), BoxError> {
        *view = match &event.event {
            ShelfEvent::Put { document, .. } => Some(document.clone()),
            ShelfEvent::Removed { .. } => None,
        };
        Ok(())
    }
}

/// A store with one view, whose fields `status` and `total` are indexed.
pub(crate) struct Shelf {
    pub(crate) store: Arc<SqliteStore>,
    projection: Projection<ShelfProjector>,
    /// Kept until the store is no longer needed, if it is nobody else's.
    _place: Option<Place>,
}

impl Shelf {
    pub(crate) async fn new() -> Self {
        let place = Place::new();
        let shelf = Self::at(&place).await;
        Self { _place: Some(place), ..shelf }
    }

    pub(crate) async fn at(place: &Place) -> Self {
        let options = SqliteStore::builder(place.db()).synchronous(Synchronous::Normal);
        let store = Arc::new(options.open().await.unwrap());
        let projection = Projection::on(ShelfProjector, store.clone()).unwrap();
        projection.prepare().await.unwrap();
        Self { store, projection, _place: None }
    }

    pub(crate) fn query<V>(&self) -> DocumentQuery<V> {
        self.store.query(&ViewName::new(VIEW).unwrap())
    }

    pub(crate) async fn put(&self, key: &str, document: Value) {
        self.change([(key.to_owned(), Some(document))]).await;
    }

    /// Puts documents and removes those that are `None`, in one step.
    pub(crate) async fn change(&self, changes: impl IntoIterator<Item = (String, Option<Value>)>) {
        let events: Vec<ShelfEvent> = changes
            .into_iter()
            .map(|(key, document)| match document {
                Some(document) => ShelfEvent::Put { key, document },
                None => ShelfEvent::Removed { key },
            })
            .collect();
        if events.is_empty() {
            return;
        }
        let events = EncodedEvents::encode(&events, Codec::Json, Default::default(), 0).unwrap();
        let now = Timestamp::now();
        let id = CommitId::generate(now, &SystemEntropy);
        let commit = NewCommit::new(id, now, EncodedMetadata::default(), events);
        self.store.append(&stream("shelf"), Expected::Any, commit).await.unwrap();
        self.projection.catch_up().await.unwrap();
    }
}
