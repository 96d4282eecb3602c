//! Headers, small print and cancellations.

use super::super::Findings;
use super::{parse, refusals, wordings};

#[test]
fn a_header_names_patient_prescriber_and_date() {
    let findings = parse(
        "Patient: Ada Example   DOB: 1980-12-31   Sex: F\nPrescriber: Dr B. Sample\nDate: 2026-03-14",
    );
    let patient = findings.patient.expect("a patient is named");
    assert_eq!(patient.name, "Ada Example");
    assert_eq!(patient.date_of_birth.as_deref(), Some("1980-12-31"));
    assert_eq!(findings.prescriber.as_deref(), Some("Dr B. Sample"));
    assert_eq!(findings.date.as_deref(), Some("2026-03-14"));
}

#[test]
fn a_date_is_taken_only_if_it_can_be_read_in_one_way() {
    let dates = [
        ("2026-03-14", Some("2026-03-14")),
        ("14/03/2026", Some("2026-03-14")),
        ("14.3.2026", Some("2026-03-14")),
        ("05/05/2026", Some("2026-05-05")),
        ("4 March 2026", Some("2026-03-04")),
        ("29 Feb 2024", Some("2024-02-29")),
        ("03/04/2026", None),
        ("2026-02-29", None),
        ("29/02/2100", None),
        ("31/04/2026", None),
        ("14/03/26", None),
        ("2026-3-14", None),
        ("yesterday", None),
    ];
    for (written, expected) in dates {
        assert_eq!(parse(&format!("Date: {written}")).date.as_deref(), expected, "{written}");
    }
}

#[test]
fn what_surrounds_the_drugs_is_neither_drug_nor_unreadable() {
    let text = "HARBOUR STREET SURGERY\n\
                14 Harbour Street, Brightwater BW1 4QQ  Tel 01632 960 114\n\
                Email: post@harbour.example\n\
                ==============\n\
                Patient: Ada Example\n\
                Address: 7 Quay Road\n\
                NHS No: 000 000 0000\n\
                Allergies: penicillin\n\
                Weight: 71 kg\n\
                Rx\n\
                ---\n\
                Status: ACTIVE\n\
                Generic substitution permitted\n\
                Void after 28 days\n\
                Dr B. Sample\n\
                Signature: B. Sample\n\
                Signed\n\
                Page 1 of 2";
    let findings = parse(text);
    assert_eq!(findings, Findings { patient: findings.patient.clone(), ..Findings::default() });
}

#[test]
fn a_drug_above_the_header_is_not_taken_for_a_letterhead() {
    let text = "Medication: Ramipril\nDose: 5 mg daily\nWarfarin 5O0 mcg\nPatient: Ada Example";
    assert_eq!(wordings(text), ["Ramipril: 5 mg, once a day"]);
    assert_eq!(refusals(text).len(), 1);
}

#[test]
fn an_illegible_patient_is_no_patient() {
    let findings = parse("Patient: Ad? Ex~~~\nDOB: 1980-12-31");
    assert_eq!(findings.patient, None);
    assert_eq!(findings.unreadable.len(), 1);
}

#[test]
fn a_cancellation_is_kept_as_written() {
    let cancellations = [
        "Status: CANCELLED BY PRESCRIBER",
        "VOID — patient moved to another pharmacy",
        "*** CANCELED ***",
        "DO NOT DISPENSE - replaced",
        "This prescription has been withdrawn: allergy",
        "Prescription cancelled",
    ];
    for line in cancellations {
        let findings = parse(&format!("Patient: Ada Example\nRamipril 5 mg od\n {line} \n"));
        assert_eq!(findings.cancelled.as_deref(), Some(line));
        assert_eq!((findings.items.len(), findings.unreadable.len()), (1, 0), "{line}");
    }
}

#[test]
fn small_print_cancels_nothing() {
    for line in ["Void if altered", "VOID AFTER 28 DAYS", "Status: NOT CANCELLED", "Status: active"]
    {
        assert_eq!(parse(line).cancelled, None, "{line}");
    }
}

#[test]
fn white_space_of_several_bytes_before_a_label_is_white_space() {
    for gap in ["\u{2028}", "\u{a0}", "\u{3000}", "\u{2003} "] {
        let text = format!("Date: 2026-03-01{gap}Patient: Ada Example");
        let findings = parse(&text);
        assert_eq!(findings.patient.map(|patient| patient.name).as_deref(), Some("Ada Example"));
    }
}
