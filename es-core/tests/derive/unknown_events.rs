//! Names and versions that the event type does not have.

use es_core::{DecodeError, Event, UnknownEvents};

use super::{json, read};

#[derive(Debug, Event)]
#[event(prefix = "A")]
enum ByDefault {
    Happened,
}

#[derive(Debug, Event)]
#[event(prefix = "A", unknown = "skip")]
enum Skipping {
    Happened,
}

#[derive(Debug, Event)]
#[event(prefix = "A", unknown = "fail")]
enum Failing {
    Happened,
}

#[derive(Debug, Event)]
#[event(prefix = "A")]
enum Empty {}

#[test]
fn the_policy_is_that_of_the_attribute() {
    assert_eq!(ByDefault::UNKNOWN, UnknownEvents::Fail);
    assert_eq!(Skipping::UNKNOWN, UnknownEvents::Skip);
    assert_eq!(Failing::UNKNOWN, UnknownEvents::Fail);
    assert_eq!(json(&ByDefault::Happened), "{}");
    assert_eq!(json(&Skipping::Happened), json(&Failing::Happened));
}

#[test]
fn another_name_is_unknown() {
    for name in ["", "A", "A:", "A:happened", "B:Happened", "Happened", "A:Happened "] {
        let error = read::<ByDefault>(name, 1, "{}").unwrap_err();
        assert!(matches!(error, DecodeError::UnknownName), "{name}");
    }
}

#[test]
fn another_version_is_unknown_and_the_error_says_the_newest_known() {
    for version in [0, 2, u32::MAX] {
        let error = read::<ByDefault>("A:Happened", version, "{}").unwrap_err();
        assert!(matches!(error, DecodeError::UnknownVersion { newest: 1 }), "{version}");
    }
}

#[test]
fn an_enum_without_variants_knows_no_name() {
    assert_eq!(Empty::SCHEMAS, &[]);
    let error = read::<Empty>("A:Happened", 1, "{}").unwrap_err();
    assert!(matches!(error, DecodeError::UnknownName));
}
