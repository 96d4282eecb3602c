//! The form of stored events, locked.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::num::NonZeroU8;
use std::path::PathBuf;

use es_core::Event;
use es_core::testing::SchemaLock;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{assert_says, failure};

/// A file of its own.
struct File {
    _directory: TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("schema/events.lock");
        Self { _directory: directory, path }
    }

    /// A file with the forms of `E`.
    fn of<E: Event>() -> Self {
        let file = Self::new();
        file.accept::<E>();
        file
    }

    fn lock(&self) -> SchemaLock {
        SchemaLock::at(&self.path).accepting(false)
    }

    fn accept<E: Event>(&self) {
        self.lock().accepting(true).check::<E>();
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    /// What the lock says about a program that has `E`, also when it is asked to accept it.
    #[track_caller]
    fn refusal<E: Event>(&self) -> String {
        let before = self.text();
        let refusal = failure(|| self.lock().check::<E>());
        assert_eq!(failure(|| self.accept::<E>()), refusal);
        assert_eq!(self.text(), before, "the file was written");
        refusal
    }
}

/// The forms in the file, without what it begins with.
#[track_caller]
fn assert_forms(file: &File, expected: &str) {
    let text = file.text();
    let (_, forms) = text.split_once("\n\n").unwrap();
    assert_eq!(forms, expected);
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Drug {
    full_name: String,
    #[serde(default)]
    strengths: Vec<Strength>,
    form: Form,
}

#[derive(Debug, Serialize, Deserialize)]
struct Strength(f64);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Tablet,
    InWords(String),
    Liquid { millilitres: u16, unit: Option<char> },
    Mixed(u8, Box<Form>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Tree {
    leaves: Vec<bool>,
    branches: Vec<Tree>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    A { a: u8 },
}

#[derive(Debug, Serialize, Deserialize)]
struct Flattened {
    a: u8,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
}

#[derive(Debug, Event)]
#[event(prefix = "Everything")]
enum Everything {
    Nested {
        #[serde(rename = "drug")]
        the_drug: Drug,
        #[serde(alias = "note")]
        remark: Option<String>,
        #[serde(skip)]
        cached: u8,
    },
    Values {
        at: es_core::Timestamp,
        id: uuid::Uuid,
        pair: (u8, String),
        sum: [u8; 32],
        some: NonZeroU8,
        counts: BTreeMap<String, u64>,
        by_day: BTreeMap<es_core::Timestamp, i32>,
        last: bool,
        #[serde(default)]
        maybe: f32,
    },
    Recursive(Tree),
    Unseen {
        tagged: Tagged,
        flattened: Flattened,
        any: serde_json::Value,
    },
    #[event(version = 2, upcast(from = 1, with = counted))]
    Counted(u32),
    Empty,
}

#[derive(Deserialize)]
struct CountedV1 {
    number: u8,
}

fn counted(old: CountedV1) -> u32 {
    old.number.into()
}

#[test]
fn every_form_is_written_as_deep_as_it_is_nested() {
    assert_forms(
        &File::of::<Everything>(),
        r#"Everything:Counted v1 {
    number: u8
}

Everything:Counted v2 u32

Everything:Empty v1 {}

Everything:Nested v1 {
    drug: {
        fullName: string
        strengths?: [f64]
        form: one of {
            tablet
            in_words: string
            liquid: {
                millilitres: u16
                unit?: char or null
            }
            mixed: (u8, the same as what it is in)
        }
    }
    note?: string or null
    remark?: string or null
}

Everything:Recursive v1 {
    leaves: [bool]
    branches: [the same as what it is in]
}

Everything:Unseen v1 {
    tagged: anything
    flattened(?): anything
    any(?): anything
}

Everything:Values v1 {
    at: string (a timestamp string)
    id: string (a formatted UUID string)
    pair: (u8, string)
    sum: [u8; 32]
    some: u8 (a nonzero u8)
    counts: map from string to u64
    by_day: map from string (a timestamp string) to i32
    last: bool
    maybe?: f32
}
"#,
    );
}

#[test]
fn what_is_locked_passes_and_is_not_written_again() {
    let file = File::of::<Everything>();
    let edited = file.text().replace("# The form", "# Note well: the form").replace('\n', "\r\n");
    fs::write(&file.path, &edited).unwrap();
    file.lock().check::<Everything>();
    file.accept::<Everything>();
    assert_eq!(file.text(), edited);
}

#[test]
fn without_a_file_the_test_says_how_to_make_one() {
    let file = File::new();
    let message = failure(|| file.lock().check::<Everything>());
    assert_says(
        &message,
        &["schema/events.lock does not have yet", "+ Everything:Empty v1 {}", "ES_ACCEPT_SCHEMA=1"],
    );
    assert!(!file.path.exists());
}

/// Makes two programs: what an event type was, and what it is now.
macro_rules! programs {
    ($( $module:ident { $($item:item)+ } )+) => {
        $(
            mod $module {
                #![allow(dead_code, reason = "only the types are looked at")]
                use es_core::Event;
                use serde::{Deserialize, Serialize};

                $( #[derive(Debug, Serialize, Deserialize)] $item )+

                #[derive(Debug, Event)]
                #[event(prefix = "Visit")]
                pub(super) enum VisitEvent {
                    Ended { patient: Patient, place: Place },
                }
            }
        )+
    };
}

programs! {
    before {
        pub(super) struct Patient { name: String, born: Option<u16> }
        pub(super) enum Place { Home, Clinic(String) }
    }
    renamed_field {
        pub(super) struct Patient { full_name: String, born: Option<u16> }
        pub(super) enum Place { Home, Clinic(String) }
    }
    other_type {
        pub(super) struct Patient { name: String, born: Option<i32> }
        pub(super) enum Place { Home, Clinic(String) }
    }
    required_field {
        pub(super) struct Patient { name: String, born: u16 }
        pub(super) enum Place { Home, Clinic(String) }
    }
    removed_field {
        pub(super) struct Patient { name: String }
        pub(super) enum Place { Home, Clinic(String) }
    }
    added_field {
        pub(super) struct Patient { name: String, born: Option<u16>, weight: f32 }
        pub(super) enum Place { Home, Clinic(String) }
    }
    added_default {
        pub(super) struct Patient { name: String, born: Option<u16>, #[serde(default)] weight: Weight }
        #[derive(Default)]
        pub(super) struct Weight { grams: u32 }
        pub(super) enum Place { Home, Clinic(String) }
    }
    removed_variant {
        pub(super) struct Patient { name: String, born: Option<u16> }
        pub(super) enum Place { Clinic(String) }
    }
    in_another_order {
        pub(super) struct Patient { born: Option<u16>, name: String }
        pub(super) enum Place { Home, Clinic(String) }
    }
    added_variant {
        pub(super) struct Patient { name: String, born: Option<u16> }
        pub(super) enum Place { Home, Clinic(String), Street }
    }
}

/// The same as `before`, under other names.
mod renamed_types {
    #![allow(dead_code, reason = "only the types are looked at")]
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Person {
        name: FullName,
        born: Option<u16>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct FullName(Box<str>);

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) enum Location {
        #[serde(rename = "Home")]
        AtHome,
        Clinic(String),
    }

    #[derive(Debug, es_core::Event)]
    #[event(prefix = "Visit")]
    pub(super) enum VisitEvent {
        #[event(name = "Ended")]
        Over { patient: Person, place: Location },
    }
}

#[test]
fn names_of_rust_types_are_no_part_of_a_form() {
    File::of::<before::VisitEvent>().lock().check::<renamed_types::VisitEvent>();
}

#[test]
fn a_change_in_a_nested_type_is_refused_with_what_changed() {
    let file = File::of::<before::VisitEvent>();
    for (message, changes) in [
        (
            file.refusal::<renamed_field::VisitEvent>(),
            ["-         name: string\n", "+         full_name: string\n"],
        ),
        (
            file.refusal::<other_type::VisitEvent>(),
            ["-         born?: u16 or null\n", "+         born?: i32 or null\n"],
        ),
        (
            file.refusal::<required_field::VisitEvent>(),
            ["-         born?: u16 or null\n", "+         born: u16\n"],
        ),
        (file.refusal::<removed_field::VisitEvent>(), ["-         born?: u16 or null\n", ""]),
        (file.refusal::<added_field::VisitEvent>(), ["+         weight: f32\n", ""]),
        (file.refusal::<added_default::VisitEvent>(), ["+         weight?: {\n", "grams: u32"]),
        (file.refusal::<removed_variant::VisitEvent>(), ["-         Home\n", ""]),
        (file.refusal::<added_variant::VisitEvent>(), ["+         Street\n", ""]),
    ] {
        assert_says(&message, &["Visit:Ended v1 changed", "upcast(from = 1"]);
        // The line ends of the difference are indented by two.
        assert_says(&message, &changes);
    }
}

#[test]
fn forms_that_are_stored_as_json_only_may_get_optional_fields_once_they_are_accepted() {
    let file = File::of::<before::VisitEvent>();
    let check = || file.lock().json_only().check::<added_default::VisitEvent>();
    assert_says(&failure(check), &["does not have yet", "+         weight?: {"]);
    file.lock().json_only().accepting(true).check::<added_default::VisitEvent>();
    check();
    assert_says(&file.refusal::<before::VisitEvent>(), &["-         weight?: {"]);
}

#[test]
fn forms_that_are_stored_as_json_only_may_get_variants_once_they_are_accepted() {
    let file = File::of::<before::VisitEvent>();
    let check = || file.lock().json_only().check::<added_variant::VisitEvent>();
    assert_says(&failure(check), &["does not have yet", "+         Street\n"]);
    file.lock().json_only().accepting(true).check::<added_variant::VisitEvent>();
    check();
    let message = failure(|| file.lock().json_only().check::<before::VisitEvent>());
    assert_says(&message, &["Visit:Ended v1 changed", "-         Street\n"]);
}

mod pairs {
    use es_core::Event;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Empty {}

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Noted {
        note: Option<String>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Named {
        name: String,
    }

    #[derive(Debug, Event)]
    #[event(prefix = "Pair")]
    pub(super) enum Before {
        Made { pair: (Named, Empty), last: u8 },
        Lost,
    }

    #[derive(Debug, Event)]
    #[event(prefix = "Pair")]
    pub(super) enum After {
        Made { pair: (Named, Noted), last: u8 },
        Lost { note: Option<Noted> },
    }

    #[derive(Debug, Event)]
    #[event(prefix = "Pair")]
    pub(super) enum Changed {
        Made { pair: (Named, Named), last: u8 },
        Lost,
    }
}

#[test]
fn optional_fields_may_be_added_where_there_were_none() {
    let file = File::of::<pairs::Before>();
    let message = failure(|| file.lock().json_only().accepting(true).check::<pairs::Changed>());
    assert_says(&message, &["Pair:Made v1 changed"]);
    file.lock().json_only().accepting(true).check::<pairs::After>();
    assert_says(&file.text(), &["Pair:Lost v1 {\n    note?: {\n        note?: string or null"]);
}

#[test]
fn other_changes_are_refused_for_json_too() {
    let file = File::of::<before::VisitEvent>();
    let lock = || file.lock().json_only();
    for message in [
        failure(|| lock().check::<renamed_field::VisitEvent>()),
        failure(|| lock().check::<required_field::VisitEvent>()),
        failure(|| lock().check::<removed_field::VisitEvent>()),
        failure(|| lock().check::<added_field::VisitEvent>()),
        failure(|| lock().check::<removed_variant::VisitEvent>()),
        failure(|| lock().check::<in_another_order::VisitEvent>()),
    ] {
        assert_says(&message, &["Visit:Ended v1 changed"]);
    }
}

mod versions {
    use es_core::Event;
    use serde::Deserialize;

    #[derive(Debug, Event)]
    #[event(prefix = "Visit")]
    pub(super) enum First {
        Ended { at: String },
    }

    #[derive(Debug, Event)]
    #[event(prefix = "Visit")]
    pub(super) enum Second {
        #[event(version = 2, upcast(from = 1, with = second))]
        Ended {
            hour: u8,
        },
        Begun {},
    }

    #[derive(Deserialize)]
    pub(super) struct EndedV1 {
        #[serde(rename = "at")]
        _at: String,
    }

    fn second(_: EndedV1) -> Second {
        Second::Ended { hour: 0 }
    }

    /// As `Second`, with an upcaster that reads something else.
    #[derive(Debug, Event)]
    #[event(prefix = "Visit")]
    pub(super) enum OtherUpcaster {
        #[event(version = 2, upcast(from = 1, with = other))]
        Ended {
            hour: u8,
        },
        Begun {},
    }

    fn other(_: (String,)) -> OtherUpcaster {
        OtherUpcaster::Ended { hour: 0 }
    }

    /// As `Second`, with version 1 again: the history is thrown away.
    #[derive(Debug, Event)]
    #[event(prefix = "Visit")]
    pub(super) enum StartedOver {
        Ended { hour: u8 },
        Begun {},
    }

    #[derive(Debug, Event)]
    #[event(prefix = "Visit")]
    pub(super) enum Renamed {
        #[event(alias = "Ended", version = 2, upcast(from = 1, with = renamed))]
        Closed {
            hour: u8,
        },
        Begun {},
    }

    fn renamed(_: EndedV1) -> Renamed {
        Renamed::Closed { hour: 0 }
    }

    #[derive(Debug, Event)]
    #[event(prefix = "Visit")]
    pub(super) enum RenamedWithoutAlias {
        #[event(version = 2, upcast(from = 1, with = without_alias))]
        Closed {
            hour: u8,
        },
        Begun {},
    }

    fn without_alias(_: EndedV1) -> RenamedWithoutAlias {
        RenamedWithoutAlias::Closed { hour: 0 }
    }
}

#[test]
fn new_events_and_versions_are_accepted_beside_what_is_there() {
    let file = File::of::<versions::First>();
    let message = failure(|| file.lock().check::<versions::Second>());
    assert_says(&message, &["+ Visit:Begun v1 {}", "+ Visit:Ended v2 {", "ES_ACCEPT_SCHEMA=1"]);
    file.accept::<versions::Second>();
    assert_forms(
        &file,
        "Visit:Begun v1 {}\n\nVisit:Ended v1 {\n    at: string\n}\n\nVisit:Ended v2 {\n    hour: u8\n}\n",
    );
    file.lock().check::<versions::Second>();
}

#[test]
fn what_an_upcaster_reads_is_locked() {
    let message = File::of::<versions::Second>().refusal::<versions::OtherUpcaster>();
    assert_says(&message, &["Visit:Ended v1 changed", "-     at: string", "+ (string)"]);
}

#[test]
fn a_version_or_a_name_that_is_not_read_any_more_is_refused() {
    let file = File::of::<versions::Second>();
    let message = file.refusal::<versions::StartedOver>();
    assert_says(&message, &["Visit:Ended v1 changed", "Visit:Ended v2 is not read any more"]);
    let message = file.refusal::<versions::RenamedWithoutAlias>();
    for lost in ["Visit:Ended v1 is not read", "Visit:Ended v2 is not read", "as an alias"] {
        assert_says(&message, &[lost]);
    }
}

#[test]
fn a_name_that_became_an_alias_stays_locked() {
    let file = File::of::<versions::Second>();
    file.accept::<versions::Renamed>();
    let text = file.text();
    assert_says(&text, &["Visit:Ended v1 {", "Visit:Ended v2 {", "Visit:Closed v2 {"]);
    assert_says(
        &file.refusal::<versions::RenamedWithoutAlias>(),
        &["Visit:Ended v2 is not read any more"],
    );
}

#[derive(Debug, Event)]
#[event(union)]
enum Either {
    Visit(versions::Second),
    Any(Everything),
}

#[test]
fn a_file_can_have_several_types_and_a_union_is_the_same_as_its_parts() {
    let file = File::new();
    file.lock().accepting(true).with::<versions::Second>().check::<Everything>();
    file.lock().check::<Either>();
    let message = file.refusal::<Everything>();
    assert_says(&message, &["Visit:Ended v1 is not read any more"]);
}

#[test]
fn a_damaged_file_is_not_taken_for_an_empty_one() {
    let file = File::of::<versions::First>();
    fs::write(&file.path, file.text().replace(" v1 ", " ")).unwrap();
    for accept in [false, true] {
        let message = failure(|| file.lock().accepting(accept).check::<versions::First>());
        assert_says(&message, &["has a form without name and version", "Visit:Ended"]);
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Even(#[serde(deserialize_with = "never")] u8);

fn never<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    u8::deserialize(deserializer)?;
    Err(serde::de::Error::custom("not at this time of day"))
}

#[derive(Debug, Event)]
#[event(prefix = "A")]
enum Demanding {
    Happened {
        #[serde(default)]
        a: u8,
        b: Even,
        c: String,
    },
}

#[test]
fn what_cannot_be_found_out_is_marked() {
    assert_forms(
        &File::of::<Demanding>(),
        "A:Happened v1 {\n    a?: u8\n    b: u8\n    c(?): string\n}\n",
    );
}

#[derive(Debug, Event)]
#[event(prefix = "Patient")]
enum Marked {
    Admitted {
        #[event(personal)]
        name: String,
        #[event(personal)]
        born: Option<u16>,
        ward: String,
    },
    #[event(personal)]
    NoteTaken { text: String },
}

#[test]
fn what_is_personal_is_part_of_the_file() {
    let file = File::of::<Marked>();
    file.lock().check::<Marked>();
    assert_forms(
        &file,
        "\
Patient:Admitted v1 {
    name: string
    born?: u16 or null
    ward: string
}

Patient:Admitted personal {
    born
    name
}

Patient:NoteTaken v1 {
    text: string
}

Patient:NoteTaken personal everything
",
    );
}

#[test]
fn a_mark_cannot_be_taken_away() {
    #[derive(Debug, Event)]
    #[event(prefix = "Patient")]
    enum Fewer {
        Admitted {
            #[event(personal)]
            name: String,
            born: Option<u16>,
            ward: String,
        },
        NoteTaken {
            #[event(personal)]
            text: String,
        },
    }
    let refusal = File::of::<Marked>().refusal::<Fewer>();
    assert_says(&refusal, &["Patient:Admitted is not marked as personal data any more: born."]);
    assert_says(
        &refusal,
        &["Patient:NoteTaken is not marked as personal data any more: everything."],
    );
}

#[test]
fn without_any_marks_all_of_them_were_taken_away() {
    #[derive(Debug, Event)]
    #[event(prefix = "Patient")]
    enum None {
        Admitted { name: String, born: Option<u16>, ward: String },
        NoteTaken { text: String },
    }
    let refusal = File::of::<Marked>().refusal::<None>();
    assert_says(&refusal, &["any more: born, name.", "any more: everything."]);
}

#[test]
fn a_new_mark_is_accepted_and_one_of_a_field_that_is_gone_is_not_missed() {
    #[derive(Debug, Event)]
    #[event(prefix = "Patient")]
    enum Renamed {
        #[event(version = 2, upcast(from = 1, with = rename))]
        Admitted {
            #[event(personal)]
            full_name: String,
            #[event(personal)]
            ward: String,
        },
        #[event(personal)]
        NoteTaken { text: String },
    }
    #[derive(Deserialize)]
    struct AdmittedV1 {
        name: String,
        #[expect(dead_code, reason = "its type is locked")]
        born: Option<u16>,
        ward: String,
    }
    fn rename(old: AdmittedV1) -> Renamed {
        Renamed::Admitted { full_name: old.name, ward: old.ward }
    }
    let file = File::of::<Marked>();
    let unaccepted = failure(|| file.lock().check::<Renamed>());
    assert_says(&unaccepted, &["full_name", "ES_ACCEPT_SCHEMA"]);
    file.accept::<Renamed>();
    file.lock().check::<Renamed>();
    let text = file.text();
    assert!(text.contains("Patient:Admitted personal {\n    full_name\n    ward\n}"), "{text}");
}
