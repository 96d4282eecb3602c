use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::{Commit, EventStore, Reactor, ReadStream, StreamId};
use futures::StreamExt;

use crate::errand::{RequestEvent, WorkerEvent};
use crate::stage::Stage;

/// All commits of a stream.
pub(crate) async fn commits(stage: &Stage, category: &str, id: &str) -> Vec<Commit> {
    let stream = StreamId::new(category, id).unwrap();
    let mut pages = EventStore::read(&*stage.store, ReadStream::new(stream));
    let mut commits = Vec::new();
    while let Some(page) = pages.next().await {
        commits.extend(page.unwrap());
    }
    commits
}

/// Delivers everything once more, as to a consumer that lost its progress.
pub(crate) async fn deliver_again(from: &Stage, to: &Stage) {
    let progress = Arc::new(MemoryStore::new());
    let errands = to.errands.clone();
    let again = Reactor::new(errands, from.store.clone(), from.store.clone(), progress).unwrap();
    assert_eq!(again.catch_up().await.unwrap().parked, 0);
}

#[tokio::test]
async fn what_is_delivered_again_changes_nothing() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.hear("r-1", RequestEvent::Prolonged).await;
    let before = (commits(&stage, "errand", "r-1").await, stage.indexed().await);

    for _ in 0..2 {
        deliver_again(&stage, &stage).await;
    }
    assert_eq!((commits(&stage, "errand", "r-1").await, stage.indexed().await), before);
    assert_eq!(stage.worker().await.done, 5);
    assert!(stage.calls() > 1, "the command was sent again, and found done");
}

#[tokio::test]
async fn a_delivery_after_the_end_does_not_wake_what_was_cancelled() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.hear("r-1", RequestEvent::Answered).await;
    assert_eq!(stage.indexed().await, 0, "an end cancels the deadlines");

    deliver_again(&stage, &stage).await;
    assert_eq!(stage.indexed().await, 0);
}

#[tokio::test]
async fn the_same_cause_gives_the_same_ids_in_another_program() {
    let (one, two) = (Stage::new(), Stage::new());
    for stage in [&one, &two] {
        stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    }
    // Ids of requests are random, so it has to be the same request.
    let three = Stage::new();
    three.clock.advance(Duration::from_secs(1_000_000));
    deliver_again(&one, &three).await;

    let ids = |commits: Vec<Commit>| commits.iter().map(Commit::id).collect::<Vec<_>>();
    assert_eq!(
        ids(commits(&one, "errand", "r-1").await),
        ids(commits(&three, "errand", "r-1").await)
    );
    assert_eq!(
        ids(commits(&one, "worker", "w-1").await),
        ids(commits(&three, "worker", "w-1").await)
    );
    assert_ne!(
        ids(commits(&one, "worker", "w-1").await),
        ids(commits(&two, "worker", "w-1").await)
    );
}

#[tokio::test]
async fn correlation_and_trace_go_from_the_event_to_the_effect() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    let request = commits(&stage, "request", "r-1").await.remove(0);
    let errand = commits(&stage, "errand", "r-1").await.remove(0);
    let work = commits(&stage, "worker", "w-1").await.remove(0);
    assert_eq!(work.decode::<WorkerEvent>().unwrap()[0].event, WorkerEvent::Worked { effort: 5 });

    let metadata = |commit: &Commit| commit.metadata().unwrap();
    assert_eq!(metadata(&errand).causation_id, Some(request.id().to_string()));
    assert_eq!(metadata(&work).causation_id, Some(errand.id().to_string()));
    assert_eq!(metadata(&errand).correlation_id, Some(request.id().to_string()));
    assert_eq!(metadata(&work).correlation_id, Some(request.id().to_string()));
    assert_eq!(metadata(&work).actor.as_deref(), Some("process errand"));
}

#[tokio::test]
async fn a_command_with_nothing_to_do_is_not_executed_again_later() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 0 }).await;
    assert_eq!(stage.calls(), 1);

    deliver_again(&stage, &stage).await;
    assert_eq!(stage.calls(), 1, "it might have something to do now");
}
