//! Views that are not stored.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::StreamExt as _;

use crate::checkpoint_store::ConsumerId;
use crate::clock::Timestamp;
use crate::commit::Commit;
use crate::consumer::Fold;
use crate::error::Result;
use crate::event_store::{EventStore, ReadStream};
use crate::projector::Projector;
use crate::stream_id::StreamId;

/// Folds the events of some streams with a [`Projector`] when asked, and stores nothing: always up to
/// date, and the documents of any time in the past.
///
/// It reads the streams that it is given and no others, so it is right for documents that are made of
/// few short streams which the caller knows, as the one of an aggregate. Documents that gather events
/// from all over the log are for a [`Projection`](crate::Projection).
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
/// use es_core::{LiveView, Repository, StreamId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone());
/// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
///
/// let statements = LiveView::new(Statements, store)?;
/// let documents = statements.fold(&[StreamId::new("account", "a-1")?]).await?;
/// assert_eq!(documents["a-1"].balance, 5);
/// # Ok(())
/// # }
/// ```
pub struct LiveView<P> {
    projector: P,
    id: ConsumerId,
    log: Arc<dyn EventStore>,
}

impl<P: Projector> LiveView<P> {
    /// Folds from `log` with `projector`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](crate::Error::InvalidId) when the projector's name is not valid.
    pub fn new(projector: P, log: Arc<dyn EventStore>) -> Result<Self> {
        let id = ConsumerId::new(P::NAME)?;
        Ok(Self { projector, id, log })
    }

    /// The documents that the events of `streams` come to, by key: the streams one after the other, in
    /// the given order. Streams of categories that the projector does not follow count for nothing.
    ///
    /// # Errors
    ///
    /// Those of the log; [`Error::Decode`](crate::Error::Decode) and
    /// [`Error::Handler`](crate::Error::Handler) for an event that cannot be folded.
    pub async fn fold(&self, streams: &[StreamId]) -> Result<BTreeMap<String, P::View>> {
        self.fold_while(streams, |_| true).await
    }

    /// As [`fold`](Self::fold), of each stream only the commits before the first that was recorded
    /// after `time`.
    ///
    /// # Errors
    ///
    /// As [`fold`](Self::fold).
    pub async fn fold_as_of(
        &self,
        streams: &[StreamId],
        time: Timestamp,
    ) -> Result<BTreeMap<String, P::View>> {
        self.fold_while(streams, |commit| commit.recorded_at() <= time).await
    }

    async fn fold_while(
        &self,
        streams: &[StreamId],
        counts: impl Fn(&Commit) -> bool,
    ) -> Result<BTreeMap<String, P::View>> {
        let mut commits = Vec::new();
        for stream in streams {
            if P::CATEGORIES.contains(&stream.category()) {
                self.read_while(stream, &counts, &mut commits).await?;
            }
        }
        Fold::new(&self.projector, &self.id, &commits).into_documents()
    }

    async fn read_while(
        &self,
        stream: &StreamId,
        counts: &impl Fn(&Commit) -> bool,
        commits: &mut Vec<Commit>,
    ) -> Result<()> {
        let mut pages = self.log.read(ReadStream::new(stream.clone()));
        while let Some(page) = pages.next().await {
            for commit in page? {
                if !counts(&commit) {
                    return Ok(());
                }
                commits.push(commit);
            }
        }
        Ok(())
    }
}

impl<P> fmt::Debug for LiveView<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveView").field("view", &self.id).finish_non_exhaustive()
    }
}
