//! What came of a request.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt as _;

use crate::commit::Commit;
use crate::error::Result;
use crate::event_store::{EventStore, ReadStream};
use crate::feed::{Checkpoint, Feed};
use crate::stream_id::StreamId;

/// The commits of one business transaction, each behind the commit that caused it.
///
/// Whoever reacts to a commit, a [`Policy`](crate::Policy) or a [`ProcessManager`](crate::ProcessManager), names it as
/// the cause of what he does, and hands its correlation on. So all that came of a request, in whichever streams, can be
/// found by one correlation id, and put under each other.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/transfer_saga.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::saga::{Sagas, sagas};
/// use es_core::{CausalTree, ExecuteOptions, Metadata, Reactor, Repository};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(9)).await?;
/// let transfer = OrderCommand::Transfer { from: "a-1".into(), to: "a-2".into(), amount: 5 };
/// let mut request = Metadata::new();
/// request.correlation_id = Some("request-7".into());
/// let options = ExecuteOptions::new().metadata(request);
/// Repository::<Order>::new(store.clone()).execute_with("t-1", transfer, options).await?;
/// let sagas: Sagas<TransferSaga> = sagas(store.clone(), Bank(accounts), store.clone())?;
/// Reactor::on(sagas, store.clone())?.catch_up().await?;
///
/// let tree = CausalTree::read(&*store, "request-7").await?;
/// for node in tree.nodes() {
///     println!("{:1$}{2}", "", 2 * node.depth, node.commit.stream());
/// }
/// let depths: Vec<usize> = tree.nodes().iter().map(|node| node.depth).collect();
/// // The order, the saga, the debit with the saga's note that it is done, and the same for the credit.
/// assert_eq!(depths, [0, 1, 2, 2, 3, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct CausalTree {
    nodes: Vec<CausalNode>,
}

/// A commit in a [`CausalTree`].
#[derive(Debug, Clone)]
pub struct CausalNode {
    /// The commit.
    pub commit: Commit,
    /// How many commits lead to it from the one that begins.
    pub depth: usize,
}

/// How many commits are read at a time.
const PAGE: usize = 500;

impl CausalTree {
    /// Reads `feed` from its start to its end, and keeps the commits of `correlation_id`; none, if it has none of them.
    ///
    /// What a feed with a retention does not have any more is not found. It reads everything that the feed has: it is
    /// for who looks into one case, not for what is done often.
    ///
    /// # Errors
    ///
    /// Those of the feed, and [`Error::Corrupt`](crate::Error::Corrupt) for metadata that cannot be read.
    pub async fn read(feed: &dyn Feed, correlation_id: &str) -> Result<Self> {
        let mut commits = Vec::new();
        for partition in feed.partitions().await? {
            let mut place = Checkpoint::start();
            loop {
                let page = feed.read(&partition.id, &place, PAGE).await?;
                if page.commits.is_empty() {
                    break;
                }
                place = page.checkpoint;
                for commit in page.commits {
                    if belongs_to(&commit, correlation_id)? {
                        commits.push(commit);
                    }
                }
            }
        }
        Self::of(commits)
    }

    /// Reads these streams of `store` to their ends, and keeps the commits of `correlation_id`.
    ///
    /// For who knows where to look: it costs what these streams cost, however large the log is, and finds what a feed
    /// with a retention has forgotten. What is in other streams it does not find; what that caused stands at depth 0.
    ///
    /// # Errors
    ///
    /// As [`EventStore::read`], and [`Error::Corrupt`](crate::Error::Corrupt) for metadata that cannot be read.
    pub async fn of_streams(
        store: &dyn EventStore,
        streams: impl IntoIterator<Item = StreamId>,
        correlation_id: &str,
    ) -> Result<Self> {
        let mut commits = Vec::new();
        for stream in streams {
            let mut pages = store.read(ReadStream::new(stream));
            while let Some(page) = pages.try_next().await? {
                for commit in page {
                    if belongs_to(&commit, correlation_id)? {
                        commits.push(commit);
                    }
                }
            }
        }
        Self::of(commits)
    }

    /// Puts commits under those that caused them. One whose cause is not among them stands at depth 0. Those with the
    /// same cause stand in the order of their times, and of their streams where these are the same. One that is given
    /// twice is there once.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) for metadata that cannot be read.
    pub fn of(commits: impl IntoIterator<Item = Commit>) -> Result<Self> {
        let key = |commit: &Commit| {
            (commit.recorded_at(), commit.stream().to_string(), commit.first_version())
        };
        let commits: BTreeMap<_, _> =
            commits.into_iter().map(|commit| (key(&commit), commit)).collect();
        let commits: Vec<Commit> = commits.into_values().collect();
        let places: HashMap<String, usize> = commits
            .iter()
            .enumerate()
            .map(|(place, commit)| (commit.id().to_string(), place))
            .collect();
        let mut effects: Vec<Vec<usize>> = vec![Vec::new(); commits.len()];
        let mut beginnings = Vec::new();
        for (place, commit) in commits.iter().enumerate() {
            let cause = commit.metadata()?.causation_id.and_then(|id| places.get(&id).copied());
            match cause.and_then(|cause| effects.get_mut(cause)) {
                Some(effects) => effects.push(place),
                None => beginnings.push(place),
            }
        }
        Ok(Self { nodes: in_order(commits, &beginnings, &effects) })
    }

    /// The commits: each behind its cause, and what a commit caused before what came next.
    pub fn nodes(&self) -> &[CausalNode] {
        &self.nodes
    }
}

/// Whether a commit is of this correlation, or is the one that it is named after.
fn belongs_to(commit: &Commit, correlation_id: &str) -> Result<bool> {
    let is_named = commit.metadata()?.correlation_id.as_deref() == Some(correlation_id);
    Ok(is_named || commit.id().to_string() == correlation_id)
}

fn in_order(commits: Vec<Commit>, beginnings: &[usize], effects: &[Vec<usize>]) -> Vec<CausalNode> {
    let mut nodes = Vec::with_capacity(commits.len());
    // Below the beginnings are all: what is said to have caused itself is reached from nowhere else.
    let all = (0..commits.len()).rev();
    let mut to_come: Vec<(usize, usize)> =
        all.chain(beginnings.iter().rev().copied()).map(|place| (place, 0)).collect();
    let mut commits: Vec<Option<Commit>> = commits.into_iter().map(Some).collect();
    while let Some((place, depth)) = to_come.pop() {
        let Some(commit) = commits.get_mut(place).and_then(Option::take) else { continue };
        nodes.push(CausalNode { commit, depth });
        let effects = effects.get(place).into_iter().flatten();
        to_come.extend(effects.rev().map(|&effect| (effect, depth + 1)));
    }
    nodes
}

#[cfg(test)]
mod tests;
