use std::time::Duration;

use es_core::testing::SchemaLock;
use es_core::testing::faults::{Call, Faults};
use es_core::{DispatchError, FailureAction, ProcessEntry, ProcessRecord};

use crate::errand::{ErrandEvent, PARKED, RequestEvent};
use crate::once::deliver_again;
use crate::stage::Stage;

/// Processes of all releases are read from streams that older ones have written.
#[test]
fn the_stored_form_of_what_is_written_about_processes_is_locked() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process_manager/stored.lock");
    SchemaLock::at(lock).json_only().check::<ProcessRecord>();
}

#[tokio::test]
async fn what_was_said_is_kept_in_bounds() {
    let stage = Stage::new();
    stage.bus.fail(DispatchError::permanent("ä".repeat(100_000)));
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    let parked = stage.errand("r-1").await.parked().remove(0);
    assert_eq!(parked.error.len(), 2048);
}

#[tokio::test]
async fn nothing_shows_what_the_domain_said_but_who_asks_for_it() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: PARKED }).await;
    let parked = stage.errand("r-1").await.parked();
    assert_eq!(parked[0].error, "102 is too much");
    stage.errands.cancel("r-1", "102 wants it so").await.unwrap();

    let history = stage.errands.history("r-1").await.unwrap();
    let error = DispatchError::rejected("102 is too much");
    let fact = ProcessEntry::Fact(ErrandEvent::Begun { effort: 102 });
    let shown = format!("{parked:?} {history:#?} {error:?} {fact:?} {:?}", FailureAction::Park);
    assert!(shown.contains("Work") && shown.contains("Errand:Begun"), "{shown}");
    assert!(!shown.contains("102"), "{shown}");
}

/// How many requests a delivery costs that comes again after so many attempts.
async fn cost_of_a_delivery_after(attempts: u32) -> u64 {
    let faults = Faults::none();
    let stage = Stage::with(&faults);
    for _ in 0..attempts {
        stage.bus.fail(DispatchError::transient("the line is busy"));
    }
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    // Nothing else is waited for.
    stage.hear("r-1", RequestEvent::Answered).await;
    for _ in 1..attempts {
        stage.pass(Duration::from_secs(60)).await;
    }
    assert_eq!(stage.calls(), attempts);
    let calls = || faults.calls(Call::ReadStream) + faults.calls(Call::FindCommit);
    let before = calls();
    deliver_again(&stage, &stage).await;
    calls() - before
}

#[tokio::test]
async fn a_delivery_that_comes_again_costs_the_same_however_often_its_command_was_tried() {
    assert_eq!(cost_of_a_delivery_after(40).await, cost_of_a_delivery_after(4).await);
}
