use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{
    Appended, Commit, CommitId, Error, EventStore, Expected, Limits, NewCommit, ReadStream, Result,
    StreamId,
};
use futures::stream::BoxStream;

/// What happens to an append.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing.
    None,
    /// It is written, and the caller does not hear of it.
    AcknowledgementLost,
    /// It is not written, and the caller is told to try again.
    Throttled,
    /// Another writer appends this commit to the stream before.
    Overtaken(NewCommit),
    /// It is written, another writer appends after it, and the caller hears of neither.
    LostAndOvertaken(NewCommit),
}

/// A memory store whose appends meet scripted faults, and which counts requests.
#[derive(Debug, Clone)]
pub struct ScriptedStore {
    pub inner: MemoryStore,
    script: Arc<Mutex<VecDeque<Fault>>>,
    appends: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
}

impl ScriptedStore {
    pub fn new(inner: MemoryStore) -> Self {
        Self { inner, script: Arc::default(), appends: Arc::default(), reads: Arc::default() }
    }

    pub fn then(&self, fault: Fault) {
        self.script.lock().unwrap().push_back(fault);
    }

    pub fn appends(&self) -> usize {
        self.appends.swap(0, Ordering::SeqCst)
    }

    pub fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl EventStore for ScriptedStore {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        let fault = self.script.lock().unwrap().pop_front().unwrap_or(Fault::None);
        let unavailable = |source: &'static str| Error::Unavailable {
            what: "append".to_owned(),
            source: source.into(),
        };
        match fault {
            Fault::None => self.inner.append(stream, expected, commit).await,
            Fault::AcknowledgementLost => {
                self.inner.append(stream, expected, commit).await?;
                Err(unavailable("connection reset"))
            }
            Fault::Throttled => Err(unavailable("throttled")),
            Fault::Overtaken(other) => {
                self.inner.append(stream, Expected::Any, other).await?;
                self.inner.append(stream, expected, commit).await
            }
            Fault::LostAndOvertaken(other) => {
                self.inner.append(stream, expected, commit).await?;
                self.inner.append(stream, Expected::Any, other).await?;
                Err(unavailable("connection reset"))
            }
        }
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Vec<Commit>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.read(query)
    }

    async fn find(&self, stream: &StreamId, id: CommitId) -> Result<Option<Commit>> {
        self.inner.find(stream, id).await
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }
}
