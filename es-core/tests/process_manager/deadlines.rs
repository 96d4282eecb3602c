use std::time::Duration;

use es_core::{DeadlineHandler, DeadlineStore, DueQuery, ProcessStatus, Timestamp};

use crate::errand::{MORE_TIME, RequestEvent, TIME};
use crate::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_deadline_passes_at_its_time_and_not_before() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;

    stage.pass(TIME - SECOND).await;
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Running);
    stage.pass(SECOND).await;
    let errand = stage.errand("r-1").await;
    assert_eq!(errand.outcome(), Some("called back"));
    assert_eq!(stage.worker().await.calls, 1);
    assert_eq!(stage.indexed().await, 0);
}

#[tokio::test]
async fn a_deadline_that_is_set_again_counts_from_then() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.pass(SECOND).await;
    stage.hear("r-1", RequestEvent::Prolonged).await;
    assert_eq!(stage.indexed().await, 1, "the first one is gone from the index");

    stage.pass(TIME).await;
    assert_eq!(stage.worker().await.calls, 0);
    stage.pass(MORE_TIME - TIME).await;
    assert_eq!(stage.worker().await.calls, 1);
}

#[tokio::test]
async fn a_deadline_that_fires_twice_is_met_once() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    let all = DueQuery::new(stage.sweeper.process().clone(), Timestamp::MAX);
    let deadline = stage.store.due(&all).await.unwrap().deadlines.remove(0);

    for _ in 0..3 {
        stage.errands.fire(&deadline).await.unwrap();
    }
    assert_eq!(stage.worker().await.calls, 1);
    assert_eq!(stage.errand("r-1").await.outcome(), Some("called back"));
}

#[tokio::test]
async fn a_deadline_of_the_index_that_was_cancelled_is_nothing() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    let all = DueQuery::new(stage.sweeper.process().clone(), Timestamp::MAX);
    let first = stage.store.due(&all).await.unwrap().deadlines.remove(0);
    stage.hear("r-1", RequestEvent::Prolonged).await;
    let second = stage.store.due(&all).await.unwrap().deadlines.remove(0);
    stage.hear("r-1", RequestEvent::Answered).await;

    let before = stage.errand("r-1").await.version();
    for stale in [first, second] {
        stage.errands.fire(&stale).await.unwrap();
    }
    assert_eq!(stage.errand("r-1").await.version(), before);
    assert_eq!(stage.worker().await.calls, 0);
}
