use std::time::Duration;

use es_core::saga::{Saga, SagaPhase, SagaRun, Step, StepState, Steps};
use es_core::testing::GivenProcess;
use es_core::{Backoff, Correlation, DispatchError, ProcessStatus, Recorded};
use serde::{Deserialize, Serialize};

use crate::shop::{Fulfilment, OrderEvent, ShopCommand, ShopEvent};

/// A saga that tries its first step twice, and its delivery three times.
#[derive(Serialize, Deserialize)]
struct Impatient(Fulfilment);

const SOON: Backoff = Backoff { base: Duration::from_secs(2), max: Duration::from_secs(2) };

impl Saga for Impatient {
    const NAME: &'static str = "impatient";
    const CATEGORIES: &'static [&'static str] = Fulfilment::CATEGORIES;
    type Input = ShopEvent;
    type Command = ShopCommand;

    fn correlate(event: &Recorded<'_, &ShopEvent>) -> Correlation {
        Fulfilment::correlate(event)
    }

    fn begin(event: &Recorded<'_, &ShopEvent>) -> Option<Self> {
        Fulfilment::begin(event).map(Self)
    }

    fn steps() -> Steps<Self> {
        Steps::new()
            .step(
                Step::new("stock", |it: &Self| it.0.reserve())
                    .undone_by(|it| it.0.release())
                    .retry(2, SOON),
            )
            .step(
                Step::new("delivery", |it: &Self| it.0.ship()).point_of_no_return().retry(3, SOON),
            )
    }
}

fn placed() -> es_core::testing::ThenDecided<SagaRun<Impatient>> {
    let placed = OrderEvent::Placed { quantity: 3 };
    GivenProcess::<SagaRun<Impatient>>::nothing().when_event("order", "o-1", placed)
}

fn busy() -> DispatchError {
    DispatchError::transient("the line is busy")
}

#[test]
fn a_step_is_tried_as_often_as_it_says_and_then_undone() {
    placed()
        .when_failed("Reserve", busy())
        .then_commands_named([])
        .then_state(|saga| assert_eq!(saga.step("stock"), Some(StepState::Begun)))
        .when_failed("Reserve", busy())
        .then_commands_named(["Release"])
        .then_state(|saga| assert_eq!(saga.phase(), SagaPhase::Compensating))
        // What undoes it is tried as always.
        .when_failed("Release", busy())
        .when_failed("Release", busy())
        .when_failed("Release", busy())
        .then_parked([])
        .when_succeeded("Release")
        .then_completed("compensated");
}

#[test]
fn a_step_without_a_way_back_is_tried_as_often_as_it_says_and_then_parked() {
    placed()
        .when_succeeded("Reserve")
        .when_failed("Ship", busy())
        .when_failed("Ship", busy())
        .then_parked([])
        .when_failed("Ship", busy())
        .then_parked(["Ship"])
        .then_status(ProcessStatus::Parked)
        .when_resumed("Ship")
        .when_succeeded("Ship")
        .then_completed("completed");
}

#[test]
fn a_plan_is_checked_without_running_it() {
    let step = |name| Step::new(name, Fulfilment::reserve).undone_by(Fulfilment::release);
    let plan = |steps: &[(&'static str, &[&'static str])]| {
        let steps = steps
            .iter()
            .map(|(name, after)| after.iter().fold(step(name), |step, needed| step.after(needed)));
        steps.fold(Steps::<Fulfilment>::new(), Steps::step).check()
    };
    plan(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]).unwrap();
    let refused = |steps: &[(&'static str, &[&'static str])]| plan(steps).unwrap_err().to_string();
    assert!(refused(&[]).contains("fulfilment: it has no steps"));
    assert!(refused(&[("a", &[]), ("a", &[])]).contains("two steps are called \"a\""));
    assert!(refused(&[("a", &["x"])]).contains("waits for \"x\", which is not before it"));
    assert!(refused(&[("a", &["a"])]).contains("waits for \"a\", which is not before it"));
    let circle = refused(&[("a", &["b"]), ("b", &["a"])]);
    assert!(circle.contains("\"a\" waits for \"b\", which is not before it"), "{circle}");

    let never = Steps::new().step(step("a").retry(0, SOON)).check().unwrap_err();
    assert!(never.to_string().contains("\"a\" is never tried"));
}
