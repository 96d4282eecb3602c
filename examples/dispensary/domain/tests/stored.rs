//! That what was ever stored can be read for ever.
//!
//! `events.lock` has the form of every event, `golden/` a stored payload of each. With
//! `ES_ACCEPT_SCHEMA=1` in the environment these tests add what is new to them.

use es_core::testing::{GoldenFiles, SchemaLock};

use super::*;
use crate::dispensary::prescription::{
    Amount, Course, Dose, Food, Form, Frequency, Measure, Moment, Part, PatientHeader, Period,
    PrescribedDrug, Quantity, Reason, Route, Strength, Timing, Unit, UnreadableLine,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/dispensary/domain");

#[test]
fn the_form_of_stored_events_does_not_change() {
    SchemaLock::at(format!("{FOLDER}/events.lock")).json_only().check::<DispenseEvent>();
}

#[test]
fn stored_events_are_read_as_they_always_were() {
    GoldenFiles::in_directory(format!("{FOLDER}/golden")).check([
        DispenseEvent::Started,
        DispenseEvent::PrescriptionUploaded(file("5f70bf18")),
        DispenseEvent::PrescriptionAnalyzed {
            sha256: "5f70bf18".to_owned(),
            analyzer: "text-parser/1".to_owned(),
            findings: findings(),
        },
        DispenseEvent::PatientAdded(ada()),
        DispenseEvent::DrugsAdded {
            drugs: vec![
                Drug {
                    name: "Amoxicillin".to_owned(),
                    strength: Some("500 mg".to_owned()),
                    directions: Some("one three times a day".to_owned()),
                    quantity: Some("21 capsules".to_owned()),
                },
                drug("Senna"),
            ],
        },
        DispenseEvent::Completed,
        DispenseEvent::Cancelled { reason: "moved".to_owned() },
    ]);
}

/// Findings with something in every place.
fn findings() -> Findings {
    Findings {
        patient: Some(PatientHeader {
            name: "Ada Example".to_owned(),
            date_of_birth: Some("1980-12-31".to_owned()),
        }),
        prescriber: Some("Dr A. Writer".to_owned()),
        date: Some("2026-01-31".to_owned()),
        cancelled: Some("CANCELLED".to_owned()),
        items: vec![prescribed()],
        unreadable: vec![
            unreadable(7, Reason::Illegible),
            unreadable(8, Reason::Contradictory(Part::Dose)),
            unreadable(9, Reason::BelongsTo { line: 8 }),
        ],
    }
}

fn prescribed() -> PrescribedDrug {
    let amount = |text: &str| text.parse::<Amount>().expect("an amount");
    let measure = |text, unit| Measure { amount: amount(text), unit };
    PrescribedDrug {
        line: 3,
        further_lines: vec![4, 5],
        drug: "Amoxicillin".to_owned(),
        strength: Some(Strength {
            parts: vec![measure("250", Unit::Milligram), measure("62.5", Unit::Milligram)],
            per: Some(measure("5", Unit::Millilitre)),
        }),
        form: Some(Form::Suspension),
        dose: Some(Dose::Counted {
            at_least: amount("1"),
            at_most: amount("2"),
            unit: Some(Unit::Spoonful),
        }),
        route: Some(Route::Oral),
        frequency: Some(Frequency {
            timing: Some(Timing::Times { at_least: 2, at_most: 3, period: Period::Day }),
            moments: vec![Moment::Morning, Moment::Bedtime],
            as_needed: true,
        }),
        food: Some(Food::After),
        duration: Some(Course::Days(7)),
        daily_maximum: Some(Quantity { amount: amount("4"), unit: None }),
        quantity: Some(Quantity { amount: amount("100"), unit: Some(Unit::Millilitre) }),
        refills: Some(1),
        remarks: vec!["for pain".to_owned()],
    }
}

fn unreadable(line: u32, reason: Reason) -> UnreadableLine {
    UnreadableLine { line, text: "?????".to_owned(), reason }
}
