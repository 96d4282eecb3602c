//! Stored payloads, kept to be read for ever.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use es_core::Event;
use es_core::testing::GoldenFiles;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{assert_says, failure};

/// A directory of its own.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// A directory with files of these samples.
    fn of<E: Event>(samples: impl IntoIterator<Item = E>) -> Self {
        let directory = Self::new();
        directory.files().accepting(true).check(samples);
        directory
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn files(&self) -> GoldenFiles {
        GoldenFiles::in_directory(self.path()).accepting(false)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path().join(name), content).unwrap();
    }

    /// The files' texts under their names.
    fn content(&self) -> BTreeMap<String, String> {
        let entries = fs::read_dir(self.path()).unwrap().map(Result::unwrap);
        let files = entries.map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        });
        files.collect()
    }

    /// What is said about a program with these samples, also when it is asked to accept them.
    #[track_caller]
    fn refusal<E: Event + Clone>(&self, samples: &[E]) -> String {
        let before = self.content();
        let refusal = failure(|| self.files().check(samples.to_vec()));
        assert_eq!(failure(|| self.files().accepting(true).check(samples.to_vec())), refusal);
        assert_eq!(self.content(), before, "a file was written");
        refusal
    }

    /// Passes once it is accepted, and not before.
    #[track_caller]
    fn accepts<E: Event + Clone>(&self, samples: &[E], says: &[&str]) {
        let refusal = failure(|| self.files().check(samples.to_vec()));
        assert_says(&refusal, says);
        assert_says(&refusal, &["ES_ACCEPT_SCHEMA=1"]);
        self.files().accepting(true).check(samples.to_vec());
        self.files().check(samples.to_vec());
    }
}

#[derive(Debug, Clone, Event)]
#[event(prefix = "Patient")]
enum First {
    Added { name: String },
    Left,
}

fn first() -> [First; 2] {
    [First::Added { name: "Ada Lovelace".into() }, First::Left]
}

#[derive(Debug, Clone, Event)]
#[event(prefix = "Patient")]
enum Second {
    #[event(version = 2, upcast(from = 1, with = split))]
    Added {
        first: String,
        last: String,
    },
    Left,
}

#[derive(Deserialize)]
struct AddedV1 {
    name: String,
}

fn split(old: AddedV1) -> Second {
    let (first, last) = old.name.split_once(' ').unwrap_or(("", &old.name));
    Second::Added { first: first.into(), last: last.into() }
}

fn second() -> [Second; 2] {
    [Second::Added { first: "Ada".into(), last: "Lovelace".into() }, Second::Left]
}

const ADDED_V1: &str = r#"{
  "name": "Patient:Added",
  "version": 1,
  "payload": {
    "name": "Ada Lovelace"
  }
}
"#;

#[test]
fn samples_become_files_once_they_are_accepted() {
    let directory = Directory::new();
    directory.accepts(&first(), &["no file for a sample of Patient:Added v1", "Patient:Left v1"]);
    let content = directory.content();
    let names: Vec<_> = content.keys().map(String::as_str).collect();
    assert_eq!(names, ["Patient.Added.v1.json", "Patient.Left.v1.json"]);
    assert_eq!(content["Patient.Added.v1.json"], ADDED_V1);
    directory.files().accepting(true).check(first());
    assert_eq!(directory.content(), content, "a file was written again");
}

#[test]
fn a_new_version_reads_the_files_of_the_old_one() {
    let directory = Directory::of(first());
    directory.accepts(
        &second(),
        &[
            "no file for a sample of Patient:Added v2",
            "Patient.Added.v1.json does not say what it is read as now",
            "- Patient:Added v1 {",
            "+ Patient:Added v2 {",
            "+   \"last\": \"Lovelace\"",
        ],
    );
    let content = directory.content();
    assert_eq!(content.len(), 3);
    let old = &content["Patient.Added.v1.json"];
    assert_says(old, &["\"payload\": {\n    \"name\": \"Ada Lovelace\"", "\"last\": \"Lovelace\""]);
}

/// As `Second`, with the names the other way round.
#[derive(Debug, Clone, Event)]
#[event(prefix = "Patient")]
enum OtherUpcaster {
    #[event(version = 2, upcast(from = 1, with = confuse))]
    Added {
        first: String,
        last: String,
    },
    Left,
}

fn confuse(old: AddedV1) -> OtherUpcaster {
    let Second::Added { first, last } = split(old) else { unreachable!("it gives this one") };
    OtherUpcaster::Added { first: last, last: first }
}

#[test]
fn an_upcaster_that_gives_something_else_is_refused() {
    let directory = Directory::of(first());
    directory.files().accepting(true).check(second());
    let samples = [
        OtherUpcaster::Added { first: "Ada".into(), last: "Lovelace".into() },
        OtherUpcaster::Left,
    ];
    assert_says(
        &directory.refusal(&samples),
        &["Patient.Added.v1.json is read as something else", "-   \"first\": \"Ada\""],
    );
}

#[test]
fn a_version_that_is_not_read_any_more_is_refused() {
    let directory = Directory::of(first());
    directory.files().accepting(true).check(second());
    assert_says(
        &directory.refusal(&first()),
        &["Patient.Added.v2.json cannot be read any more", "reads schema versions up to 1"],
    );
}

