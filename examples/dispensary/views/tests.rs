use es_core::testing::GivenEvents;

use super::*;

fn drug(name: &str) -> Drug {
    Drug { name: name.to_owned(), strength: None, directions: None, quantity: None }
}

fn uploaded() -> DispenseEvent {
    DispenseEvent::PrescriptionUploaded(PrescriptionFile {
        key: "prescriptions/a.txt".to_owned(),
        size: 7,
        content_type: "text/plain".to_owned(),
        sha256: "a".to_owned(),
    })
}

fn two_dispenses() -> GivenEvents {
    GivenEvents::nothing()
        .at("2026-01-31T12:00:00Z")
        .and("dispense", "d-1", [DispenseEvent::Started])
        .and("dispense", "d-2", [DispenseEvent::Started, uploaded()])
        .at("2026-01-31T12:30:00Z")
        .and("dispense", "d-1", [DispenseEvent::DrugsAdded { drugs: vec![drug("Senna")] }])
        .and("dispense", "d-1", [DispenseEvent::DrugsAdded { drugs: vec![drug("Ibuprofen")] }])
}

#[test]
fn the_list_shows_where_each_dispense_is_and_since_when() {
    let summary = |id: &str, status, drugs: &[&str], updated_at: &str| DispenseSummary {
        id: id.to_owned(),
        status,
        patient: None,
        drugs: drugs.iter().map(|name| (*name).to_owned()).collect(),
        unreadable_lines: 0,
        events: if drugs.is_empty() { 2 } else { 3 },
        started_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        updated_at: updated_at.parse().unwrap(),
    };
    two_dispenses().project_with(DispenseList).then_views([
        ("d-1", summary("d-1", Status::Pending, &["Senna", "Ibuprofen"], "2026-01-31T12:30:00Z")),
        ("d-2", summary("d-2", Status::Analyzing, &[], "2026-01-31T12:00:00Z")),
    ]);
}

#[test]
fn the_detail_is_what_the_aggregate_knows() {
    let then = two_dispenses().project_with(DispenseDetails);
    let detail = then.view("d-1").unwrap();
    assert_eq!((detail.version, detail.status), (3, Status::Pending));
    assert_eq!(detail.drugs, [drug("Senna"), drug("Ibuprofen")]);
}
