//! The rules of [`ViewStore`], on top of those of [`checkpoint_store`](super::checkpoint_store()),
//! which every view store keeps as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Fixture;
use super::checkpoint_store::{
    assert_fenced, checkpoint, consumer, in_partition, partition, seen_at, step,
};
use super::concurrently::{beside, concurrently, finished};
use super::sample::{Seed, hostile_ids, stream};
use crate::checkpoint_store::{Position, Progress, Revision};
use crate::error::{Error, Result};
use crate::view_store::{
    MAX_VIEW_KEY_LEN, Replaces, ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema,
    ViewStore,
};

/// What the rules are about.
pub type Store = Arc<dyn ViewStore>;

impl<S: ViewStore> From<S> for Fixture<Store> {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

suite! { ($)
    view_store for Store, tested by view_store_conformance;
    self: [
        written_documents_come_back,
        documents_of_every_kind_come_back,
        keys_of_every_kind_are_kept_apart,
        a_document_is_overwritten_and_removed,
        of_changes_of_one_key_the_last_counts,
        documents_come_in_the_order_asked_for,
        views_are_kept_apart,
        a_write_of_many_documents_is_kept_whole,
        a_write_moves_the_progress_on,
        a_write_without_documents_moves_the_progress_on,
        writes_and_saves_share_their_revisions,
        a_fenced_write_writes_nothing,
        a_write_based_on_another_version_of_a_stream_is_fenced,
        a_write_that_replaces_another_document_is_fenced,
        of_concurrent_writes_exactly_one_succeeds,
        a_reader_beside_a_writer_sees_whole_steps,
        a_listing_is_ordered_by_the_bytes_of_the_keys,
        a_listing_has_no_more_than_its_limit,
        paging_sees_every_document_once,
        a_listing_is_filtered_by_an_indexed_field,
        a_filter_compares_whole_strings,
        a_filtered_listing_is_paged,
        a_filter_follows_the_documents,
        a_filter_on_a_field_that_is_not_indexed_is_an_error,
        a_view_that_was_never_prepared_is_an_error,
        a_write_that_cannot_be_made_whole_is_not_made,
        preparing_again_changes_nothing,
        clearing_removes_documents_and_progress,
        clearing_fences_those_at_work,
        clearing_leaves_others_alone,
        random_writes_are_as_in_a_model,
    ],
}

fn view(name: &str) -> ViewName {
    ViewName::new(name).expect("the rules use valid views")
}

/// The view `v` with the indexed fields `status` and `owner`.
const INDEXED: &[&str] = &["status", "owner"];

async fn prepare(store: &Store, name: &str) -> ViewName {
    let schema = ViewSchema { name: view(name), indexed_fields: INDEXED };
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

async fn load(store: &Store) -> Position {
    let position = store.load(&consumer("c"), &partition("p")).await;
    position.unwrap_or_else(|error| panic!("a position cannot be loaded: {error}"))
}

/// Writes as consumer `c` in partition `p`, wherever that is.
async fn write(store: &Store, changes: Vec<ViewChange>) -> Revision {
    let based_on = load(store).await.revision;
    write_step(store, changes, step(based_on, "written", &[])).await
}

/// Writes, and gives the revision that the position has then.
async fn write_step(store: &Store, changes: Vec<ViewChange>, progress: Progress) -> Revision {
    let based_on = progress.advance.as_ref().map(|advance| advance.based_on);
    let written = store.write(changes, progress).await;
    written.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    based_on.map(Revision::next).unwrap_or_default()
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

async fn written_documents_come_back(store: Store) {
    let v = prepare(&store, "v").await;
    assert_view(&store, &v, &[]).await;
    assert_eq!(get(&store, &v, &["a", "b"]).await, [None, None]);
    write(&store, vec![put(&v, "a", r#"{"n":1}"#), put(&v, "b", r#"{"n":2}"#)]).await;
    assert_view(&store, &v, &[("a", r#"{"n":1}"#), ("b", r#"{"n":2}"#)]).await;
    assert_eq!(get(&store, &v, &["c", ""]).await, [None, None]);
}

/// As they were written means the text: the order of fields, numbers as they stand.
async fn documents_of_every_kind_come_back(store: Store) {
    let v = prepare(&store, "v").await;
    let texts = [
        "",
        " ",
        "ü",
        "日本語",
        "🦀👩‍👩‍👧",
        "'",
        "\"",
        "\\",
        "a\nb",
        "\0",
        "%",
        "$.a",
        "\u{10ffff}",
        "\u{2028}",
    ];
    let mut documents: Vec<String> = texts
        .iter()
        .map(|text| serde_json::json!({ "status": text, text.to_string(): [text] }).to_string())
        .collect();
    documents.extend(
        [
            "{}",
            r#"{"z":1,"a":2,"m":3}"#,
            r#"{"n":1.0}"#,
            r#"{"n":18446744073709551615}"#,
            r#"{"n":-9223372036854775808}"#,
            r#"{"n":0.1}"#,
            r#"{"n":1e300}"#,
            r#"{"n":null}"#,
            r#"{"status":null,"owner":{"status":"x"}}"#,
            r#"{"status":["open"],"owner":1}"#,
            r#"{"status":"a\u00e9\ud83e\udd80b"}"#,
            r#"{"a":{"b":{"c":[[[]],{}]}}}"#,
            r#"{"":"","$":"","a.b":"","a b":"","'":""}"#,
        ]
        .map(str::to_owned),
    );
    documents.push(serde_json::json!({ "long": "x".repeat(100_000) }).to_string());
    for (n, documents) in documents.chunks(10).enumerate() {
        let key = |at: usize| format!("{n}-{at}");
        let changes = documents.iter().enumerate().map(|(at, text)| put(&v, &key(at), text));
        let changes = changes.collect();
        write(&store, changes).await;
        for (at, document) in documents.iter().enumerate() {
            assert_eq!(get_one(&store, &v, &key(at)).await.as_ref(), Some(document));
        }
    }
    assert_eq!(list_by(&store, &v, ViewQuery::default()).await.len(), documents.len());
}

async fn keys_of_every_kind_are_kept_apart(store: Store) {
    let v = prepare(&store, "v").await;
    let mut keys = hostile_ids();
    keys.push("k".repeat(MAX_VIEW_KEY_LEN));
    keys.push(format!("{}l", "k".repeat(MAX_VIEW_KEY_LEN - 1)));
    keys.push("🦀".repeat(MAX_VIEW_KEY_LEN / 4));
    let document = |key: &str| serde_json::json!({ "status": key }).to_string();
    for keys in keys.chunks(10) {
        write(&store, keys.iter().map(|key| put(&v, key, &document(key))).collect()).await;
    }
    keys.sort();
    let documents: Vec<String> = keys.iter().map(|key| document(key)).collect();
    let expected: Vec<(&str, &str)> =
        keys.iter().zip(&documents).map(|(key, document)| (&**key, &**document)).collect();
    assert_view(&store, &v, &expected).await;
    for &(key, document) in &expected {
        let with_this_status = ViewQuery::default().equals("status", key);
        let listed = list(&store, &v, &with_this_status).await;
        assert_eq!(listed, [(key.to_owned(), document.to_owned())], "status {key:?}");
    }
}

async fn a_document_is_overwritten_and_removed(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, vec![put(&v, "a", r#"{"n":1}"#), put(&v, "b", r#"{"n":1}"#)]).await;
    write(&store, vec![put(&v, "a", r#"{"n":2}"#)]).await;
    assert_view(&store, &v, &[("a", r#"{"n":2}"#), ("b", r#"{"n":1}"#)]).await;
    write(&store, vec![put(&v, "c", r#"{}"#), remove(&v, "a"), put(&v, "b", r#"{"n":2}"#)]).await;
    assert_view(&store, &v, &[("b", r#"{"n":2}"#), ("c", "{}")]).await;
    write(&store, vec![remove(&v, "a"), remove(&v, "never")]).await;
    assert_view(&store, &v, &[("b", r#"{"n":2}"#), ("c", "{}")]).await;
    write(&store, vec![put(&v, "a", r#"{"n":3}"#)]).await;
    assert_eq!(get_one(&store, &v, "a").await.as_deref(), Some(r#"{"n":3}"#));
}

async fn of_changes_of_one_key_the_last_counts(store: Store) {
    let v = prepare(&store, "v").await;
    let changes = vec![
        put(&v, "a", r#"{"status":"1"}"#),
        put(&v, "b", r#"{"status":"1"}"#),
        put(&v, "a", r#"{"status":"2"}"#),
        remove(&v, "b"),
        remove(&v, "c"),
        put(&v, "c", r#"{"status":"3"}"#),
        put(&v, "d", "{}"),
        remove(&v, "d"),
        put(&v, "d", r#"{"status":"4"}"#),
    ];
    write(&store, changes).await;
    let expected =
        [("a", r#"{"status":"2"}"#), ("c", r#"{"status":"3"}"#), ("d", r#"{"status":"4"}"#)];
    assert_view(&store, &v, &expected).await;
    let ones = ViewQuery::default().equals("status", "1");
    assert_eq!(list(&store, &v, &ones).await, [], "an earlier change is listed");
}

async fn documents_come_in_the_order_asked_for(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, ["a", "b", "c"].map(|key| put(&v, key, &format!("\"{key}\""))).into()).await;
    let some = |key: &str| Some(format!("\"{key}\""));
    let found = get(&store, &v, &["c", "x", "a", "a", "b"]).await;
    assert_eq!(found, [some("c"), None, some("a"), some("a"), some("b")]);
    assert_eq!(get(&store, &v, &[]).await, [] as [Option<String>; 0]);
    // More than a batch read takes of most databases at once.
    let many: Vec<&str> = (0..250).map(|n| ["a", "b", "x"][n % 3]).collect();
    let expected: Vec<_> = (0..250).map(|n| [some("a"), some("b"), None][n % 3].clone()).collect();
    assert_eq!(get(&store, &v, &many).await, expected);
}

async fn views_are_kept_apart(store: Store) {
    let longest = "v".repeat(48);
    let names = ["v", "v_", "v1", "_v", "vv", "select", "table", "commits", &*longest];
    let mut views = Vec::new();
    for name in names {
        views.push(prepare(&store, name).await);
    }
    let document = |view: &ViewName| format!("{{\"status\":\"{view}\"}}");
    let changes = views.iter().map(|view| put(view, "k", &document(view)));
    write(&store, changes.collect()).await;
    for view in &views {
        assert_view(&store, view, &[("k", &document(view))]).await;
    }
    write(&store, vec![remove(&views[0], "k")]).await;
    assert_view(&store, &views[0], &[]).await;
    for view in &views[1..] {
        assert_view(&store, view, &[("k", &document(view))]).await;
    }
}

async fn a_write_of_many_documents_is_kept_whole(store: Store) {
    let v = prepare(&store, "v").await;
    let keys: Vec<String> = (0..80).map(|n| format!("{n:03}")).collect();
    let based_on = load(&store).await.revision;
    let changes = |document: &str| keys.iter().map(|key| put(&v, key, document)).collect();
    let first = store.write(changes("{}"), step(based_on, "1", &[("s", 80)])).await;
    first.unwrap_or_else(|error| panic!("a write of 80 documents was refused: {error}"));
    let expected: Vec<(&str, &str)> = keys.iter().map(|key| (&**key, "{}")).collect();
    assert_view(&store, &v, &expected).await;
    let late = store.write(changes("[]"), step(based_on, "late", &[("s", 81)])).await;
    assert_fenced(&late, "c", "p", "a stale write of 80 documents");
    assert_view(&store, &v, &expected).await;
}

async fn versions(store: &Store) -> Vec<u64> {
    let progress = store.stream_progress(&consumer("c"), &["s", "t"].map(stream)).await;
    let progress = progress.unwrap_or_else(|error| panic!("no progress of streams: {error}"));
    progress.into_iter().map(|stream| stream.version.get()).collect()
}

async fn a_write_moves_the_progress_on(store: Store) {
    let v = prepare(&store, "v").await;
    let mut revision = load(&store).await.revision;
    for n in 1..=4 {
        let progress = step(revision, &n.to_string(), &[("s", n), ("t", 2 * n)]);
        let next = write_step(&store, vec![put(&v, "a", &n.to_string())], progress).await;
        let expected = Position { checkpoint: checkpoint(&n.to_string()), revision: next };
        assert_eq!(load(&store).await, expected);
        assert_eq!(versions(&store).await, [n, 2 * n]);
        revision = next;
    }
    let back = store.write(Vec::new(), step(revision, "5", &[("s", 1)])).await;
    back.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    assert_eq!(versions(&store).await, [4, 8], "the version of a stream went backwards");
}

async fn a_write_without_documents_moves_the_progress_on(store: Store) {
    prepare(&store, "v").await;
    let progress = step(Revision::default(), "1", &[("s", 3)]);
    let revision = write_step(&store, Vec::new(), progress).await;
    assert_eq!(load(&store).await, Position { checkpoint: checkpoint("1"), revision });
    assert_eq!(versions(&store).await, [3, 0]);
}

async fn writes_and_saves_share_their_revisions(store: Store) {
    let v = prepare(&store, "v").await;
    let saved = store.save(step(Revision::default(), "1", &[])).await;
    saved.unwrap_or_else(|error| panic!("a save was refused: {error}"));
    let saved = Revision::default().next();
    let late = store.write(vec![put(&v, "a", "1")], step(Revision::default(), "x", &[])).await;
    assert_fenced(&late, "c", "p", "a write after a save");
    assert_view(&store, &v, &[]).await;
    let written = write_step(&store, vec![put(&v, "a", "2")], step(saved, "2", &[])).await;
    let late = store.save(step(saved, "x", &[])).await;
    assert_fenced(&late, "c", "p", "a save after a write");
    assert_eq!(load(&store).await, Position { checkpoint: checkpoint("2"), revision: written });
    assert_view(&store, &v, &[("a", "2")]).await;
}

async fn a_fenced_write_writes_nothing(store: Store) {
    let v = prepare(&store, "v").await;
    let first = write(&store, vec![put(&v, "a", "1"), put(&v, "b", "1")]).await;
    let progress = step(first, "2", &[("s", 6)]);
    let second = write_step(&store, vec![put(&v, "a", "2")], progress).await;
    let stale = [Revision::default(), first];
    for based_on in stale.into_iter().chain([Revision::from_stored(second.get() + 1)]) {
        let changes = vec![put(&v, "c", "3"), put(&v, "a", "3"), remove(&v, "b")];
        let late = store.write(changes, step(based_on, "late", &[("s", 9), ("t", 1)])).await;
        assert_fenced(&late, "c", "p", &format!("{based_on:?} when it is {second:?}"));
        assert_view(&store, &v, &[("a", "2"), ("b", "1")]).await;
        assert_eq!(load(&store).await, Position { checkpoint: checkpoint("2"), revision: second });
        assert_eq!(versions(&store).await, [6, 0]);
    }
}

async fn a_write_based_on_another_version_of_a_stream_is_fenced(store: Store) {
    let v = prepare(&store, "v").await;
    let progress = step(Revision::default(), "1", &[("s", 2)]);
    store.write(vec![put(&v, "a", "12")], progress).await.expect("a first write");
    let late = step(Revision::default(), "late", &[("s", 1)]);
    let seen = vec![seen_at("s", 0)];
    let late = Progress { seen, ..in_partition("q", late) };
    let late = store.write(vec![put(&v, "a", "1")], late).await;
    assert_fenced(&late, "c", "q", "a stream that another partition moved on");
    assert_view(&store, &v, &[("a", "12")]).await;
    assert_eq!(versions(&store).await, [2, 0]);
}

async fn a_write_that_replaces_another_document_is_fenced(store: Store) {
    let v = prepare(&store, "v").await;
    let found = |change: ViewChange, found: Option<&str>| ViewChange {
        replaces: Replaces::Found(found.map(str::to_owned)),
        ..change
    };
    write(&store, vec![found(put(&v, "a", "1"), None), put(&v, "b", "1")]).await;
    // In another partition, so that nothing else can fence it.
    let elsewhere = |place| in_partition("q", step(Revision::default(), place, &[("s", 9)]));
    for wrong in [None, Some("2"), Some("1 "), Some("")] {
        for change in [put(&v, "a", "3"), remove(&v, "a")] {
            let changes = vec![put(&v, "b", "3"), found(change, wrong), put(&v, "c", "3")];
            let late = store.write(changes, elsewhere("late")).await;
            assert_fenced(&late, "c", "q", &format!("made from {wrong:?} when it is 1"));
            assert_view(&store, &v, &[("a", "1"), ("b", "1")]).await;
            assert_eq!(versions(&store).await, [0, 0]);
        }
    }
    let changes = vec![
        found(remove(&v, "a"), Some("1")),
        found(put(&v, "b", "2"), Some("1")),
        found(put(&v, "c", "1"), None),
    ];
    store.write(changes, elsewhere("1")).await.expect("a write that replaces what is there");
    assert_view(&store, &v, &[("b", "2"), ("c", "1")]).await;
}

async fn of_concurrent_writes_exactly_one_succeeds(store: Store) {
    const WORKERS: usize = 8;
    let v = prepare(&store, "v").await;
    for round in 0..15 {
        let based_on = load(&store).await.revision;
        let outcomes = concurrently((0..WORKERS).map(|worker| {
            let (store, v) = (Arc::clone(&store), v.clone());
            let document = format!("\"{round}-{worker}\"");
            async move {
                let changes = ["a", "b", &document].map(|key| put(&v, key, &document)).into();
                (store.write(changes, step(based_on, &document, &[])).await, document)
            }
        }))
        .await;
        let mut winners = Vec::new();
        for (outcome, document) in outcomes {
            match outcome {
                Ok(_) => winners.push(document),
                Err(_) => {
                    assert_fenced(&outcome, "c", "p", "the loser of a race");
                    assert_eq!(get_one(&store, &v, &document).await, None, "a loser wrote");
                }
            }
        }
        assert_eq!(winners.len(), 1, "of {WORKERS} writes on one revision {} win", winners.len());
        let won = Some(winners[0].clone());
        assert_eq!(get(&store, &v, &["a", "b", &winners[0]]).await, [&won; 3].map(Clone::clone));
    }
}

async fn a_reader_beside_a_writer_sees_whole_steps(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, ["a", "b", "c"].map(|key| put(&v, key, "0")).into()).await;
    let writing = {
        let (store, v) = (Arc::clone(&store), v.clone());
        beside(async move {
            for n in 1..=40 {
                let changes = ["a", "b", "c"].map(|key| put(&v, key, &n.to_string()));
                write(&store, changes.into()).await;
            }
        })
    };
    while !writing.is_finished() {
        // The progress is loaded first, so documents are as new or newer.
        let listed = list(&store, &v, &ViewQuery::default()).await;
        assert_eq!(listed.len(), 3);
        let documents: Vec<&str> = listed.iter().map(|(_, document)| &**document).collect();
        assert!(
            documents.iter().all(|document| *document == documents[0]),
            "a listing shows a part of a step: {documents:?}"
        );
        tokio::task::yield_now().await;
    }
    finished(writing).await;
    assert_view(&store, &v, &[("a", "40"), ("b", "40"), ("c", "40")]).await;
}

async fn a_listing_is_ordered_by_the_bytes_of_the_keys(store: Store) {
    let v = prepare(&store, "v").await;
    let mut keys = [
        "b", "a", "B", "A", "aa", "a b", "a-b", "a_b", "a1", "a10", "a2", "1", "10", "2", "é", "e",
        "f", "z", "\u{e000}", "🦀", "\u{ffee}", "日", "ß", "~", "!", "Z",
    ];
    write(&store, keys.map(|key| put(&v, key, "{}")).into()).await;
    keys.sort_unstable();
    assert_eq!(list_keys(&store, &v, &ViewQuery::default()).await, keys);
}

async fn a_listing_has_no_more_than_its_limit(store: Store) {
    let v = prepare(&store, "v").await;
    let keys: Vec<String> = (0..120).map(|n| format!("{n:03}")).collect();
    for keys in keys.chunks(40) {
        write(&store, keys.iter().map(|key| put(&v, key, "{}")).collect()).await;
    }
    assert_eq!(list_keys(&store, &v, &ViewQuery::default()).await, keys[..100]);
    for limit in [1, 2, 99, 120, 121, 5_000] {
        let listed = list_keys(&store, &v, &ViewQuery::default().limit(limit)).await;
        assert_eq!(listed, keys[..limit.min(120)], "limited to {limit}");
    }
}

async fn paging_sees_every_document_once(store: Store) {
    let v = prepare(&store, "v").await;
    let mut keys = hostile_ids();
    keys.sort();
    for keys in keys.chunks(20) {
        write(&store, keys.iter().map(|key| put(&v, key, "{}")).collect()).await;
    }
    for limit in [1, 2, 7, keys.len(), 1_000] {
        let paged = list_by(&store, &v, ViewQuery::default().limit(limit)).await;
        let paged: Vec<String> = paged.into_iter().map(|(key, _)| key).collect();
        assert_eq!(paged, keys, "by {limit}");
    }
    // A page begins after a key, whether there is such a document or not.
    for (after, first) in
        [("\u{1}", 0), (&*format!("{}\u{1}", keys[3]), 4), ("\u{10ffff}x", keys.len())]
    {
        let listed = list_keys(&store, &v, &ViewQuery::default().after(after).limit(1_000)).await;
        assert_eq!(listed, keys[first..], "after {after:?}");
    }
}

async fn a_listing_is_filtered_by_an_indexed_field(store: Store) {
    let v = prepare(&store, "v").await;
    let documents = [
        ("a", r#"{"status":"open","owner":"x"}"#),
        ("b", r#"{"status":"done","owner":"x"}"#),
        ("c", r#"{"owner":"open"}"#),
        ("d", r#"{"status":"open"}"#),
        ("e", r#"{"other":"open","nested":{"status":"open"}}"#),
        ("f", "{}"),
    ];
    write(&store, documents.map(|(key, document)| put(&v, key, document)).into()).await;
    let cases = [
        ("status", "open", vec!["a", "d"]),
        ("status", "done", vec!["b"]),
        ("owner", "x", vec!["a", "b"]),
        ("owner", "open", vec!["c"]),
        ("status", "missing", vec![]),
        ("status", "", vec![]),
    ];
    for (field, value, expected) in cases {
        let query = ViewQuery::default().equals(field, value);
        assert_eq!(list_keys(&store, &v, &query).await, expected, "{field} = {value:?}");
    }
}

async fn a_filter_compares_whole_strings(store: Store) {
    let v = prepare(&store, "v").await;
    let strings = [
        "open", "Open", "open ", "ope", "opens", "", "%", "_", "op%", "é", "e\u{301}", "1", "1.0",
        "true", "null", "'", "\"", "\\", "a\nb", "\0", "a\0b", "🦀",
    ];
    let mut changes = Vec::new();
    for (n, string) in strings.iter().enumerate() {
        let document = serde_json::json!({ "status": string }).to_string();
        changes.push(put(&v, &format!("{n:02}"), &document));
    }
    let others = ["1", "1.0", "true", "null", r#"["open"]"#, r#"{"open":"open"}"#];
    for (n, other) in others.iter().enumerate() {
        changes.push(put(&v, &format!("other-{n}"), &format!("{{\"status\":{other}}}")));
    }
    changes.push(put(&v, "no object", r#""open""#));
    write(&store, changes).await;
    for (n, string) in strings.iter().enumerate() {
        let query = ViewQuery::default().equals("status", *string);
        let listed = list_keys(&store, &v, &query).await;
        assert_eq!(listed, [format!("{n:02}")], "status = {string:?}");
    }
}

async fn a_filtered_listing_is_paged(store: Store) {
    let v = prepare(&store, "v").await;
    let keys: Vec<String> = (0..90).map(|n| format!("{n:02}")).collect();
    let status = |n: usize| if n.is_multiple_of(3) { "open" } else { "done" };
    for (at, some) in keys.chunks(30).enumerate() {
        let document = |n: usize| format!("{{\"status\":\"{}\"}}", status(at * 30 + n));
        let changes = some.iter().enumerate().map(|(n, key)| put(&v, key, &document(n)));
        write(&store, changes.collect()).await;
    }
    let open: Vec<String> = keys.iter().step_by(3).cloned().collect();
    for limit in [1, 4, 30, 31] {
        // A limit counts what matches, not what was looked at.
        let query = ViewQuery::default().equals("status", "open").limit(limit);
        let first = list_keys(&store, &v, &query).await;
        assert_eq!(first, open[..limit.min(30)], "the first {limit}");
        let paged = list_by(&store, &v, query).await;
        let paged: Vec<String> = paged.into_iter().map(|(key, _)| key).collect();
        assert_eq!(paged, open, "by {limit}");
    }
}

async fn a_filter_follows_the_documents(store: Store) {
    let v = prepare(&store, "v").await;
    let open = ViewQuery::default().equals("status", "open");
    let done = ViewQuery::default().equals("status", "done");
    write(&store, ["a", "b", "c"].map(|key| put(&v, key, r#"{"status":"open"}"#)).into()).await;
    write(&store, vec![put(&v, "b", r#"{"status":"done"}"#), remove(&v, "c")]).await;
    assert_eq!(list_keys(&store, &v, &open).await, ["a"]);
    assert_eq!(list_keys(&store, &v, &done).await, ["b"]);
    write(&store, vec![put(&v, "a", "{}"), put(&v, "b", r#"{"status":"open"}"#)]).await;
    assert_eq!(list_keys(&store, &v, &open).await, ["b"]);
    assert_eq!(list_keys(&store, &v, &done).await, [] as [&str; 0]);
}

fn assert_misuse<T: std::fmt::Debug>(outcome: Result<T>, case: &str) {
    assert!(matches!(outcome, Err(Error::Misuse(_))), "{case}: no misuse, but {outcome:?}");
}

async fn a_filter_on_a_field_that_is_not_indexed_is_an_error(store: Store) {
    let v = prepare(&store, "v").await;
    write(&store, vec![put(&v, "a", r#"{"status":"x","name":"x"}"#)]).await;
    for field in
        ["name", "Status", "status ", "", "missing", "$.status", "status' OR 1=1 --", "key"]
    {
        let query = ViewQuery::default().equals(field, "x");
        assert_misuse(store.list(&v, &query).await, &format!("a filter on {field:?}"));
    }
}

async fn a_view_that_was_never_prepared_is_an_error(store: Store) {
    prepare(&store, "v").await;
    let missing = view("missing");
    assert_misuse(store.get(&missing, &["a"]).await, "a get");
    assert_misuse(store.list(&missing, &ViewQuery::default()).await, "a listing");
    let query = ViewQuery::default().equals("status", "open");
    assert_misuse(store.list(&missing, &query).await, "a filtered listing");
}

async fn a_write_that_cannot_be_made_whole_is_not_made(store: Store) {
    let v = prepare(&store, "v").await;
    let revision = write(&store, vec![put(&v, "a", "1")]).await;
    let too_long = "k".repeat(MAX_VIEW_KEY_LEN + 1);
    let bad = [
        ("a view that was never prepared", put(&view("missing"), "b", "2")),
        ("an empty key", put(&v, "", "2")),
        ("a key that is too long", put(&v, &too_long, "2")),
        ("a key with a control character", put(&v, "b\0", "2")),
        ("a document that is no JSON", put(&v, "b", "{")),
    ];
    for (case, bad) in bad {
        let changes = vec![put(&v, "a", "2"), put(&v, "c", "2"), bad, remove(&v, "a")];
        let outcome = store.write(changes, step(revision, "late", &[("s", 9)])).await;
        assert!(outcome.is_err(), "{case} was taken");
        assert_view(&store, &v, &[("a", "1")]).await;
        let expected = Position { checkpoint: checkpoint("written"), revision };
        assert_eq!(load(&store).await, expected, "{case}: the progress moved on");
        assert_eq!(versions(&store).await, [0, 0], "{case}: the progress moved on");
    }
    write(&store, vec![put(&v, "a", "2")]).await;
}

async fn preparing_again_changes_nothing(store: Store) {
    let v = prepare(&store, "v").await;
    let document = r#"{"status":"open","owner":"x"}"#;
    let revision = write(&store, vec![put(&v, "a", document)]).await;
    for _ in 0..3 {
        prepare(&store, "v").await;
        assert_view(&store, &v, &[("a", document)]).await;
        assert_eq!(load(&store).await.revision, revision);
        for (field, value) in [("status", "open"), ("owner", "x")] {
            let query = ViewQuery::default().equals(field, value);
            assert_eq!(list_keys(&store, &v, &query).await, ["a"], "{field} = {value:?}");
        }
    }
    let preparing = (0..4).map(|_| {
        let store = Arc::clone(&store);
        async move { prepare(&store, "new").await }
    });
    concurrently(preparing).await;
    write(&store, vec![put(&view("new"), "a", "{}")]).await;
}

async fn clear(store: &Store, view: &ViewName, by: &str) {
    let cleared = store.clear(view, &consumer(by)).await;
    cleared.unwrap_or_else(|error| panic!("{view} cannot be cleared: {error}"));
}

async fn clearing_removes_documents_and_progress(store: Store) {
    let v = prepare(&store, "v").await;
    clear(&store, &v, "c").await;
    let keys: Vec<String> = (0..60).map(|n| format!("{n:02}")).collect();
    for keys in keys.chunks(30) {
        let changes = keys.iter().map(|key| put(&v, key, r#"{"status":"open"}"#));
        write(&store, changes.collect()).await;
    }
    let revision = load(&store).await.revision;
    let written = store.write(Vec::new(), step(revision, "9", &[("s", 3)])).await;
    written.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    clear(&store, &v, "c").await;
    assert_view(&store, &v, &[]).await;
    let open = ViewQuery::default().equals("status", "open");
    assert_eq!(list(&store, &v, &open).await, []);
    assert!(load(&store).await.checkpoint.is_start(), "the progress survived");
    assert_eq!(versions(&store).await, [0, 0], "the versions of streams survived");
    write(&store, vec![put(&v, "a", "{}")]).await;
    assert_view(&store, &v, &[("a", "{}")]).await;
}

async fn clearing_fences_those_at_work(store: Store) {
    let v = prepare(&store, "v").await;
    let mut held = vec![Revision::default()];
    for _ in 0..3 {
        held.push(write(&store, vec![put(&v, "a", "{}")]).await);
    }
    clear(&store, &v, "c").await;
    for based_on in held {
        let late = store.write(vec![put(&v, "a", "1")], step(based_on, "late", &[])).await;
        assert_fenced(&late, "c", "p", &format!("{based_on:?} from before"));
        let elsewhere = in_partition("q", step(based_on, "late", &[]));
        let late = store.write(vec![put(&v, "a", "1")], elsewhere).await;
        assert_fenced(&late, "c", "q", &format!("{based_on:?} from before, in another partition"));
        assert_view(&store, &v, &[]).await;
    }
}

async fn clearing_leaves_others_alone(store: Store) {
    let v = prepare(&store, "v").await;
    let w = prepare(&store, "w").await;
    write(&store, vec![put(&v, "a", "1"), put(&w, "a", "1")]).await;
    let other =
        Progress { consumer: consumer("other"), ..step(Revision::default(), "5", &[("s", 2)]) };
    let written = store.write(vec![put(&w, "b", "2")], other).await;
    written.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    let revision = Revision::default().next();
    clear(&store, &v, "c").await;
    assert_view(&store, &v, &[]).await;
    assert_view(&store, &w, &[("a", "1"), ("b", "2")]).await;
    let position = store.load(&consumer("other"), &partition("p")).await;
    let position = position.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(position, Position { checkpoint: checkpoint("5"), revision });
}

async fn random_writes_are_as_in_a_model(store: Store) {
    let v = prepare(&store, "v").await;
    for seed in 0..3 {
        let seed = Seed::new(seed);
        let mut rng = seed.rng();
        clear(&store, &v, "c").await;
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        for _ in 0..40 {
            let mut changes = Vec::new();
            for _ in 0..rng.usize(..8) {
                let key = format!("k{}", rng.u8(..20));
                let document =
                    serde_json::json!({ "status": rng.u8(..4).to_string(), "n": rng.u32(..) });
                changes.push(if rng.u8(..4) == 0 {
                    model.remove(&key);
                    remove(&v, &key)
                } else {
                    model.insert(key.clone(), document.to_string());
                    put(&v, &key, &document.to_string())
                });
            }
            write(&store, changes).await;
            let status = rng.u8(..5).to_string();
            let after = format!("k{}", rng.u8(..20));
            let limit = rng.usize(1..12);
            let query = ViewQuery::default().equals("status", &status).after(&after).limit(limit);
            let pattern = format!("\"status\":\"{status}\"");
            let expected: Vec<(String, String)> = model
                .iter()
                .filter(|(key, document)| **key > after && document.contains(&pattern))
                .take(limit)
                .map(|(key, document)| (key.clone(), document.clone()))
                .collect();
            assert_eq!(list(&store, &v, &query).await, expected, "{query:?}");
        }
        let expected: Vec<(&str, &str)> = model.iter().map(|(k, d)| (&**k, &**d)).collect();
        assert_view(&store, &v, &expected).await;
    }
}
