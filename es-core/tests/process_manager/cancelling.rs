use es_core::testing::faults::{Faults, crash_at_every_await};
use es_core::{DispatchError, Error, ProcessStatus};

use crate::errand::{CAUTIOUS, Errand, PARKED, RequestEvent, STUBBORN, TIME};
use crate::history::story;
use crate::stage::Stage;

#[tokio::test]
async fn a_process_that_an_operator_cancels_waits_for_nothing_any_more() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: PARKED }).await;
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Parked);
    stage.errands.cancel("r-1", "Ada has asked for it").await.unwrap();

    let errand = stage.errand("r-1").await;
    assert_eq!((errand.status(), errand.outcome()), (ProcessStatus::Cancelled, None));
    assert!(errand.parked().is_empty() && errand.deadlines().is_empty());
    assert_eq!(stage.indexed().await, 0);
    assert_eq!(
        story(&stage).await[5..],
        [
            "an operator cancelled it",
            "withdrew what was not done yet",
            "cancelled the deadline answer",
        ]
    );

    // What comes later is late.
    stage.hear("r-1", RequestEvent::Prolonged).await;
    stage.hear("r-1", RequestEvent::Answered).await;
    let errand = stage.errand("r-1").await;
    assert_eq!(*errand.state(), Errand { effort: PARKED, answers: 0, late: 1 });
    assert_eq!(errand.status(), ProcessStatus::Cancelled);
    assert!(errand.deadlines().is_empty());
}

#[tokio::test]
async fn a_command_that_waits_for_another_attempt_is_not_tried_once_its_process_is_cancelled() {
    let stage = Stage::new();
    stage.bus.fail(DispatchError::transient("the line is busy"));
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.errands.cancel("r-1", "not needed").await.unwrap();
    stage.pass(TIME * 2).await;
    assert_eq!((stage.worker().await.done, stage.calls()), (0, 1));
    assert_eq!(stage.indexed().await, 0);
}

#[tokio::test]
async fn cancelling_again_changes_nothing_and_the_first_reason_stands() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.errands.cancel("r-1", "first").await.unwrap();
    let before = stage.errand("r-1").await.version();
    stage.errands.cancel("r-1", "second").await.unwrap();
    assert_eq!(stage.errand("r-1").await.version(), before);
}

#[tokio::test]
async fn a_complete_process_is_not_cancelled() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.hear("r-1", RequestEvent::Answered).await;
    let before = stage.errand("r-1").await.version();
    stage.errands.cancel("r-1", "too late").await.unwrap();
    let errand = stage.errand("r-1").await;
    assert_eq!((errand.version(), errand.status()), (before, ProcessStatus::Completed));
    assert_eq!(stage.indexed().await, 0);
}

#[tokio::test]
async fn what_cannot_be_cancelled_is_told() {
    let stage = Stage::new();
    let nobody = stage.errands.cancel("r-1", "a typo").await;
    assert!(matches!(nobody, Err(Error::NoSuchProcess { stream }) if stream.id() == "r-1"));

    stage.hear("r-1", RequestEvent::Asked { effort: STUBBORN }).await;
    for reason in ["", " ", &"x".repeat(1001)] {
        let refused = stage.errands.cancel("r-1", reason).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{reason:?} is taken");
    }
    let refused = stage.errands.cancel("r-1", "please").await;
    assert!(matches!(refused, Err(Error::Misuse(what)) if what.contains("it must be done")));
    assert_eq!(stage.errand("r-1").await.status(), ProcessStatus::Running);
    assert_eq!(stage.indexed().await, 1, "nobody looks after what was refused");
}

#[tokio::test]
async fn what_a_process_decides_on_its_cancellation_is_done_wherever_the_program_is_killed() {
    let fresh = async || {
        let stage = Stage::with(&Faults::none().suspending());
        stage.hear("r-1", RequestEvent::Asked { effort: CAUTIOUS }).await;
        stage
    };
    let cancel = async |stage: &Stage| stage.errands.cancel("r-1", "not needed").await;
    let crashes = crash_at_every_await(fresh, cancel, async |stage| {
        if stage.errand("r-1").await.status() == ProcessStatus::Running {
            return;
        }
        // Nobody calls again.
        stage.pass(TIME).await;
        let errand = stage.errand("r-1").await;
        assert_eq!(errand.status(), ProcessStatus::Cancelled);
        assert!(errand.deadlines().is_empty(), "it is over, whatever is decided");
        assert_eq!(stage.worker().await.calls, 1);
        assert_eq!(stage.indexed().await, 0);
    });
    assert!(crashes.await > 5);
}
