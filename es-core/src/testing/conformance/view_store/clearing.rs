//! Beginning again.

use super::{Store, assert_view, clear, list, prepare, put, write};
use crate::checkpoint_store::Revision;
use crate::testing::conformance::checkpoint_store::{
    assert_fenced, assert_letters, assert_state, by, change, commit_at, dropping, failed,
    in_partition, load, park, pause, record, state, step, versions,
};
use crate::testing::conformance::sample::stream;
use crate::view_store::ViewQuery;

pub(super) async fn clearing_removes_documents_and_progress(store: Store) {
    let v = prepare(&store, "v").await;
    clear(&store, &v, "c").await;
    let keys: Vec<String> = (0..60).map(|n| format!("{n:02}")).collect();
    for keys in keys.chunks(30) {
        let changes = keys.iter().map(|key| put(&v, key, r#"{"status":"open"}"#));
        write(&store, changes.collect()).await;
    }
    let revision = load(&store, "c", "p").await.revision;
    let written = store.write(Vec::new(), step(revision, "9", &[("s", 3)])).await;
    written.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    clear(&store, &v, "c").await;
    assert_view(&store, &v, &[]).await;
    let open = ViewQuery::default().equals("status", "open");
    assert_eq!(list(&store, &v, &open).await, []);
    assert!(load(&store, "c", "p").await.checkpoint.is_start(), "the progress survived");
    assert_eq!(
        versions(&store, "c", &["s", "t"].map(stream)).await,
        [0, 0],
        "the versions of streams survived"
    );
    write(&store, vec![put(&v, "a", "{}")]).await;
    assert_view(&store, &v, &[("a", "{}")]).await;
}

pub(super) async fn clearing_fences_those_at_work(store: Store) {
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

pub(super) async fn clearing_forgets_parked_letters_and_keeps_records(store: Store) {
    let v = prepare(&store, "v").await;
    let letters = [1, 2].map(|version| failed(commit_at("s", version, 1)));
    park(&store, "c", &letters).await;
    change(&store, "c", vec![dropping(&letters[0], "x")]).await;
    pause(&store, "c", true).await;
    clear(&store, &v, "c").await;
    let cleared = state(&store, "c").await;
    assert_letters(&cleared.parked, &[], "parked before");
    assert_letters(&cleared.dropped, &[record(&letters[0], "x")], "dropped before");
    assert!(cleared.paused, "clearing resumed a consumer");
}

pub(super) async fn clearing_leaves_others_alone(store: Store) {
    let v = prepare(&store, "v").await;
    let w = prepare(&store, "w").await;
    write(&store, vec![put(&v, "a", "1"), put(&w, "a", "1")]).await;
    let other = by("other", step(Revision::default(), "5", &[("s", 2)]));
    let written = store.write(vec![put(&w, "b", "2")], other).await;
    written.unwrap_or_else(|error| panic!("a write was refused: {error}"));
    park(&store, "other", &[failed(commit_at("t", 1, 1))]).await;
    let before = state(&store, "other").await;
    clear(&store, &v, "c").await;
    assert_view(&store, &v, &[]).await;
    assert_view(&store, &w, &[("a", "1"), ("b", "2")]).await;
    assert_state(&store, "other", &before, "after clearing").await;
}
