//! The rules of [`ViewStore`], on top of those of [`checkpoint_store`](super::checkpoint_store()),
//! which every view store keeps as well.

use std::fmt::Debug;
use std::sync::Arc;

use super::Fixture;
use super::checkpoint_store::{by, consumer, load, step};
use crate::checkpoint_store::{Progress, Revision};
use crate::error::{Error, Result};
use crate::view_store::{
    Replaces, ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};

mod beside_the_feed;
mod clearing;
mod documents;
mod fencing;
mod listing;
mod model;
mod preparing;
mod steps;
mod swapping;

/// What the rules are about.
pub type Store = Arc<dyn ViewStore>;

impl<S: ViewStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    view_store for Store, tested by view_store_conformance;
    documents: [
        written_documents_come_back,
        documents_of_every_kind_come_back,
        keys_of_every_kind_are_kept_apart,
        a_document_is_overwritten_and_removed,
        of_changes_of_one_key_the_last_counts,
        documents_come_in_the_order_asked_for,
        views_are_kept_apart,
    ],
    steps: [
        a_write_of_many_documents_is_kept_whole,
        a_write_moves_the_progress_on,
        a_write_without_documents_moves_the_progress_on,
        a_write_parks_and_drops_letters,
        writes_and_saves_share_their_revisions,
        a_write_that_cannot_be_made_whole_is_not_made,
        a_reader_beside_a_writer_sees_whole_steps,
    ],
    fencing: [
        a_fenced_write_writes_nothing,
        a_write_based_on_another_version_of_a_stream_is_fenced,
        a_write_that_saw_other_letters_is_fenced,
        a_write_that_replaces_another_document_is_fenced,
        of_concurrent_writes_exactly_one_succeeds,
    ],
    beside_the_feed: [
        a_write_beside_the_feed_leaves_positions_alone,
        a_write_beside_the_feed_is_fenced_by_what_it_saw,
        a_write_beside_the_feed_is_fenced_by_what_it_replaces,
        of_concurrent_writes_beside_the_feed_exactly_one_succeeds,
    ],
    listing: [
        a_listing_is_ordered_by_the_bytes_of_the_keys,
        a_listing_has_no_more_than_its_limit,
        paging_sees_every_document_once,
        a_listing_is_filtered_by_an_indexed_field,
        a_filter_compares_whole_strings,
        a_filtered_listing_is_paged,
        a_filter_follows_the_documents,
        a_filter_on_a_field_that_is_not_indexed_is_an_error,
    ],
    preparing: [
        a_view_that_was_never_prepared_is_an_error,
        preparing_again_changes_nothing,
    ],
    clearing: [
        clearing_removes_documents_and_progress,
        clearing_forgets_parked_letters_and_keeps_records,
        clearing_fences_those_at_work,
        clearing_leaves_others_alone,
    ],
    swapping: [
        a_swap_puts_a_view_in_the_place_of_another,
        a_swap_brings_the_indexed_fields_along,
        a_swapped_view_is_written_and_filtered,
        views_can_be_swapped_again_and_again,
        a_swap_makes_a_view_that_was_never_prepared,
        a_swap_of_many_documents_is_kept_whole,
        a_swap_of_a_view_that_was_never_prepared_is_an_error,
        a_swap_of_a_view_with_itself_is_an_error,
        a_swap_that_is_not_done_changes_nothing,
        a_swap_fences_writers_of_both_views,
        a_swap_leaves_others_alone,
        a_reader_beside_a_swap_sees_one_view_whole,
        who_sees_the_progress_of_a_swap_sees_its_documents,
        of_concurrent_swaps_exactly_one_succeeds,
    ],
    model: [
        random_writes_are_as_in_a_model,
        random_steps_are_as_in_a_model,
    ],
}

fn view(name: &str) -> ViewName {
    ViewName::new(name).expect("the rules use valid views")
}

/// The view `v` with the indexed fields `status` and `owner`.
const INDEXED: &[&str] = &["status", "owner"];

