use es_core::testing::Given;

use super::*;

mod properties;
mod stored;

fn file(sha256: &str) -> PrescriptionFile {
    PrescriptionFile {
        key: format!("prescriptions/{sha256}.txt"),
        size: 7,
        content_type: "text/plain".to_owned(),
        sha256: sha256.to_owned(),
    }
}

fn analysis(sha256: &str) -> DispenseCommand {
    DispenseCommand::RecordAnalysis {
        sha256: sha256.to_owned(),
        analyzer: "test".to_owned(),
        findings: Findings::default(),
    }
}

fn ada() -> Patient {
    Patient { name: "Ada Example".to_owned(), date_of_birth: Some("1980-12-31".to_owned()) }
}

fn drug(name: &str) -> Drug {
    Drug { name: name.to_owned(), strength: None, directions: None, quantity: None }
}

fn started() -> Given<Dispense> {
    Given::nothing().command(DispenseCommand::Start)
}

fn analyzing() -> Given<Dispense> {
    started().command(DispenseCommand::UploadPrescription(file("a")))
}

fn ready() -> Given<Dispense> {
    analyzing().command(analysis("a"))
}

fn filled() -> Given<Dispense> {
    ready()
        .command(DispenseCommand::AddPatient(ada()))
        .command(DispenseCommand::AddDrugs(vec![drug("Amoxicillin")]))
}

fn cancel() -> DispenseCommand {
    DispenseCommand::Cancel { reason: "moved".to_owned() }
}

fn every_other_command() -> Vec<DispenseCommand> {
    vec![
        DispenseCommand::UploadPrescription(file("b")),
        analysis("a"),
        DispenseCommand::AddPatient(ada()),
        DispenseCommand::AddDrugs(vec![drug("Ibuprofen")]),
        DispenseCommand::Complete,
        cancel(),
    ]
}

#[track_caller]
fn status_after(given: Given<Dispense>, command: DispenseCommand, expected: Status) {
    given.when(command).then_state(|dispense| assert_eq!(dispense.status, Some(expected)));
}

#[test]
fn a_dispense_goes_from_pending_to_complete() {
    status_after(Given::nothing(), DispenseCommand::Start, Status::Pending);
    status_after(started(), DispenseCommand::UploadPrescription(file("a")), Status::Analyzing);
    status_after(analyzing(), analysis("a"), Status::Ready);
    status_after(ready(), DispenseCommand::AddPatient(ada()), Status::Ready);
    status_after(filled(), DispenseCommand::Complete, Status::Complete);
}

#[test]
fn it_can_be_cancelled_until_it_is_complete() {
    for given in [started(), analyzing(), ready(), filled()] {
        status_after(given, cancel(), Status::Cancelled);
    }
}

#[test]
fn nothing_can_be_done_before_it_is_started_and_starting_is_done_once() {
    for command in every_other_command() {
        Given::<Dispense>::nothing().when(command).then_rejected(DispenseError::NotStarted);
    }
    started().when(DispenseCommand::Start).then_rejected(DispenseError::AlreadyStarted);
}

#[test]
fn nothing_can_be_done_after_it_is_closed() {
    let complete = || filled().command(DispenseCommand::Complete);
    let cancelled = || ready().command(cancel());
    for command in every_other_command() {
        let closed = DispenseError::Closed;
        complete().when(command.clone()).then_rejected(closed(Status::Complete));
        cancelled().when(command).then_rejected(closed(Status::Cancelled));
    }
}

#[test]
fn it_is_complete_only_with_an_analyzed_prescription_a_patient_and_drugs() {
    let complete = DispenseCommand::Complete;
    started().when(complete.clone()).then_rejected(DispenseError::NotReady(Status::Pending));
    analyzing().when(complete.clone()).then_rejected(DispenseError::NotReady(Status::Analyzing));
    ready().when(complete.clone()).then_rejected(DispenseError::PatientMissing);
    ready()
        .command(DispenseCommand::AddPatient(ada()))
        .when(complete)
        .then_rejected(DispenseError::DrugsMissing);
}

#[test]
fn an_analysis_counts_for_the_prescription_it_was_made_of() {
    started().when(analysis("a")).then_rejected(DispenseError::AnalysisOutdated);
    analyzing()
        .command(DispenseCommand::UploadPrescription(file("b")))
        .when(analysis("a"))
        .then_rejected(DispenseError::AnalysisOutdated);
    ready().when(analysis("a")).then_nothing();
}

#[test]
fn another_prescription_replaces_the_one_before() {
    ready()
        .command(DispenseCommand::UploadPrescription(file("b")))
        .when(analysis("b"))
        .then_state(|dispense| assert_eq!(dispense.prescription, Some(file("b"))));
    analyzing().when(DispenseCommand::UploadPrescription(file("a"))).then_nothing();
}

#[test]
fn what_is_incomplete_is_refused() {
    let patient = |name: &str, born: Option<&str>| {
        let date_of_birth = born.map(str::to_owned);
        DispenseCommand::AddPatient(Patient { name: name.to_owned(), date_of_birth })
    };
    started().when(patient(" ", None)).then_rejected(DispenseError::PatientWithoutName);
    for date in ["31/12/1980", "1980-02-30", "", "yesterday"] {
        let refused = DispenseError::InvalidDateOfBirth;
        started().when(patient("Ada", Some(date))).then_rejected(refused);
    }
    started().when(DispenseCommand::AddDrugs(vec![])).then_rejected(DispenseError::NoDrugs);
    let nameless = DispenseCommand::AddDrugs(vec![drug("Senna"), drug("")]);
    started().when(nameless).then_rejected(DispenseError::DrugWithoutName);
    let reason = DispenseCommand::Cancel { reason: " ".to_owned() };
    started().when(reason).then_rejected(DispenseError::ReasonMissing);
}

#[test]
fn a_patient_is_identified_once() {
    let identified = || started().command(DispenseCommand::AddPatient(ada()));
    identified().when(DispenseCommand::AddPatient(ada())).then_nothing();
    let other = Patient { name: "Bo".to_owned(), date_of_birth: None };
    identified()
        .when(DispenseCommand::AddPatient(other))
        .then_rejected(DispenseError::AnotherPatient);
}

#[test]
fn drugs_add_up() {
    filled().when(DispenseCommand::AddDrugs(vec![drug("Senna")])).then_state(|dispense| {
        let names: Vec<&str> = dispense.drugs.iter().map(|drug| drug.name.as_str()).collect();
        assert_eq!(names, ["Amoxicillin", "Senna"]);
    });
}
