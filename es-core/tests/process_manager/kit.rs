use std::panic::{AssertUnwindSafe, catch_unwind};

use es_core::testing::{GivenProcess, ThenDecided};
use es_core::{
    Correlation, Decision, DispatchError, ProcessManager, ProcessStatus, Recorded, Trigger,
};

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
fn an_operator_takes_part_in_a_scenario() {
    let parked = || asked().when_failed("Work", DispatchError::permanent("no such thing"));
    parked().then_parked(["Work"]).when_dropped("Work").then_completed("given up");
    parked()
        .when_resumed("Work")
        .then_parked([])
        .then_status(ProcessStatus::Running)
        .when_rejected("Work", TooMuch(5))
        .then_completed("refused");
    parked()
        .when_cancelled("not needed")
        .then_withdrawn(["Work"])
        .then_cancelled("answer")
        .then_status(ProcessStatus::Cancelled)
        .when_event("request", "r-1", RequestEvent::Answered)
        .then_facts([ErrandEvent::AnsweredLate])
        .then_withdrawn([]);
}

/// A process manager whose decisions are those of a test.
#[derive(Debug, Default)]
struct Twice;

impl ProcessManager for Twice {
    const NAME: &'static str = "twice";
    const CATEGORIES: &'static [&'static str] = &["request"];
    type Input = RequestEvent;
    type Event = ErrandEvent;
    type Command = ErrandCommand;

    fn correlate(event: &Recorded<'_, &RequestEvent>) -> Correlation {
        Correlation::start(event.aggregate_id())
    }

    fn handle(&self, trigger: &Trigger<'_, Self>) -> Decision<Self> {
        match trigger {
            Trigger::Event(event) => match event.event {
                RequestEvent::Asked { effort } => {
                    [1, 2, 3].iter().fold(Decision::new(), |it, n| {
                        it.confirmed_command(ErrandCommand::Work { effort: effort * n })
                    })
                }
                RequestEvent::Answered => {
                    Decision::new().deadline("answer", TIME).complete("answered")
                }
                _ => Decision::new().deadline("answer", TIME),
            },
            Trigger::CommandSucceeded(outcome) => {
                let ErrandCommand::Work { effort } = *outcome.command else { unreachable!() };
                Decision::new().event(ErrandEvent::Begun { effort })
            }
            _ => Decision::new(),
        }
    }

    fn apply(&mut self, _: ErrandEvent) {}
}

fn twice(event: RequestEvent) -> ThenDecided<Twice> {
    GivenProcess::<Twice>::nothing().when_event("request", "r-1", event)
}

#[test]
fn one_of_several_commands_of_a_name_is_told_by_its_place() {
    let begun = |effort| [ErrandEvent::Begun { effort }];
    twice(RequestEvent::Asked { effort: 5 })
        .then_commands_named(["Work", "Work", "Work"])
        .when_succeeded(("Work", 1))
        .then_facts(begun(10))
        // Of those that still wait.
        .when_succeeded(("Work", 0))
        .then_facts(begun(5))
        .when_succeeded("Work")
        .then_facts(begun(15));
    assert_fails("no command \"Work\" at place 3 waits for its outcome", || {
        let _ = twice(RequestEvent::Asked { effort: 5 }).when_succeeded(("Work", 3));
    });
}

#[test]
fn a_decision_that_completes_sets_no_deadline() {
    twice(RequestEvent::Prolonged)
        .then_deadline("answer", TIME)
        .when_event("request", "r-1", RequestEvent::Answered)
        .then_cancelled("answer")
        .then_completed("answered");
    assert_fails("was not set", || {
        let _ = twice(RequestEvent::Answered).then_deadline("answer", TIME);
    });
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
    assert_fails("other commands were withdrawn", || {
        let _ = asked().then_withdrawn(["Work"]);
    });
    assert_fails("other commands are parked", || {
        let _ = asked().then_parked(["Work"]);
    });
    assert_fails("it is somewhere else", || {
        let _ = asked().then_status(ProcessStatus::Parked);
    });
    assert_fails("is parked", || {
        let _ = asked().when_dropped("Work");
    });
    assert_fails("is parked", || {
        let _ = asked().when_resumed("Work");
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
