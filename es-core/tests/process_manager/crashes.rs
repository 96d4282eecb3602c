use es_core::DispatchError;
use es_core::testing::faults::{Faults, crash_at_every_await};

use crate::errand::{BACKOFF, PARKED, REFUSED, RequestEvent, TIME};
use crate::stage::Stage;

async fn stage() -> Stage {
    Stage::with(&Faults::none().suspending())
}

#[tokio::test]
async fn a_crash_anywhere_on_the_way_of_an_event_loses_and_repeats_nothing() {
    let fresh = async || {
        let stage = stage().await;
        stage.tell("r-1", RequestEvent::Asked { effort: 5 }).await;
        stage
    };
    let hear = async |stage: &Stage| stage.orchestrator.catch_up().await;
    let crashes = crash_at_every_await(fresh, hear, async |stage| {
        stage.catch_up().await;
        assert_eq!(stage.worker().await.done, 5);
        assert_eq!(stage.indexed().await, 1);
        stage.pass(TIME).await;
        assert_eq!(stage.errand("r-1").await.outcome(), Some("called back"));
        assert_eq!(stage.worker().await.calls, 1);
    });
    assert!(crashes.await > 5);
}

#[tokio::test]
async fn a_crash_anywhere_on_the_way_of_a_deadline_loses_and_repeats_nothing() {
    let fresh = async || {
        let stage = stage().await;
        stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
        stage.clock.advance(TIME);
        stage
    };
    let sweep = async |stage: &Stage| stage.sweep().await;
    let crashes = crash_at_every_await(fresh, sweep, async |stage| {
        stage.sweep().await.unwrap();
        assert_eq!(stage.errand("r-1").await.outcome(), Some("called back"));
        assert_eq!(stage.worker().await.calls, 1);
        assert_eq!(stage.indexed().await, 0);
    });
    assert!(crashes.await > 5);
}

#[tokio::test]
async fn a_crash_anywhere_on_the_way_of_a_refusal_or_a_retry_loses_and_repeats_nothing() {
    for effort in [5, REFUSED] {
        let fresh = async || {
            let stage = stage().await;
            stage.bus.fail(DispatchError::transient("the line is busy"));
            stage.tell("r-1", RequestEvent::Asked { effort }).await;
            stage
        };
        let hear_and_try_again = async |stage: &Stage| {
            stage.catch_up().await;
            stage.pass(BACKOFF.base).await;
        };
        let crashes = crash_at_every_await(fresh, hear_and_try_again, async |stage| {
            hear_and_try_again(stage).await;
            let errand = stage.errand("r-1").await;
            if effort == REFUSED {
                assert_eq!(errand.outcome(), Some("refused"));
                assert_eq!(stage.worker().await.done, 0);
                assert!(errand.deadlines().is_empty());
            } else {
                assert_eq!(stage.worker().await.done, 5);
                assert_eq!(errand.deadlines().len(), 1, "the answer is waited for");
            }
        });
        assert!(crashes.await > 5);
    }
}

#[tokio::test]
async fn what_an_operator_asks_for_is_done_wherever_the_program_is_killed() {
    let fresh = async || {
        let stage = stage().await;
        stage.bus.fail(DispatchError::permanent("no such thing"));
        stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
        stage
    };
    let resume = async |stage: &Stage| {
        for parked in stage.errand("r-1").await.parked() {
            stage.errands.resume("r-1", parked.id).await.unwrap();
        }
    };
    let crashes = crash_at_every_await(fresh, resume, async |stage| {
        // Nobody delivers the event again; the operator tries once more, if it still shows.
        resume(stage).await;
        // One sweep finds that it was not carried out, the next one tries the command.
        for _ in 0..2 {
            stage.pass(TIME).await;
        }
        assert_eq!(stage.worker().await.done, 5);
    });
    assert!(crashes.await > 5);

    let fresh = async || {
        let stage = stage().await;
        stage.hear("r-1", RequestEvent::Asked { effort: PARKED }).await;
        stage
    };
    let give_up = async |stage: &Stage| {
        for parked in stage.errand("r-1").await.parked() {
            stage.errands.drop_parked("r-1", parked.id).await.unwrap();
        }
    };
    let crashes = crash_at_every_await(fresh, give_up, async |stage| {
        give_up(stage).await;
        assert_eq!(stage.errand("r-1").await.outcome(), Some("given up"));
        stage.pass(TIME * 2).await;
        assert_eq!(stage.indexed().await, 0);
    });
    assert!(crashes.await > 5);
}
