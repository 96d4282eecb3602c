use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::codec::{Codec, Payload};
use crate::encoded_events::EncodedEvent;
use crate::event::Event;

use super::accepting::{self, VARIABLE};
use super::differences::{chain, difference, indented};
use super::shape::shape_of;

/// A directory, checked in, with a stored payload of every event and schema version that there ever
/// was, each beside the event that it is read as; and the test that they are still read so.
///
/// A [`SchemaLock`](super::SchemaLock) knows the form of what is stored, golden files have examples of
/// it: they show that upcasters give what they gave before, that the payload is still written as it
/// was, and what is in places that a lock cannot see.
///
/// ```no_run
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use es_core::testing::GoldenFiles;
///
/// # fn test() {
/// // In a test, with a sample of every event as it is written now:
/// GoldenFiles::in_directory(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/account")).check([
///     AccountEvent::Credited { amount: 5 },
///     AccountEvent::Debited { amount: 3 },
/// ]);
/// # }
/// ```
///
/// The directory belongs to one event type. A file in it is JSON, with any name that ends with
/// `.json`:
///
/// ```json
/// {
///   "name": "Patient:Added",
///   "version": 1,
///   "payload": {
///     "name": "Ada Lovelace"
///   },
///   "reads_as": {
///     "name": "Patient:Added",
///     "version": 2,
///     "payload": {
///       "first": "Ada",
///       "last": "Lovelace"
///     }
///   }
/// }
/// ```
///
/// # What is written when
///
/// With `ES_ACCEPT_SCHEMA=1` in the environment the test writes what is new, to be looked at and
/// checked in:
///
/// - a file for every sample whose event and version have none yet;
/// - what a file is read as, where the event has got a new version since; while the file does not
///   say it, it is read as what was written;
/// - where fields were added and nothing else changed: what a file is read as, and a further file for
///   the sample.
///
/// A payload in a file is never rewritten, and neither is what it is read as in any other way than
/// these. The files of older versions cannot be made by a program that does not write them any more:
/// they are made while the version is current. If that was missed, write one by hand, with `name`,
/// `version` and `payload` as the log has it, and let the test add the rest.
///
/// Samples and files are JSON, whatever codec events are stored with.
#[must_use]
#[derive(Debug)]
pub struct GoldenFiles {
    directory: PathBuf,
    accept: bool,
}

/// The content of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    name: String,
    version: u32,
    payload: Box<RawValue>,
    /// `None`: as what was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reads_as: Option<Written>,
}

/// An event as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    version: u32,
    payload: Box<RawValue>,
}

/// A file that is there.
struct File {
    path: PathBuf,
    golden: Golden,
}

/// What the test found.
#[derive(Default)]
struct Findings {
    /// What must not be.
    faults: Vec<String>,
    /// What is new, and the files to be written for it.
    new: Vec<New>,
}

struct New {
    message: String,
    path: PathBuf,
    golden: Golden,
}

