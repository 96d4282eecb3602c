//! What is too large for one transaction or one item.

use es_core::{CheckpointStore as _, Error, Progress, Revision, Version};

use crate::samples::{beside, dropping, letter_of, parking, reached, removing, step};
use crate::scene::{Scene, change, dropped, parked, place, version};

#[track_caller]
fn too_large(outcome: Result<(), Error>) -> (&'static str, u64, u64) {
    match outcome {
        Err(Error::StepTooLarge { consumer, what, actual, limit }) => {
            assert_eq!(consumer, "c");
            (what, actual, limit)
        }
        outcome => panic!("not too large, but {outcome:?}"),
    }
}

#[tokio::test]
async fn a_step_has_up_to_100_items() {
    let scene = Scene::new().await;
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let all: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let of = |streams| Progress { streams: reached(streams), ..step(Revision::default(), "1") };
    // With the position they are one item more.
    let refused = too_large(scene.store.save(of(&all)).await);
    assert_eq!(refused, ("the number of items", 101, 100));
    assert_eq!(scene.faults.requests("TransactWriteItems"), 0, "it is refused before it is sent");
    assert_eq!(
        (place(&scene.store).await.as_str(), version(&scene.store, "0").await),
        ("", Version::ZERO)
    );
    scene.store.save(of(&all[1..])).await.unwrap();
    assert_eq!(version(&scene.store, "99").await, Version::new(1));
}

#[tokio::test]
async fn a_step_has_up_to_4_mb() {
    let scene = Scene::new().await;
    let letters: Vec<_> = (0..12).map(|n| letter_of(&n.to_string(), 1, 380_000)).collect();
    let all = letters.iter().map(parking);
    let (what, actual, limit) = too_large(change(&scene.store, all.clone().collect()).await);
    assert_eq!((what, limit), ("the size in bytes", 4 * 1024 * 1024));
    assert!((12 * 380_000..12 * 381_000).contains(&actual), "{actual}");
    assert_eq!(scene.faults.requests("TransactWriteItems"), 0, "it is refused before it is sent");
    assert_eq!(parked(&scene.store).await.unwrap(), []);
    change(&scene.store, all.take(11).collect()).await.unwrap();
    assert_eq!(parked(&scene.store).await.unwrap().len(), 11);
}

#[tokio::test]
async fn a_checkpoint_has_up_to_400_kb() {
    let scene = Scene::new().await;
    let long = "9".repeat(400 * 1024);
    let refused = too_large(scene.store.save(step(Revision::default(), &long)).await);
    let key_and_saves = "pkpositions#cskpsaves".len() + 2 + "checkpoint".len();
    let size = (long.len() + key_and_saves) as u64;
    assert_eq!(refused, ("the size in bytes of an item", size, 400 * 1024));
    let fits = "9".repeat(400 * 1024 - key_and_saves);
    scene.store.save(step(Revision::default(), &fits)).await.unwrap();
    assert_eq!(place(&scene.store).await, fits);
}

#[tokio::test]
async fn a_letter_is_as_large_as_commits_can_be() {
    let scene = Scene::new().await;
    // From inside an item, over its limit, to the largest commits of the log.
    for bytes in [390_000, 400_000, 405_000, 410_000, 1_000_000, 4 * 1024 * 1024 - 100] {
        let letter = letter_of("s", 1, bytes);
        change(&scene.store, vec![parking(&letter)]).await.unwrap();
        assert_eq!(
            parked(&scene.store).await.unwrap(),
            std::slice::from_ref(&letter),
            "{bytes} bytes"
        );
        change(&scene.store, vec![dropping(&letter, &"x".repeat(8_000))]).await.unwrap();
        assert_eq!(parked(&scene.store).await.unwrap(), []);
        let records = dropped(&scene.store).await.unwrap();
        assert_eq!((records.len(), &records[0].commit), (1, &letter.commit), "{bytes} bytes");
    }
}

#[tokio::test]
async fn many_letters_of_one_stream_are_few_items_more() {
    let scene = Scene::new().await;
    let letters: Vec<_> = (1..=98).map(|version| letter_of("s", version, 10)).collect();
    // Each is an item, and so are the stream and its place among those that wait.
    change(&scene.store, letters.iter().map(parking).collect()).await.unwrap();
    assert_eq!(parked(&scene.store).await.unwrap(), letters);
    let all = letters.iter().map(removing).collect();
    scene.store.save(Progress { dead_letters: all, ..beside() }).await.unwrap();
    assert_eq!(parked(&scene.store).await.unwrap(), []);
}
