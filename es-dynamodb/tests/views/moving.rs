//! Readers and writers beside a view that is cleared or swapped by another program.

use es_core::{Adopted, Adoption, CheckpointStore as _, ConsumerId, Error, ViewStore as _};
use es_dynamodb::DynamoStore;

use crate::scene::{
    Scene, beside_the_feed, consumer, get, keys_by, list_all, next_step, prepare, put, try_write,
    view, write,
};

const OLD: &str = r#"{"status":"old"}"#;
const NEW: &str = r#"{"status":"new"}"#;
const KEYS: [&str; 3] = ["a", "b", "c"];

async fn fill(store: &DynamoStore, name: &str, document: &str) {
    write(store, KEYS.map(|key| put(name, key, document)).into()).await;
}

fn all(document: &str) -> Vec<(String, String)> {
    KEYS.map(|key| (key.to_owned(), document.to_owned())).into()
}

/// A view of old documents that `store` has read, and a rebuild of new ones.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    for (name, document) in [("v", OLD), ("v_rebuild", NEW)] {
        prepare(&scene.store, name, &["status"]).await;
        fill(&scene.store, name, document).await;
    }
    assert_eq!(list_all(&scene.store, "v").await, all(OLD));
    scene
}

/// Swaps the rebuild in, and removes what was there.
async fn swap(store: DynamoStore) {
    let adoption = Adoption {
        from: consumer().rebuild(),
        to: consumer(),
        based_on: Vec::new(),
        backwards: true,
        replaces_dead_letters: true,
    };
    let swapped = store.swap(&view("v_rebuild"), &view("v"), &adoption).await;
    assert!(matches!(swapped, Ok(Adopted::Done)), "{swapped:?}");
    store.collect_garbage().await.expect("garbage can be collected");
}

async fn clear(store: DynamoStore) {
    store.clear(&view("v"), &consumer()).await.expect("the view can be cleared");
    store.collect_garbage().await.expect("garbage can be collected");
}

#[tokio::test]
async fn a_listing_beside_a_swap_is_whole() {
    for (operation, nth) in [("Query", 1), ("GetItem", 1)] {
        for by_field in [false, true] {
            let scene = scene().await;
            scene.faults.before(operation, nth, swap(scene.other.clone()));
            if by_field {
                assert_eq!(keys_by(&scene.store, "v", "status", "new").await, KEYS);
            } else {
                assert_eq!(list_all(&scene.store, "v").await, all(NEW), "{operation} {nth}");
            }
            let left = scene.items("v").await.len();
            assert_eq!(left, KEYS.len(), "the old documents are removed");
        }
    }
}

#[tokio::test]
async fn a_get_beside_a_swap_is_whole() {
    for (operation, nth) in [("BatchGetItem", 1), ("GetItem", 1)] {
        let scene = scene().await;
        scene.faults.before(operation, nth, swap(scene.other.clone()));
        let found = get(&scene.store, "v", &KEYS).await;
        let one_of = [OLD, NEW].map(|document| vec![Some(document.to_owned()); KEYS.len()]);
        assert!(one_of.contains(&found), "{operation}: {found:?}");
    }
}

#[tokio::test]
async fn a_get_between_a_removal_and_its_pointer_looks_again() {
    let scene = scene().await;
    // Documents and pointer are asked for side by side. The pointer's answer is there before the
    // documents are asked for, and they are gone by then.
    scene.faults.before("BatchGetItem", 1, {
        let (other, faults) = (scene.other.clone(), scene.faults.clone());
        let before = faults.requests("GetItem");
        async move {
            while faults.requests("GetItem") == before {
                tokio::task::yield_now().await;
            }
            swap(other).await;
        }
    });
    let found = get(&scene.store, "v", &KEYS).await;
    assert_eq!(found, vec![Some(NEW.to_owned()); KEYS.len()]);
}

