use std::sync::Arc;

use es_core::testing::CapturedLog;
use es_core::{DispatchError, ProcessStatus, ProcessStatuses, Projection};

use crate::errand::{BACKOFF, Errand, RequestEvent};
use crate::stage::Stage;
use crate::stranger::intrude;

type Statuses = Projection<ProcessStatuses<Errand>>;

/// Five errands whose command is parked, a second after each other, and one whose command is done.
async fn five_parked() -> (Stage, Statuses) {
    let stage = Stage::new();
    for errand in 1..=5 {
        stage.bus.fail(DispatchError::permanent("no such thing"));
        stage.hear(&format!("r-{errand}"), RequestEvent::Asked { effort: errand }).await;
        stage.clock.advance(std::time::Duration::from_secs(1));
    }
    stage.hear("r-6", RequestEvent::Asked { effort: 6 }).await;
    let statuses = ProcessStatuses::<Errand>::new();
    let statuses = Projection::on(statuses, Arc::clone(&stage.store)).unwrap();
    statuses.catch_up().await.unwrap();
    (stage, statuses)
}

#[tokio::test]
async fn what_was_parked_before_a_restart_is_told_when_somebody_looks() {
    let (stage, statuses) = five_parked().await;
    let log = CapturedLog::of("es_core");
    let restarted = es_core::Processes::<Errand>::new(
        Arc::clone(&stage.store) as _,
        stage.bus.clone(),
        Arc::clone(&stage.store) as _,
    );
    let parked = restarted.parked(&statuses.view()).await.unwrap();
    assert_eq!((parked.processes, parked.commands), (5, 5));
    assert_eq!(parked.since, Some("2026-03-01T12:00:00Z".parse().unwrap()));
    let lines = log.lines();
    assert!(lines.iter().any(|line| line.contains("wait for an operator")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("no such thing")), "{lines:?}");
}

#[tokio::test]
async fn all_that_is_parked_is_resumed_up_to_a_limit() {
    let (stage, statuses) = five_parked().await;
    let first = stage.errands.resume_all(&statuses.view(), 2).await.unwrap();
    assert_eq!((first.resumed, first.more), (2, true));
    // The view is behind: those that are resumed already are passed over.
    let second = stage.errands.resume_all(&statuses.view(), 2).await.unwrap();
    assert_eq!((second.resumed, second.more), (2, true));
    let last = stage.errands.resume_all(&statuses.view(), 2).await.unwrap();
    assert_eq!((last.resumed, last.more), (1, false));

    stage.pass(BACKOFF.base).await;
    assert_eq!(stage.worker().await.done, 1 + 2 + 3 + 4 + 5 + 6);
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Running);
    statuses.catch_up().await.unwrap();
    let parked = stage.errands.parked(&statuses.view()).await.unwrap();
    assert_eq!((parked.commands, parked.since), (0, None));
}

#[tokio::test]
async fn a_process_that_cannot_be_read_keeps_no_others_from_being_resumed() {
    let (stage, statuses) = five_parked().await;
    intrude(&stage, "r-2").await;
    let log = CapturedLog::of("es_core");
    let all = stage.errands.resume_all(&statuses.view(), 10).await.unwrap();
    assert_eq!((all.resumed, all.failed, all.more), (4, 1, false));
    let lines = log.lines();
    assert!(lines.iter().any(|line| line.contains("cannot be read") && line.contains("r-2")));
}
