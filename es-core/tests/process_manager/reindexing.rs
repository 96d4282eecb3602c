use std::sync::Arc;

use async_trait::async_trait;
use es_core::testing::faults::{Faults, crash_at_every_await};
use es_core::{
    ConsumerId, Deadline, DeadlineStore, DispatchError, DuePage, DueQuery, Error, ProcessStatus,
    Processes, Timestamp,
};

use crate::errand::{BACKOFF, Errand, RequestEvent, TIME};
use crate::once::commits;
use crate::partitioned::Partitioned;
use crate::stage::Stage;
use crate::stranger::intrude;

async fn index(stage: &Stage) -> Vec<Deadline> {
    let all = DueQuery::new(stage.sweeper.process().clone(), Timestamp::MAX);
    stage.store.due(&all).await.unwrap().deadlines
}

async fn lose_index(stage: &Stage) {
    stage.store.remove(&index(stage).await).await.unwrap();
    assert_eq!(stage.indexed().await, 0);
}

async fn reindex(stage: &Stage) {
    let all = stage.errands.reindex_all(&*stage.store, |_| {}).await.unwrap();
    assert_eq!(all.failed, 0);
}

/// Two errands wait for an answer, and the command of the second for another attempt.
async fn two_that_wait() -> Stage {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.bus.fail(DispatchError::transient("the line is busy"));
    stage.hear("r-2", RequestEvent::Asked { effort: 7 }).await;
    stage
}

#[tokio::test]
async fn a_lost_index_is_made_again_from_the_streams() {
    let stage = two_that_wait().await;
    let before = index(&stage).await;
    assert_eq!(before.len(), 3, "two answers, and an attempt");
    lose_index(&stage).await;

    let mut reports = Vec::new();
    let all =
        stage.errands.reindex_all(&*stage.store, |report| reports.push(report)).await.unwrap();
    assert_eq!((all.processes, all.deadlines, all.failed), (2, 3, 0));
    assert_eq!((reports.last(), all.remaining), (Some(&all), Some(0)));
    assert_eq!(index(&stage).await, before);

    stage.pass(BACKOFF.base).await;
    assert_eq!(stage.worker().await.done, 12);
    stage.pass(TIME).await;
    for id in ["r-1", "r-2"] {
        assert_eq!(stage.errand(id).await.outcome(), Some("called back"));
    }
    assert_eq!((stage.worker().await.done, stage.worker().await.calls), (12, 2));
    assert_eq!(stage.indexed().await, 0);
}

#[tokio::test]
async fn reindexing_again_changes_nothing() {
    let stage = two_that_wait().await;
    reindex(&stage).await;
    let once = index(&stage).await;
    stage.clock.advance(BACKOFF.base / 2);
    reindex(&stage).await;
    assert_eq!(stage.errands.reindex("r-2").await.unwrap(), 2);
    assert_eq!(index(&stage).await, once);
}

#[tokio::test]
async fn what_is_over_stays_over_when_it_is_reindexed() {
    let stage = two_that_wait().await;
    stage.hear("r-1", RequestEvent::Answered).await;
    let before = stage.errand("r-1").await.version();
    lose_index(&stage).await;
    stage.errands.reindex("r-1").await.unwrap();
    assert_eq!(stage.errands.reindex("nobody").await.unwrap(), 0);

    stage.pass(TIME * 2).await;
    assert_eq!(stage.errand("r-1").await.version(), before);
    assert_eq!((stage.worker().await.done, stage.worker().await.calls), (5, 0));
    assert_eq!(stage.indexed().await, 0);
}

#[tokio::test]
async fn what_an_event_led_to_is_left_to_its_next_delivery() {
    let stage = Stage::new();
    for event in [RequestEvent::Asked { effort: 5 }, RequestEvent::Answered] {
        stage.hear("r-1", event).await;
    }
    reindex(&stage).await;
    assert_eq!(stage.indexed().await, 0);
    stage.pass(TIME * 2).await;
    assert_eq!(stage.calls(), 1, "it was executed, though that is written nowhere");
}

