//! View stores that are broken in one way each.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::view_store::SUITE;
use es_core::{
    Adopted, Adoption, CheckpointStore, ConsumerId, DeadLetter, DeadLetterCount, DeadLetterQuery,
    Error, PartitionId, Position, Progress, Replaces, Result, StreamId, StreamProgress, ViewChange,
    ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};

use crate::{Window, assert_breaks, assert_keeps};

/// Views with a fault; whatever the fault does not touch is the memory store's.
#[derive(Debug)]
struct Broken<F> {
    inner: MemoryStore,
    fault: F,
}

#[async_trait]
trait Fault: Debug + Send + Sync + 'static {
    async fn get(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        keys: &[&str],
    ) -> Result<Vec<Option<String>>> {
        ViewStore::get(store, view, keys).await
    }

    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        ViewStore::list(store, view, query).await
    }

    async fn write(
        &self,
        store: &MemoryStore,
        changes: Vec<ViewChange>,
        progress: Progress,
    ) -> Result<()> {
        ViewStore::write(store, changes, progress).await
    }

    async fn clear(&self, store: &MemoryStore, view: &ViewName, by: &ConsumerId) -> Result<()> {
        store.clear(view, by).await
    }
}

#[async_trait]
impl<F: Fault> CheckpointStore for Broken<F> {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        CheckpointStore::load(&self.inner, consumer, partition).await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        self.inner.stream_progress(consumer, streams).await
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        CheckpointStore::save(&self.inner, progress).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        self.inner.reset(consumer).await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        self.inner.adopt(adoption).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        self.inner.dead_letters(consumer, query).await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        self.inner.dead_letter_count(consumer).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        self.inner.set_paused(consumer, paused).await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        self.inner.is_paused(consumer).await
    }
}

#[async_trait]
impl<F: Fault> ViewStore for Broken<F> {
    async fn prepare(&self, view: &ViewSchema) -> Result<()> {
        self.inner.prepare(view).await
    }

