//! The log: streams of commits in the events table.

mod appending;
mod chain;
pub(crate) mod commit_item;
mod continuation;
mod id_search;
mod markers;
mod out_of_order;
mod reading;
mod requests;

use async_trait::async_trait;
use es_core::{
    Appended, Commit, CommitId, EventStore, Expected, Head, Limits, NewCommit, Page, ReadStream,
    Result, StreamId, Version,
};
use futures::stream::BoxStream;

use crate::store::DynamoStore;
use id_search::Begin;
pub(crate) use out_of_order::OutOfOrderIds;
use requests::CommitRange;

#[async_trait]
impl EventStore for DynamoStore {
    /// Appends a commit; see [`EventStore::append`].
    ///
    /// One request, unless the commit is larger than an item or its id is one that the end of the stream
    /// does not rule out; see [`Heads`](crate::Heads) for positions that were not read. When the
    /// returned future is dropped before it is done the commit may still be written. Append it again to
    /// find out.
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.append_commit(stream, expected, commit).await
    }

    /// Reads a stream; see [`EventStore::read`].
    ///
    /// A page has up to about 1 MB. From the second page on, the next one is requested while the last
    /// one is worked on.
    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<Page>> {
        reading::pages(self, query)
    }

    async fn find(&self, stream: &StreamId, id: CommitId) -> Result<Option<Commit>> {
        if id.is_generated() {
            return Ok(self.look_back(stream, id, Begin::AtTheEnd).await?.found);
        }
        self.find_marked(stream, id).await
    }

    async fn head(&self, stream: &StreamId) -> Result<Option<Head>> {
        let end =
            CommitRange::backwards_from(stream.clone(), Version::new(u64::MAX)).limit(Some(1));
        let page = self.item_page(end).await?;
        let Some(item) = page.items.into_iter().next() else { return Ok(None) };
        let item = self.read_commit_item(stream, item)?;
        let head = item.header.head();
        item.check()?;
        Ok(Some(head))
    }

    fn limits(&self) -> Limits {
        self.options().limits
    }

    fn reads_are_remote(&self) -> bool {
        true
    }
}
