use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;

use crate::backoff::Backoff;
use crate::checkpoint_store::ConsumerId;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::commit::{Commit, CommitId};
use crate::consumer::Reactor;
use crate::deadline_handler::DeadlineHandler;
use crate::deadline_store::{Deadline, DeadlineStore};
use crate::deadline_sweeper::DeadlineSweeper;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::event::{Event, Recorded, UnknownEvents};
use crate::event_store::{EventStore, ReadStream};
use crate::event_union::same;
use crate::metadata::Metadata;
use crate::policy::{Policy, Reaction, ReactionError};
use crate::repository::{ExecuteError, ExecuteOptions, IdempotencyKey, Loaded, Repository};
use crate::stream_id::StreamId;
use crate::version::Version;

use super::instance::Process;
use super::met::{Met, Step};
use super::{CommandBus, Correlation, ProcessEntry, ProcessManager, identities};

/// Follows a feed and leads the processes of `P`: a [`Reactor`] whose policy is [`Processes`].
pub type Orchestrator<P> = Reactor<Processes<P>>;

/// The processes of one [`ProcessManager`]: writes down what comes in and what is decided, executes commands,
/// and keeps deadlines.
///
/// It is a [`Policy`], which an [`Orchestrator`] gives the events, and a [`DeadlineHandler`], which a
/// [`DeadlineSweeper`](crate::DeadlineSweeper) gives the deadlines. Both may run in any number of programs at the
/// same time. Cloning is cheap.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/transfer.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{Orchestrator, Processes, Reactor, Repository};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let bank = Bank(Repository::new(store.clone()));
/// let transfers = Processes::<Transfer>::new(store.clone(), bank, store.clone());
///
/// let orchestrator: Orchestrator<Transfer> = Reactor::on(transfers.clone(), store.clone())?;
/// let sweeper = transfers.sweeper()?;
/// # let (shutdown, also) = (std::future::pending(), std::future::pending());
/// futures::try_join!(orchestrator.run(shutdown), sweeper.run(also))?;
///
/// for entry in transfers.history("t-1").await? {
///     println!("{} {entry}", entry.recorded_at);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Processes<P: ProcessManager> {
    pub(super) instances: Repository<Process<P>>,
    pub(super) bus: Arc<dyn CommandBus<P::Command>>,
    pub(super) deadlines: Arc<dyn DeadlineStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A commit of a process, whose commands and deadlines are to be done.
pub(super) struct Written {
    pub(super) commit: Commit,
    /// Whether it was there before, so that some of it may be done.
    pub(super) again: bool,
    /// What sees to it, should this program die before all is done.
    pub(super) net: Option<Deadline>,
}

impl<P: ProcessManager> Processes<P> {
    /// The processes whose streams are in `store`, whose commands go over `bus`, and whose deadlines are
    /// indexed in `deadlines`.
    pub fn new(
        store: Arc<dyn EventStore>,
        bus: impl CommandBus<P::Command>,
        deadlines: Arc<dyn DeadlineStore>,
    ) -> Self {
        let () = const { assert_follows_others(P::NAME, P::CATEGORIES) };
        Self {
            instances: Repository::new(store),
            bus: Arc::new(bus),
            deadlines,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// Stamps commits, counts deadlines, and waits by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.instances = self.instances.with_clock(Arc::clone(&clock));
        self.clock = clock;
        self
    }

    /// Makes jitter from `entropy`.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.instances = self.instances.with_entropy(Arc::clone(&entropy));
        self.entropy = entropy;
        self
    }

    /// Keeps up to so many processes in memory, so that what they meet next needs no read.
    #[must_use]
    pub fn with_cache(mut self, processes: usize) -> Self {
        self.instances = self.instances.with_cache(processes);
        self
    }

