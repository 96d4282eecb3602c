//! Lines that go to a human.

use super::super::{Part, Reason};
use super::{refusals, wordings};

const LINES: &[(&str, Reason)] = &[
    // Marks instead of writing.
    ("?????", Reason::Illegible),
    ("~~~", Reason::Illegible),
    ("[illegible]", Reason::Illegible),
    ("Xq#@ 5?? mg", Reason::Illegible),
    ("Amox?c?llin 500 mg tid", Reason::Illegible),
    ("Am*xicillin 500 mg tid", Reason::Illegible),
    ("Amox.cillin 500 mg tid", Reason::Illegible),
    ("Amoxicillin ____ mg tid", Reason::Illegible),
    ("Amoxicillin 500 mg [unclear] times a day", Reason::Illegible),
    ("Amoxicillin 500 mg tid #?", Reason::Illegible),
    // The first letter is Cyrillic.
    ("Аmoxicillin 500 mg tid", Reason::Illegible),
    ("Amoxi\u{fffd}illin 500 mg tid", Reason::Illegible),
    // Numbers that can be mistaken.
    ("Warfarin 1.0.5 mg od", Reason::DoubtfulNumber),
    ("Warfarin 5O0 mcg od", Reason::DoubtfulNumber),
    ("Warfarin 1O mg od", Reason::DoubtfulNumber),
    ("Warfarin l0 mg od", Reason::DoubtfulNumber),
    ("Warfarin lO mg od", Reason::DoubtfulNumber),
    ("Warfarin 05 mg od", Reason::DoubtfulNumber),
    ("Warfarin 5.mg od", Reason::DoubtfulNumber),
    ("Warfarin 1,5 mg od", Reason::DoubtfulNumber),
    ("Warfarin mg od", Reason::DoubtfulNumber),
    ("Warfarin 0.00005 mg od", Reason::DoubtfulNumber),
    ("Warfarin 3mg2 od", Reason::DoubtfulNumber),
    ("Warfarin 99999999999999999999 mg od", Reason::DoubtfulNumber),
    ("Codeine 30 mg tabs, 2-1 tabs qds", Reason::DoubtfulNumber),
    ("Codeine 30 mg tabs qds, qty 28 (eighteen)", Reason::DoubtfulNumber),
    // Numbers without a meaning.
    ("Co-codamol 30/500 tabs 1-2 qds", Reason::UnexplainedNumber),
    ("Amlodipine 5 od", Reason::UnexplainedNumber),
    ("Amoxicillin 500 mg tid x 7", Reason::UnexplainedNumber),
    ("Amlodipine 5 mg tablets 28", Reason::UnexplainedNumber),
    ("Gentamicin 5 mg/kg iv od", Reason::UnexplainedNumber),
    ("Gentamicin 80 mg iv od, review in 3 days", Reason::UnexplainedNumber),
    ("Codeine 30 mg prn max 8", Reason::UnexplainedNumber),
    ("Codeine 30 mg twice", Reason::UnexplainedNumber),
    // Abbreviations that have killed.
    ("Insulin aspart 10 U tds", Reason::UnsafeAbbreviation),
    ("Insulin aspart 10U tds", Reason::UnsafeAbbreviation),
    ("Insulin aspart 100 U/mL tds", Reason::UnsafeAbbreviation),
    ("Lactulose 10 cc bd", Reason::UnsafeAbbreviation),
    ("Digoxin 125 mcg qod", Reason::UnsafeAbbreviation),
    ("Timolol 0.5% eye drops 1 drop od", Reason::UnsafeAbbreviation),
    // Two statements about one thing.
    ("Amoxicillin 500 mg 250 mg", Reason::Contradictory(Part::Strength)),
    ("Amoxicillin 500 mg tid bd", Reason::Contradictory(Part::Frequency)),
    ("Amoxicillin 500 mg tablets capsules tid", Reason::Contradictory(Part::Form)),
    ("Amoxicillin 500 mg: 1 cap tid, 2 caps tid", Reason::Contradictory(Part::Dose)),
    ("Amoxicillin 500 mg tid for 7 days for 10 days", Reason::Contradictory(Part::Duration)),
    ("Amoxicillin 500 mg tid #21 #28", Reason::Contradictory(Part::Quantity)),
    ("Diazepam 10 mg po pr", Reason::Contradictory(Part::Route)),
    // Half a prescription.
    ("Ramipril", Reason::NoDirections),
    ("Ramipril tablets", Reason::NoDirections),
    ("Ramipril #28", Reason::NoDirections),
    ("Sig: 1 tablet daily", Reason::NoDrug),
    ("500 mg tid", Reason::NoDrug),
    ("Xq 5 mg tid", Reason::NoDrug),
];

#[test]
fn what_is_not_certain_is_never_an_item() {
    for (line, reason) in LINES {
        assert_eq!(wordings(line), [""; 0], "{line}");
        assert_eq!(refusals(line), [(1, *reason)], "{line}");
    }
}

#[test]
fn an_illegible_line_beside_a_readable_one_does_not_hide_it() {
    let text = "Ramipril 5 mg od\nBendro????azide 2.5 mg\nAspirin 75 mg od";
    assert_eq!(wordings(text), ["Ramipril 5 mg: once a day", "Aspirin 75 mg: once a day"]);
    assert_eq!(refusals(text), [(2, Reason::Illegible)]);
}

#[test]
fn a_drug_with_illegible_directions_is_refused_with_all_its_lines() {
    let text = "Spironolactone 25 mg tabs\nDisp: 28\nSig: ???\nRefills: 2\nAspirin 75 mg od";
    assert_eq!(wordings(text), ["Aspirin 75 mg: once a day"]);
    let part = Reason::BelongsTo { line: 3 };
    assert_eq!(refusals(text), [(1, part), (2, part), (3, Reason::Illegible), (4, part)]);
}

#[test]
fn an_illegible_line_under_a_drug_may_be_its_directions() {
    let text = "Spironolactone 25 mg tabs\n    ?????\n";
    let part = Reason::BelongsTo { line: 2 };
    assert_eq!(refusals(text), [(1, part), (2, Reason::Illegible)]);
}

#[test]
fn directions_below_an_illegible_drug_are_not_those_of_the_drug_before() {
    let text = "Ramipril 5 mg tabs\nW??farin ~~\nSig: 3 tablets daily";
    assert_eq!(wordings(text), ["Ramipril 5 mg tablets"]);
    assert_eq!(refusals(text), [(2, Reason::Illegible), (3, Reason::BelongsTo { line: 2 })]);
}

#[test]
fn a_following_line_that_contradicts_the_drug_line_refuses_both() {
    let text = "Amoxicillin 500 mg caps tid\nSig: 1 capsule bd";
    let part = Reason::BelongsTo { line: 2 };
    let contradiction = Reason::Contradictory(Part::Frequency);
    assert_eq!(refusals(text), [(1, part), (2, contradiction)]);
}

#[test]
fn every_reason_can_be_told_to_a_pharmacist() {
    assert_eq!(Reason::BelongsTo { line: 3 }.to_string(), "belongs to unreadable line 3");
    let contradiction = Reason::Contradictory(Part::DailyMaximum);
    assert_eq!(contradiction.to_string(), "contradictory statements of daily maximum");
}
