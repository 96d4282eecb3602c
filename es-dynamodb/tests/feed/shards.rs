//! Partitions that are shards of the table's stream.

use std::sync::Arc;
use std::time::Duration;

use es_core::{
    Checkpoint, Codec, Commit, CommitId, Compression, EncodedEvents, Error, Event, EventStore,
    Expected, Feed as _, NewCommit, Partition, SystemEntropy, Timestamp,
};
use serde_json::json;

use crate::scene::{Scene, ids};

/// One event of more than a megabyte.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Large")]
enum Large {
    Written { text: String },
}

/// Appends a commit that no single item has room for.
pub(crate) async fn append_large(scene: &Scene) -> Commit {
    let events = [Large::Written { text: "x".repeat(1_200_000) }];
    let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0).unwrap();
    let id = CommitId::generate(Timestamp::now(), &SystemEntropy);
    let commit = NewCommit::new(id, Timestamp::now(), Default::default(), events);
    let stream = "account:large".parse().unwrap();
    scene.store.append(&stream, Expected::Any, commit).await.unwrap().commit
}

fn start() -> Checkpoint {
    Checkpoint::start()
}

async fn credits(scene: &Scene, amounts: std::ops::Range<u64>) -> Vec<Commit> {
    let mut commits = Vec::new();
    for amount in amounts {
        commits.push(scene.credit(&format!("a-{}", amount % 4), amount).await);
    }
    commits
}

#[tokio::test]
async fn shards_are_listed_on_all_pages_each_behind_its_parent_and_the_history() {
    let scene = Scene::new().await;
    for _ in 0..3 {
        let open = scene.stream.model().open_shards()[0];
        scene.stream.model().split(open, 2);
    }
    scene.stream.model().shards_per_page = 2;
    let listed = scene.store.partitions().await.unwrap();
    assert_eq!(scene.stream.requests("DescribeStream"), 4);
    assert_eq!(listed.len(), 2 + 7);
    let history: Vec<_> = listed[..2].iter().map(|partition| partition.id.clone()).collect();
    assert!(listed[..2].iter().all(|Partition { parents, .. }| parents.is_empty()));
    for partition in &listed[2..] {
        assert!(history.iter().all(|segment| partition.parents.contains(segment)));
        assert_eq!(partition.parents.len(), 3, "{partition:?}");
    }
    assert!(listed[3].parents.contains(&listed[2].id), "a child comes behind its parent");
    assert_eq!(listed[2].parents[2].as_str(), "stream-2026-01-01T00:00:00.001");
}

#[tokio::test]
async fn a_list_is_asked_for_again_when_it_is_old_or_a_shard_has_ended() {
    let scene = Scene::new().await;
    for _ in 0..5 {
        scene.shards().await;
    }
    assert_eq!(scene.stream.requests("DescribeStream"), 1);
    scene.let_lists_grow_old();
    let shard = scene.shards().await.remove(0);
    assert_eq!(scene.stream.requests("DescribeStream"), 2);
    scene.stream.model().split(0, 1);
    assert!(scene.read(&shard, &start(), 10).await.unwrap().ended);
    assert_eq!(scene.shards().await.len(), 2, "the child, at once");
}

#[tokio::test]
async fn a_shard_is_read_in_pages_of_any_size_and_its_places_are_numbers() {
    let scene = Scene::new().await;
    let commits = credits(&scene, 1..20).await;
    let shard = scene.shards().await.remove(0);
    for page_size in [1, 4, 19, 5_000] {
        let (read, last) = scene.read_all(&shard, start(), page_size).await;
        assert_eq!(read, ids(&commits), "pages of {page_size}");
        assert!(!last.ended);
        assert_eq!(last.checkpoint.as_str(), "000000000000000000020");
    }
    scene.stream.model().split(0, 2);
    let (read, last) = scene.read_all(&shard, start(), 6).await;
    assert_eq!(read, ids(&commits));
    assert!(last.ended && last.checkpoint.is_end());
}

