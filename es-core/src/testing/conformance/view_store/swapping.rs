//! One view in the place of another.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{
    INDEXED, Store, assert_misuse, assert_view, get, get_one, list, list_by, list_keys, prepare,
    put, view, write_as, write_step,
};
use crate::checkpoint_store::{Adopted, Adoption, Revision};
use crate::dead_letter::DeadLetterCount;
use crate::testing::conformance::checkpoint_store::{
    State, adoption, assert_fenced, assert_fenced_beside, assert_letters, assert_state, by, change,
    checkpoint, commit_at, consumer, dropping, failed, in_partition, load, park, pause, state,
    step, versions,
};
use crate::testing::conformance::concurrently::{beside, concurrently, finished};
use crate::testing::conformance::sample::stream;
use crate::view_store::{ViewName, ViewQuery, ViewSchema};

async fn swap(store: &Store, from: &ViewName, to: &ViewName, adoption: &Adoption) {
    match store.swap(from, to, adoption).await {
        Ok(Adopted::Done) => {}
        outcome => panic!("{from} was not swapped for {to}, but {outcome:?}"),
    }
}

/// An adoption that does not make `live` go backwards or lose letters.
fn careful() -> Adoption {
    Adoption { backwards: false, replaces_dead_letters: false, ..adoption(&[]) }
}

/// Makes view `again`, of consumer `again`, with documents at `n`.
async fn make_again(store: &Store, n: u64) -> ViewName {
    let again = prepare(store, "again").await;
    let document = format!("{{\"status\":\"{n}\"}}");
    let mut changes: Vec<_> = KEYS.iter().map(|key| put(&again, key, &document)).collect();
    changes.push(put(&again, &format!("only in {n}"), &document));
    write_as(store, "again", &n.to_string(), changes).await;
    again
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

pub(super) async fn a_swap_puts_a_view_in_the_place_of_another(store: Store) {
    let [live, again] = [prepare(&store, "live").await, prepare(&store, "again").await];
    write_as(&store, "live", "5", vec![put(&live, "a", "1"), put(&live, "b", "1")]).await;
    let first = step(Revision::default(), "7", &[("s", 3)]);
    let changes = vec![put(&again, "b", "2"), put(&again, "c", "2")];
    write_step(&store, changes, by("again", first)).await;
    let letter = failed(commit_at("t", 1, 2));
    park(&store, "again", std::slice::from_ref(&letter)).await;
    assert_view(&store, &again, &[("b", "2"), ("c", "2")]).await;
    swap(&store, &again, &live, &careful()).await;
    assert_view(&store, &live, &[("b", "2"), ("c", "2")]).await;
    assert_eq!(get_one(&store, &live, "a").await, None, "an old document survived");
    let progress = state(&store, "live").await;
    assert_eq!(progress.positions[0].checkpoint, checkpoint("7"));
    assert_eq!(versions(&store, "live", &[stream("s")]).await, [3]);
    assert_letters(&progress.parked, &[letter], "handed over");
    assert_eq!(load(&store, "again", "p").await.checkpoint, checkpoint(""), "left behind");
    assert_misuse(store.get(&again, &["b"]).await, "a get from the view that was given");
    let all = ViewQuery::default();
    assert_misuse(store.list(&again, &all).await, "a listing of the view that was given");
    let late = by("again", step(load(&store, "again", "p").await.revision, "8", &[]));
    let written = store.write(vec![put(&again, "a", "1")], late).await;
    assert_misuse(written, "a write to the view that was given");
}

pub(super) async fn a_swap_brings_the_indexed_fields_along(store: Store) {
    for (of_live, of_again) in
        [(&["status"][..], &["owner"][..]), (&[], &["status", "owner"]), (&["owner"], &[])]
    {
        let [live, again] = [("live", of_live), ("again", of_again)];
        let [live, again] = [live, again].map(|(name, fields)| schema(name, fields));
        for schema in [&live, &again] {
            store.prepare(schema).await.unwrap_or_else(|error| panic!("{schema:?}: {error}"));
        }
        let document = r#"{"status":"x","owner":"x"}"#;
        write_as(&store, "live", "1", vec![put(&live.name, "a", document)]).await;
        write_as(&store, "again", "1", vec![put(&again.name, "b", document)]).await;
        swap(&store, &again.name, &live.name, &careful()).await;
        for field in INDEXED {
            let query = ViewQuery::default().equals(*field, "x");
            if of_again.contains(field) {
                assert_eq!(list_keys(&store, &live.name, &query).await, ["b"], "by {field}");
            } else {
                let listed = store.list(&live.name, &query).await;
                assert_misuse(listed, &format!("a field of the old view, {field},"));
            }
        }
    }
}

fn schema(name: &str, indexed_fields: &'static [&'static str]) -> ViewSchema {
    ViewSchema { name: view(name), indexed_fields, expires_by: None }
}

