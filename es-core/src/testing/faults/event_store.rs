use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::commit::{Commit, CommitId, NewCommit};
use crate::error::{Error, Result};
use crate::event_store::{Appended, EventStore, Expected, Limits, ReadStream};
use crate::page::Page;
use crate::stream_id::StreamId;
use crate::version::Head;

use super::late::LateRequests;
use super::request::Request;
use super::{Call, Fault, Faults, damage};

/// What another writer appends to a stream, if anything.
type Rival = dyn Fn(&StreamId) -> Option<NewCommit> + Send + Sync;

/// A log whose requests meet faults.
pub struct FaultyEventStore {
    inner: Arc<dyn EventStore>,
    faults: Faults,
    rival: Box<Rival>,
    late: LateRequests<(StreamId, Expected, NewCommit)>,
}

impl FaultyEventStore {
    /// `inner`, with `faults` before it.
    pub fn new(inner: Arc<dyn EventStore>, faults: Faults) -> Self {
        Self { inner, faults, rival: Box::new(|_| None), late: LateRequests::default() }
    }

    /// What another writer appends to a stream when an append is [`Fault::Overtaken`]. The commit is
    /// really there afterwards. Without a rival, or if it has nothing for the stream, nobody is
    /// overtaken.
    #[must_use]
    pub fn with_rival(
        mut self,
        rival: impl Fn(&StreamId) -> Option<NewCommit> + Send + Sync + 'static,
    ) -> Self {
        self.rival = Box::new(rival);
        self
    }

    async fn begin(&self, call: Call) -> Result<Request<'_>> {
        for (stream, expected, commit) in self.late.arriving() {
            // Nobody waits for the answer any more.
            let _ = self.inner.append(&stream, expected, commit).await;
        }
        self.faults.begin(call).await
    }

    async fn let_the_rival_pass(&self, stream: &StreamId, request: &Request<'_>) -> Result<()> {
        if request.is_due(Fault::Overtaken)
            && let Some(commit) = (self.rival)(stream)
        {
            self.inner.append(stream, Expected::Any, commit).await?;
            request.meets(Fault::Overtaken);
        }
        Ok(())
    }

    async fn read_on<'a>(&'a self, reading: Reading<'a>) -> Option<(Result<Page>, Reading<'a>)> {
        let (call, mut pages) = match reading {
            Reading::Pages(call, pages) => (call, pages),
            Reading::Broken(error) => return Some((Err(error), Reading::Over)),
            Reading::Over => return None,
        };
        let (page, torn) = match self.next_page(call, &mut pages).await.transpose()? {
            Ok(page) => page,
            Err(error) => return Some((Err(error), Reading::Over)),
        };
        let next = torn.map_or(Reading::Pages(Call::ReadFurther, pages), Reading::Broken);
        Some((Ok(page.into()), next))
    }

    /// The next page, and the error behind it if it is torn.
    async fn next_page(
        &self,
        call: Call,
        pages: &mut BoxStream<'_, Result<Page>>,
    ) -> Result<Option<(Vec<Commit>, Option<Error>)>> {
        let request = self.begin(call).await?;
        let page = request.end(pages.next().await.transpose()).await?;
        let Some(page) = page else { return Ok(None) };
        let mut page = damage::page(page.into_vec(), &request)?;
        if !request.is_due(Fault::TornPage) {
            return Ok(Some((page, None)));
        }
        page.truncate(page.len().div_ceil(2));
        Ok(Some((page, Some(request.unavailable(Fault::TornPage)))))
    }
}

/// How far a read has come.
enum Reading<'a> {
    Pages(Call, BoxStream<'a, Result<Page>>),
    Broken(Error),
    Over,
}

#[async_trait]
impl EventStore for FaultyEventStore {
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        let request = self.begin(Call::Append).await?;
        if request.is_due(Fault::LateRequest) {
            self.late.hold_up((stream.clone(), expected, commit), self.faults.lateness());
            return Err(request.unavailable(Fault::LateRequest));
        }
        self.let_the_rival_pass(stream, &request).await?;
        request.end(self.inner.append(stream, expected, commit).await).await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        let reading = Reading::Pages(Call::ReadStream, self.inner.read(query));
        stream::unfold(reading, |reading| self.read_on(reading)).boxed()
    }

    async fn find(&self, stream: &StreamId, id: CommitId) -> Result<Option<Commit>> {
        let request = self.begin(Call::FindCommit).await?;
        let found = request.end(self.inner.find(stream, id).await).await?;
        // A page of one commit, or of none.
        Ok(damage::page(found.into_iter().collect(), &request)?.pop())
    }

    async fn head(&self, stream: &StreamId) -> Result<Option<Head>> {
        let request = self.begin(Call::ReadHead).await?;
        request.end(self.inner.head(stream).await).await
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn reads_are_remote(&self) -> bool {
        self.inner.reads_are_remote()
    }
}

impl fmt::Debug for FaultyEventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyEventStore")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .field("late", &self.late.len())
            .finish_non_exhaustive()
    }
}