    async fn get(&self, view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>> {
        self.fault.get(&self.inner, view, keys).await
    }

    async fn list(&self, view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>> {
        self.fault.list(&self.inner, view, query).await
    }

    async fn write(&self, changes: Vec<ViewChange>, progress: Progress) -> Result<()> {
        self.fault.write(&self.inner, changes, progress).await
    }

    async fn clear(&self, view: &ViewName, progress_of: &ConsumerId) -> Result<()> {
        self.fault.clear(&self.inner, view, progress_of).await
    }

    async fn swap(&self, from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted> {
        self.inner.swap(from, to, adoption).await
    }
}

fn store<F: Fault + Default>() -> Broken<F> {
    Broken { inner: MemoryStore::new(), fault: F::default() }
}

#[derive(Debug, Default)]
struct Sound;

impl Fault for Sound {}

#[tokio::test]
async fn views_without_a_fault_keep_all_rules() {
    assert_eq!(SUITE.failures(|| async { store::<Sound>() }).await, []);
}

/// Writes documents first and the progress then, each on its own.
#[derive(Debug, Default)]
struct DocumentsFirst;

#[async_trait]
impl Fault for DocumentsFirst {
    async fn write(
        &self,
        store: &MemoryStore,
        changes: Vec<ViewChange>,
        progress: Progress,
    ) -> Result<()> {
        let unfenced = Progress { advance: None, streams: vec![], ..progress.clone() };
        ViewStore::write(store, changes, unfenced).await?;
        CheckpointStore::save(store, progress).await
    }
}

#[tokio::test]
async fn documents_outside_the_fence_are_found() {
    let rules = [
        ("a_fenced_write_writes_nothing", "the documents of v"),
        ("a_write_of_many_documents_is_kept_whole", "the documents of v"),
        ("writes_and_saves_share_their_revisions", "the documents of v"),
    ];
    assert_breaks(&SUITE, store::<DocumentsFirst>, &rules).await;
    let rules = ["written_documents_come_back", "a_write_moves_the_progress_on"];
    assert_keeps(&SUITE, store::<DocumentsFirst>, &rules).await;
}

/// Replaces documents whatever they were.
#[derive(Debug, Default)]
struct LastWriterWins;

#[async_trait]
impl Fault for LastWriterWins {
    async fn write(
        &self,
        store: &MemoryStore,
        changes: Vec<ViewChange>,
        progress: Progress,
    ) -> Result<()> {
        let anything = |change| ViewChange { replaces: Replaces::Anything, ..change };
        let changes = changes.into_iter().map(anything).collect();
        ViewStore::write(store, changes, Progress { seen: vec![], ..progress }).await
    }
}

#[tokio::test]
async fn a_write_that_does_not_look_at_what_it_replaces_is_found() {
    let rules = [
        ("a_write_that_replaces_another_document_is_fenced", "made from None when it is 1"),
        ("a_write_based_on_another_version_of_a_stream_is_fenced", "moved on"),
    ];
    assert_breaks(&SUITE, store::<LastWriterWins>, &rules).await;
    assert_keeps(&SUITE, store::<LastWriterWins>, &["a_fenced_write_writes_nothing"]).await;
}

/// Writes views without looking at the progress they show.
#[derive(Debug, Default)]
struct Unfenced;

#[async_trait]
impl Fault for Unfenced {
    async fn write(
        &self,
        store: &MemoryStore,
        changes: Vec<ViewChange>,
        mut progress: Progress,
    ) -> Result<()> {
        loop {
            if let Some(advance) = &mut progress.advance {
                let position =
                    CheckpointStore::load(store, &progress.consumer, &advance.partition).await?;
                advance.based_on = position.revision;
            }
            match ViewStore::write(store, changes.clone(), progress.clone()).await {
                Err(Error::Fenced { .. }) => {}
                outcome => return outcome,
            }
        }
    }
}

#[tokio::test]
async fn views_without_a_fence_are_found() {
    let rules = [
        ("a_fenced_write_writes_nothing", "not fenced, but Ok"),
        ("of_concurrent_writes_exactly_one_succeeds", "of 8 writes on one revision 8 win"),
        ("clearing_fences_those_at_work", "from before: not fenced"),
    ];
    assert_breaks(&SUITE, store::<Unfenced>, &rules).await;
}

/// Writes a step in two halves.
#[derive(Debug, Default)]
struct Halves(Window);

#[async_trait]
impl Fault for Halves {
    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        let listed = ViewStore::list(store, view, query).await;
        self.0.pass();
        listed
    }

    async fn write(
        &self,
        store: &MemoryStore,
        mut changes: Vec<ViewChange>,
        mut progress: Progress,
    ) -> Result<()> {
        let rest = changes.split_off(changes.len() / 2);
        ViewStore::write(store, changes, progress.clone()).await?;
        (progress.advance, progress.seen) = (None, Vec::new());
        // Whoever lists twice in here has listed once from its beginning to its end.
        self.0.stay().await;
        self.0.stay().await;
        ViewStore::write(store, rest, progress).await
    }
}

#[tokio::test]
async fn a_step_in_two_halves_is_found() {
    let rules = [
        ("a_write_that_cannot_be_made_whole_is_not_made", "the documents of v"),
        ("a_reader_beside_a_writer_sees_whole_steps", "a listing shows a part of a step"),
    ];
    assert_breaks(&SUITE, store::<Halves>, &rules).await;
}

/// Writes the first change of a key only: a batch that must not have a key twice.
#[derive(Debug, Default)]
struct FirstChangeCounts;

#[async_trait]
impl Fault for FirstChangeCounts {
    async fn write(
        &self,
        store: &MemoryStore,
        mut changes: Vec<ViewChange>,
        progress: Progress,
    ) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        changes.retain(|change| seen.insert((change.view.clone(), change.key.clone())));
        ViewStore::write(store, changes, progress).await
    }
}

#[tokio::test]
async fn a_lost_last_change_is_found() {
    let rules = [("of_changes_of_one_key_the_last_counts", "the documents of v")];
    assert_breaks(&SUITE, store::<FirstChangeCounts>, &rules).await;
}

/// Answers with the documents that there are.
#[derive(Debug, Default)]
struct LeavesOutMissing;

#[async_trait]
impl Fault for LeavesOutMissing {
    async fn get(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        keys: &[&str],
    ) -> Result<Vec<Option<String>>> {
        let found = ViewStore::get(store, view, keys).await?;
        Ok(found.into_iter().filter(Option::is_some).collect())
    }
}

#[tokio::test]
async fn answers_that_leave_out_missing_documents_are_found() {
    let rules = [("documents_come_in_the_order_asked_for", "one answer per key")];
    assert_breaks(&SUITE, store::<LeavesOutMissing>, &rules).await;
}

/// Filters the page that it read instead of reading a page of what matches.
#[derive(Debug, Default)]
struct FiltersAPage;

#[async_trait]
impl Fault for FiltersAPage {
    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        let matching = ViewStore::list(store, view, &query.clone().limit(usize::MAX)).await?;
        let page =
            ViewStore::list(store, view, &ViewQuery { equals: None, ..query.clone() }).await?;
        Ok(page.into_iter().filter(|document| matching.contains(document)).collect())
    }
}

