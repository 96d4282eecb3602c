//! Partitions `scan-<i>-of-<n>`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use es_core::testing::VirtualClock;
use es_core::{Checkpoint, CommitId, Error, ExecuteOptions, Feed as _, PartitionId, Repository};

use crate::scene::{Account, AccountCommand, Scene, ids};
use crate::support::Server;
use crate::support::faults::Faults;

fn segment(index: u32, total: u32) -> PartitionId {
    PartitionId::new(&format!("scan-{index}-of-{total}")).unwrap()
}

async fn fill(scene: &Scene, commits: usize) -> BTreeSet<CommitId> {
    let mut filled = Vec::new();
    for n in 0..commits {
        filled.push(scene.credit_unseen(&format!("a-{}", n % 9), 1 + n as u64).await);
    }
    ids(&filled).into_iter().collect()
}

#[tokio::test]
async fn the_segments_have_every_commit_once_whatever_the_size_of_the_pages() {
    let scene = Scene::with(|options| options.scan_segments(3)).await;
    let commits = fill(&scene, 40).await;
    for page_size in [1, 2, 7, 1_000] {
        let mut found = Vec::new();
        for index in 0..3 {
            let start = Checkpoint::start();
            let (read, last) = scene.read_all(&segment(index, 3), start, page_size).await;
            assert!(last.ended && last.checkpoint.is_end());
            found.extend(read);
        }
        assert_eq!(found.len(), 40, "pages of {page_size}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), commits);
    }
}

#[tokio::test]
async fn a_place_is_the_key_of_the_last_commit_and_reading_goes_on_behind_it() {
    let scene = Scene::with(|options| options.scan_segments(1)).await;
    let first = scene.credit_unseen("a b", 1).await;
    let second = scene.credit_unseen("a b", 2).await;
    let only = segment(0, 1);
    let page = scene.read(&only, &Checkpoint::start(), 1).await.unwrap();
    assert_eq!((ids(&page.commits), page.checkpoint.as_str()), (ids(&[first]), "1 account:a b"));
    let rest = scene.read(&only, &page.checkpoint, 10).await.unwrap();
    assert_eq!((ids(&rest.commits), rest.ended), (ids(&[second]), true));
}

#[tokio::test]
async fn what_is_no_commit_is_passed_over_in_few_requests() {
    let server = Server::start().await;
    let faults = Faults::none();
    let options = server.options(&Server::prefix()).scan_segments(1);
    let store = server.store_with_behind(options, &faults).await;
    let accounts = Repository::<Account>::new(Arc::new(store.clone()));
    for n in 0..60 {
        // Each leaves a marker before the commits of its stream.
        let key = ExecuteOptions::new().idempotency_key(format!("request {n}"));
        accounts.execute_with("a", AccountCommand::Credit(1), key).await.unwrap();
    }
    let page = es_core::Feed::read(&store, &segment(0, 1), &Checkpoint::start(), 1).await.unwrap();
    assert_eq!(page.commits[0].first_version().get(), 1);
    assert!(page.commits.len() == 1 && !page.ended);
    assert!(faults.requests("Scan") <= 7, "{} requests", faults.requests("Scan"));
}

#[tokio::test]
async fn a_commit_in_pieces_is_delivered_whole_and_its_pieces_are_not() {
    let scene = Scene::with(|options| options.scan_segments(1)).await;
    let large = crate::shards::append_large(&scene).await;
    assert!(scene.items().await.len() > 2, "it is in pieces");
    let page = scene.read(&segment(0, 1), &Checkpoint::start(), 10).await.unwrap();
    assert_eq!(page.commits, [large]);
    // The pieces lie before it or behind it, by a hash.
    let (rest, last) = scene.read_all(&segment(0, 1), page.checkpoint, 10).await;
    assert_eq!((rest.len(), last.ended), (0, true));
}

#[tokio::test]
async fn a_page_of_large_commits_ends_before_it_has_too_many_bytes() {
    let scene = Scene::with(|options| options.scan_segments(1)).await;
    for _ in 0..5 {
        crate::shards::append_large(&scene).await;
    }
    let page = scene.read(&segment(0, 1), &Checkpoint::start(), 1_000).await.unwrap();
    assert!((2..5).contains(&page.commits.len()), "{} commits", page.commits.len());
    let (rest, last) = scene.read_all(&segment(0, 1), page.checkpoint, 1_000).await;
    assert_eq!((page.commits.len() + rest.len(), last.ended), (5, true));
}

#[tokio::test]
async fn a_damaged_commit_is_an_error_behind_those_before_it() {
    use aws_sdk_dynamodb::types::AttributeValue;
    let scene = Scene::with(|options| options.scan_segments(1)).await;
    let sound = scene.credit_unseen("a", 1).await;
    let damaged = scene.credit_unseen("a", 2).await;
    let mut item = scene.item_of(&damaged).await;
    item.insert("p".to_owned(), AttributeValue::S(r#"[{"amount":3}]"#.to_owned()));
    let put = scene.dynamodb().put_item().table_name(scene.events()).set_item(Some(item));
    put.send().await.unwrap();
    let page = scene.read(&segment(0, 1), &Checkpoint::start(), 10).await.unwrap();
    assert_eq!((ids(&page.commits), page.ended), (ids(&[sound]), false));
    let next = scene.read(&segment(0, 1), &page.checkpoint, 10).await;
    assert!(matches!(next, Err(Error::CorruptCommit { .. })), "{next:?}");
}

#[tokio::test]
async fn scans_keep_to_their_rate_in_all_clones_together() {
    let server = Server::start().await;
    let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
    let faults = Faults::none();
    let options = server.options(&Server::prefix()).clock(clock.clone());
    let options = options.scan_segments(2).scan_units_per_second(2);
    let store = server.store_with_behind(options, &faults).await;
    let accounts = Repository::<Account>::new(Arc::new(store.clone()));
    for n in 0..30 {
        accounts.execute(&format!("a-{n}"), AccountCommand::Credit(1)).await.unwrap();
    }
    let (store, other) = (&store, &store.clone());
    let (mut commits, mut units) = (0, 0.0);
    for (store, index) in [(store, 0), (other, 1)] {
        let (segment, mut after) = (segment(index, 2), Checkpoint::start());
        while !after.is_end() {
            let read = es_core::Feed::read(store, &segment, &after, 3);
            let (page, cost) = es_core::Cost::of(read).await;
            let page = page.unwrap();
            commits += page.commits.len();
            units += cost.read_units;
            after = page.checkpoint;
        }
    }
    assert_eq!(commits, 30);
    let requests = faults.requests("Scan");
    assert!(requests >= 10, "{requests} requests");
    // The last answer is paid for by whoever comes next.
    let slept: Duration = clock.slept().iter().sum();
    let last = Duration::from_millis(500);
    let whole = Duration::from_secs_f64(units / 2.0);
    assert!((whole - last..=whole).contains(&slept), "{slept:?} for {units} units");
}

#[tokio::test]
async fn without_a_stream_the_feed_names_the_table_and_what_to_set() {
    use aws_sdk_dynamodb::types::StreamSpecification;
    let scene = Scene::new().await;
    let off = StreamSpecification::builder().stream_enabled(false).build().unwrap();
    let update = scene.dynamodb().update_table().table_name(scene.events());
    update.stream_specification(off).send().await.unwrap();
    let error = scene.store.partitions().await.unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&scene.events()) && text.contains("NEW_IMAGE"), "{text}");
    assert!(scene.store.anchors().await.is_err());
}

#[tokio::test]
async fn the_history_alone_has_every_commit_ends_and_has_no_shard() {
    let scene = Scene::with(|options| options.scan_segments(2)).await;
    let commits = fill(&scene, 10).await;
    let history = scene.store.history();
    let partitions = history.partitions().await.unwrap();
    assert_eq!(history.anchors().await.unwrap(), []);
    let mut found = BTreeSet::new();
    for partition in &partitions {
        assert_eq!(partition.parents, []);
        let page = history.read(&partition.id, &Checkpoint::start(), 100).await.unwrap();
        assert!(page.ended);
        found.extend(ids(&page.commits));
    }
    assert_eq!((partitions.len(), found), (2, commits));
    let listed = es_core::Feed::partitions(&scene.store).await.unwrap();
    let shard = listed.iter().find(|it| it.id.as_str().starts_with("shardId-")).unwrap();
    let refused = history.read(&shard.id, &Checkpoint::start(), 1).await;
    assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    let refused = history.wait(&shard.id, &Checkpoint::start()).await;
    assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
}
