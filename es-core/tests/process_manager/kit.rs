use std::panic::{AssertUnwindSafe, catch_unwind};

use es_core::DispatchError;
use es_core::testing::{GivenProcess, ThenDecided};

use crate::errand::{Errand, ErrandCommand, ErrandEvent, MORE_TIME, RequestEvent, TIME, TooMuch};

fn asked() -> ThenDecided<Errand> {
    GivenProcess::<Errand>::nothing().when_event(
        "request",
        "r-1",
        RequestEvent::Asked { effort: 5 },
    )
}

fn assert_fails(what: &str, scenario: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(scenario)).expect_err("it passed");
    let text = panic.downcast_ref::<String>().map_or("", String::as_str);
    assert!(text.contains(what), "{text}");
}

#[test]
fn a_scenario_goes_from_event_to_event() {
    asked()
        .then_facts([ErrandEvent::Begun { effort: 5 }])
        .then_commands([ErrandCommand::Work { effort: 5 }])
        .then_commands_named(["Work"])
        .then_deadline("answer", TIME)
        .after(TIME / 2)
        .when_event("request", "r-1", RequestEvent::Prolonged)
        .then_cancelled("answer")
        .then_deadline("answer", MORE_TIME)
        .then_commands([])
        .when_event("request", "r-1", RequestEvent::Noted)
        .then_ignored()
        .when_event("request", "r-1", RequestEvent::Answered)
        .then_completed("answered")
        .then_state(|errand| assert_eq!(errand.answers, 1));
}

#[test]
fn deadlines_and_outcomes_are_met_as_from_the_engine() {
    asked()
        .when_deadline("answer")
        .then_commands([ErrandCommand::CallBack])
        .when_failed("CallBack", DispatchError::transient("the line is busy"))
        .then_commands([])
        .when_succeeded("CallBack")
        .then_completed("called back");
    asked().when_rejected("Work", TooMuch(5)).then_facts([]).then_completed("refused");
}

#[test]
fn what_is_not_as_expected_is_told() {
    assert_fails("other facts were decided on", || {
        let _ = asked().then_facts([ErrandEvent::Answered]);
    });
    assert_fails("other facts were decided on", || {
        let _ = asked().then_facts([]);
    });
    assert_fails("other commands were issued", || {
        let _ = asked().then_commands([ErrandCommand::Work { effort: 6 }]);
    });
    assert_fails("other commands were issued", || {
        let _ = asked().then_commands_named([]);
    });
    assert_fails("was set for another time", || {
        let _ = asked().then_deadline("answer", MORE_TIME);
    });
    assert_fails("was not set", || {
        let _ = asked().then_deadline("question", TIME);
    });
    assert_fails("was not cancelled", || {
        let _ = asked().then_cancelled("answer");
    });
    assert_fails("left == right", || {
        let _ = asked().then_completed("answered");
    });
    assert_fails("it was not ignored", || {
        let _ = asked().then_ignored();
    });
    assert_fails("is not set", || {
        let _ = asked().when_deadline("question");
    });
    assert_fails("waits for its outcome", || {
        let _ = asked().when_succeeded("CallBack");
    });
    assert_fails("belongs to another process", || {
        let _ = asked().when_event("request", "r-2", RequestEvent::Prolonged);
    });
    assert_fails("does not follow the category", || {
        let _ = asked().when_event("worker", "r-1", RequestEvent::Prolonged);
    });
}
