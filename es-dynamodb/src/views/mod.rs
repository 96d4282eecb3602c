//! Views: documents in a table per view, written together with the progress that they show.
//!
//! How they lie there is in `docs/decisions/0012-dynamodb-layout.md`. The documents of one build of a
//! view are a generation, and the view's pointer says which one is the view's. Whatever changes more
//! than some documents moves pointers.

use async_trait::async_trait;
use es_core::{
    Adopted, Adoption, ConsumerId, Progress, Result, ViewChange, ViewDocument, ViewName, ViewQuery,
    ViewSchema, ViewStore, check_swap,
};

use crate::store::DynamoStore;

mod document;
mod expiry;
mod from_json;
mod indexed_field;
mod indexing;
mod known_pointers;
mod layout;
mod number;
mod pointer;
mod preparing;
mod read_only;
mod reading;
mod swapping;
mod to_json;
mod writing;

pub(crate) use expiry::ExpiringViews;
pub(crate) use indexed_field::check_field;
pub(crate) use known_pointers::KnownPointers;
pub(crate) use read_only::OpenedViews;

#[async_trait]
impl ViewStore for DynamoStore {
    /// Makes the view's table and indexes, with [`TableCreation::IfMissing`](crate::TableCreation), or
    /// sees to it that they are there. When a field is added to a view that has documents, they are read
    /// and put into its index, which may take a while.
    ///
    /// A document that a step was just writing when a field was added is missed: rebuild a view of which
    /// that matters.
    ///
    /// A store that [only reads views](DynamoStore::reading_views) changes nothing here.
    ///
    /// # Errors
    ///
    /// [`Error::Backend`](es_core::Error::Backend) for a table or an index that is missing,
    /// [`Error::Misuse`](es_core::Error::Misuse) for a field whose name is not plain ASCII, and for a
    /// table or an index of that name that is another one.
    async fn prepare(&self, view: &ViewSchema) -> Result<()> {
        match self.only_reads_views() {
            true => self.open_view(view).await,
            false => self.prepare_view(view).await,
        }
    }

    /// The documents under `keys`, strongly consistent. Each is as it was at some moment of the call;
    /// beside a step that writes several of them, some may be from before it.
    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>> {
        self.documents(view, keys).await
    }

    /// The documents that match, ordered by key: strongly consistent in listings of all documents,
    /// eventually in listings by a field, as all such indexes of DynamoDB are. Beside a step, some may
    /// be from before it and some from after it.
    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        self.listing(view, query).await
    }

    /// Writes documents and progress; see [`ViewStore::write`].
    ///
    /// # Errors
    ///
    /// As there; [`Error::Encode`](es_core::Error::Encode) also for a document that takes more than the
    /// 400 KB of an item, and [`Error::StepTooLarge`](es_core::Error::StepTooLarge) for a step of more
    /// than 100 items or 4 MB.
    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()> {
        self.check_writes_views()?;
        self.write_documents(&changes, &progress).await
    }

    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()> {
        self.check_writes_views()?;
        self.clear_view(view, progress_of).await
    }

    async fn swap(&self, from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted> {
        check_swap(from, to)?;
        self.check_writes_views()?;
        self.swap_views(from, to, adoption).await
    }
}