#[test]
fn a_version_without_a_file_is_refused_with_what_to_write() {
    let directory = Directory::new();
    let message = directory.refusal(&second());
    assert_says(
        &message,
        &[
            "no file for Patient:Added v1, which is still read",
            "\"name\": \"Patient:Added\",\n  \"version\": 1,\n  \"payload\": …",
            "The payload has the form\n\n{\n    name: string\n}",
        ],
    );

    let by_hand = r#"{"name":"Patient:Added","version":1,"payload":{"name":"Bob Bush"}}"#;
    directory.write("from the log.json", by_hand);
    directory.accepts(&second(), &["from the log.json does not say what it is read as now"]);
    assert_says(&directory.content()["from the log.json"], &["Bob Bush", "\"last\": \"Bush\""]);
}

#[test]
fn an_event_without_a_sample_is_refused() {
    let message = Directory::new().refusal(&[First::Left]);
    assert_says(&message, &["there is no sample of Patient:Added"]);
}

#[test]
fn an_event_can_have_several_samples() {
    let bob = First::Added { name: "Bob".into() };
    let directory = Directory::of(first());
    let samples = [first().to_vec(), vec![bob]].concat();
    directory.accepts(&samples, &["no file for a sample of Patient:Added v1"]);
    assert_says(&directory.content()["Patient.Added.v1-2.json"], &["Bob"]);
    // What has a file stays read without its sample.
    directory.files().check(first());
}

/// As `First`, written with another name than it is read with.
#[derive(Debug, Clone, Event)]
#[event(prefix = "Patient")]
enum WrittenOtherwise {
    Added {
        #[serde(rename(serialize = "full_name"))]
        name: String,
    },
    Left,
}

#[test]
fn a_sample_that_is_written_otherwise_is_refused() {
    let samples = [WrittenOtherwise::Added { name: "Ada Lovelace".into() }, WrittenOtherwise::Left];
    assert_says(
        &Directory::of(first()).refusal(&samples),
        &[
            "a sample of Patient:Added v1 is not written as Patient.Added.v1.json says",
            "-   \"name\": \"Ada Lovelace\"",
            "+   \"full_name\": \"Ada Lovelace\"",
            "remove its file",
        ],
    );
}

/// What a schema lock cannot see: the inside of an enum with a tag.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Place {
    Clinic { name: String },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum PlaceNow {
    Clinic { title: String },
}

#[derive(Debug, Clone, Event)]
#[event(prefix = "Visit")]
enum Visit {
    Ended(Place),
}

#[derive(Debug, Clone, Event)]
#[event(prefix = "Visit")]
enum VisitNow {
    Ended(PlaceNow),
}

#[test]
fn a_change_that_a_lock_cannot_see_is_refused() {
    let directory = Directory::of([Visit::Ended(Place::Clinic { name: "St Mary".into() })]);
    let samples = [VisitNow::Ended(PlaceNow::Clinic { title: "St Mary".into() })];
    assert_says(
        &directory.refusal(&samples),
        &["Visit.Ended.v1.json cannot be read any more", "missing field `title`"],
    );
}

/// As `First`, with a field more.
#[derive(Debug, Clone, Event)]
#[event(prefix = "Patient")]
enum Wider {
    Added { name: String, born: Option<u16> },
    Left,
}

#[test]
fn an_added_field_is_accepted_and_the_old_payload_is_kept() {
    let directory = Directory::of(first());
    let wider = [Wider::Added { name: "Ada Lovelace".into(), born: Some(1815) }, Wider::Left];
    directory.accepts(&wider, &["Patient.Added.v1.json does not say", "+   \"born\": null"]);
    let content = directory.content();
    let old = &content["Patient.Added.v1.json"];
    assert_says(old, &["\"payload\": {\n    \"name\": \"Ada Lovelace\"\n  }", "\"born\": null"]);
    assert_says(&content["Patient.Added.v1-2.json"], &["\"born\": 1815"]);

    // The old file is not taken for the one of a further sample.
    let bob = Wider::Added { name: "Bob".into(), born: None };
    directory.accepts(&[wider.to_vec(), vec![bob]].concat(), &["Patient:Added v1"]);
    // A field that was there is not taken away again.
    assert_says(
        &directory.refusal(&first()),
        &["Patient.Added.v1-2.json is read as something else"],
    );
}

#[derive(Debug, Clone, Event)]
#[event(prefix = "A")]
enum NotReadAsWritten {
    Happened {
        #[serde(deserialize_with = "one_more")]
        times: u8,
    },
    Named {
        #[serde(rename(serialize = "written"))]
        read: u8,
    },
}

fn one_more<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    Ok(u8::deserialize(deserializer)? + 1)
}

#[test]
fn a_sample_that_is_not_read_as_it_is_written_is_refused() {
    let samples = [NotReadAsWritten::Happened { times: 1 }, NotReadAsWritten::Named { read: 1 }];
    assert_says(
        &Directory::new().refusal(&samples),
        &[
            "a sample of A:Happened v1 is read as something else than was written",
            "-   \"times\": 1\n  +   \"times\": 2",
            "a sample of A:Named v1 cannot be read back",
            "missing field `read`",
        ],
    );
}

#[test]
fn a_damaged_file_is_refused() {
    for damaged in ["", "{}", "[]", r#"{"name":"A","version":1,"payload":{},"raeds_as":{}}"#] {
        let directory = Directory::of(first());
        directory.write("damaged.json", damaged);
        assert_says(&directory.refusal(&first()), &["damaged.json is not a golden file"]);
    }
}