#[tokio::test]
async fn readers_follow_a_view_that_another_program_moved() {
    let scene = scene().await;
    swap(scene.other.clone()).await;
    assert_eq!(get(&scene.store, "v", &["a"]).await, [Some(NEW.to_owned())]);
    clear(scene.other.clone()).await;
    assert_eq!(list_all(&scene.store, "v").await, []);
    let given = scene.store.get(&view("v_rebuild"), &["a"]).await;
    assert!(matches!(given, Err(Error::Misuse(_))), "{given:?}");
}

#[tokio::test]
async fn a_writer_follows_a_view_that_another_program_moved() {
    let scene = scene().await;
    clear(scene.other.clone()).await;
    // Beside the feed: no revision fences it.
    write(&scene.store, vec![put("v", "d", NEW)]).await;
    assert_eq!(list_all(&scene.other, "v").await, [("d".to_owned(), NEW.to_owned())]);
}

#[tokio::test]
async fn documents_and_progress_end_in_the_same_build() {
    // Whatever request of the step the clearing comes before: what is shown is what the progress says.
    for (operation, nth) in [("GetItem", 1), ("GetItem", 2), ("TransactWriteItems", 1)] {
        let scene = scene().await;
        let stream: es_core::StreamId = "order:1".parse().expect("a valid id");
        let progress = es_core::Progress {
            streams: vec![(stream.clone(), es_core::Version::new(7))],
            ..beside_the_feed()
        };
        let requests = |scene: &Scene| scene.faults.requests("TransactWriteItems");
        let before = requests(&scene);
        scene.faults.before(operation, nth, clear(scene.other.clone()));
        let written = scene.store.write(vec![put("v", "d", NEW)], progress).await;
        assert!(written.is_ok(), "{operation} {nth}: {written:?}");
        assert!(requests(&scene) > before);
        let progress = scene.other.stream_progress(&consumer(), &[stream]).await;
        let reached = progress.expect("the progress can be loaded")[0].version.get();
        let shown = get(&scene.other, "v", &["d"]).await[0].is_some();
        assert_eq!(shown, reached == 7, "{operation} {nth}: shown is {shown}, reached {reached}");
    }
}

#[tokio::test]
async fn a_worker_is_fenced_by_a_clearing_in_the_middle_of_its_step() {
    let scene = scene().await;
    let step = next_step(&scene.store).await;
    scene.faults.before("GetItem", 1, clear(scene.other.clone()));
    let late = scene.store.write(vec![put("v", "d", NEW)], step).await;
    assert!(matches!(late, Err(Error::Fenced { .. })), "{late:?}");
    assert_eq!(list_all(&scene.other, "v").await, []);
}

#[tokio::test]
async fn a_view_that_was_given_away_is_not_written() {
    let scene = scene().await;
    swap(scene.other.clone()).await;
    let late = try_write(&scene.store, vec![put("v_rebuild", "d", NEW)]).await;
    assert!(matches!(late, Err(Error::Misuse(_))), "{late:?}");
    assert_eq!(scene.items("v").await.len(), KEYS.len(), "it was written all the same");
}

#[tokio::test]
async fn a_swap_waits_for_fields_that_are_indexed_meanwhile() {
    let scene = scene().await;
    let other = scene.other.clone();
    scene.faults.before("TransactWriteItems", 1, async move {
        prepare(&other, "v_rebuild", &["owner"]).await;
    });
    swap(scene.store.clone()).await;
    assert_eq!(keys_by(&scene.store, "v", "owner", "x").await, [] as [&str; 0]);
    assert_eq!(keys_by(&scene.store, "v", "status", "new").await, KEYS);
}

#[tokio::test]
async fn consumers_of_other_views_do_not_move_this_one() {
    let scene = scene().await;
    let before = scene.generation("v").await;
    let other = ConsumerId::new("other").expect("a valid name");
    scene.store.reset(&other).await.expect("a reset");
    prepare(&scene.store, "w", &[]).await;
    scene.store.clear(&view("w"), &other).await.expect("a clearing");
    assert_eq!(scene.generation("v").await, before);
    assert_eq!(list_all(&scene.store, "v").await, all(OLD));
}