impl GoldenFiles {
    /// The files in `directory`. Tests run in the directory of their package, or of the workspace:
    /// begin it with `env!("CARGO_MANIFEST_DIR")`.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), accept: accepting::accepting() }
    }

    /// Accepts what is new, or does not, whatever the environment says.
    pub fn accepting(mut self, accept: bool) -> Self {
        self.accept = accept;
        self
    }

    /// Reads every file as an `E`, and compares `samples` to those of the current versions. There must
    /// be a sample of every event; there may be several.
    ///
    /// # Panics
    ///
    /// When a file is read as something else than it says, or not at all; when a sample is not
    /// written as its file says; when an event has no sample, or a version no file; when something is
    /// new and is not accepted.
    #[track_caller]
    pub fn check<E: Event>(self, samples: impl IntoIterator<Item = E>) {
        let files = self.files();
        let samples: Vec<Written> =
            samples.into_iter().map(|sample| Written::of(&sample)).collect();
        let mut findings = Findings::default();
        for file in &files {
            findings.read::<E>(file);
        }
        for sample in &samples {
            findings.read_back::<E>(sample);
        }
        self.compare_samples(&samples, &files, &mut findings);
        missing::<E>(&samples, &files, &self.directory, &mut findings);
        self.conclude(findings);
    }

    /// Fails, writes what is new, or does nothing.
    #[track_caller]
    fn conclude(&self, findings: Findings) {
        let Findings { faults, new } = findings;
        assert!(
            faults.is_empty(),
            "stored events are not what the golden files in {} say:\n\n{}\n\n\
             What is stored stays as it is. Undo the change, or give the new form a version of its \
             own and read the old one through an upcaster. If an event like this was never stored, \
             or a sample was changed on purpose, remove its file and accept it anew with {VARIABLE}=1.",
            self.directory.display(),
            faults.join("\n\n")
        );
        if self.accept {
            new.iter().for_each(New::write);
            return;
        }
        let messages: Vec<&str> = new.iter().map(|new| new.message.as_str()).collect();
        assert!(
            messages.is_empty(),
            "the golden files in {} lack something:\n\n{}\n\n\
             Run the test with {VARIABLE}=1 to write it, and check it in.",
            self.directory.display(),
            messages.join("\n")
        );
    }

    /// All files, by name.
    #[track_caller]
    fn files(&self) -> Vec<File> {
        let paths = match fs::read_dir(&self.directory) {
            Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let mut paths: Vec<PathBuf> = match paths {
            Ok(paths) => paths,
            Err(error) => panic!("{} cannot be read: {error}", self.directory.display()),
        };
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths.into_iter().map(File::read).collect()
    }

    /// Every sample must be what a file of its event and version says.
    fn compare_samples(&self, samples: &[Written], files: &[File], findings: &mut Findings) {
        let mut left_over = left_over(samples, files);
        let mut paths: BTreeSet<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
        let has_none = |sample: &&Written| !files.iter().any(|file| sample.is_in(file));
        for sample in samples.iter().filter(has_none) {
            // A file that no sample is like was probably written for this one.
            let written_for = left_over.iter().position(|file| sample.is_of(file));
            if let Some(file) = written_for.map(|index| left_over.swap_remove(index))
                && !only_adds_fields(file.golden.payload.get(), sample.payload.get())
            {
                findings.faults.push(sample.not_as(file));
                continue;
            }
            let path = self.free_path(sample, &paths);
            paths.insert(path.clone());
            findings.new.push(New::sample(sample, path));
        }
    }

    /// A name that no file has.
    fn free_path(&self, sample: &Written, taken: &BTreeSet<PathBuf>) -> PathBuf {
        let name: String = sample
            .name
            .chars()
            .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '.' })
            .collect();
        let stem = format!("{name}.v{}", sample.version);
        let path = |suffix: &str| self.directory.join(format!("{stem}{suffix}.json"));
        let mut candidates =
            std::iter::once(path("")).chain((2_u32..).map(|n| path(&format!("-{n}"))));
        candidates.find(|path| !taken.contains(path)).unwrap_or_else(|| path(""))
    }
}

/// The files that no sample is like, without those that have less of one: they are of a time before
/// fields were added.
fn left_over<'a>(samples: &[Written], files: &'a [File]) -> Vec<&'a File> {
    let is_covered = |file: &File| {
        samples.iter().filter(|sample| sample.is_of(file)).any(|sample| {
            let is_kept = files.iter().any(|file| sample.is_in(file));
            is_kept && only_adds_fields(file.golden.payload.get(), sample.payload.get())
        })
    };
    files.iter().filter(|file| !is_covered(file)).collect()
}

/// Events without a sample, and versions without a file.
fn missing<E: Event>(
    samples: &[Written],
    files: &[File],
    directory: &Path,
    findings: &mut Findings,
) {
    for schema in E::SCHEMAS {
        if !samples.iter().any(|sample| sample.name == schema.name) {
            findings
                .faults
                .push(format!("there is no sample of {}: give one to the test", schema.name));
        }
        let read = |version: &u32| shape_of::<E>(schema.name, *version).is_ok();
        for version in (1..schema.version).filter(read) {
            let has_file = |file: &File| {
                (file.golden.name.as_str(), file.golden.version) == (schema.name, version)
            };
            if !files.iter().any(has_file) {
                findings.faults.push(by_hand::<E>(schema.name, version, directory));
            }
        }
    }
}

/// How to make a file that no program can make any more.
fn by_hand<E: Event>(name: &str, version: u32, directory: &Path) -> String {
    let form = shape_of::<E>(name, version).map(|shape| shape.to_string()).unwrap_or_default();
    format!(
        "there is no file for {name} v{version}, which is still read. Write one into {} by hand, \
         with a payload from the log:\n\n\
         {{\n  \"name\": {name:?},\n  \"version\": {version},\n  \"payload\": …\n}}\n\n\
         The payload has the form\n\n{form}",
        directory.display()
    )
}

