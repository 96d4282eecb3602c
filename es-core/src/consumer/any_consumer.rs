use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{BoxFuture, join_all, try_join_all};

use crate::checkpoint_store::ConsumerId;
use crate::commit::Commit;
use crate::dead_letter::{DeadLetter, DeadLetterQuery};
use crate::error::{Error, Result};
use crate::stream_id::StreamId;
use crate::version::Version;

use super::beside::Beside;
use super::together::ToBuild;
use super::{
    CatchUp, Consumer, DeadLetterFilter, Handler, Health, Pushed, Retried, RewindTo, Rewindable,
    Workers,
};

/// A projection, policy or other consumer, whatever its type is: for programs that run or operate several.
///
/// ```
/// use es_core::{AnyConsumer, DeadLetterQuery, DeadLetterState};
///
/// /// Names the streams that wait, for whatever consumer.
/// async fn waiting(consumer: &dyn AnyConsumer) -> es_core::Result<Vec<String>> {
///     let first = DeadLetterQuery::default().state(DeadLetterState::First);
///     let letters = consumer.dead_letters(&first).await?;
///     Ok(letters.iter().map(|letter| letter.commit.stream().to_string()).collect())
/// }
/// ```
#[async_trait]
pub trait AnyConsumer: Debug + Send + Sync + 'static {
    /// [`Consumer::id`].
    fn id(&self) -> &ConsumerId;

    /// [`Consumer::run`].
    async fn run(&self, shutdown: BoxFuture<'_, ()>) -> Result<()>;

    /// [`Consumer::push`].
    async fn push(&self, commits: Vec<Commit>, time_limit: Duration) -> Pushed;

    /// [`Consumer::catch_up_with`].
    async fn catch_up(&self, report: &mut (dyn FnMut(CatchUp) + Send)) -> Result<CatchUp>;

    /// [`Consumer::health`].
    async fn health(&self) -> Result<Health>;

    /// [`Consumer::pause`].
    async fn pause(&self) -> Result<()>;

    /// [`Consumer::resume`].
    async fn resume(&self) -> Result<()>;

    /// [`Consumer::rewind`].
    async fn rewind(
        &self,
        to: RewindTo,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<CatchUp>;

    /// [`Consumer::rebuild`], and for a policy [`Error::Misuse`]: it has no view.
    async fn rebuild(&self, report: &mut (dyn FnMut(CatchUp) + Send)) -> Result<CatchUp>;

    /// For [`Consumers::rebuild`], which what is no [`Consumer`] has no part in.
    #[doc(hidden)]
    fn to_build(&self) -> Result<ToBuild<'_>> {
        Err(Error::Misuse(format!("{} cannot be rebuilt together with others", self.id())))
    }

    /// [`Consumer::dead_letters`].
    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>>;

    /// [`Consumer::retry_dead_letters`].
    async fn retry_dead_letters(&self, filter: &DeadLetterFilter) -> Result<Retried>;

    /// [`Consumer::drop_dead_letter`].
    async fn drop_dead_letter(
        &self,
        stream: &StreamId,
        version: Version,
        reason: &str,
    ) -> Result<Option<DeadLetter>>;
}

#[async_trait]
impl<H: Rewindable + Handler> AnyConsumer for Consumer<H> {
    fn id(&self) -> &ConsumerId {
        self.id()
    }

    async fn run(&self, shutdown: BoxFuture<'_, ()>) -> Result<()> {
        self.run(shutdown).await
    }

    async fn push(&self, commits: Vec<Commit>, time_limit: Duration) -> Pushed {
        self.push(commits, time_limit).await
    }

    async fn catch_up(&self, report: &mut (dyn FnMut(CatchUp) + Send)) -> Result<CatchUp> {
        self.catch_up_with(report).await
    }

    async fn health(&self) -> Result<Health> {
        self.health().await
    }

    async fn pause(&self) -> Result<()> {
        self.pause().await
    }

    async fn resume(&self) -> Result<()> {
        self.resume().await
    }

