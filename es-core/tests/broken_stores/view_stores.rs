//! View stores that are broken in one way each.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::testing::conformance::view_store::SUITE;
use es_core::{
    Adopted, Adoption, CheckpointStore, ConsumerId, Error, Progress, Replaces, Result, ViewChange,
    ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};

use crate::read_side::{Fault, Sound, is_fenced, nobody, rebase, save_unfenced, store};
use crate::{Window, assert_breaks, assert_keeps};

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
            rebase(store, &mut progress).await?;
            let outcome = ViewStore::write(store, changes.clone(), progress.clone()).await;
            if !is_fenced(&outcome) {
                return outcome;
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

/// Parks first and writes then.
#[derive(Debug, Default)]
struct LettersFirst;

#[async_trait]
impl Fault for LettersFirst {
    async fn write(
        &self,
        store: &MemoryStore,
        changes: Vec<ViewChange>,
        mut progress: Progress,
    ) -> Result<()> {
        let letters = std::mem::take(&mut progress.dead_letters);
        save_unfenced(store, &progress.consumer, vec![], letters).await?;
        ViewStore::write(store, changes, Progress { seen: vec![], ..progress }).await
    }
}

#[tokio::test]
async fn letters_outside_the_step_are_found() {
    let rules = [
        ("a_write_parks_and_drops_letters", "a fenced write with letters"),
        ("a_write_that_cannot_be_made_whole_is_not_made", "the places of the letters"),
        ("a_write_that_saw_other_letters_is_fenced", "not fenced, but Ok"),
        ("a_write_beside_the_feed_is_fenced_by_what_it_saw", "not fenced, but Ok"),
    ];
    assert_breaks(&SUITE, store::<LettersFirst>, &rules).await;
    assert_keeps(&SUITE, store::<LettersFirst>, &["a_write_moves_the_progress_on"]).await;
}

/// Knows letters of saves only.
#[derive(Debug, Default)]
struct WritesWithoutLetters;

#[async_trait]
impl Fault for WritesWithoutLetters {
    async fn write(
        &self,
        store: &MemoryStore,
        changes: Vec<ViewChange>,
        progress: Progress,
    ) -> Result<()> {
        ViewStore::write(store, changes, Progress { dead_letters: vec![], ..progress }).await
    }
}

#[tokio::test]
async fn a_write_that_forgets_letters_is_found() {
    let rules = [
        ("a_write_parks_and_drops_letters", "parked with a document"),
        ("random_steps_are_as_in_a_model", "the streams of"),
    ];
    assert_breaks(&SUITE, store::<WritesWithoutLetters>, &rules).await;
}

/// Fences writes by the revision of a position, which those beside the feed do not have.
#[derive(Debug, Default)]
struct BesideTheFence;

#[async_trait]
impl Fault for BesideTheFence {
    async fn write(
        &self,
        store: &MemoryStore,
        mut changes: Vec<ViewChange>,
        mut progress: Progress,
    ) -> Result<()> {
        if progress.advance.is_none() {
            progress.seen.clear();
            changes.iter_mut().for_each(|change| change.replaces = Replaces::Anything);
        }
        ViewStore::write(store, changes, progress).await
    }
}

#[tokio::test]
async fn writes_beside_the_feed_without_a_fence_are_found() {
    let rules = [
        ("a_write_beside_the_feed_is_fenced_by_what_it_saw", "not fenced, but Ok"),
        ("a_write_beside_the_feed_is_fenced_by_what_it_replaces", "not fenced, but Ok"),
        ("of_concurrent_writes_beside_the_feed_exactly_one_succeeds", "saw the same 8 win"),
    ];
    assert_breaks(&SUITE, store::<BesideTheFence>, &rules).await;
}

/// Swaps documents, with an adoption that nobody sees.
async fn swap_documents(store: &MemoryStore, from: &ViewName, to: &ViewName) -> Result<()> {
    let adoption = Adoption {
        from: nobody("gives"),
        to: nobody("takes"),
        based_on: vec![],
        backwards: true,
        replaces_dead_letters: true,
    };
    store.swap(from, to, &adoption).await.map(|adopted| assert_eq!(adopted, Adopted::Done))
}

/// Writes as somebody whom no rule knows.
async fn write_documents(store: &MemoryStore, changes: Vec<ViewChange>) -> Result<()> {
    ViewStore::write(store, changes, Progress::new(nobody("writes"), None)).await
}

async fn documents(store: &MemoryStore, view: &ViewName) -> Result<Vec<ViewDocument>> {
    match ViewStore::list(store, view, &ViewQuery::default().limit(usize::MAX)).await {
        Err(Error::Misuse(_)) => Ok(Vec::new()),
        listed => listed,
    }
}

fn change(view: &ViewName, key: String, document: Option<String>) -> ViewChange {
    ViewChange { view: view.clone(), key, replaces: Replaces::Anything, document }
}

/// Empties the one view, and puts the other in its place then.
#[derive(Debug, Default)]
struct SwapsInTwoSteps(Window);

#[async_trait]
impl Fault for SwapsInTwoSteps {
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

    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        let old = documents(store, to).await?;
        let gone = old.into_iter().map(|old| change(to, old.key, None)).collect();
        write_documents(store, gone).await?;
        self.0.stay().await;
        self.0.stay().await;
        store.swap(from, to, adoption).await
    }
}