#[tokio::test]
async fn a_reader_goes_on_with_one_request() {
    let scene = Scene::new().await;
    let commits = credits(&scene, 1..7).await;
    let shard = scene.shards().await.remove(0);
    scene.read_all(&shard, start(), 2).await;
    assert_eq!(scene.stream.requests("GetShardIterator"), 1, "the others follow from the first");
    // Three pages, and then five empty answers before it is taken for the end.
    assert_eq!(scene.stream.requests("GetRecords"), 3 + 5);
    let last = Checkpoint::from_stored("000000000000000000007");
    assert!(scene.read(&shard, &last, 2).await.unwrap().commits.is_empty());
    assert_eq!(scene.stream.requests("GetRecords"), 3 + 5 + 1);
    assert_eq!(commits.len(), 6);
}

#[tokio::test]
async fn answers_without_records_are_not_the_end() {
    let scene = Scene::new().await;
    let commits = credits(&scene, 1..5).await;
    let shard = scene.shards().await.remove(0);
    scene.stream.model().empty_answers = 4;
    let (read, _) = scene.read_all(&shard, start(), 2).await;
    assert_eq!(read, ids(&commits));
    // More than a reader of an open shard asks for at once: the next one goes on from there.
    scene.stream.model().empty_answers = 12;
    scene.stream.model().expire();
    let mut pages = Vec::new();
    while pages.last() != Some(&4) {
        pages.push(scene.read(&shard, &start(), 10).await.unwrap().commits.len());
        assert!(pages.len() < 20, "{pages:?}");
    }
    // A closed one is read to its end.
    scene.stream.model().split(0, 1);
    scene.stream.model().empty_answers = 30;
    scene.stream.model().expire();
    scene.let_lists_grow_old();
    let (read, last) = scene.read_all(&shard, start(), 2).await;
    assert_eq!(read, ids(&commits));
    assert!(last.ended);
}

#[tokio::test]
async fn an_expired_iterator_is_replaced_from_the_place() {
    let scene = Scene::new().await;
    let commits = credits(&scene, 1..9).await;
    let shard = scene.shards().await.remove(0);
    let (mut read, mut after) = (Vec::new(), start());
    while read.len() < 8 {
        let page = scene.read(&shard, &after, 3).await.unwrap();
        scene.stream.model().expire();
        read.extend(ids(&page.commits));
        after = page.checkpoint;
    }
    assert_eq!(read, ids(&commits));
    // One that was kept for longer than DynamoDB knows it is not even tried.
    scene.read(&shard, &after, 3).await.unwrap();
    let before = scene.stream.requests("GetRecords");
    scene.clock.advance(Duration::from_secs(3_600));
    scene.read(&shard, &after, 3).await.unwrap();
    assert_eq!(scene.stream.requests("GetRecords") - before, 5);
}

fn assert_trimmed(page: es_core::Result<es_core::FeedPage>) {
    assert!(matches!(page, Err(Error::FeedTrimmed { .. })), "{page:?}");
}

#[tokio::test]
async fn what_was_trimmed_unread_is_told_wherever_reading_goes_on() {
    let scene = Scene::new().await;
    credits(&scene, 1..4).await;
    let shard = scene.shards().await.remove(0);
    let anchor = scene.store.anchors().await.unwrap().remove(1).1;
    let behind_two = scene.read(&shard, &start(), 2).await.unwrap().checkpoint;
    // With an iterator at hand, and without.
    for _ in 0..2 {
        scene.stream.model().trim();
        assert_trimmed(scene.read(&shard, &start(), 10).await);
        assert_trimmed(scene.read(&shard, &anchor, 10).await);
        assert_trimmed(scene.read(&shard, &behind_two, 10).await);
        scene.stream.model().expire();
    }
    let waited = scene.store.wait(&shard, &anchor).await;
    assert!(matches!(waited, Err(Error::FeedTrimmed { .. })), "{waited:?}");
}

#[tokio::test]
async fn a_shard_that_is_gone_is_told() {
    let scene = Scene::new().await;
    credits(&scene, 1..4).await;
    let shard = scene.shards().await.remove(0);
    let behind = scene.read(&shard, &start(), 2).await.unwrap().checkpoint;
    scene.stream.model().split(0, 1);
    scene.stream.model().trim();
    scene.let_lists_grow_old();
    assert_trimmed(scene.read(&shard, &start(), 10).await);
    assert_trimmed(scene.read(&shard, &behind, 10).await);
}