    /// As [`Repository::with_attempts`], for the commits of processes.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32, backoff: Backoff) -> Self {
        self.instances = self.instances.with_attempts(attempts, backoff);
        self
    }

    /// What fires the deadlines of these processes, on their clock. Without one running, no deadline passes and no
    /// command is tried again.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the process manager's name is not valid.
    pub fn sweeper(&self) -> Result<DeadlineSweeper> {
        let (process, deadlines) = (ConsumerId::new(P::NAME)?, Arc::clone(&self.deadlines));
        let sweeper = DeadlineSweeper::new(process, deadlines, Arc::new(self.clone()));
        Ok(sweeper.with_clock(Arc::clone(&self.clock)).with_entropy(Arc::clone(&self.entropy)))
    }

    /// The process `id` as it is now.
    ///
    /// # Errors
    ///
    /// As [`Repository::load`].
    pub async fn load(&self, id: &str) -> Result<Loaded<Process<P>>> {
        self.instances.load(id).await
    }

    /// Everything that has happened to the process `id`, in order; nothing, if it has not begun.
    ///
    /// # Errors
    ///
    /// As [`Repository::load`].
    pub async fn history(&self, id: &str) -> Result<Vec<HistoryEntry<P::Event>>> {
        let stream = StreamId::new(P::NAME, id)?;
        let mut history = Vec::new();
        let mut pages = self.instances.store().read(ReadStream::new(stream));
        while let Some(page) = pages.next().await {
            for commit in page? {
                for entry in commit.decode()? {
                    let (version, recorded_at) = (entry.version(), entry.recorded_at());
                    let commit = commit.id();
                    history.push(HistoryEntry { version, recorded_at, commit, entry: entry.event });
                }
            }
        }
        Ok(history)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes in what was met, and says what is to be done now; nothing, if it is not met.
    pub(super) async fn write(
        &self,
        stream: &StreamId,
        key: IdempotencyKey,
        met: Met<P>,
        cause: &Commit,
    ) -> Result<Option<Written>> {
        let step = Step {
            id: key.commit_id(stream),
            stream: stream.clone(),
            now: self.clock.now(),
            jitter: self.entropy.next_u64(),
            met,
        };
        let metadata = Metadata::caused_by(cause, self.actor())?;
        let options = ExecuteOptions::new().idempotency_key(key).metadata(metadata);
        let executed = self.instances.execute_with(stream.id(), step, options).await;
        let receipt = executed.map_err(|error| match error {
            ExecuteError::Rejected(error) | ExecuteError::Failed(error) => error,
        })?;
        let again = receipt.is_replay();
        Ok(receipt.commit().map(|commit| Written { commit: commit.clone(), again, net: None }))
    }

    /// A commit of a process that its state tells of.
    pub(super) async fn commit(&self, stream: &StreamId, id: CommitId) -> Result<Commit> {
        let found = self.instances.store().find(stream, id).await?;
        found.ok_or_else(|| Error::Corrupt {
            what: format!("the stream {stream}"),
            reason: format!("it tells of the commit {id}, which it does not have"),
        })
    }

    pub(super) fn actor(&self) -> String {
        format!("process {}", P::NAME)
    }

    /// Has the process that `event` belongs to meet it, and carries out what is decided: what an [`Orchestrator`]
    /// does with each event. Call it where events come another way, as out of a queue with their commit. It has its
    /// effect once, however often it is called; the caller sees to it that it is called until it succeeds.
    ///
    /// # Errors
    ///
    /// As [`Repository::execute`], and those of the [`DeadlineStore`].
    pub async fn receive(&self, event: &Recorded<'_, P::Input>) -> Result<()> {
        let (id, may_begin) = match P::correlate(&event.as_ref()) {
            Correlation::Start(id) => (id, true),
            Correlation::Continue(id) => (id, false),
            Correlation::Ignore => return Ok(()),
        };
        let stream = StreamId::new(P::NAME, &id)?;
        let (commit, version) = (event.commit(), event.version());
        let key = identities::receipt_of(commit.id(), version);
        let event = Arc::new(decode_again::<P::Input>(commit, version)?);
        let met = Met::Event { event, commit: commit.clone(), version, may_begin };
        let written = self.write(&stream, key, met, commit).await?;
        self.carry_out(written).await
    }
}

/// Stops the compiler where a process manager would meet what it writes itself.
const fn assert_follows_others(name: &str, categories: &[&str]) {
    let mut index = 0;
    while index < categories.len() {
        assert!(!same(categories[index], name), "a process manager cannot follow its own category");
        index += 1;
    }
}

/// The event, to own.
fn decode_again<E: Event>(commit: &Commit, version: Version) -> Result<E> {
    let mut found = None;
    commit.for_each_event(|at, event| {
        if at == version {
            found = Some(event?);
        }
        Ok(())
    })?;
    found.ok_or_else(|| commit.corrupt(format!("it has no event at version {version}")))
}

#[async_trait]
impl<P: ProcessManager> Policy for Processes<P> {
    const NAME: &'static str = P::NAME;
    const CATEGORIES: &'static [&'static str] = P::CATEGORIES;
    type Event = P::Input;

    fn unknown_events(&self) -> UnknownEvents {
        P::Input::UNKNOWN
    }

    async fn react(
        &self,
        event: &Recorded<'_, P::Input>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        Ok(self.receive(event).await?)
    }
}

#[async_trait]
impl<P: ProcessManager> DeadlineHandler for Processes<P> {
    async fn fire(&self, deadline: &Deadline) -> Result<()> {
        self.pass(deadline).await
    }
}

/// One entry of a process's history.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct HistoryEntry<E> {
    /// Its position in the stream of the process.
    pub version: Version,
    /// When it was written.
    pub recorded_at: Timestamp,
    /// The commit that it is in.
    pub commit: CommitId,
    /// What happened.
    pub entry: ProcessEntry<E>,
}

impl<E: Event> fmt::Debug for HistoryEntry<E> {
    /// Without contents: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryEntry")
            .field("version", &self.version)
            .field("recorded_at", &self.recorded_at)
            .field("commit", &self.commit)
            .field("entry", &self.entry)
            .finish()
    }
}

impl<E: Event> fmt::Display for HistoryEntry<E> {
    /// A line without contents: what the framework wrote down in words, a fact by its stored name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            ProcessEntry::Record(record) => record.fmt(f),
            ProcessEntry::Fact(fact) => f.write_str(fact.name()),
        }
    }
}

impl<P: ProcessManager> Clone for Processes<P> {
    fn clone(&self) -> Self {
        Self {
            instances: self.instances.clone(),
            bus: Arc::clone(&self.bus),
            deadlines: Arc::clone(&self.deadlines),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }
}

impl<P: ProcessManager> fmt::Debug for Processes<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes")
            .field("name", &P::NAME)
            .field("store", self.instances.store())
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}
