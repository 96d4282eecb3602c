use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::{CheckpointStore, ConsumerId, Progress, Revision};
use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::event_store::EventStore;
use crate::feed::Feed;
use crate::projector::Projector;
use crate::view_store::{
    Replaces, View, ViewChange, ViewName, ViewSchema, ViewStore, decode_document,
};

use super::reacting::events_of;
use super::{CatchUp, Consumer, Handler};

/// A consumer that builds a view with a [`Projector`].
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{Projection, Repository};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
///
/// let statements = Projection::new(Statements, store.clone(), store.clone(), store.clone())?;
/// statements.catch_up().await?;
/// let statement = statements.view().get("a-1").await?.expect("the account was credited");
/// assert_eq!((statement.balance, statement.movements), (5, 1));
/// # Ok(())
/// # }
/// ```
pub type Projection<P> = Consumer<Projecting<P>>;

/// The handler of a [`Projection`].
pub struct Projecting<P> {
    projector: P,
    views: Arc<dyn ViewStore>,
    schema: ViewSchema,
}

impl<P: Projector> Consumer<Projecting<P>> {
    /// A projection that follows `feed`, repairs gaps from `log`, and keeps its documents and its
    /// progress in `views`, under the projector's name and version.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the projector's name is not valid.
    pub fn new(
        projector: P,
        feed: Arc<dyn Feed>,
        log: Arc<dyn EventStore>,
        views: Arc<dyn ViewStore>,
    ) -> Result<Self> {
        /// Documents are read and written once per step, so large steps are cheap ones.
        const BATCH_SIZE: usize = 500;
        let name = format!("{}_v{}", P::NAME, P::VERSION);
        let id = ConsumerId::new(&name)?;
        let schema = ViewSchema { name: ViewName::new(&name)?, indexed_fields: P::INDEXED_FIELDS };
        let handler = Projecting { projector, views, schema };
        Ok(Self::with_handler(handler, id, feed, log, BATCH_SIZE))
    }

    /// The view, for reading.
    pub fn view(&self) -> View<P::View> {
        View::new(Arc::clone(&self.handler.views), self.handler.schema.name.clone())
    }

    /// Makes the view readable, empty if nothing was ever projected. Not needed before
    /// [`run`](Self::run) or [`catch_up`](Self::catch_up).
    ///
    /// # Errors
    ///
    /// As [`ViewStore::prepare`].
    pub async fn prepare(&self) -> Result<()> {
        self.handler.prepare().await
    }

    /// Throws the view away and builds it again from the log; calls `report` after each step.
    /// Readers see the view grow meanwhile. Workers of the projection that are at work take part.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Self::catch_up). After an error a later `catch_up` finishes the work.
    pub async fn rebuild(&self, report: impl FnMut(CatchUp)) -> Result<CatchUp> {
        self.handler.prepare().await?;
        {
            let mut positions = self.positions.lock().await;
            self.handler.views.clear(&self.handler.schema.name, &self.id).await?;
            positions.clear();
        }
        self.catch_up_with(report).await
    }
}

#[async_trait]
impl<P: Projector> Handler for Projecting<P> {
    fn categories(&self) -> &'static [&'static str] {
        P::CATEGORIES
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &*self.views
    }

    async fn prepare(&self) -> Result<()> {
        self.views.prepare(&self.schema).await
    }

    async fn handle(&self, commits: &[Commit], progress: Progress) -> Result<Revision> {
        let view = &self.schema.name;
        let unknown = self.projector.unknown_events();
        let mut touched = Vec::new();
        for commit in commits {
            let consumer = progress.consumer.as_str();
            for event in events_of::<P::Event>(commit, unknown, consumer)? {
                let mut keys = Vec::new();
                self.projector.keys(&event, &mut keys);
                touched.push((event, keys));
            }
        }

        let mut documents: HashMap<&str, Option<P::View>> = HashMap::new();
        let keys: Vec<&str> = {
            let mut keys: Vec<&str> =
                touched.iter().flat_map(|(_, keys)| keys).map(String::as_str).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        let found = self.views.get(view, &keys).await?;
        for (key, text) in keys.iter().zip(&found) {
            let document =
                text.as_deref().map(|text| decode_document(view, key, text)).transpose()?;
            documents.insert(key, document);
        }

        for (event, keys) in &touched {
            for key in keys {
                let document = documents.entry(key).or_default();
                self.projector.project(key, document, event).map_err(|source| Error::Handler {
                    consumer: progress.consumer.to_string(),
                    stream: event.stream().clone(),
                    version: event.version(),
                    transient: false,
                    source,
                })?;
            }
        }

        let changes = keys
            .iter()
            .zip(found)
            .map(|(key, found)| {
                let document = documents.get(key).and_then(Option::as_ref);
                let document =
                    document.map(serde_json::to_string).transpose().map_err(|error| {
                        Error::Encode {
                            what: format!("document {key:?} of view {view}"),
                            source: error.into(),
                        }
                    })?;
                Ok(ViewChange {
                    view: view.clone(),
                    key: (*key).to_owned(),
                    replaces: Replaces::Found(found),
                    document,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        self.views.write(changes, progress).await
    }
}

impl<P> fmt::Debug for Projecting<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projecting").field("view", &self.schema.name).finish_non_exhaustive()
    }
}