pub(super) async fn a_swapped_view_is_written_and_filtered(store: Store) {
    let live = prepare(&store, "live").await;
    let again = make_again(&store, 1).await;
    swap(&store, &again, &live, &careful()).await;
    let ones = ViewQuery::default().equals("status", "1");
    assert_eq!(list_keys(&store, &live, &ones).await, ["a", "b", "c", "d", "only in 1"]);
    let changes = vec![
        put(&live, "a", r#"{"status":"2"}"#),
        put(&live, "e", r#"{"status":"1"}"#),
        super::remove(&live, "c"),
    ];
    write_as(&store, "live", "2", changes).await;
    // Preparing it as it was prepared before finds nothing to do.
    prepare(&store, "live").await;
    assert_eq!(list_keys(&store, &live, &ones).await, ["b", "d", "e", "only in 1"]);
    let twos = ViewQuery::default().equals("status", "2");
    assert_eq!(list_keys(&store, &live, &twos).await, ["a"]);
    // And a field more is found in what came along.
    let more = schema("live", &["status", "owner", "name"]);
    store.prepare(&more).await.unwrap_or_else(|error| panic!("{more:?}: {error}"));
    let named = ViewQuery::default().equals("name", "x");
    assert_eq!(list_keys(&store, &live, &named).await, [] as [&str; 0]);
}

pub(super) async fn views_can_be_swapped_again_and_again(store: Store) {
    let live = prepare(&store, "live").await;
    for n in 1..=6 {
        let again = make_again(&store, n).await;
        let revision = load(&store, "again", "p").await.revision.get();
        swap(&store, &again, &live, &adoption(&[("p", revision)])).await;
        let document = format!("{{\"status\":\"{n}\"}}");
        let only = format!("only in {n}");
        let mut expected: Vec<(&str, &str)> = KEYS.map(|key| (key, &*document)).into();
        expected.push((&only, &document));
        assert_view(&store, &live, &expected).await;
        assert_eq!(load(&store, "live", "p").await.checkpoint, checkpoint(&n.to_string()));
        // The live view is worked on in between.
        write_as(&store, "live", "further", vec![put(&live, "a", "{}"), put(&live, "z", "{}")])
            .await;
        assert_eq!(get(&store, &live, &["a", "z"]).await, [Some("{}".into()), Some("{}".into())]);
        // What was given is empty when it is prepared again.
        let again = prepare(&store, "again").await;
        assert_view(&store, &again, &[]).await;
    }
}

pub(super) async fn a_swap_makes_a_view_that_was_never_prepared(store: Store) {
    let live = view("live");
    let again = make_again(&store, 1).await;
    swap(&store, &again, &live, &careful()).await;
    let ones = ViewQuery::default().equals("status", "1");
    assert_eq!(list_keys(&store, &live, &ones).await.len(), 5);
    write_as(&store, "live", "2", vec![put(&live, "a", "{}")]).await;
    assert_eq!(get_one(&store, &live, "a").await.as_deref(), Some("{}"));
}

pub(super) async fn a_swap_of_many_documents_is_kept_whole(store: Store) {
    let [live, again] = [prepare(&store, "live").await, prepare(&store, "again").await];
    // More than one transaction of most databases takes.
    let keys: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
    for keys in keys.chunks(60) {
        for (view, name, document) in [(&live, "live", "{}"), (&again, "again", "[]")] {
            let changes = keys.iter().map(|key| put(view, key, document)).collect();
            write_as(&store, name, "x", changes).await;
        }
    }
    let removed = keys.iter().step_by(7).map(|key| super::remove(&again, key)).collect();
    write_as(&store, "again", "x", removed).await;
    swap(&store, &again, &live, &careful()).await;
    let listed = list_by(&store, &live, ViewQuery::default()).await;
    let kept = keys.iter().enumerate().filter(|(n, _)| n % 7 != 0);
    let expected: Vec<_> = kept.map(|(_, key)| (key.clone(), "[]".to_owned())).collect();
    assert_eq!(listed, expected, "the documents of the view that was swapped in");
}

/// Two views with documents and progress each.
async fn two_views(store: &Store) -> [ViewName; 2] {
    let live = prepare(store, "live").await;
    let first = step(Revision::default(), "1", &[("s", 5)]);
    let changes = vec![put(&live, "a", r#"{"status":"old"}"#), put(&live, "old", "{}")];
    write_step(store, changes, by("live", first)).await;
    park(store, "live", &[failed(commit_at("t", 1, 1))]).await;
    let again = make_again(store, 3).await;
    park(store, "again", &[failed(commit_at("t", 2, 1))]).await;
    [again, live]
}

/// All that can be seen of both views.
async fn all(store: &Store) -> (Vec<Vec<(String, String)>>, Vec<Vec<String>>, [State; 2]) {
    let (mut documents, mut open) = (Vec::new(), Vec::new());
    for name in ["again", "live"] {
        documents.push(list(store, &view(name), &ViewQuery::default()).await);
        for status in ["old", "3"] {
            let query = ViewQuery::default().equals("status", status);
            open.push(list_keys(store, &view(name), &query).await);
        }
    }
    (documents, open, [state(store, "again").await, state(store, "live").await])
}

pub(super) async fn a_swap_that_is_not_done_changes_nothing(store: Store) {
    let [again, live] = two_views(&store).await;
    let before = all(&store).await;
    let revision = load(&store, "again", "p").await.revision.get();
    let (backwards, replaces_dead_letters) = (false, false);
    let fenced = adoption(&[("p", revision + 1)]);
    let fenced_first = Adoption { backwards, replaces_dead_letters, ..fenced.clone() };
    for adoption in [fenced, fenced_first] {
        let outcome = store.swap(&again, &live, &adoption).await;
        assert_fenced_beside(&outcome, "again", "based on another revision");
        assert_eq!(all(&store).await, before, "a fenced swap");
    }
    match store.swap(&again, &live, &Adoption { backwards, ..adoption(&[]) }).await {
        Ok(Adopted::Behind(found)) => assert_eq!(found, stream("s")),
        outcome => panic!("not behind, but {outcome:?}"),
    }
    assert_eq!(all(&store).await, before, "a swap that would go backwards");
    match store.swap(&again, &live, &Adoption { replaces_dead_letters, ..adoption(&[]) }).await {
        Ok(Adopted::Parked(count)) => {
            assert_eq!(count, DeadLetterCount { streams: 1, letters: 1 });
        }
        outcome => panic!("no letters in the way, but {outcome:?}"),
    }
    assert_eq!(all(&store).await, before, "a swap that would lose letters");
    swap(&store, &again, &live, &adoption(&[("p", revision)])).await;
}

pub(super) async fn a_swap_of_a_view_that_was_never_prepared_is_an_error(store: Store) {
    let [again, live] = two_views(&store).await;
    let before = all(&store).await;
    let missing = view("missing");
    assert_misuse(store.swap(&missing, &live, &adoption(&[])).await, "a view never prepared");
    assert_eq!(all(&store).await, before, "after a swap with nothing");
    swap(&store, &again, &live, &adoption(&[])).await;
    assert_misuse(store.swap(&again, &live, &adoption(&[])).await, "a view that was given");
    assert_eq!(list(&store, &live, &ViewQuery::default()).await, before.0[0]);
}

pub(super) async fn a_swap_of_a_view_with_itself_is_an_error(store: Store) {
    let [again, live] = two_views(&store).await;
    let before = all(&store).await;
    let itself = store.swap(&live, &live, &adoption(&[])).await;
    assert_misuse(itself, "a view in its own place");
    assert_eq!(all(&store).await, before, "a view in its own place");
    let own = Adoption { from: consumer("live"), ..adoption(&[]) };
    assert_misuse(store.swap(&again, &live, &own).await, "a consumer in its own place");
    assert_eq!(all(&store).await, before, "a consumer in its own place");
}

pub(super) async fn a_swap_fences_writers_of_both_views(store: Store) {
    let live = prepare(&store, "live").await;
    let mut held = vec![("live", "p", Revision::default()), ("live", "q", Revision::default())];
    held.push(("live", "p", write_as(&store, "live", "1", vec![put(&live, "a", "1")]).await));
    held.push(("again", "q", load(&store, "again", "q").await.revision));
    let again = make_again(&store, 1).await;
    held.push(("again", "p", load(&store, "again", "p").await.revision));
    swap(&store, &again, &live, &careful()).await;
    prepare(&store, "again").await;
    let before = all(&store).await;
    for (name, of, revision) in held {
        let case = format!("{revision:?} of {name} in {of} from before a swap");
        let late = by(name, in_partition(of, step(revision, "late", &[])));
        let late = store.write(vec![put(&view(name), "late", "1")], late).await;
        assert_fenced(&late, name, of, &case);
        assert_eq!(all(&store).await, before, "{case}");
    }
}

pub(super) async fn a_swap_leaves_others_alone(store: Store) {
    let others = ["again_", "live2", "v", "_live"];
    for name in others {
        let other = prepare(&store, name).await;
        let changes = vec![put(&other, "a", r#"{"status":"1"}"#), put(&other, "b", "{}")];
        write_as(&store, name, "1", changes).await;
        let letters = [1, 2].map(|version| failed(commit_at("s", version, 1)));
        park(&store, name, &letters).await;
        change(&store, name, vec![dropping(&letters[0], "x")]).await;
        pause(&store, name, true).await;
    }
    let mut before = Vec::new();
    for name in others {
        before.push(state(&store, name).await);
    }
    let live = prepare(&store, "live").await;
    for n in 1..=2 {
        let again = make_again(&store, n).await;
        swap(&store, &again, &live, &careful()).await;
    }
    for (name, before) in others.into_iter().zip(&before) {
        let expected = [("a", r#"{"status":"1"}"#), ("b", "{}")];
        assert_view(&store, &view(name), &expected).await;
        let ones = ViewQuery::default().equals("status", "1");
        assert_eq!(list_keys(&store, &view(name), &ones).await, ["a"], "of {name}");
        assert_state(&store, name, before, "after a swap of others").await;
    }
}

const SWAPS: u64 = 25;

/// Swaps views in beside the test, which says when it takes a look: each swap waits for one since the
/// last, so that there are some however fast a store is.
async fn swap_beside(store: &Store) -> (ViewName, watch::Sender<()>, JoinHandle<()>) {
    let live = prepare(store, "live").await;
    let again = make_again(store, 0).await;
    swap(store, &again, &live, &careful()).await;
    let (store, to) = (Arc::clone(store), live.clone());
    let (looks, mut looked) = watch::channel(());
    let swapping = beside(async move {
        for n in 1..=SWAPS {
            let again = make_again(&store, n).await;
            if looked.changed().await.is_err() {
                // The test has failed meanwhile.
                return;
            }
            swap(&store, &again, &to, &careful()).await;
            looked.mark_unchanged();
        }
    });
    (live, looks, swapping)
}

pub(super) async fn a_reader_beside_a_swap_sees_one_view_whole(store: Store) {
    let (live, looks, swapping) = swap_beside(&store).await;
    while !swapping.is_finished() {
        looks.send_replace(());
        let listed = list(&store, &live, &ViewQuery::default()).await;
        let documents: Vec<&str> = listed.iter().map(|(_, document)| &**document).collect();
        let is_one = documents.len() == 5 && documents.iter().all(|one| *one == documents[0]);
        assert!(is_one, "a listing shows parts of two views: {listed:?}");
        let only = &listed[4].0;
        let number = only.trim_start_matches("only in ");
        assert_eq!(documents[0], format!("{{\"status\":\"{number}\"}}"), "beside {only}");
        let found = get(&store, &live, &KEYS).await;
        let is_one = found.iter().all(|one| one.is_some() && *one == found[0]);
        assert!(is_one, "a get shows parts of two views: {found:?}");
        tokio::task::yield_now().await;
    }
    finished(swapping).await;
    assert_eq!(number_of(&store, &live).await, SWAPS);
}

/// Which of the views that were swapped in is there.
async fn number_of(store: &Store, live: &ViewName) -> u64 {
    let document = get_one(store, live, "a").await.unwrap_or_default();
    let number = document.trim_matches(|c: char| !c.is_ascii_digit()).parse();
    number.unwrap_or_else(|error| panic!("{document:?} is of no view: {error}"))
}

async fn place_of(store: &Store) -> u64 {
    let checkpoint = load(store, "live", "p").await.checkpoint;
    let number = checkpoint.as_str().parse();
    number.unwrap_or_else(|error| panic!("{checkpoint:?} is of no view: {error}"))
}

pub(super) async fn who_sees_the_progress_of_a_swap_sees_its_documents(store: Store) {
    let (live, looks, swapping) = swap_beside(&store).await;
    while !swapping.is_finished() {
        looks.send_replace(());
        let before = place_of(&store).await;
        let shown = number_of(&store, &live).await;
        let after = place_of(&store).await;
        assert!(before <= shown, "the documents are of {shown}, the progress was at {before}");
        assert!(shown <= after, "the documents are of {shown}, the progress is at {after}");
        tokio::task::yield_now().await;
    }
    finished(swapping).await;
    assert_eq!(place_of(&store).await, SWAPS);
}

pub(super) async fn of_concurrent_swaps_exactly_one_succeeds(store: Store) {
    const RIVALS: usize = 6;
    let live = prepare(&store, "live").await;
    for n in 1..=10 {
        let again = make_again(&store, n).await;
        let revision = load(&store, "again", "p").await.revision.get();
        let outcomes = concurrently((0..RIVALS).map(|_| {
            let (store, again, live) = (Arc::clone(&store), again.clone(), live.clone());
            async move { store.swap(&again, &live, &adoption(&[("p", revision)])).await }
        }))
        .await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Adopted::Done))).count();
        assert_eq!(done, 1, "of {RIVALS} swaps of one view {done} are done");
        assert_eq!((number_of(&store, &live).await, place_of(&store).await), (n, n));
    }
}
