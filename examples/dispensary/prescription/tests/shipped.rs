//! The prescriptions that come with the example.

use std::{collections::BTreeMap, fs, path::Path};

use super::parse;

/// File, number of items, number of unreadable lines.
const CONTENTS: &[(&str, usize, usize)] = &[
    ("001-amoxicillin-otitis", 1, 0),
    ("002-type-2-diabetes-review", 3, 0),
    ("003-asthma-inhalers", 3, 0),
    ("004-eczema-flare", 2, 0),
    ("005-basal-insulin", 1, 0),
    ("006-copd-rescue-pack", 2, 0),
    ("007-dental-abscess", 1, 0),
    ("008-hypothyroidism", 1, 0),
    ("009-migraine", 2, 0),
    ("010-bank-holiday-uti", 1, 0),
    ("011-child-fever", 2, 0),
    ("012-hypertension", 2, 0),
    ("013-palliative-analgesia", 2, 0),
    ("014-contraception-and-iron", 2, 0),
    ("015-angina-spray", 4, 0),
    ("016-fentanyl-patch", 1, 0),
    ("017-methotrexate-weekly", 2, 0),
    ("018-conjunctivitis", 2, 0),
    ("019-label-per-line", 1, 0),
    ("020-emergency-ceftriaxone", 3, 0),
    ("021-nicotine-replacement", 2, 0),
    ("022-vitamin-d", 2, 0),
    ("023-anticoagulation", 2, 0),
    ("024-hay-fever", 3, 0),
    ("025-alternate-day-steroid", 3, 0),
    ("026-smudged-second-line", 2, 1),
    ("027-fax-from-the-ward", 2, 4),
    ("028-slip-of-the-pen", 1, 3),
    ("029-rain-on-the-envelope", 2, 2),
    ("030-name-without-dose", 2, 1),
    ("031-illegible-scan", 0, 3),
    ("032-illegible-handwriting", 0, 2),
    ("033-illegible-carbon-copy", 0, 4),
    ("034-cancelled-by-prescriber", 2, 0),
    ("035-void-moved-pharmacy", 1, 0),
    ("036-withdrawn-allergy", 1, 0),
    ("037-do-not-dispense", 1, 0),
    ("038-status-active", 2, 0),
];

const CANCELLED: &[&str] = &[
    "034-cancelled-by-prescriber",
    "035-void-moved-pharmacy",
    "036-withdrawn-allergy",
    "037-do-not-dispense",
];

fn shipped() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dispensary/prescriptions");
    let files = fs::read_dir(folder).expect("the folder is part of the repository");
    files
        .map(|file| {
            let path = file.expect("the folder can be listed").path();
            let text = fs::read_to_string(&path).expect("prescriptions are UTF-8");
            let name = path.file_stem().expect("files have names").to_string_lossy().into_owned();
            (name, text)
        })
        .collect()
}

#[test]
fn every_shipped_prescription_is_in_the_table_and_reads_as_it_says() {
    let contents: Vec<(String, usize, usize)> = shipped()
        .into_iter()
        .map(|(name, text)| {
            let findings = parse(&text);
            (name, findings.items.len(), findings.unreadable.len())
        })
        .collect();
    let expected: Vec<_> =
        CONTENTS.iter().map(|(name, i, u)| ((*name).to_owned(), *i, *u)).collect();
    assert_eq!(contents, expected);
    assert!(contents.len() >= 34);
}

#[test]
fn every_shipped_prescription_names_its_patient() {
    for (name, text) in shipped() {
        assert!(parse(&text).patient.is_some(), "{name}");
    }
}

#[test]
fn the_cancelled_ones_are_known() {
    let shipped = shipped();
    let cancelled: Vec<&str> = shipped
        .iter()
        .filter(|(_, text)| parse(text).cancelled.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(cancelled, CANCELLED);
}
