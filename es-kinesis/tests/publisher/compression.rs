//! Compressed records.

use es_core::Compression;

use crate::scene::Scene;

#[cfg(feature = "zstd")]
#[tokio::test]
async fn a_feed_has_the_commits_as_they_are_in_the_log() {
    use es_core::{Checkpoint, Feed as _};
    use es_kinesis::{Begin, KinesisFeed};

    use crate::scene::STREAM;

    for aggregate_bytes in [None, Some(10_000)] {
        let scene = Scene::new(1);
        scene.append("a", 1).await;
        scene.append_bytes("b", 20_000).await;
        scene.append("a", 3).await;
        let publisher = scene.publisher_with(|options| {
            let options = options.compression(Compression::Zstd).limits(2_000, 1 << 20);
            match aggregate_bytes {
                Some(bytes) => options.aggregated(bytes),
                None => options,
            }
        });
        let caught_up = publisher.catch_up().await.expect("nothing is in the way");
        assert_eq!((caught_up.applied, caught_up.parked), (3, 0), "it is small when compressed");
        let stored = scene.kinesis.records(STREAM).into_values().flatten();
        assert!(stored.map(|record| record.data.len()).sum::<usize>() < 2_000);
        let feed = KinesisFeed::of(&scene.stream, scene.log.clone(), Begin::Horizon);
        let shard = feed.partitions().await.expect("one")[0].id.clone();
        let page = feed.read(&shard, &Checkpoint::start(), 10).await.expect("three commits");
        for id in ["a", "b"] {
            let of_stream = page.commits.iter().filter(|commit| commit.stream().id() == id);
            assert_eq!(of_stream.cloned().collect::<Vec<_>>(), scene.logged(id).await);
        }
    }
}

#[cfg(not(feature = "zstd"))]
#[tokio::test]
async fn without_the_feature_it_is_refused() {
    let scene = Scene::new(1);
    let refused = scene.publishing().compression(Compression::Zstd).on(scene.log.clone());
    assert!(matches!(refused, Err(es_core::Error::Misuse(_))), "{refused:?}");
}
