//! Commits that somebody else reads and pushes, as AWS Lambda does with the records of a shard.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::testing::VirtualClock;
use es_core::testing::faults::{Call, Fault};
use es_core::{Backoff, Commit, Consumers, Error};

use crate::moody::{Mood, balances, credit, expected, fold_of, projection, projection_on};
use crate::support::{views_failing_at, views_held_up_at};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn credited(store: &MemoryStore, credits: &[(&str, u64)]) -> Vec<Commit> {
    let mut commits = Vec::new();
    for (id, amount) in credits {
        commits.push(credit(store, id, *amount).await);
    }
    commits
}

#[tokio::test]
async fn pushed_commits_have_their_effect_once_however_often_they_are_pushed() {
    let store = MemoryStore::new();
    let moody = projection(&store, &Mood::refusing(&[]));
    let commits = credited(&store, &[("a", 1), ("b", 2), ("a", 3)]).await;
    let pushed = moody.push(commits.clone(), HOUR).await;
    assert_eq!((pushed.applied, pushed.left.len()), (3, 0));
    // Another object, as another process would have.
    let again = projection(&store, &Mood::refusing(&[])).push(commits, HOUR).await;
    assert_eq!((again.applied, again.left.len()), (0, 0));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 4), ("b", 2)]));
}

#[tokio::test]
async fn what_is_missing_before_a_pushed_commit_is_read_from_the_log() {
    let store = MemoryStore::new();
    let moody = projection(&store, &Mood::refusing(&[]));
    let commits = credited(&store, &[("a", 1), ("a", 2), ("a", 4)]).await;
    let pushed = moody.push(vec![commits[2].clone()], HOUR).await;
    assert_eq!((pushed.applied, pushed.left.len()), (3, 0));
    // What was repaired comes late.
    let late = moody.push(vec![commits[1].clone(), commits[0].clone()], HOUR).await;
    assert_eq!((late.applied, late.left.len()), (0, 0));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 7)]));
}

#[tokio::test]
async fn a_gap_longer_than_a_step_is_filled_in_one_push() {
    let store = MemoryStore::new();
    let moody = projection(&store, &Mood::refusing(&[])).with_batch_size(10);
    let mut last = None;
    for _ in 0..35 {
        last = Some(credit(&store, "a", 1).await);
    }
    let pushed = moody.push(vec![last.unwrap()], HOUR).await;
    assert_eq!((pushed.applied, pushed.left.len()), (35, 0));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 35)]));
}

#[tokio::test]
async fn a_pushed_commit_that_fails_for_good_is_parked_and_taken_care_of() {
    let store = MemoryStore::new();
    let mood = Mood::refusing(&[13]);
    let moody = projection(&store, &mood);
    let commits = credited(&store, &[("a", 13), ("b", 2), ("a", 3)]).await;
    let pushed = moody.push(commits, HOUR).await;
    assert_eq!((pushed.applied, pushed.parked, pushed.left.len()), (1, 2, 0));
    mood.refuse(&[]);
    moody.retry_dead_letters(&es_core::DeadLetterFilter::all()).await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 16), ("b", 2)]));
}

#[tokio::test]
async fn what_could_not_be_saved_is_left_and_has_its_effect_when_it_is_pushed_again() {
    let store = MemoryStore::new();
    let views = views_failing_at(&store, Call::WriteDocuments, 1, Fault::LostRequest);
    let mood = Mood::refusing(&[]);
    let moody = projection_on(Arc::new(store.clone()), &store, views, &mood);
    let commits = credited(&store, &[("a", 1), ("b", 2)]).await;
    let failed = moody.push(commits.clone(), HOUR).await;
    assert_eq!(failed.left, [0, 1]);
    assert!(matches!(failed.error, Some(Error::Unavailable { .. })), "{:?}", failed.error);
    let pushed = moody.push(commits, HOUR).await;
    assert_eq!((pushed.applied, pushed.left.len()), (2, 0));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 1), ("b", 2)]));
}

#[tokio::test]
async fn what_had_its_effect_although_the_answer_was_lost_is_not_left() {
    let store = MemoryStore::new();
    let views = views_failing_at(&store, Call::WriteDocuments, 1, Fault::LostAcknowledgement);
    let mood = Mood::refusing(&[]);
    let moody = projection_on(Arc::new(store.clone()), &store, views, &mood);
    let commits = credited(&store, &[("a", 1), ("b", 2)]).await;
    let pushed = moody.push(commits, HOUR).await;
    assert_eq!(pushed.left.len(), 0);
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 1), ("b", 2)]));
}

#[tokio::test]
async fn a_stream_whose_log_has_a_hole_leaves_the_others_their_effects() {
    let (store, elsewhere) = (MemoryStore::new(), MemoryStore::new());
    let moody = projection(&store, &Mood::refusing(&[])).with_batch_size(2);
    let foreign = credited(&elsewhere, &[("x", 1), ("x", 2), ("x", 4)]).await;
    let own = credited(&store, &[("a", 1), ("b", 2)]).await;
    // The log has no first commit of x.
    let commits = vec![own[0].clone(), foreign[1].clone(), foreign[2].clone(), own[1].clone()];
    let pushed = moody.push(commits, HOUR).await;
    assert_eq!((pushed.applied, pushed.left), (2, vec![1, 2]));
    assert!(matches!(pushed.error, Some(Error::Gap { .. })), "{:?}", pushed.error);
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 1), ("b", 2)]));
}

