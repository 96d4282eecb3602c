use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::{Adopted, Adoption, CheckpointStore, ConsumerId, Progress};
use crate::commit::Commit;
use crate::error::Result;
use crate::event_store::EventStore;
use crate::feed::Feed;
use crate::projector::Projector;
use crate::view_store::{View, ViewChange, ViewName, ViewSchema, ViewStore};

use super::Consumer;
use super::fold::Fold;
use super::handler::{Batch, Handled, Handler, Rewindable};
use super::in_memory::InMemory;

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
/// let statements = Projection::on(Statements, store.clone())?;
/// statements.catch_up().await?;
/// let statement = statements.view().get("a-1").await?.expect("the account was credited");
/// assert_eq!((statement.balance, statement.movements), (5, 1));
/// # Ok(())
/// # }
/// ```
pub type Projection<P> = Consumer<Projecting<P>>;

/// The handler of a [`Projection`].
pub struct Projecting<P> {
    projector: Arc<P>,
    views: Arc<dyn ViewStore>,
    schema: ViewSchema,
}

impl<P: Projector> Consumer<Projecting<P>> {
    /// A projection that follows `feed`, repairs gaps from `log`, and keeps its documents and its
    /// progress in `views`, under the projector's name and version.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](crate::Error::InvalidId) when the projector's name is not valid.
    pub fn new(
        projector: P,
        feed: Arc<dyn Feed>,
        log: Arc<dyn EventStore>,
        views: Arc<dyn ViewStore>,
    ) -> Result<Self> {
        /// Documents are read and written once per step, so large steps are cheap ones.
        const BATCH_SIZE: usize = 500;
        let schema = ViewSchema::of::<P>()?;
        let id = ConsumerId::new(schema.name.as_str())?;
        let handler = Projecting { projector: Arc::new(projector), views, schema };
        Ok(Self::with_handler(handler, id, feed, log, BATCH_SIZE))
    }

    /// A projection on a store that is log, feed and views in one.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn on<S: EventStore + Feed + ViewStore>(projector: P, store: Arc<S>) -> Result<Self> {
        Self::new(projector, store.clone(), store.clone(), store)
    }

    /// The view, for reading. What [expires](Projector::EXPIRES_BY) does so by the consumer's
    /// [clock](Consumer::with_clock).
    pub fn view(&self) -> View<P::View> {
        let view = View::new(Arc::clone(&self.handler.views), self.handler.schema.name.clone());
        match self.handler.schema.expires_by {
            Some(field) => view.expiring_by(field, Arc::clone(&self.clock)),
            None => view,
        }
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
}

#[async_trait]
impl<P: Projector> Handler for Projecting<P> {
    type Effect = Vec<ViewChange>;

    fn handles(&self, category: &str) -> bool {
        P::CATEGORIES.contains(&category)
    }

    fn checkpoints(&self) -> &dyn CheckpointStore {
        &*self.views
    }

    async fn prepare(&self) -> Result<()> {
        self.views.prepare(&self.schema).await
    }

    /// Reads and folds the documents of the whole batch at once, whatever streams they are of.
    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<Vec<ViewChange>>> {
        let fold = Fold::new(&*self.projector, batch.consumer, batch.commits);
        let (effect, failed) = fold.into_changes(&*self.views, &self.schema.name).await?;
        Ok(Handled { effect, failed })
    }

    fn count_items(&self, consumer: &ConsumerId, commits: &[Commit]) -> usize {
        Fold::new(&*self.projector, consumer, commits).count_documents()
    }

    fn in_memory(&self) -> Option<(InMemory, Arc<dyn ViewStore>)> {
        if self.max_step_items() < usize::MAX {
            return None;
        }
        let (projector, views) = (Arc::clone(&self.projector), Arc::clone(&self.views));
        let in_memory = InMemory::of(projector, Arc::clone(&views), self.schema.name.clone());
        Some((in_memory, views))
    }

    async fn save(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()> {
        self.views.write(changes, progress).await
    }
}

#[async_trait]
impl<P: Projector> Rewindable for Projecting<P> {
    type Beside = Self;

    const HAS_VIEW: bool = true;

    fn beside(&self) -> Result<Self> {
        let name = ViewName::new(&format!("{}_rebuild", self.schema.name))?;
        let schema = ViewSchema { name, ..self.schema.clone() };
        let (projector, views) = (Arc::clone(&self.projector), Arc::clone(&self.views));
        Ok(Self { projector, views, schema })
    }

    async fn start_over(&self, beside: &Self, consumer: &ConsumerId) -> Result<()> {
        // Cleared first: what is left of another rebuild may have other indexed fields.
        self.views.clear(&beside.schema.name, consumer).await?;
        beside.prepare().await
    }

    async fn adopt(&self, beside: &Self, adoption: &Adoption) -> Result<Adopted> {
        self.views.swap(&beside.schema.name, &self.schema.name, adoption).await
    }
}

impl<P> fmt::Debug for Projecting<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projecting").field("view", &self.schema.name).finish_non_exhaustive()
    }
}
