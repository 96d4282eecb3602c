use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::{Adopted, Adoption, CheckpointStore, ConsumerId, Progress};
use crate::clock::Clock;
use crate::commit::Commit;
use crate::error::{BoxError, Error, Result};
use crate::stream_id::StreamId;
use crate::view_store::ViewStore;

use super::in_memory::InMemory;

/// What a [`Consumer`](crate::Consumer) does with commits. Implemented by
/// [`Projecting`](crate::Projecting) and [`Reacting`](crate::Reacting).
///
/// A step has two parts: [`handle`](Self::handle) says what the commits come to and which of them
/// fail, [`save`](Self::save) makes it so, together with the progress.
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use es_core::memory::MemoryStore;
/// use es_core::{Batch, CheckpointStore, Consumer, ConsumerId, Handled, Handler, Progress, Result};
///
/// /// Prints what happens.
/// struct Printer(Arc<MemoryStore>);
///
/// #[async_trait]
/// impl Handler for Printer {
///     type Effect = ();
///
///     fn handles(&self, category: &str) -> bool {
///         category == "account"
///     }
///
///     fn checkpoints(&self) -> &dyn CheckpointStore {
///         &*self.0
///     }
///
///     async fn prepare(&self) -> Result<()> {
///         Ok(())
///     }
///
///     async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<()>> {
///         for commit in batch.commits {
///             println!("{} at version {}", commit.stream(), commit.last_version());
///         }
///         Ok(Handled { effect: (), failed: Vec::new() })
///     }
///
///     async fn save(&self, (): (), progress: Progress) -> Result<()> {
///         CheckpointStore::save(&*self.0, progress).await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let id = ConsumerId::new("printer")?;
/// let printer = Consumer::with_handler(Printer(store.clone()), id, store.clone(), store, 100);
/// printer.catch_up().await?;
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// What a batch comes to, until it is saved. The default is no effect.
    type Effect: Default + Send;

    /// Whether commits of the category are handled. Others are passed over.
    fn handles(&self, category: &str) -> bool;

    /// Where the progress is kept.
    fn checkpoints(&self) -> &dyn CheckpointStore;

    /// Makes ready to handle; called before the first step, until it succeeds.
    async fn prepare(&self) -> Result<()>;

    /// Handles the commits, those of one stream in their order. From the first commit on that fails,
    /// those of its stream leave no trace in the effect.
    ///
    /// It is dropped where it waits when the worker loses its [lease](crate::Consumer::with_leases): to
    /// the stored progress that is a crash, and another worker is given the same commits.
    ///
    /// # Errors
    ///
    /// What has nothing to do with a single commit, as a store that cannot be reached.
    async fn handle(&self, batch: &Batch<'_>) -> Result<Handled<Self::Effect>>;

    /// About how many items the effect of these commits changes: documents, for a view. Only asked when
    /// the store [limits](CheckpointStore::max_step_items) a step. The default is none.
    fn count_items(&self, _consumer: &ConsumerId, _commits: &[Commit]) -> usize {
        0
    }

    /// The most items that one step may change. The default is what the store takes; a handler whose
    /// effect is elsewhere may take larger steps and save [divided](Progress::divided) progress.
    fn max_step_items(&self) -> usize {
        self.checkpoints().max_step_items()
    }

    /// What it takes to fold commits in memory, and the store of the view. The default is that this cannot be done.
    #[doc(hidden)]
    fn in_memory(&self) -> Option<(InMemory, Arc<dyn ViewStore>)> {
        None
    }

    /// Saves the effect and the progress. If the effect is in the same store, in one step.
    ///
    /// # Errors
    ///
    /// As [`CheckpointStore::save`].
    async fn save(&self, effect: Self::Effect, progress: Progress) -> Result<()>;
}

/// A [`Handler`] whose effect can be made again beside the one that is there.
///
/// ```
/// use es_core::{CatchUp, Consumer, Result, RewindTo, Rewindable};
///
/// /// Lets any consumer begin at the end of an old log.
/// async fn skip_the_past<H: Rewindable>(consumer: &Consumer<H>) -> Result<CatchUp> {
///     consumer.rewind(RewindTo::End, |_| {}).await
/// }
/// ```
#[async_trait]
pub trait Rewindable: Handler {
    /// What makes it.
    type Beside: Handler;

    /// Whether there is a view that can be built again. Without, only the progress can be set.
    const HAS_VIEW: bool;

    /// The same handler, beside this one.
    fn beside(&self) -> Result<Self::Beside>;

    /// Makes `beside` ready to begin with nothing, whatever another one has left behind.
    async fn start_over(&self, beside: &Self::Beside, consumer: &ConsumerId) -> Result<()>;

    /// Puts the effect of `beside` in the place of this one's, together with the progress.
    async fn adopt(&self, beside: &Self::Beside, adoption: &Adoption) -> Result<Adopted>;
}

/// The commits of one step.
#[derive(Debug)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// Whose step it is.
    pub consumer: &'a ConsumerId,
    /// The commits, those of one stream in their order.
    pub commits: &'a [Commit],
    /// How many streams may be at work at the same time.
    pub concurrency: usize,
    /// The consumer's clock.
    pub clock: &'a dyn Clock,
}

impl<'a> Batch<'a> {
    /// Makes something of each commit, in their order: what was made, and the commits that failed. What comes
    /// behind one of its stream that failed waits for it, and is left out.
    ///
    /// `make` is given the place in the batch, too.
    ///
    /// ```
    /// use es_core::{Batch, Commit, Handled, Result};
    ///
    /// /// A line for each commit.
    /// fn lines(batch: &Batch<'_>) -> Handled<Vec<String>> {
    ///     let (effect, failed) = batch.try_each(|_, commit| line(commit));
    ///     Handled { effect, failed }
    /// }
    ///
    /// fn line(commit: &Commit) -> Result<String> {
    ///     Ok(format!("{} at {}", commit.stream(), commit.recorded_at()))
    /// }
    /// ```
    pub fn try_each<T>(
        &self,
        make: impl FnMut(usize, &'a Commit) -> Result<T>,
    ) -> (Vec<T>, Vec<Failed>) {
        try_each(self.commits, make)
    }
}

/// As [`Batch::try_each`], of commits that are in no batch.
pub(crate) fn try_each<'a, T>(
    commits: &'a [Commit],
    mut make: impl FnMut(usize, &'a Commit) -> Result<T>,
) -> (Vec<T>, Vec<Failed>) {
    let (mut made, mut failed) = (Vec::with_capacity(commits.len()), Vec::new());
    let mut stopped: HashSet<&StreamId> = HashSet::new();
    for (at, commit) in commits.iter().enumerate() {
        if stopped.contains(commit.stream()) {
            continue;
        }
        match make(at, commit) {
            Ok(it) => made.push(it),
            Err(error) => {
                stopped.insert(commit.stream());
                failed.push(Failed { at, error });
            }
        }
    }
    (made, failed)
}

/// What a batch came to.
#[derive(Debug)]
pub struct Handled<E> {
    /// The effect of the commits that did not fail and come behind none of their stream that did.
    pub effect: E,
    /// The first commit of each stream that failed.
    pub failed: Vec<Failed>,
}

/// A commit that failed.
#[derive(Debug)]
pub struct Failed {
    /// Its place in the batch.
    pub at: usize,
    /// Why.
    pub error: Error,
}

/// The error about a handler that panicked: as any other, it concerns one commit.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> BoxError {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("no message")).into()
}
