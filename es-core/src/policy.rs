//! How events cause commands.

use std::error::Error as StdError;

use async_trait::async_trait;

use crate::commit::Commit;
use crate::error::{BoxError, Error};
use crate::event::{Event, Recorded, UnknownEvents};
use crate::metadata::Metadata;
use crate::repository::{ExecuteError, ExecuteOptions, IdempotencyKey};
use crate::version::Version;

/// Reacts to events, usually with commands. A [`Reactor`](crate::Reactor) delivers each event at
/// least once, those of one stream in order; commands that are executed with the
/// [`Reaction`]'s options have their effect once.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use es_core::memory::MemoryStore;
/// use es_core::{Policy, Reaction, ReactionError, Reactor, Recorded, Repository};
///
/// /// Puts a tenth of every credit aside.
/// struct Savings(Repository<Account>);
///
/// #[async_trait]
/// impl Policy for Savings {
///     const NAME: &'static str = "savings";
///     const CATEGORIES: &'static [&'static str] = &["account"];
///     type Event = AccountEvent;
///
///     async fn react(
///         &self,
///         event: &Recorded<'_, AccountEvent>,
///         reaction: &Reaction,
///     ) -> Result<(), ReactionError> {
///         if let AccountEvent::Credited { amount } = event.event
///             && event.aggregate_id() != "savings"
///         {
///             let credit = AccountCommand::Credit(amount / 10);
///             self.0.execute_with("savings", credit, reaction.options(0)?).await?;
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(50)).await?;
/// let savings = Reactor::on(Savings(accounts.clone()), store)?;
/// savings.catch_up().await?;
/// assert_eq!(accounts.load("savings").await?.balance, 5);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// The policy's name. Its progress and its commands' idempotency keys are stored under it: it
    /// cannot change.
    const NAME: &'static str;

    /// The categories whose events it reacts to. They belong to the name: with another category the
    /// policy needs a new one, as what was read past is not read again.
    const CATEGORIES: &'static [&'static str];

    /// The events, of all categories.
    type Event: Event;

    /// What to do with events whose name [`Self::Event`] does not have: by default what that type
    /// says.
    fn unknown_events(&self) -> UnknownEvents {
        Self::Event::UNKNOWN
    }

    /// Reacts to `event`. It may be called again for the same event, after a crash or an error. It may be dropped at
    /// any `await`: when the worker loses its [lease](crate::Consumer::with_leases), or when its
    /// [time](crate::Reactor::with_time_limit) is over.
    ///
    /// # Errors
    ///
    /// [`ReactionError::transient`] is tried again with backoff; with
    /// [`ReactionError::permanent`], or a panic, the commit is parked among the
    /// [dead letters](crate::DeadLetter) with the later ones of its stream.
    async fn react(
        &self,
        event: &Recorded<'_, Self::Event>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError>;
}

/// The identity of one reaction: a policy and an event.
#[derive(Debug, Clone)]
pub struct Reaction {
    policy: &'static str,
    commit: Commit,
    version: Version,
}

impl Reaction {
    pub(crate) fn new(policy: &'static str, commit: Commit, version: Version) -> Self {
        Self { policy, commit, version }
    }

    /// The metadata of what `actor` does about the commit.
    pub(crate) fn metadata(&self, actor: String) -> Result<Metadata, Error> {
        Metadata::caused_by(&self.commit, actor)
    }

    /// Options for the reaction's `n`-th command, counted as the policy likes, as long as the same
    /// command gets the same number each time. They carry the idempotency key that makes the
    /// command have its effect once, name the commit as its cause, and hand on correlation and
    /// trace.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when the commit's metadata cannot be read.
    pub fn options(&self, n: u32) -> Result<ExecuteOptions, Error> {
        let commit_id = self.commit.id();
        let metadata = self.metadata(format!("policy {}", self.policy))?;
        let (policy, version) = (self.policy, self.version);
        let key = IdempotencyKey::of_policy(format!("{policy}/{commit_id}/{version}/{n}"));
        Ok(ExecuteOptions::new().idempotency_key(key).metadata(metadata))
    }
}

/// A reaction that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct ReactionError {
    transient: bool,
    source: BoxError,
}

impl ReactionError {
    /// Trying again can help.
    pub fn transient(source: impl Into<BoxError>) -> Self {
        Self { transient: true, source: source.into() }
    }

    /// Trying again does not help.
    pub fn permanent(source: impl Into<BoxError>) -> Self {
        Self { transient: false, source: source.into() }
    }

    /// Whether trying again can help.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    pub(crate) fn into_source(self) -> BoxError {
        self.source
    }
}

impl<D: StdError + Send + Sync + 'static> From<ExecuteError<D>> for ReactionError {
    /// A rejected command is permanent, a failed one as its error says. A policy for which a
    /// rejection is a normal outcome looks at it before.
    fn from(error: ExecuteError<D>) -> Self {
        Self { transient: error.is_transient(), source: error.into() }
    }
}

impl From<Error> for ReactionError {
    fn from(error: Error) -> Self {
        Self { transient: error.is_transient(), source: error.into() }
    }
}