#[tokio::test]
async fn a_limit_before_the_filter_is_found() {
    let rules = [("a_filtered_listing_is_paged", "by 1")];
    assert_breaks(&SUITE, store::<FiltersAPage>, &rules).await;
    let rules = ["a_listing_is_filtered_by_an_indexed_field", "paging_sees_every_document_once"];
    assert_keeps(&SUITE, store::<FiltersAPage>, &rules).await;
}

/// Orders keys as people do.
#[derive(Debug, Default)]
struct SortsWithoutCase;

#[async_trait]
impl Fault for SortsWithoutCase {
    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        let mut listed = ViewStore::list(store, view, query).await?;
        listed.sort_by_key(|document| document.key.to_lowercase());
        Ok(listed)
    }
}

#[tokio::test]
async fn a_listing_in_another_order_is_found() {
    let rules = [("a_listing_is_ordered_by_the_bytes_of_the_keys", "left == right")];
    assert_breaks(&SUITE, store::<SortsWithoutCase>, &rules).await;
}

/// Begins a page with the key that the page before ended with.
#[derive(Debug, Default)]
struct RepeatsTheLastKey;

#[async_trait]
impl Fault for RepeatsTheLastKey {
    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        let mut listed = ViewStore::list(store, view, query).await?;
        if let Some(after) = &query.after
            && let Some(document) = ViewStore::get(store, view, &[after]).await?.remove(0)
        {
            listed.insert(0, ViewDocument { key: after.clone(), document });
            listed.truncate(query.limit);
        }
        Ok(listed)
    }
}

#[tokio::test]
async fn a_document_on_two_pages_is_found() {
    let rules = [("paging_sees_every_document_once", "a listing does not come to an end")];
    assert_breaks(&SUITE, store::<RepeatsTheLastKey>, &rules).await;
}

/// Lists everything where it cannot filter, and nothing of a view that it does not know.
#[derive(Debug, Default)]
struct Obliging;

#[async_trait]
impl Fault for Obliging {
    async fn get(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        keys: &[&str],
    ) -> Result<Vec<Option<String>>> {
        match ViewStore::get(store, view, keys).await {
            Err(Error::Misuse(_)) => Ok(vec![None; keys.len()]),
            found => found,
        }
    }

    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        match ViewStore::list(store, view, query).await {
            Err(Error::Misuse(_)) => {
                ViewStore::list(store, view, &ViewQuery { equals: None, ..query.clone() }).await
            }
            listed => listed,
        }
    }
}

#[tokio::test]
async fn a_guess_instead_of_an_error_is_found() {
    let rules = [
        ("a_filter_on_a_field_that_is_not_indexed_is_an_error", "a filter on \"name\": no misuse"),
        ("a_view_that_was_never_prepared_is_an_error", "a get: no misuse"),
    ];
    assert_breaks(&SUITE, store::<Obliging>, &rules).await;
}

/// Writes documents anew, in its own order of fields.
#[derive(Debug, Default)]
struct Rewrites;

#[async_trait]
impl Fault for Rewrites {
    async fn write(
        &self,
        store: &MemoryStore,
        mut changes: Vec<ViewChange>,
        progress: Progress,
    ) -> Result<()> {
        for document in changes.iter_mut().filter_map(|change| change.document.as_mut()) {
            let value: Option<serde_json::Value> = serde_json::from_str(document).ok();
            *document = value.map_or_else(|| document.clone(), |value| value.to_string());
        }
        ViewStore::write(store, changes, progress).await
    }
}

#[tokio::test]
async fn a_document_that_is_written_anew_is_found() {
    let rules = [("documents_of_every_kind_come_back", "left == right")];
    assert_breaks(&SUITE, store::<Rewrites>, &rules).await;
    assert_keeps(&SUITE, store::<Rewrites>, &["written_documents_come_back"]).await;
}

/// Clears the progress and leaves the documents.
#[derive(Debug, Default)]
struct KeepsDocuments;

#[async_trait]
impl Fault for KeepsDocuments {
    async fn clear(&self, store: &MemoryStore, _: &ViewName, by: &ConsumerId) -> Result<()> {
        store.reset(by).await
    }
}

#[tokio::test]
async fn a_view_that_is_not_cleared_is_found() {
    let rules = [("clearing_removes_documents_and_progress", "the documents of v")];
    assert_breaks(&SUITE, store::<KeepsDocuments>, &rules).await;
}