async fn prepare(store: &Store, name: &str) -> ViewName {
    let schema = ViewSchema { name: view(name), indexed_fields: INDEXED, expires_by: None };
    let prepared = store.prepare(&schema).await;
    prepared.unwrap_or_else(|error| panic!("{name} cannot be prepared: {error}"));
    schema.name
}

fn put(view: &ViewName, key: &str, document: &str) -> ViewChange {
    let (view, key, document) = (view.clone(), key.to_owned(), Some(document.to_owned()));
    ViewChange { view, key, replaces: Replaces::Anything, document }
}

fn remove(view: &ViewName, key: &str) -> ViewChange {
    let (view, key) = (view.clone(), key.to_owned());
    ViewChange { view, key, replaces: Replaces::Anything, document: None }
}

/// Writes as consumer `c` in partition `p`, wherever that is.
async fn write(store: &Store, changes: Vec<ViewChange>) -> Revision {
    write_as(store, "c", "written", changes).await
}

/// Writes as this consumer in partition `p`, which is at `place` then.
async fn write_as(store: &Store, name: &str, place: &str, changes: Vec<ViewChange>) -> Revision {
    let based_on = load(store, name, "p").await.revision;
    write_step(store, changes, by(name, step(based_on, place, &[]))).await
}

/// Writes, and gives the revision that the position has then.
async fn write_step(store: &Store, changes: Vec<ViewChange>, progress: Progress) -> Revision {
    let based_on = progress.advance.as_ref().map(|advance| advance.based_on);
    let written = store.write(changes, progress).await;
    written.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    based_on.map(Revision::next).unwrap_or_default()
}

async fn clear(store: &Store, view: &ViewName, by: &str) {
    let cleared = store.clear(view, &consumer(by)).await;
    cleared.unwrap_or_else(|error| panic!("{view} cannot be cleared: {error}"));
}

async fn get(store: &Store, view: &ViewName, keys: &[&str]) -> Vec<Option<String>> {
    let found = store.get(view, keys).await;
    let found = found.unwrap_or_else(|error| panic!("documents cannot be read: {error}"));
    assert_eq!(found.len(), keys.len(), "one answer per key");
    found
}

async fn get_one(store: &Store, view: &ViewName, key: &str) -> Option<String> {
    get(store, view, &[key]).await.remove(0)
}

async fn list(store: &Store, view: &ViewName, query: &ViewQuery) -> Vec<(String, String)> {
    let listed = store.list(view, query).await;
    let listed = listed.unwrap_or_else(|error| panic!("{query:?} cannot be listed: {error}"));
    assert!(listed.len() <= query.limit, "{} listed, {} asked", listed.len(), query.limit);
    listed.into_iter().map(|ViewDocument { key, document }| (key, document)).collect()
}

async fn list_keys(store: &Store, view: &ViewName, query: &ViewQuery) -> Vec<String> {
    list(store, view, query).await.into_iter().map(|(key, _)| key).collect()
}

/// Everything, page by page.
async fn list_by(store: &Store, view: &ViewName, mut query: ViewQuery) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    loop {
        let page = list(store, view, &query).await;
        let Some((last, _)) = page.last() else { return all };
        query.after = Some(last.clone());
        all.extend(page);
        assert!(all.len() < 10_000, "a listing does not come to an end");
    }
}

async fn assert_view(store: &Store, view: &ViewName, expected: &[(&str, &str)]) {
    let listed = list(store, view, &ViewQuery::default().limit(10_000)).await;
    let listed: Vec<(&str, &str)> = listed.iter().map(|(k, d)| (&**k, &**d)).collect();
    assert_eq!(listed, expected, "the documents of {view}");
    let keys: Vec<&str> = expected.iter().map(|&(key, _)| key).collect();
    let documents: Vec<Option<String>> =
        expected.iter().map(|&(_, document)| Some(document.to_owned())).collect();
    assert_eq!(get(store, view, &keys).await, documents, "the documents of {view} by key");
}

fn assert_misuse<T: Debug>(outcome: Result<T>, case: &str) {
    assert!(matches!(outcome, Err(Error::Misuse(_))), "{case}: no misuse, but {outcome:?}");
}
