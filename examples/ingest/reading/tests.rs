use serde_json::{Value, json};

use super::*;

fn document() -> Value {
    json!({
        "id": "brocken-06",
        "station": "brocken",
        "quantity": "pressure",
        "value": 882.4,
        "unit": "hPa",
        "measured_at": "2026-03-01T06:00:00Z",
    })
}

/// The document with another value in one place; without it for `null`.
fn with(field: &str, value: Value) -> Document {
    let mut document = document();
    match value {
        Value::Null => drop(document.as_object_mut().unwrap().remove(field)),
        value => document[field] = value,
    }
    Document::read(document.to_string().as_bytes())
}

fn reading(value: f64, unit: Unit) -> Reading {
    let measured_at = "2026-03-01T06:00:00Z".parse().unwrap();
    Reading { station: "brocken".to_owned(), quantity: unit.quantity(), value, unit, measured_at }
}

#[test]
fn a_document_names_its_event_and_says_what_was_measured() {
    let read = Document::read(document().to_string().as_bytes());
    assert_eq!(read.id.as_str(), "brocken-06");
    assert_eq!(read.reading, Ok(reading(882.4, Unit::Hectopascal)));
}

#[test]
fn without_an_id_the_content_names_the_event() {
    let read = with("id", Value::Null);
    assert!(read.reading.is_ok() && read.id.as_str().starts_with("sha256-"), "{read:?}");
    assert_eq!(read.id.as_str().len(), "sha256-".len() + 64);
    assert_eq!(with("id", Value::Null).id, read.id);
    let mut other = document();
    other.as_object_mut().unwrap().remove("id");
    other["value"] = json!(882.5);
    assert_ne!(Document::read(other.to_string().as_bytes()).id, read.id);
}

#[test]
fn what_is_wrong_is_told_under_the_id_that_the_document_has() {
    let cases = [
        ("station", json!(""), Invalid::Station),
        ("station", json!(" brocken"), Invalid::Station),
        ("station", json!("a\nb"), Invalid::Station),
        ("unit", json!("kn"), Invalid::Unit { quantity: Quantity::Pressure }),
        (
            "value",
            json!(1_200),
            Invalid::Value { quantity: Quantity::Pressure, least: 300.0, most: 1_100.0 },
        ),
    ];
    for (field, value, expected) in cases {
        let read = with(field, value);
        assert_eq!((read.id.as_str(), read.reading), ("brocken-06", Err(expected)));
    }
    for (field, value) in [
        ("value", Value::Null),
        ("value", json!("many")),
        ("quantity", json!("beauty")),
        ("measured_at", json!("yesterday")),
        ("colour", json!("blue")),
    ] {
        let read = with(field, value);
        assert!(matches!(read.reading, Err(Invalid::NoReading(_))), "{field}: {read:?}");
        assert_eq!(read.id.as_str(), "brocken-06");
    }
}

#[test]
fn an_id_that_cannot_be_one_makes_way_for_that_of_the_content() {
    for id in ["", "a b", "a/b", "ä", ".", "..", &"x".repeat(101)] {
        let read = with("id", json!(id));
        assert_eq!(read.reading, Err(Invalid::Id), "{id:?}");
        assert!(read.id.as_str().starts_with("sha256-"), "{id:?}");
    }
    for id in ["...", ".a", &"x".repeat(100)] {
        assert!(with("id", json!(id)).reading.is_ok(), "{id:?}");
    }
}

#[test]
fn what_is_no_json_or_no_text_is_told_apart() {
    let wrong = |content: &[u8]| Document::read(content).reading.unwrap_err();
    assert_eq!(wrong(b"{\"id\":\n oops"), Invalid::NotJson { line: 2, column: 2 });
    assert_eq!(wrong(b""), Invalid::NotJson { line: 1, column: 0 });
    assert_eq!(wrong(&[0xff, 0xfe, 0]), Invalid::NotText);
    assert_eq!(wrong(&[b' '; Document::MAX_SIZE + 1]), Invalid::TooLarge);
    assert!(matches!(wrong(b"[1,2]"), Invalid::NoReading(_)));
}

#[test]
fn reasons_say_what_would_have_been_taken() {
    let wrong = with("value", json!(1_200)).reading.unwrap_err();
    assert_eq!(wrong.to_string(), "no pressure is outside of 300 to 1100 hPa");
    let wrong = with("unit", json!("kn")).reading.unwrap_err();
    assert_eq!(wrong.to_string(), "the unit does not measure pressure");
}

#[test]
fn measurements_have_one_unit_for_each_quantity() {
    for (value, unit, expected) in [
        (20.0, Unit::Celsius, 20.0),
        (68.0, Unit::Fahrenheit, 20.0),
        (36.0, Unit::KilometrePerHour, 10.0),
        (10.0, Unit::Knot, 5.14),
        (10.0, Unit::MetrePerSecond, 10.0),
        (1.0, Unit::Inch, 25.4),
        (29.92, Unit::InchOfMercury, 1013.21),
    ] {
        let measured = Measurement::of(&reading(value, unit), 0.0);
        assert_eq!((measured.value, measured.unit), (expected, unit.quantity().unit()));
    }
}

#[test]
fn pressures_are_those_at_sea_level() {
    // The standard atmosphere has 898.75 hPa at 1000 m.
    let measured = Measurement::of(&reading(898.75, Unit::Hectopascal), 1_000.0);
    assert!((measured.value - 1_013.25).abs() < 0.1, "{measured:?}");
    let temperature = Measurement::of(&reading(5.0, Unit::Celsius), 1_000.0);
    assert_eq!(temperature.value, 5.0);
}
