use std::time::Duration;

use es_core::testing::CapturedLog;
use es_core::{
    AfterFailure, Clock, DeadlineHandler, DeadlineStore, DispatchError, DueQuery, ProcessEntry,
    ProcessRecord, ProcessStatus,
};

use crate::errand::{BACKOFF, PARKED, REFUSED, RequestEvent, SKIPPED};
use crate::stage::Stage;

/// What was done about each failure, in order.
async fn failures(stage: &Stage) -> Vec<(u32, AfterFailure)> {
    let history = stage.errands.history("r-1").await.unwrap();
    let failures = history.into_iter().filter_map(|entry| match entry.entry {
        ProcessEntry::Record(ProcessRecord::CommandFailed { attempt, then, .. }) => {
            Some((attempt, then))
        }
        _ => None,
    });
    failures.collect()
}

#[tokio::test]
async fn what_the_domain_rejects_is_compensated() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: REFUSED }).await;
    let errand = stage.errand("r-1").await;
    assert_eq!(errand.outcome(), Some("refused"));
    assert_eq!(failures(&stage).await, [(1, AfterFailure::Compensated)]);
}

#[tokio::test]
async fn what_is_skipped_leaves_the_process_as_it_is() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: SKIPPED }).await;
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Running);
    assert_eq!(failures(&stage).await, [(1, AfterFailure::Skipped)]);
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_until_it_succeeds() {
    let stage = Stage::new();
    for _ in 0..3 {
        stage.bus.fail(DispatchError::transient("the line is busy"));
    }
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    assert_eq!(stage.calls(), 1, "not before its time");

    stage.hear("r-1", RequestEvent::Prolonged).await;
    for _ in 0..3 {
        assert_eq!(stage.worker().await.done, 0);
        let next = stage.store.next(stage.sweeper.process()).await.unwrap().unwrap();
        stage.pass(Duration::try_from(next.duration_since(stage.clock.now())).unwrap()).await;
    }
    assert_eq!(stage.worker().await.done, 5);
    let failures = failures(&stage).await;
    let attempts: Vec<_> = failures.iter().map(|(attempt, _)| *attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(failures.iter().all(|(_, then)| matches!(then, AfterFailure::Retried(_))));
    assert_eq!(stage.calls(), 4);
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Running);
}

#[tokio::test]
async fn a_retry_that_fires_twice_has_its_effect_once() {
    let stage = Stage::new();
    stage.bus.fail(DispatchError::transient("the line is busy"));
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.clock.advance(BACKOFF.base);
    let due = DueQuery::new(stage.sweeper.process().clone(), stage.clock.now());
    let retry = stage.store.due(&due).await.unwrap().deadlines.remove(0);

    for _ in 0..3 {
        stage.errands.fire(&retry).await.unwrap();
    }
    assert_eq!((stage.worker().await.done, stage.calls()), (5, 2));
}

#[tokio::test]
async fn a_parked_command_shows_and_waits_for_an_operator() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: PARKED }).await;
    stage.pass(Duration::from_secs(30)).await;

    let errand = stage.errand("r-1").await;
    assert_eq!(errand.status(), ProcessStatus::Parked);
    let parked = errand.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].name.as_str(), parked[0].attempts), ("Work", 1));
    assert!(parked[0].error.contains("102 is too much"), "{}", parked[0].error);

    // It fails again, and is parked again.
    stage.errands.resume("r-1", parked[0].id).await.unwrap();
    assert_eq!(stage.sweep().await.unwrap(), 1);
    assert_eq!(stage.errand("r-1").await.parked()[0].attempts, 2);

    stage.errands.drop_parked("r-1", parked[0].id).await.unwrap();
    let errand = stage.errand("r-1").await;
    assert_eq!((errand.status(), errand.outcome()), (ProcessStatus::Completed, Some("given up")));
    // There is nothing to do any more.
    let before = stage.errand("r-1").await.version();
    stage.errands.resume("r-1", parked[0].id).await.unwrap();
    stage.errands.drop_parked("r-1", parked[0].id).await.unwrap();
    assert_eq!(stage.errand("r-1").await.version(), before);
}

#[tokio::test]
async fn a_parked_command_is_told_to_operators_once_and_without_contents() {
    let log = CapturedLog::of("es_core");
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: PARKED }).await;
    stage.catch_up().await;
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("waits for an operator")).collect();
    assert_eq!(told.len(), 1, "{lines:?}");
    assert!(told[0].contains("errand:r-1") && told[0].contains("Work"), "{told:?}");
    // What the domain said may be about a person.
    assert!(lines.iter().all(|line| !line.contains("is too much")), "{lines:?}");
}

#[tokio::test]
async fn a_parked_command_that_is_resumed_has_its_effect() {
    let stage = Stage::new();
    stage.bus.fail(DispatchError::permanent("no such thing"));
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    let parked = stage.errand("r-1").await.parked();

    stage.errands.resume("r-1", parked[0].id).await.unwrap();
    stage.errands.resume("r-1", parked[0].id).await.unwrap();
    stage.sweep().await.unwrap();
    assert_eq!(stage.worker().await.done, 5);
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Running);
}

#[tokio::test]
async fn a_panic_on_the_bus_is_a_failure() {
    struct Panics;

    #[async_trait::async_trait]
    impl es_core::CommandBus<crate::errand::ErrandCommand> for Panics {
        async fn dispatch(
            &self,
            _: crate::errand::ErrandCommand,
            _: es_core::ExecuteOptions,
        ) -> Result<es_core::Dispatched, DispatchError> {
            panic!("out of paper")
        }
    }

    let stage = Stage::new();
    let errands: es_core::Processes<crate::errand::Errand> =
        es_core::Processes::new(stage.store.clone(), Panics, stage.store.clone());
    stage.tell("r-1", RequestEvent::Asked { effort: 5 }).await;
    let orchestrator = es_core::Reactor::on(errands.clone(), stage.store.clone()).unwrap();
    assert_eq!(orchestrator.catch_up().await.unwrap().parked, 0);
    let parked = errands.load("r-1").await.unwrap().parked();
    assert!(parked[0].error.contains("out of paper"), "{}", parked[0].error);
}
