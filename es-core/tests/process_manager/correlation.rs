use es_core::{DeadLetterQuery, ProcessStatus, Version};

use crate::errand::{Errand, RequestEvent};
use crate::stage::Stage;

#[tokio::test]
async fn an_event_starts_its_process_and_others_continue_it() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.hear("r-2", RequestEvent::Asked { effort: 7 }).await;
    stage.hear("r-1", RequestEvent::Answered).await;

    let (one, two) = (stage.errand("r-1").await, stage.errand("r-2").await);
    assert_eq!(*one.state(), Errand { effort: 5, answers: 1, late: 0 });
    assert_eq!((one.status(), one.outcome()), (ProcessStatus::Completed, Some("answered")));
    assert_eq!(*two.state(), Errand { effort: 7, answers: 0, late: 0 });
    assert_eq!((two.status(), two.outcome()), (ProcessStatus::Running, None));
    assert_eq!(stage.worker().await.done, 12);
}

#[tokio::test]
async fn an_event_that_only_continues_does_not_start() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Answered).await;

    let errand = stage.errand("r-1").await;
    assert_eq!((errand.status(), errand.version()), (ProcessStatus::NotBegun, Version::ZERO));
}

#[tokio::test]
async fn an_event_of_nobody_is_written_nowhere() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    let before = stage.errand("r-1").await.version();
    stage.hear("r-1", RequestEvent::Noted).await;
    assert_eq!(stage.errand("r-1").await.version(), before);
}

#[tokio::test]
async fn what_comes_after_the_end_goes_to_the_late_handler() {
    let stage = Stage::new();
    for event in [
        RequestEvent::Asked { effort: 5 },
        RequestEvent::Answered,
        RequestEvent::Answered,
        RequestEvent::Prolonged,
    ] {
        stage.hear("r-1", event).await;
    }
    let errand = stage.errand("r-1").await;
    assert_eq!(*errand.state(), Errand { effort: 5, answers: 1, late: 1 });
    assert!(errand.deadlines().is_empty(), "the late one does not set a deadline");
}

#[tokio::test]
async fn what_cannot_be_handled_is_parked_and_the_others_go_on() {
    let stage = Stage::new();
    for id in ["r-1", "r-2"] {
        stage.hear(id, RequestEvent::Asked { effort: 5 }).await;
    }
    stage.tell("r-1", RequestEvent::Garbled).await;
    stage.tell("r-2", RequestEvent::Answered).await;
    assert_eq!(stage.orchestrator.catch_up().await.unwrap().parked, 1);

    assert_eq!(stage.errand("r-2").await.outcome(), Some("answered"));
    let letters = stage.orchestrator.dead_letters(&DeadLetterQuery::default()).await.unwrap();
    assert!(format!("{letters:?}").contains("nobody understands it"), "{letters:?}");
}