#[tokio::test]
async fn a_swap_in_two_steps_is_found() {
    let rules = [
        ("a_reader_beside_a_swap_sees_one_view_whole", "parts of two views"),
        ("a_swap_that_is_not_done_changes_nothing", "a fenced swap"),
    ];
    assert_breaks(&SUITE, store::<SwapsInTwoSteps>, &rules).await;
    let rules = ["a_swap_puts_a_view_in_the_place_of_another"];
    assert_keeps(&SUITE, store::<SwapsInTwoSteps>, &rules).await;
}

/// Adopts the progress, and puts the documents in their place then.
#[derive(Debug, Default)]
struct ProgressFirst(Window);

#[async_trait]
impl Fault for ProgressFirst {
    async fn get(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        keys: &[&str],
    ) -> Result<Vec<Option<String>>> {
        let found = ViewStore::get(store, view, keys).await;
        self.0.pass();
        found
    }

    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        let adopted = store.adopt(adoption).await?;
        if adopted == Adopted::Done {
            self.0.stay().await;
            self.0.stay().await;
            swap_documents(store, from, to).await?;
        }
        Ok(adopted)
    }
}

#[tokio::test]
async fn a_swap_with_the_progress_first_is_found() {
    let rules = [
        ("who_sees_the_progress_of_a_swap_sees_its_documents", "the progress was at"),
        ("a_swap_of_a_view_that_was_never_prepared_is_an_error", "after a swap with nothing"),
    ];
    assert_breaks(&SUITE, store::<ProgressFirst>, &rules).await;
    let rules = ["a_swap_puts_a_view_in_the_place_of_another"];
    assert_keeps(&SUITE, store::<ProgressFirst>, &rules).await;
}

/// Puts documents in their place, and leaves the progress where it is.
#[derive(Debug, Default)]
struct SwapsDocumentsOnly;

#[async_trait]
impl Fault for SwapsDocumentsOnly {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        _: &Adoption,
    ) -> Result<Adopted> {
        swap_documents(store, from, to).await?;
        Ok(Adopted::Done)
    }
}

#[tokio::test]
async fn a_swap_without_progress_is_found() {
    let rules = [
        ("a_swap_puts_a_view_in_the_place_of_another", "left == right"),
        ("a_swap_that_is_not_done_changes_nothing", "not fenced, but Ok"),
        ("a_swap_fences_writers_of_both_views", "not fenced, but Ok"),
    ];
    assert_breaks(&SUITE, store::<SwapsDocumentsOnly>, &rules).await;
    let rules = ["a_reader_beside_a_swap_sees_one_view_whole"];
    assert_keeps(&SUITE, store::<SwapsDocumentsOnly>, &rules).await;
}

/// Puts documents in their place whether the progress may be adopted or not.
#[derive(Debug, Default)]
struct SwapsUnasked;