#[tokio::test]
async fn anchors_are_where_open_shards_begin_and_the_end_of_closed_ones() {
    let scene = Scene::new().await;
    scene.stream.model().split(0, 2);
    let shards = scene.shards().await;
    let anchors = scene.store.anchors().await.unwrap();
    let places: Vec<_> = anchors.iter().map(|(_, checkpoint)| checkpoint.as_str()).collect();
    let end = Checkpoint::end();
    let (first, second) = ("from 000000000000000000002", "from 000000000000000000003");
    assert_eq!(places, [end.as_str(), end.as_str(), first, second]);
    assert_eq!(anchors[0].0.as_str(), "stream-2026-01-01T00:00:00.001");
    assert_eq!(anchors[2].0, shards[1]);
    let commits = credits(&scene, 1..3).await;
    let (read, _) = scene.read_all(&anchors[3].0, anchors[3].1.clone(), 1).await;
    assert_eq!(read, ids(&commits));
}

#[tokio::test]
async fn the_anchor_of_a_shard_whose_beginning_is_gone_is_at_its_oldest_record() {
    let scene = Scene::new().await;
    credits(&scene, 1..4).await;
    scene.stream.model().trim();
    let nowhere = scene.store.anchors().await.unwrap_err();
    assert!(nowhere.is_transient(), "{nowhere:?}");
    let commits = credits(&scene, 4..7).await;
    let (shard, anchor) = scene.store.anchors().await.unwrap().remove(1);
    assert_eq!(anchor.as_str(), "from 000000000000000000005");
    let (read, _) = scene.read_all(&shard, anchor, 10).await;
    assert_eq!(read, ids(&commits));
}

#[tokio::test]
async fn records_that_are_no_commits_are_passed_over() {
    let scene = Scene::new().await;
    let large = append_large(&scene).await;
    let items = scene.items().await;
    assert!(items.len() > 2, "it is in pieces");
    for item in &items {
        scene.stream.model().record(0, item);
    }
    {
        let mut model = scene.stream.model();
        let marker = json!({ "pk": { "S": "account:large" }, "sk": { "N": "-1000" } });
        model.push(0, json!({ "NewImage": marker }), "INSERT");
        model.push(0, json!({ "Keys": marker }), "REMOVE");
        // A repeated put of the same item.
        model.push(0, json!({ "NewImage": marker }), "MODIFY");
    }
    let small = scene.credit("a", 1).await;
    let shard = scene.shards().await.remove(0);
    for page_size in [1, 100] {
        let mut after = start();
        let mut commits = Vec::new();
        while commits.len() < 2 {
            let page = scene.read(&shard, &after, page_size).await.unwrap();
            commits.extend(page.commits);
            after = page.checkpoint;
        }
        assert_eq!(commits, [large.clone(), small.clone()]);
    }
}

#[tokio::test]
async fn a_page_of_a_shard_ends_before_it_has_too_many_bytes() {
    let scene = Scene::new().await;
    let mut commits = Vec::new();
    for _ in 0..5 {
        let large = append_large(&scene).await;
        let item = scene.item_of(&large).await;
        scene.stream.model().record(0, &item);
        commits.push(large);
    }
    let shard = scene.shards().await.remove(0);
    let page = scene.read(&shard, &start(), 1_000).await.unwrap();
    assert!((2..5).contains(&page.commits.len()), "{} commits", page.commits.len());
    let (read, _) = scene.read_all(&shard, start(), 1_000).await;
    assert_eq!(read, ids(&commits));
}

#[tokio::test]
async fn garbage_in_a_record_is_an_error_behind_the_commits_before_it() {
    let image = json!({ "pk": { "S": "account:a" }, "sk": { "N": "7" } });
    let garbage = [
        json!({}),
        json!({ "NewImage": { "pk": { "N": "1" } } }),
        json!({ "NewImage": image, "SequenceNumber": "twelve" }),
        json!({ "NewImage": image }),
        json!({ "NewImage": { "pk": { "S": "" }, "sk": { "N": "1" } } }),
    ];
    for garbage in garbage {
        let scene = Scene::new().await;
        let sound = scene.credit("a", 1).await;
        scene.stream.model().push(0, garbage.clone(), "INSERT");
        scene.credit("a", 2).await;
        let shard = scene.shards().await.remove(0);
        let page = scene.read(&shard, &start(), 10).await.unwrap();
        assert_eq!(ids(&page.commits), ids(&[sound]), "{garbage}");
        for _ in 0..2 {
            let next = scene.read(&shard, &page.checkpoint, 10).await;
            let told = matches!(next, Err(Error::Corrupt { .. } | Error::CorruptCommit { .. }));
            assert!(told, "{garbage}: {next:?}");
        }
    }
}

