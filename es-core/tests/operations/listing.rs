//! A whole view is read page by page.

use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultyViewStore};
use es_core::{Error, Projection, Repository, View, ViewQuery};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::support::{Account, AccountCommand, Statement, Statements};

const KEYS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// A view with a document under each of the [`KEYS`], and what happens to the requests of its readers.
async fn seven_statements() -> (View<Statement>, Faults) {
    let store = Arc::new(MemoryStore::new());
    let accounts = Repository::<Account>::new(store.clone());
    for id in KEYS {
        accounts.execute(id, AccountCommand::Credit(1)).await.unwrap();
    }
    let statements = Projection::on(Statements, store.clone()).unwrap();
    statements.catch_up().await.unwrap();
    let faults = Faults::none();
    let views = FaultyViewStore::new(store, faults.clone());
    (View::new(Arc::new(views), statements.view().name().clone()), faults)
}

async fn keys(view: &View<Statement>, query: ViewQuery) -> Vec<String> {
    view.all(query).map_ok(|(key, _)| key).try_collect().await.unwrap()
}

#[tokio::test]
async fn every_document_comes_once_and_in_order_whatever_the_size_of_a_page() {
    for (size, pages) in [(0, 8), (1, 8), (2, 4), (3, 3), (6, 2), (7, 2), (8, 1), (usize::MAX, 1)] {
        let (view, faults) = seven_statements().await;
        assert_eq!(keys(&view, ViewQuery::default().limit(size)).await, KEYS, "{size} a page");
        assert_eq!(faults.calls(Call::ListDocuments), pages, "{size} a page");
    }
}

#[tokio::test]
async fn all_that_match_are_those_behind_a_key() {
    let (view, _) = seven_statements().await;
    assert_eq!(keys(&view, ViewQuery::default().limit(2).after("c")).await, KEYS[3..]);
    assert!(keys(&view, ViewQuery::default().after("g")).await.is_empty());
}

#[tokio::test]
async fn a_page_is_not_read_before_its_first_document_is_asked_for() {
    let (view, faults) = seven_statements().await;
    let mut all = view.all(ViewQuery::default().limit(3));
    for (document, key) in KEYS.iter().enumerate() {
        let (found, _) = all.try_next().await.unwrap().unwrap();
        assert_eq!(found, *key);
        assert_eq!(faults.calls(Call::ListDocuments), document as u64 / 3 + 1, "at {key}");
    }
}

#[tokio::test]
async fn the_first_error_ends_it_behind_what_was_read_before() {
    let (view, faults) = seven_statements().await;
    faults.at(Call::ListDocuments, 2, Fault::LostRequest);
    let mut all = view.all(ViewQuery::default().limit(3));
    for key in &KEYS[..3] {
        assert_eq!(all.try_next().await.unwrap().unwrap().0, *key);
    }
    assert!(matches!(all.next().await, Some(Err(Error::Unavailable { .. }))));
    assert!(all.next().await.is_none());
}