    async fn rewind(
        &self,
        to: RewindTo,
        report: &mut (dyn FnMut(CatchUp) + Send),
    ) -> Result<CatchUp> {
        self.rewind(to, report).await
    }

    async fn rebuild(&self, report: &mut (dyn FnMut(CatchUp) + Send)) -> Result<CatchUp> {
        self.check_has_view()?;
        self.build_again(report).await
    }

    fn to_build(&self) -> Result<ToBuild<'_>> {
        self.check_has_view()?;
        Ok(ToBuild(Box::new(Beside::of(self)?)))
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>> {
        self.dead_letters(query).await
    }

    async fn retry_dead_letters(&self, filter: &DeadLetterFilter) -> Result<Retried> {
        self.retry_dead_letters(filter).await
    }

    async fn drop_dead_letter(
        &self,
        stream: &StreamId,
        version: Version,
        reason: &str,
    ) -> Result<Option<DeadLetter>> {
        self.drop_dead_letter(stream, version, reason).await
    }
}

impl<H: Rewindable> Consumer<H> {
    fn check_has_view(&self) -> Result<()> {
        if !H::HAS_VIEW {
            return Err(Error::Misuse(format!("{} is a policy: it has no view", self.id)));
        }
        Ok(())
    }
}

/// The consumers of a program, to run and to operate them by name.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/statements.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{Consumers, Projection};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> es_core::Result<()> {
/// let store = Arc::new(MemoryStore::new());
/// let statements = Projection::on(Statements, store)?;
/// let consumers = Consumers::new().with(Arc::new(statements));
///
/// let health = consumers.health().await?;
/// assert!(health.iter().all(|consumer| consumer.is_well()));
/// let statements = consumers.get("statements_v1").expect("it is one of them");
/// statements.pause().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Consumers(Vec<Arc<dyn AnyConsumer>>);

impl FromIterator<Arc<dyn AnyConsumer>> for Consumers {
    fn from_iter<I: IntoIterator<Item = Arc<dyn AnyConsumer>>>(consumers: I) -> Self {
        Self(consumers.into_iter().collect())
    }
}

impl<H: Rewindable> From<Consumer<H>> for Consumers {
    fn from(consumer: Consumer<H>) -> Self {
        Arc::new(consumer).into()
    }
}

impl<H: Rewindable> From<Arc<Consumer<H>>> for Consumers {
    fn from(consumer: Arc<Consumer<H>>) -> Self {
        Self::new().with(consumer)
    }
}

impl From<Arc<dyn AnyConsumer>> for Consumers {
    fn from(consumer: Arc<dyn AnyConsumer>) -> Self {
        Self::new().with(consumer)
    }
}

impl Consumers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    #[must_use]
    pub fn with(mut self, consumer: Arc<dyn AnyConsumer>) -> Self {
        self.0.push(consumer);
        self
    }

    /// Starts all of them, as [`Workers::start`] does.
    pub fn start(&self) -> Workers {
        let mut workers = Workers::new();
        for consumer in self.iter() {
            workers.start_any(Arc::clone(consumer));
        }
        workers
    }

    /// The consumer of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn AnyConsumer>> {
        self.iter().find(|consumer| consumer.id().as_str() == name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn AnyConsumer>> {
        self.0.iter()
    }

    /// [Pushes](Consumer::push) the commits to each, at the same time: what became of them, in the order in which the
    /// consumers were added. What one of them leaves, or is slow at, does not keep the others from their effects.
    pub async fn push(&self, commits: &[Commit], time_limit: Duration) -> Vec<Pushed> {
        join_all(self.iter().map(|consumer| consumer.push(commits.to_vec(), time_limit))).await
    }

    /// How each is, in the order in which they were added. All are looked at at the same time, which takes ten
    /// seconds at most.
    ///
    /// # Errors
    ///
    /// An error of a store or feed, or that they take too long: see [`Consumer::health`].
    pub async fn health(&self) -> Result<Vec<Health>> {
        try_join_all(self.iter().map(|consumer| consumer.health())).await
    }
}