#[tokio::test]
async fn records_that_come_again_with_their_old_numbers_move_no_place_back() {
    let scene = Scene::new().await;
    let commits = credits(&scene, 1..5).await;
    let item = scene.item_of(&commits[0]).await;
    let shard = scene.shards().await.remove(0);
    let behind_all = scene.read(&shard, &start(), 10).await.unwrap().checkpoint;
    scene.stream.model().repeat(0, &item, 2);
    let again = scene.read(&shard, &behind_all, 10).await.unwrap();
    assert_eq!((again.commits.len(), again.checkpoint), (0, behind_all.clone()));
    let new = scene.credit("b", 9).await;
    let page = scene.read(&shard, &behind_all, 10).await.unwrap();
    assert_eq!(ids(&page.commits), ids(&[new]));
}

#[tokio::test]
async fn throttling_and_failures_can_be_tried_again() {
    let scene = Scene::new().await;
    let commits = credits(&scene, 1..3).await;
    let shard = scene.shards().await.remove(0);
    for refusal in ["LimitExceededException", "ThrottlingException", "InternalServerError"] {
        for nth in 0..2 {
            scene.stream.model().expire();
            if nth == 1 {
                // The iterator is there, the records are refused.
                scene.read(&shard, &start(), 1).await.unwrap();
            }
            scene.stream.model().refusal = refusal;
            scene.stream.model().refuse = 1;
            let error = scene.read(&shard, &start(), 10).await.unwrap_err();
            assert!(error.is_transient(), "{refusal}: {error:?}");
        }
        let (read, _) = scene.read_all(&shard, start(), 10).await;
        assert_eq!(read, ids(&commits));
    }
}

#[tokio::test]
async fn a_wait_asks_from_time_to_time_and_returns_early_without_anything() {
    let scene = Scene::with(|options| options.poll_interval(Duration::from_millis(500))).await;
    let shard = scene.shards().await.remove(0);
    let slept = || scene.clock.slept().iter().sum::<Duration>();
    scene.store.wait(&shard, &start()).await.unwrap();
    assert_eq!(slept(), Duration::from_secs(10));
    assert_eq!(scene.stream.requests("GetRecords"), 20);
    assert_eq!(scene.stream.requests("GetShardIterator"), 1, "it keeps its iterator");
    scene.credit("a", 1).await;
    scene.store.wait(&shard, &start()).await.unwrap();
    assert_eq!(slept(), Duration::from_secs(10), "there is something");
    assert_eq!(scene.read(&shard, &start(), 10).await.unwrap().commits.len(), 1);
    assert_eq!(scene.stream.requests("GetShardIterator"), 1);
}

#[tokio::test]
async fn a_wait_is_ended_by_the_end_of_a_shard() {
    let scene = Scene::new().await;
    let shard = scene.shards().await.remove(0);
    scene.stream.model().split(0, 1);
    scene.store.wait(&shard, &start()).await.unwrap();
    assert!(scene.clock.slept().is_empty());
    assert!(scene.read(&shard, &start(), 10).await.unwrap().ended);
    // Where nothing comes any more a wait goes by.
    scene.store.wait(&shard, &Checkpoint::end()).await.unwrap();
    assert_eq!(scene.clock.slept(), [Duration::from_secs(10)]);
}

#[tokio::test]
async fn clones_share_what_is_known() {
    let scene = Scene::new().await;
    let shard = scene.shards().await.remove(0);
    scene.credit("a", 1).await;
    let page = scene.read(&shard, &start(), 10).await.unwrap();
    let other = Arc::new(scene.store.clone());
    other.partitions().await.unwrap();
    es_core::Feed::read(&*other, &shard, &page.checkpoint, 10).await.unwrap();
    assert_eq!(scene.stream.requests("DescribeStream"), 1);
    assert_eq!(scene.stream.requests("GetShardIterator"), 1);
}