#[async_trait]
impl Fault for SwapsUnasked {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        let adopted = store.swap(from, to, adoption).await?;
        if adopted != Adopted::Done {
            swap_documents(store, from, to).await?;
        }
        Ok(adopted)
    }
}

#[tokio::test]
async fn a_swap_that_is_made_all_the_same_is_found() {
    let rules = [("a_swap_that_is_not_done_changes_nothing", "cannot be listed")];
    assert_breaks(&SUITE, store::<SwapsUnasked>, &rules).await;
}

/// Swaps wherever the consumer is whose view it takes.
#[derive(Debug, Default)]
struct SwapsUnfenced;

#[async_trait]
impl Fault for SwapsUnfenced {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        let adopted = store.swap(from, to, adoption).await;
        if is_fenced(&adopted) {
            let unfenced = Adoption { based_on: vec![], ..adoption.clone() };
            return store.swap(from, to, &unfenced).await;
        }
        adopted
    }
}

#[tokio::test]
async fn a_swap_without_a_fence_is_found() {
    let rules = [("a_swap_that_is_not_done_changes_nothing", "not fenced, but Ok")];
    assert_breaks(&SUITE, store::<SwapsUnfenced>, &rules).await;
}

/// Writes the new documents over the old ones.
#[derive(Debug, Default)]
struct LeavesOldDocuments;

#[async_trait]
impl Fault for LeavesOldDocuments {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        let mut old = documents(store, to).await?;
        let adopted = store.swap(from, to, adoption).await?;
        let new = documents(store, to).await?;
        old.retain(|old| !new.iter().any(|new| new.key == old.key));
        let left = old.into_iter().map(|old| change(to, old.key, Some(old.document))).collect();
        write_documents(store, left).await?;
        Ok(adopted)
    }
}

#[tokio::test]
async fn old_documents_in_a_new_view_are_found() {
    let rules = [
        ("a_swap_puts_a_view_in_the_place_of_another", "the documents of live"),
        ("views_can_be_swapped_again_and_again", "the documents of live"),
        ("a_swap_of_many_documents_is_kept_whole", "the documents of the view"),
        ("a_reader_beside_a_swap_sees_one_view_whole", "parts of two views"),
    ];
    assert_breaks(&SUITE, store::<LeavesOldDocuments>, &rules).await;
    assert_keeps(&SUITE, store::<LeavesOldDocuments>, &["a_swap_leaves_others_alone"]).await;
}

/// Leaves the view that it has given prepared, and empty.
#[derive(Debug, Default)]
struct LeavesAnEmptyView;

#[async_trait]
impl Fault for LeavesAnEmptyView {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        let adopted = store.swap(from, to, adoption).await?;
        store
            .prepare(&ViewSchema { name: from.clone(), indexed_fields: &[], expires_by: None })
            .await?;
        Ok(adopted)
    }
}

#[tokio::test]
async fn an_empty_view_that_is_left_is_found() {
    let rules = [
        ("a_swap_puts_a_view_in_the_place_of_another", "a get from the view that was given"),
        ("a_swap_of_a_view_that_was_never_prepared_is_an_error", "a view that was given"),
    ];
    assert_breaks(&SUITE, store::<LeavesAnEmptyView>, &rules).await;
}