#[tokio::test]
async fn what_was_under_way_when_the_index_was_lost_is_finished() {
    let fresh = async || {
        let stage = Stage::with(&Faults::none().suspending());
        stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
        stage.clock.advance(TIME);
        stage
    };
    let sweep = async |stage: &Stage| stage.sweep().await;
    let crashes = crash_at_every_await(fresh, sweep, async |stage| {
        // Nothing but the stream knows of what was cut off.
        lose_index(stage).await;
        reindex(stage).await;
        let once = index(stage).await;
        stage.clock.advance(BACKOFF.base);
        reindex(stage).await;
        assert_eq!(index(stage).await, once);
        stage.pass(TIME).await;
        assert_eq!(stage.errand("r-1").await.outcome(), Some("called back"));
        assert_eq!((stage.worker().await.done, stage.worker().await.calls), (5, 1));
    });
    assert!(crashes.await > 5);
}

#[tokio::test]
async fn a_reindexing_that_was_cut_off_is_begun_anew() {
    let fresh = async || {
        let stage = Stage::with(&Faults::none().suspending());
        stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
        lose_index(&stage).await;
        stage
    };
    let reindexing = async |stage: &Stage| reindex(stage).await;
    let crashes = crash_at_every_await(fresh, reindexing, async |stage| {
        reindex(stage).await;
        assert_eq!(stage.indexed().await, 1);
    });
    assert!(crashes.await > 2);
}

#[tokio::test]
async fn every_partition_of_a_feed_is_reindexed_from_where_it_begins() {
    let stage = Stage::new();
    for id in ["r-1", "r-2", "r-3", "r-4"] {
        stage.hear(id, RequestEvent::Asked { effort: 5 }).await;
    }
    lose_index(&stage).await;
    let of = async |id: &str| commits(&stage, "errand", id).await;
    let together = [of("r-3").await, of("r-4").await].concat();
    let feed = Partitioned::default()
        .ending("a", &[], &of("r-1").await)
        .open("b", &["a"], &of("r-2").await)
        .late()
        // What is before the anchor is in the history, which is not here.
        .open("c", &[], &together)
        .anchored("c", 1);

    let all = stage.errands.reindex_all(&feed, |_| {}).await.unwrap();
    assert_eq!((all.processes, all.failed, all.remaining), (3, 0, None));
    let mut found: Vec<_> = index(&stage).await.iter().map(|it| it.instance().to_owned()).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, ["r-1", "r-2", "r-4"]);
}

#[tokio::test]
async fn a_process_that_cannot_be_read_keeps_no_others_from_being_reindexed() {
    let stage = Stage::new();
    intrude(&stage, "r-0").await;
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    lose_index(&stage).await;

    let all = stage.errands.reindex_all(&*stage.store, |_| {}).await.unwrap();
    assert_eq!((all.processes, all.failed), (1, 1));
    stage.pass(TIME).await;
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Completed);
}

/// An index that must not be written.
#[derive(Debug)]
struct Forbidden;

#[async_trait]
impl DeadlineStore for Forbidden {
    async fn set(&self, _: &[Deadline]) -> Result<(), Error> {
        Err(forbidden())
    }

    async fn remove(&self, _: &[Deadline]) -> Result<(), Error> {
        Err(forbidden())
    }

    async fn due(&self, _: &DueQuery) -> Result<DuePage, Error> {
        Err(forbidden())
    }

    async fn next(&self, _: &ConsumerId) -> Result<Option<Timestamp>, Error> {
        Err(forbidden())
    }
}

fn forbidden() -> Error {
    Error::Backend { what: "the index".to_owned(), source: "access denied".into() }
}

#[tokio::test]
async fn an_index_that_cannot_be_written_is_an_error_and_no_process_that_cannot_be_read() {
    let stage = two_that_wait().await;
    let errands = Processes::<Errand>::new(
        Arc::clone(&stage.store) as _,
        stage.bus.clone(),
        Arc::new(Forbidden),
    );
    let error = errands.reindex_all(&*stage.store, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("the index"), "{error}");
}
