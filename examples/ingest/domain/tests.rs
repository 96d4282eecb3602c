use es_core::testing::Given;

use super::*;
use crate::ingest::reading::{Quantity, Unit};

mod properties;
mod stored;

fn reading(value: f64) -> Reading {
    Reading {
        station: "brocken".to_owned(),
        quantity: Quantity::Temperature,
        value,
        unit: Unit::Celsius,
        measured_at: "2026-03-01T06:00:00Z".parse().unwrap(),
    }
}

fn measurement() -> Measurement {
    Measurement { value: 4.5, unit: Unit::Celsius }
}

fn file() -> Origin {
    Origin::File { name: "a.json".to_owned() }
}

fn http() -> Origin {
    Origin::Message { source: "/ingest/http".to_owned() }
}

fn process() -> IntakeCommand {
    let (origin, reading) = (http(), reading(4.5));
    IntakeCommand::Process { origin, reading, measurement: measurement() }
}

fn fail(is_last: bool) -> IntakeCommand {
    let (origin, reading, reason) = (http(), reading(4.5), "no answer".to_owned());
    IntakeCommand::RecordFailure { origin, reading, reason, is_last }
}

fn reject(reason: &str) -> IntakeCommand {
    IntakeCommand::Reject { origin: file(), reason: reason.to_owned() }
}

fn accepted() -> IntakeEvent {
    IntakeEvent::Accepted { origin: http(), reading: reading(4.5) }
}

fn processed() -> IntakeEvent {
    IntakeEvent::Processed { measurement: measurement() }
}

fn attempt_failed() -> IntakeEvent {
    IntakeEvent::AttemptFailed { reason: "no answer".to_owned() }
}

fn given_up() -> IntakeEvent {
    IntakeEvent::GivenUp { reason: "no answer".to_owned() }
}

fn rejected(reason: &str) -> IntakeEvent {
    IntakeEvent::Rejected { origin: file(), reason: reason.to_owned() }
}

#[track_caller]
fn status_after(given: Given<Intake>, command: IntakeCommand, expected: Status) {
    given.when(command).then_state(|intake| assert_eq!(intake.status, Some(expected)));
}

#[test]
fn an_event_is_accepted_processed_and_confirmed() {
    Given::<Intake>::nothing().when(process()).then_events([accepted(), processed()]);
    Given::<Intake>::events([accepted(), processed()])
        .when(IntakeCommand::Confirm)
        .then_events([IntakeEvent::Confirmed]);
    status_after(Given::nothing(), process(), Status::Processed);
    status_after(Given::nothing().command(process()), IntakeCommand::Confirm, Status::Confirmed);
}

#[test]
fn what_comes_again_changes_nothing() {
    let processed = || Given::<Intake>::nothing().command(process());
    let confirmed = || processed().command(IntakeCommand::Confirm);
    for again in [process(), fail(false), fail(true), reject("no JSON")] {
        processed().when(again.clone()).then_nothing();
        confirmed().when(again).then_nothing();
    }
    confirmed().when(IntakeCommand::Confirm).then_nothing();
    Given::<Intake>::nothing().command(reject("no JSON")).when(reject("no JSON")).then_nothing();
}

#[test]
fn failed_attempts_lead_to_another_one_or_to_the_end() {
    Given::<Intake>::nothing().when(fail(false)).then_events([accepted(), attempt_failed()]);
    let tried = || Given::<Intake>::nothing().command(fail(false));
    tried().when(fail(false)).then_events([attempt_failed()]);
    tried().when(fail(true)).then_events([given_up()]);
    tried().when(process()).then_events([processed()]);
    status_after(tried(), fail(false), Status::Retrying);
    status_after(tried(), fail(true), Status::Failed);
}

#[test]
fn what_was_given_up_or_rejected_can_still_be_processed_when_it_is_brought_back() {
    let given_up = || Given::<Intake>::nothing().command(fail(true));
    given_up().when(process()).then_events([processed()]);
    status_after(given_up(), fail(false), Status::Retrying);
    Given::<Intake>::nothing()
        .command(reject("no JSON"))
        .when(process())
        .then_events([accepted(), processed()]);
}

#[test]
fn an_id_belongs_to_one_reading() {
    let other = |is_last| {
        let (origin, reading, reason) = (file(), reading(5.0), String::new());
        IntakeCommand::RecordFailure { origin, reading, reason, is_last }
    };
    for given in [process(), fail(false), fail(true)] {
        let given = || Given::<Intake>::nothing().command(given.clone());
        given().when(other(false)).then_rejected(IntakeError::AnotherReading);
        given().when(other(true)).then_rejected(IntakeError::AnotherReading);
    }
}

#[test]
fn an_invalid_document_does_not_touch_what_has_its_id() {
    Given::<Intake>::nothing().when(reject("no JSON")).then_events([rejected("no JSON")]);
    Given::<Intake>::nothing()
        .command(reject("no JSON"))
        .when(reject("no station"))
        .then_events([rejected("no station")]);
    Given::<Intake>::nothing().command(fail(false)).when(reject("no JSON")).then_nothing();
}

#[test]
fn only_what_is_processed_is_confirmed() {
    let refused = IntakeError::NotProcessed;
    Given::<Intake>::nothing().when(IntakeCommand::Confirm).then_rejected(refused.clone());
    for given in [fail(false), fail(true), reject("no JSON")] {
        Given::<Intake>::nothing()
            .command(given)
            .when(IntakeCommand::Confirm)
            .then_rejected(refused.clone());
    }
}