/// Filters by whatever a view was ever indexed by, and finds nothing if it is not any more.
#[derive(Debug, Default)]
struct KeepsOldFields(Mutex<BTreeSet<(ViewName, &'static str)>>);

#[async_trait]
impl Fault for KeepsOldFields {
    async fn prepare(&self, store: &MemoryStore, view: &ViewSchema) -> Result<()> {
        let fields = view.indexed_fields.iter().map(|&field| (view.name.clone(), field));
        self.0.lock().expect("a lock").extend(fields);
        store.prepare(view).await
    }

    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        let listed = ViewStore::list(store, view, query).await;
        let old = self.0.lock().expect("a lock");
        let is_old = |(of, _): &(String, String)| old.iter().any(|(v, f)| v == view && f == of);
        match listed {
            Err(Error::Misuse(_)) if query.equals.as_ref().is_some_and(is_old) => Ok(Vec::new()),
            listed => listed,
        }
    }
}

#[tokio::test]
async fn fields_of_the_old_view_are_found() {
    let rules = [("a_swap_brings_the_indexed_fields_along", "a field of the old view")];
    assert_breaks(&SUITE, store::<KeepsOldFields>, &rules).await;
    assert_keeps(&SUITE, store::<KeepsOldFields>, &["a_swapped_view_is_written_and_filtered"])
        .await;
}

/// Copies documents into a view without its indexes: what was swapped in is not found by a field.
#[derive(Debug, Default)]
struct SwapsWithoutIndexes(Mutex<BTreeSet<ViewName>>);

#[async_trait]
impl Fault for SwapsWithoutIndexes {
    async fn list(
        &self,
        store: &MemoryStore,
        view: &ViewName,
        query: &ViewQuery,
    ) -> Result<Vec<ViewDocument>> {
        let listed = ViewStore::list(store, view, query).await?;
        let is_swapped = self.0.lock().expect("a lock").contains(view);
        Ok(if is_swapped && query.equals.is_some() { Vec::new() } else { listed })
    }

    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        self.0.lock().expect("a lock").insert(to.clone());
        store.swap(from, to, adoption).await
    }
}

#[tokio::test]
async fn a_swap_that_loses_the_indexes_is_found() {
    let rules = [
        ("a_swap_brings_the_indexed_fields_along", "by owner"),
        ("a_swapped_view_is_written_and_filtered", "left == right"),
        ("a_swap_makes_a_view_that_was_never_prepared", "left == right"),
    ];
    assert_breaks(&SUITE, store::<SwapsWithoutIndexes>, &rules).await;
}

/// Puts views only into places that there are.
#[derive(Debug, Default)]
struct NeedsAPlace;

#[async_trait]
impl Fault for NeedsAPlace {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        ViewStore::list(store, to, &ViewQuery::default()).await?;
        store.swap(from, to, adoption).await
    }
}

#[tokio::test]
async fn a_swap_that_needs_a_place_is_found() {
    let rules = [("a_swap_makes_a_view_that_was_never_prepared", "was not swapped for live")];
    assert_breaks(&SUITE, store::<NeedsAPlace>, &rules).await;
}

/// Takes a view that was never prepared for an empty one.
#[derive(Debug, Default)]
struct SwapsNothing;

#[async_trait]
impl Fault for SwapsNothing {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        store
            .prepare(&ViewSchema { name: from.clone(), indexed_fields: &[], expires_by: None })
            .await?;
        store.swap(from, to, adoption).await
    }
}

#[tokio::test]
async fn a_swap_with_nothing_is_found() {
    let rules = [("a_swap_of_a_view_that_was_never_prepared_is_an_error", "no misuse, but Ok")];
    assert_breaks(&SUITE, store::<SwapsNothing>, &rules).await;
}

/// Forgets a view that takes its own place.
#[derive(Debug, Default)]
struct SwapsItself;

#[async_trait]
impl Fault for SwapsItself {
    async fn swap(
        &self,
        store: &MemoryStore,
        from: &ViewName,
        to: &ViewName,
        adoption: &Adoption,
    ) -> Result<Adopted> {
        if from == to {
            store.clear(to, &adoption.to).await?;
            return Ok(Adopted::Done);
        }
        store.swap(from, to, adoption).await
    }
}

#[tokio::test]
async fn a_view_that_takes_its_own_place_is_found() {
    let rules = [("a_swap_of_a_view_with_itself_is_an_error", "no misuse, but Ok")];
    assert_breaks(&SUITE, store::<SwapsItself>, &rules).await;
}

/// Clears a view by forgetting all of its projection, also that it rests.
#[derive(Debug, Default)]
struct ClearResumes;

#[async_trait]
impl Fault for ClearResumes {
    async fn clear(&self, store: &MemoryStore, view: &ViewName, by: &ConsumerId) -> Result<()> {
        store.set_paused(by, false).await?;
        store.clear(view, by).await
    }
}

#[tokio::test]
async fn clearing_that_resumes_is_found() {
    let rule = "clearing_forgets_parked_letters_and_keeps_records";
    assert_breaks(&SUITE, store::<ClearResumes>, &[(rule, "clearing resumed a consumer")]).await;
}
