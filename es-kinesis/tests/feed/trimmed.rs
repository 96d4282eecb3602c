//! The stream forgets: what was lost is told, and what was not lost is not.

use std::sync::Arc;
use std::time::Duration;

use es_core::{Checkpoint, Error, Feed as _, SystemClock};
use es_kinesis::{Begin, KinesisFeed};

use crate::scene::{OVER_A_DAY, STREAM, Scene, assert_trimmed, only_shard_of, shards_of};
use crate::support::fake_kinesis::BehindHorizon;
use crate::support::faults::Fault;

const HOUR: Duration = Duration::from_secs(3_600);

/// The ways to read, and the ways in which Kinesis may answer who asks for what is trimmed.
const WAYS: [(bool, BehindHorizon); 4] = [
    (false, BehindHorizon::StartsAtHorizon),
    (false, BehindHorizon::Refused),
    (true, BehindHorizon::StartsAtHorizon),
    (true, BehindHorizon::Refused),
];

fn scene(behind_horizon: BehindHorizon) -> Scene {
    let scene = Scene::new(1);
    scene.kinesis.set_options(|options| options.behind_horizon = behind_horizon);
    scene
}

fn feed(scene: &Scene, begin: Begin, fanned_out: bool) -> KinesisFeed {
    let feed = scene.feed(begin);
    if fanned_out { feed.fan_out("statements") } else { feed }
}

#[tokio::test]
async fn a_consumer_that_stops_for_longer_than_the_stream_keeps_records_is_told() {
    for (fanned_out, behind_horizon) in WAYS {
        let scene = scene(behind_horizon);
        let feed = || feed(&scene, Begin::Horizon, fanned_out);
        scene.credit("a", 1).await;
        scene.statements(feed()).catch_up().await.unwrap();
        scene.credit("b", 2).await;
        scene.pass(OVER_A_DAY);
        scene.credit("c", 4).await;
        let shown = scene.shown().await;
        assert_trimmed(scene.statements(feed()).catch_up().await);
        assert_eq!(scene.shown().await, shown, "nothing is had behind what was lost");
    }
}

#[tokio::test]
async fn the_same_feed_object_tells_it_too() {
    for (fanned_out, behind_horizon) in WAYS {
        let scene = scene(behind_horizon);
        let statements = scene.statements(feed(&scene, Begin::Horizon, fanned_out));
        scene.credit("a", 1).await;
        statements.catch_up().await.unwrap();
        scene.credit("b", 2).await;
        scene.pass(OVER_A_DAY);
        scene.credit("c", 4).await;
        for _ in 0..2 {
            assert_trimmed(statements.catch_up().await);
        }
        assert_eq!(scene.shown().await.len(), 1);
    }
}

#[tokio::test]
async fn a_consumer_that_has_read_nothing_since_it_began_is_told() {
    for (fanned_out, behind_horizon) in WAYS {
        for begin in [Begin::Latest, Begin::Horizon] {
            let scene = scene(behind_horizon);
            let feed = || feed(&scene, begin.clone(), fanned_out);
            let statements = scene.statements(feed());
            statements.catch_up().await.unwrap();
            scene.credit("a", 1).await;
            scene.pass(OVER_A_DAY);
            scene.credit("b", 2).await;
            // Another program, and then the one that has begun.
            assert_trimmed(scene.statements(feed()).catch_up().await);
            assert_trimmed(statements.catch_up().await);
        }
    }
}

#[tokio::test]
async fn a_consumer_that_goes_on_in_time_misses_nothing_and_is_told_nothing() {
    for (fanned_out, behind_horizon) in WAYS {
        let scene = scene(behind_horizon);
        let feed = || feed(&scene, Begin::Horizon, fanned_out);
        scene.credit("a", 1).await;
        scene.statements(feed()).catch_up().await.unwrap();
        scene.credit("b", 2).await;
        scene.pass(23 * HOUR);
        scene.credit("c", 4).await;
        scene.statements(feed()).catch_up().await.unwrap();
        scene.assert_all_shown().await;
    }
}

#[tokio::test]
async fn where_nothing_happened_for_days_nothing_was_lost() {
    for (fanned_out, behind_horizon) in WAYS {
        for begin in [Begin::Horizon, Begin::Latest] {
            let scene = scene(behind_horizon);
            let feed = || feed(&scene, begin.clone(), fanned_out);
            let statements = scene.statements(feed());
            statements.catch_up().await.unwrap();
            scene.pass(Duration::from_secs(1));
            scene.credit("a", 1).await;
            for _ in 0..40 {
                statements.catch_up().await.unwrap();
                scene.pass(HOUR);
            }
            let kept: usize = scene.kinesis.records(STREAM).values().map(Vec::len).sum();
            assert_eq!(kept, 0, "the record that was read last is trimmed");
            scene.credit("b", 2).await;
            scene.statements(feed()).catch_up().await.unwrap();
            scene.assert_all_shown().await;
        }
    }
}

#[tokio::test]
async fn a_check_that_fails_loses_nothing() {
    for (fanned_out, behind_horizon) in WAYS {
        let scene = scene(behind_horizon);
        let feed = || feed(&scene, Begin::Horizon, fanned_out);
        let statements = scene.statements(feed());
        scene.credit("a", 1).await;
        for _ in 0..30 {
            statements.catch_up().await.unwrap();
            scene.pass(HOUR);
        }
        scene.credit("b", 2).await;
        let statements = scene.statements(feed());
        // The first one is about what the stream is; the second one is the check.
        scene.kinesis.faults().at("DescribeStreamSummary", 2, Fault::InternalError);
        let failed = statements.catch_up().await;
        assert!(matches!(failed, Err(Error::Unavailable { .. })), "{failed:?}");
        statements.catch_up().await.unwrap();
        scene.assert_all_shown().await;
    }
}

