//! What every aggregate should keep, with commands that are made up.

use proptest::prelude::*;

use super::*;

/// Few files and names, so that commands meet each other's effects.
fn any_command() -> impl Strategy<Value = DispenseCommand> {
    let sha256 = || prop_oneof![Just("a"), Just("b")];
    prop_oneof![
        4 => Just(DispenseCommand::Start),
        4 => sha256().prop_map(|sha256| DispenseCommand::UploadPrescription(file(sha256))),
        4 => sha256().prop_map(analysis),
        2 => any_patient().prop_map(DispenseCommand::AddPatient),
        2 => prop::collection::vec(any_drug(), 0..3).prop_map(DispenseCommand::AddDrugs),
        1 => Just(DispenseCommand::Complete),
        1 => "|moved".prop_map(|reason| DispenseCommand::Cancel { reason }),
    ]
}

fn any_patient() -> impl Strategy<Value = Patient> {
    let date_of_birth = prop::option::of("1980-12-31|yesterday".prop_map(String::from));
    ("|Ada|Bo", date_of_birth).prop_map(|(name, date_of_birth)| Patient { name, date_of_birth })
}

fn any_drug() -> impl Strategy<Value = Drug> {
    ("|Senna|Ibuprofen", prop::option::of("500 mg"))
        .prop_map(|(name, strength)| Drug { strength, ..drug(&name) })
}

es_core::aggregate_properties!(Dispense, any_command());