impl File {
    #[track_caller]
    fn read(path: PathBuf) -> Self {
        let text = accepting::read(&path).unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(golden) => Self { path, golden },
            Err(error) => panic!("{} is not a golden file: {error}", path.display()),
        }
    }

    fn shown(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

impl Findings {
    /// Reads a file's payload and compares the event to the one beside it.
    fn read<E: Event>(&mut self, file: &File) {
        let written = file.golden.written();
        let event = match read::<E>(&written) {
            Ok(event) => event,
            Err(error) => {
                self.faults.push(format!("{} cannot be read any more: {error}", file.shown()));
                return;
            }
        };
        let expected = file.golden.reads_as.as_ref().unwrap_or(&written);
        if expected.text() == event.text() {
            return;
        }
        let difference = difference(&expected.text(), &event.text());
        if !event.may_replace(expected) {
            self.faults.push(format!("{} is read as something else\n{difference}", file.shown()));
            return;
        }
        let message = format!("{} does not say what it is read as now\n{difference}", file.shown());
        let golden = Golden { reads_as: Some(event), ..Golden::of(written) };
        self.new.push(New { message, path: file.path.clone(), golden });
    }

    /// A sample must be read as it was written.
    fn read_back<E: Event>(&mut self, sample: &Written) {
        let Written { name, version, .. } = sample;
        match read::<E>(sample) {
            Ok(event) if event.text() == sample.text() => {}
            Ok(event) => self.faults.push(format!(
                "a sample of {name} v{version} is read as something else than was written\n{}",
                difference(&sample.text(), &event.text())
            )),
            Err(error) => self
                .faults
                .push(format!("a sample of {name} v{version} cannot be read back: {error}")),
        }
    }
}

/// What a stored event is read as, or why it cannot be read.
fn read<E: Event>(stored: &Written) -> Result<Written, String> {
    let Written { name, version: schema_version, payload } = stored;
    let (schema_version, payload) = (*schema_version, Payload::Json(payload.get()));
    match E::decode(EncodedEvent { name, schema_version, payload }) {
        Ok(event) => Ok(Written::of(&event)),
        Err(error) => Err(chain(&error)),
    }
}

impl Golden {
    /// An event that is read as what was written.
    fn of(Written { name, version, payload }: Written) -> Self {
        Self { name, version, payload, reads_as: None }
    }

    fn written(&self) -> Written {
        let Self { name, version, payload, .. } = self;
        Written { name: name.clone(), version: *version, payload: payload.clone() }
    }
}

impl Written {
    #[track_caller]
    fn of<E: Event>(event: &E) -> Self {
        let mut payload = Vec::new();
        if let Err(error) = event.encode(Codec::Json, &mut payload) {
            panic!("{} cannot be encoded: {}", event.name(), chain(&error));
        }
        let payload = String::from_utf8_lossy(&payload).into_owned();
        match RawValue::from_string(payload) {
            Ok(payload) => {
                Self { name: event.name().to_owned(), version: event.schema_version(), payload }
            }
            Err(error) => panic!("{} is not written as JSON: {error}", event.name()),
        }
    }

    fn text(&self) -> String {
        format!("{} v{} {}", self.name, self.version, lines(self.payload.get()))
    }

    /// Whether it is an event of the file's name and version.
    fn is_of(&self, file: &File) -> bool {
        (&self.name, self.version) == (&file.golden.name, file.golden.version)
    }

    fn is_in(&self, file: &File) -> bool {
        self.is_of(file) && lines(self.payload.get()) == lines(file.golden.payload.get())
    }

    fn not_as(&self, file: &File) -> String {
        let (now, before) = (self.payload.get(), file.golden.payload.get());
        format!(
            "a sample of {} v{} is not written as {} says\n{}",
            self.name,
            self.version,
            file.shown(),
            difference(&lines(before), &lines(now))
        )
    }

    /// Whether a stored event may be read as this where it was read as `before`.
    fn may_replace(&self, before: &Self) -> bool {
        let newer = (&self.name, self.version) != (&before.name, before.version);
        newer || only_adds_fields(before.payload.get(), self.payload.get())
    }
}

impl New {
    fn sample(sample: &Written, path: PathBuf) -> Self {
        let message =
            format!("there is no file for a sample of {} v{}", sample.name, sample.version);
        Self { message, path, golden: Golden::of(sample.clone()) }
    }

    #[track_caller]
    fn write(&self) {
        match serde_json::to_string(&self.golden) {
            Ok(json) => accepting::write(&self.path, &(indented(&json) + "\n")),
            Err(error) => panic!("{} cannot be written: {error}", self.path.display()),
        }
    }
}

/// A payload as it is compared: laid out over lines, which leaves its values as they are.
fn lines(payload: &str) -> String {
    indented(payload) + "\n"
}

/// Whether the second JSON text has everything that the first has, and more fields.
fn only_adds_fields(before: &str, now: &str) -> bool {
    let value = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    match (value(before), value(now)) {
        (Some(before), Some(now)) => contains(&now, &before),
        _ => false,
    }
}

fn contains(now: &serde_json::Value, before: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (now, before) {
        (Object(now), Object(before)) => {
            before.iter().all(|(key, before)| now.get(key).is_some_and(|now| contains(now, before)))
        }
        (Array(now), Array(before)) => {
            now.len() == before.len()
                && now.iter().zip(before).all(|(now, before)| contains(now, before))
        }
        (now, before) => now == before,
    }
}