#[tokio::test]
async fn a_shard_that_is_gone_before_it_was_read_to_its_end_is_told() {
    for fanned_out in [false, true] {
        let scene = Scene::new(1);
        let feed = || feed(&scene, Begin::Horizon, fanned_out);
        let shard = only_shard_of(&feed()).await;
        scene.credit("a", 1).await;
        scene.credit("a", 2).await;
        let read = feed();
        let page = read.read(&shard, &Checkpoint::start(), 1).await.unwrap();
        scene.split_all();
        scene.pass(OVER_A_DAY);
        assert!(!shards_of(&feed()).await.contains(&shard));
        assert_trimmed(feed().read(&shard, &page.checkpoint, 1).await);
    }
}

#[tokio::test]
async fn a_stream_that_was_made_again_is_another_one() {
    for (fanned_out, behind_horizon) in WAYS {
        for (splits, begin) in [
            (false, Begin::Horizon),
            (false, Begin::Latest),
            (true, Begin::Horizon),
            (true, Begin::Latest),
        ] {
            let scene = scene(behind_horizon);
            let feed = || feed(&scene, begin.clone(), fanned_out);
            let statements = scene.statements(feed());
            statements.catch_up().await.unwrap();
            if splits {
                // The first shard was read to its end: that is no end of the one with the same name.
                scene.split_all();
            }
            scene.pass(Duration::from_secs(1));
            scene.credit("a", 1).await;
            statements.catch_up().await.unwrap();
            scene.credit("lost", 2).await;
            scene.make_again(2).await;
            scene.credit("b", 4).await;
            let shown = scene.shown().await;
            assert_trimmed(scene.statements(feed()).catch_up().await);
            assert_eq!(scene.shown().await, shown);
            // Who knows the stream of before finds out within five minutes.
            scene.pass(Duration::from_secs(300));
            assert_trimmed(statements.catch_up().await);
        }
    }
}

#[tokio::test]
async fn a_view_is_built_again_from_the_log_when_that_is_asked_for() {
    for (fanned_out, behind_horizon) in WAYS {
        let scene = scene(behind_horizon);
        let feed = || feed(&scene, scene.after_history(), fanned_out);
        scene.credit("a", 1).await;
        scene.statements(feed()).catch_up().await.unwrap();
        for round in 0..3 {
            scene.credit("b", 2).await;
            if round == 1 {
                scene.make_again(2).await;
            }
            scene.pass(OVER_A_DAY);
            scene.credit("c", 4).await;
            let statements = scene.statements(feed()).with_rebuild_when_trimmed();
            statements.catch_up().await.unwrap();
            scene.assert_all_shown().await;
        }
    }
}

#[tokio::test]
async fn a_reader_that_falls_behind_while_it_reads_is_told_and_one_in_time_is_not() {
    const MINUTE: Duration = Duration::from_secs(60);
    for (waits, is_lost) in [(Duration::from_secs(20), false), (4 * MINUTE, true)] {
        let scene = scene(BehindHorizon::StartsAtHorizon);
        for n in 0..10 {
            scene.credit(&format!("a-{n}"), 1).await;
            scene.pass(MINUTE);
        }
        // Half a minute before the first of them is forgotten.
        scene.pass(24 * HOUR - 10 * MINUTE - MINUTE / 2);
        let feed = scene.feed(Begin::Horizon).records_per_request(1);
        let shard = only_shard_of(&feed).await;
        let first = feed.read(&shard, &Checkpoint::start(), 1).await.unwrap();
        assert_eq!(first.commits.len(), 1);
        // The iterator lasts for five minutes.
        scene.pass(waits);
        let next = feed.read(&shard, &first.checkpoint, 1).await;
        if is_lost {
            assert_trimmed(next);
        } else {
            assert_eq!(next.unwrap().commits[0].stream().id(), "a-1");
        }
    }
}

#[tokio::test]
async fn who_looks_from_outside_disturbs_nobody() {
    let scene = scene(BehindHorizon::StartsAtHorizon);
    let statements = scene.statements(scene.feed(Begin::Horizon).fan_out("statements"));
    // A look has a limit of time, which is not that of the scene: there, waiting takes none.
    let statements = statements.with_clock(Arc::new(SystemClock));
    scene.credit("a", 1).await;
    statements.catch_up().await.unwrap();
    for n in 0..50 {
        scene.credit(&format!("b-{n}"), 1).await;
    }
    let subscribed = scene.kinesis.count("SubscribeToShard");
    let health = statements.health().await.unwrap();
    assert!(health.partitions.iter().all(|partition| partition.error.is_none()), "{health:?}");
    assert_eq!(scene.kinesis.count("SubscribeToShard"), subscribed);
    let asked = scene.kinesis.requests();
    let limits = asked.iter().filter(|it| it.operation == "GetRecords").map(|it| &it.body["Limit"]);
    assert!(limits.clone().count() > 0 && limits.clone().all(|limit| *limit == 10), "{limits:?}");
}
