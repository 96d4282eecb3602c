use es_core::testing::GivenEvents;

use super::*;
use crate::ingest::reading::{Quantity, Unit};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn records() -> Records {
    Records { keep: 7 * DAY }
}

fn reading() -> Reading {
    Reading {
        station: "brocken".to_owned(),
        quantity: Quantity::Temperature,
        value: 40.1,
        unit: Unit::Fahrenheit,
        measured_at: "2026-03-01T06:00:00Z".parse().unwrap(),
    }
}

fn origin() -> Origin {
    Origin::File { name: "a.json".to_owned() }
}

fn accepted() -> IntakeEvent {
    IntakeEvent::Accepted { origin: origin(), reading: reading() }
}

fn processed() -> IntakeEvent {
    IntakeEvent::Processed { measurement: Measurement { value: 4.5, unit: Unit::Celsius } }
}

fn reason() -> String {
    "no answer".to_owned()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

const NOON: &str = "2026-03-01T12:00:00Z";
const ONE: &str = "2026-03-01T13:00:00Z";
const TWO: &str = "2026-03-01T14:00:00Z";

#[test]
fn a_record_says_what_became_of_an_event_and_when_it_is_forgotten() {
    GivenEvents::nothing()
        .at(NOON)
        .and("intake", "e-1", [accepted(), IntakeEvent::AttemptFailed { reason: reason() }])
        .at(ONE)
        .and("intake", "e-1", [processed()])
        .at(TWO)
        .and("intake", "e-1", [IntakeEvent::Confirmed])
        .project_with(records())
        .then_views([(
            "e-1",
            Record {
                id: "e-1".to_owned(),
                status: Status::Confirmed,
                origin: Some(origin()),
                reading: Some(reading()),
                digest: Some(reading().digest()),
                measurement: Some(Measurement { value: 4.5, unit: Unit::Celsius }),
                failed_attempts: 1,
                reason: None,
                received_at: at(NOON),
                processed_at: Some(at(ONE)),
                confirmed_at: Some(at(TWO)),
                expires_at: Some((at(TWO) + 7 * DAY).as_second()),
            },
        )]);
}

#[test]
fn what_is_on_its_way_is_not_forgotten_and_what_failed_as_late_as_its_dead_letter() {
    let then = GivenEvents::nothing()
        .at(NOON)
        .and("intake", "retrying", [accepted(), IntakeEvent::AttemptFailed { reason: reason() }])
        .and("intake", "given-up", [accepted(), IntakeEvent::GivenUp { reason: reason() }])
        .and("intake", "invalid", [IntakeEvent::Rejected { origin: origin(), reason: reason() }])
        .and("intake", "back", [accepted(), IntakeEvent::GivenUp { reason: reason() }])
        .and("intake", "back", [IntakeEvent::AttemptFailed { reason: reason() }])
        .project_with(records());
    let expiry = |id: &str| then.view(id).unwrap().expires_at;
    assert_eq!(expiry("retrying"), None);
    assert_eq!(expiry("back"), None);
    let fourteen_days = Some((at(NOON) + 14 * DAY).as_second());
    assert_eq!((expiry("given-up"), expiry("invalid")), (fourteen_days, fourteen_days));
}

#[test]
fn an_event_that_comes_back_after_its_record_is_gone_has_one_again() {
    let then =
        GivenEvents::nothing().at(NOON).and("intake", "e-1", [processed()]).project_with(records());
    let record = then.view("e-1").unwrap();
    assert_eq!((record.status, record.processed_at), (Status::Processed, Some(at(NOON))));
}

#[test]
fn what_is_kept_for_ever_is_not_kept_for_no_time() {
    let ever = Records { keep: Duration::MAX };
    let then =
        GivenEvents::nothing().at(NOON).and("intake", "e-1", [processed()]).project_with(ever);
    assert_eq!(then.view("e-1").unwrap().expires_at, Some(i64::MAX));
}