#[tokio::test]
async fn two_pushes_of_the_same_commits_at_the_same_time_have_each_effect_once() {
    let store = MemoryStore::new();
    let mut commits = Vec::new();
    for n in 0..60 {
        commits.push(credit(&store, &format!("a-{}", n % 5), n + 1).await);
    }
    // As two functions that are given overlapping batches of one shard, in small steps.
    let pushes = (0..4).map(|n| {
        let moody = projection(&store, &Mood::refusing(&[])).with_batch_size(7);
        let batch = commits[n * 5..].to_vec();
        tokio::spawn(async move {
            let mut pushed = moody.push(batch.clone(), HOUR).await;
            // What another one came between too often is pushed again.
            while !pushed.left.is_empty() {
                assert!(matches!(pushed.error, Some(Error::Fenced { .. })), "{:?}", pushed.error);
                pushed = moody.push(batch.clone(), HOUR).await;
            }
        })
    });
    for push in pushes.collect::<Vec<_>>() {
        push.await.unwrap();
    }
    let moody = projection(&store, &Mood::refusing(&[]));
    assert_eq!(balances(&moody.view()).await, fold_of(&store, |_| false).await);
}

#[tokio::test]
async fn who_is_fenced_by_another_push_goes_on_from_where_that_came() {
    let store = MemoryStore::new();
    let (views, held_up) = views_held_up_at(&store, Call::WriteDocuments, 1);
    let mood = Mood::refusing(&[]);
    let at_once = Backoff { base: Duration::ZERO, max: Duration::ZERO };
    let slow = projection_on(Arc::new(store.clone()), &store, views, &mood).with_backoff(at_once);
    let commits = credited(&store, &[("a", 1), ("a", 2)]).await;
    let rival = async {
        held_up.reached().await;
        let first = projection(&store, &mood).push(vec![commits[0].clone()], HOUR).await;
        assert_eq!(first.applied, 1);
        held_up.let_go();
    };
    let (pushed, ()) = futures::join!(slow.push(commits.clone(), HOUR), rival);
    assert_eq!((pushed.applied, pushed.left.len()), (1, 0), "{:?}", pushed.error);
    assert_eq!(balances(&slow.view()).await, expected(&[("a", 3)]));
}

#[tokio::test]
async fn what_comes_behind_a_commit_that_was_left_waits_for_it() {
    let store = MemoryStore::new();
    let views = views_failing_at(&store, Call::WriteDocuments, 1, Fault::LostRequest);
    let mood = Mood::refusing(&[]);
    let moody = projection_on(Arc::new(store.clone()), &store, views, &mood).with_batch_size(1);
    let commits = credited(&store, &[("a", 1), ("b", 2), ("a", 4)]).await;
    let pushed = moody.push(commits, HOUR).await;
    assert_eq!((pushed.applied, pushed.left), (1, vec![0, 2]));
    assert_eq!(balances(&moody.view()).await, expected(&[("b", 2)]));
}

#[tokio::test]
async fn what_was_never_pushed_comes_when_the_consumer_catches_up_from_its_feed() {
    let store = MemoryStore::new();
    let commits = credited(&store, &[("old", 50), ("a", 1), ("a", 2)]).await;
    let moody = projection(&store, &Mood::refusing(&[]));
    let _ = moody.push(commits[1..].to_vec(), HOUR).await;
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 3)]));
    moody.catch_up().await.unwrap();
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 3), ("old", 50)]));
}

#[tokio::test]
async fn a_paused_consumer_leaves_what_is_pushed() {
    let store = MemoryStore::new();
    let moody = projection(&store, &Mood::refusing(&[]));
    let commits = credited(&store, &[("a", 1)]).await;
    moody.pause().await.unwrap();
    let pushed = moody.push(commits.clone(), HOUR).await;
    assert_eq!(pushed.left, [0]);
    assert!(matches!(pushed.error, Some(Error::Paused { .. })));
    moody.resume().await.unwrap();
    assert_eq!(moody.push(commits, HOUR).await.applied, 1);
}

#[tokio::test]
async fn what_there_is_no_time_for_is_left() {
    let store = MemoryStore::new();
    let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
    // The second step does not come to an end.
    let (views, _held_up) = views_held_up_at(&store, Call::WriteDocuments, 2);
    let mood = Mood::refusing(&[]);
    let moody = projection_on(Arc::new(store.clone()), &store, views, &mood)
        .with_batch_size(1)
        .with_clock(clock.clone());
    let commits = credited(&store, &[("a", 1), ("b", 2), ("c", 4)]).await;
    let limit = Duration::from_secs(10);
    let time_passes = async {
        while balances(&moody.view()).await.is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        clock.advance(limit);
    };
    let (pushed, ()) = futures::join!(moody.push(commits.clone(), limit), time_passes);
    assert_eq!((pushed.applied, pushed.left), (1, vec![1, 2]));
    assert!(matches!(pushed.error, Some(Error::DeadlineExceeded { .. })), "{:?}", pushed.error);
    let nothing = moody.push(commits, Duration::ZERO).await;
    assert_eq!(nothing.left, [0, 1, 2]);
}

#[tokio::test]
async fn each_of_several_consumers_has_what_is_pushed_whatever_another_leaves() {
    let (store, elsewhere) = (MemoryStore::new(), MemoryStore::new());
    let mood = Mood::refusing(&[]);
    let shared = Arc::new(store.clone());
    let paused = projection_on(shared, &store, Arc::new(elsewhere), &mood);
    paused.pause().await.unwrap();
    let moody = Arc::new(projection(&store, &mood));
    let commits = credited(&store, &[("a", 1), ("b", 2)]).await;
    let pushed = Consumers::from(paused).with(moody.clone()).push(&commits, HOUR).await;
    assert_eq!((pushed[0].applied, &*pushed[0].left), (0, &[0, 1][..]));
    assert_eq!((pushed[1].applied, pushed[1].left.len()), (2, 0));
    assert_eq!(balances(&moody.view()).await, expected(&[("a", 1), ("b", 2)]));
}
