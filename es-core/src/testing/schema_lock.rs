mod marks;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::iter::Peekable;
use std::path::PathBuf;
use std::str::Lines;

use crate::event::{DecodeError, Event};

use super::accepting::{self, VARIABLE};
use super::differences::difference;
use super::shape::{Shape, shape_of};

/// A file, checked in, with the form of every event that was ever stored, and the test that it does
/// not change.
///
/// What is stored stays for ever. A field that is renamed, a nested type that gets another field, or
/// a version whose upcaster is gone compiles and passes the tests that write and read in one program,
/// and fails on the events of the last years. With a lock it fails at once:
///
/// ```no_run
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use es_core::testing::SchemaLock;
///
/// # fn test() {
/// // In a test:
/// SchemaLock::at(concat!(env!("CARGO_MANIFEST_DIR"), "/events.lock")).check::<AccountEvent>();
/// # }
/// ```
///
/// The file has the name and version of every event, and what is read under them: for the account
///
/// ```text
/// Account:Credited v1 {
///     amount: u64
/// }
///
/// Account:Debited v1 {
///     amount: u64
/// }
/// ```
///
/// A new event or a new version also fails the test, until it is accepted: run the test with
/// `ES_ACCEPT_SCHEMA=1` in the environment, look at what it added to the file, and check it in. What
/// is in the file already is not rewritten. If an event of that form was never stored, take it out of
/// the file by hand and accept it anew.
///
/// # What it sees
///
/// The types that read events are asked what they take, as deep as they are nested: names after serde
/// renamed them, types of values, which fields may be missing (`name?`), the variants of enums. Nothing
/// has to be derived for that but `Deserialize`. Older versions have the form that their upcaster
/// reads. A version, an alias or a name that is not read any more is noticed, too. Names of Rust types
/// are not part of it: renaming those changes nothing that is stored. What is marked as
/// [personal data](crate::PersonalData) is part of it: a mark cannot be taken away from what is still stored.
/// What a type says about its texts
/// and numbers, as `string (a timestamp string)`, is: an update of the type's crate that changes these
/// words has to be accepted as described above.
///
/// # What it does not see
///
/// - What is inside of enums that are `untagged` or have a `tag`, of structs with a `flatten`ed part,
///   and of types that take anything: they look at the payload before they say what they take. The
///   file says `anything` there.
/// - Whether a field may be missing, behind a field whose type refuses every value that the lock can
///   think of: the file says `name(?)`.
/// - What a type demands of a value beyond its type, and what upcasters do with it.
/// - What is written, as far as it differs from what is read: `skip_serializing_if`,
///   `serialize_with`, `skip_serializing`, and renames that are for writing only.
///
/// [`GoldenFiles`](super::GoldenFiles) cover these with samples. Use both.
#[must_use]
#[derive(Debug)]
pub struct SchemaLock {
    path: PathBuf,
    accept: bool,
    json_only: bool,
    /// The forms and marks of the event types that were added.
    current: BTreeMap<Key, String>,
    /// What these types read under a name and version.
    readers: Vec<Reader>,
}

type Reader = fn(&str, u32) -> Result<Shape, DecodeError>;

/// A stored name, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: String,
    entry: Entry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    /// The form of a schema version.
    Version(u32),
    /// What of the newest version is personal data.
    Personal,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Entry::Version(version) => write!(f, "{} v{version}", self.name),
            Entry::Personal => write!(f, "{} personal", self.name),
        }
    }
}

impl SchemaLock {
    /// The lock in the file at `path`. Tests run in the directory of their package, or of the
    /// workspace: begin it with `env!("CARGO_MANIFEST_DIR")`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            accept: accepting::accepting(),
            json_only: false,
            current: BTreeMap::new(),
            readers: Vec::new(),
        }
    }

    /// These events are stored as [JSON](crate::Codec::Json) only, where what is stored stays readable
    /// when fields that may be missing, or variants of enums, are added. They can be added to a
    /// version, once they are accepted; other codecs have no such tolerance.
    ///
    /// Programs that do not know a new field pass over it, unless they deny unknown fields; those that
    /// do not know a new variant cannot read the event. While old and new programs work side by side,
    /// what they cannot read must not be written yet.
    pub fn json_only(mut self) -> Self {
        self.json_only = true;
        self
    }

    /// Accepts what is new, or does not, whatever the environment says.
    pub fn accepting(mut self, accept: bool) -> Self {
        self.accept = accept;
        self
    }

    /// One more event type in the file.
    ///
    /// # Panics
    ///
    /// When the type does not read an event that it says it writes.
    #[track_caller]
    pub fn with<E: Event>(mut self) -> Self {
        for schema in E::SCHEMAS {
            for version in 1..=schema.version {
                let key = Key { name: schema.name.to_owned(), entry: Entry::Version(version) };
                match shape_of::<E>(&key.name, version) {
                    Ok(shape) => drop(self.current.insert(key, shape.to_string())),
                    // A type that is written by hand may have begun with a later version.
                    Err(_) if version < schema.version => {}
                    Err(error) => panic!("{key} is written, but it is not read: {error}"),
                }
            }
        }
        let marks = marks::marks::<E>();
        let marks = marks.map(|(name, marks)| (Key { name, entry: Entry::Personal }, marks));
        self.current.extend(marks);
        self.readers.push(shape_of::<E>);
        self
    }

    /// Compares the forms of `E`, and of the types that were added before, to the file.
    ///
    /// # Panics
    ///
    /// When a form in the file changed or is not read any more; when there are new ones and they are
    /// not accepted; when the file cannot be read or written.
    #[track_caller]
    pub fn check<E: Event>(self) {
        let this = self.with::<E>();
        let locked = this.locked();
        let changes = this.changes(&locked);
        assert!(changes.is_empty(), "{}", this.refusal(&changes));
        let accepted = this.together(&locked);
        if accepted == locked {
            return;
        }
        assert!(this.accept, "{}", this.unaccepted(&locked, &accepted));
        accepting::write(&this.path, &written(&accepted));
    }

    #[track_caller]
    fn locked(&self) -> BTreeMap<Key, String> {
        let text = accepting::read(&self.path).unwrap_or_default();
        let sections = text.split("\n\n").map(without_comments);
        let sections = sections.filter(|section| !section.is_empty());
        let entries = sections.map(|section| match entry(&section) {
            Some(entry) => entry,
            None => panic!("{} has a form without name and version:\n{section}", self.shown()),
        });
        entries.collect()
    }

    /// What is not as it was locked, each with what to know about it.
    fn changes(&self, locked: &BTreeMap<Key, String>) -> Vec<String> {
        let changes = locked.iter().filter_map(|(key, form)| match self.read_as(key) {
            now if key.entry == Entry::Personal => self.unmarked(key, form, now),
            None => Some(format!(
                "{key} is not read any more. Keep what reads it: the upcaster from its version, or \
                 its name as an alias"
            )),
            Some(now) if now == *form || self.tolerates(form, &now) => None,
            Some(now) => Some(format!("{key} changed\n{}", difference(form, &now))),
        });
        changes.collect()
    }

    fn read_as(&self, key: &Key) -> Option<String> {
        let Entry::Version(version) = key.entry else {
            return self.current.get(key).cloned();
        };
        let mut shapes = self.readers.iter().filter_map(|read| read(&key.name, version).ok());
        shapes.next().map(|shape| shape.to_string())
    }

    /// What is stored as before, and not marked as personal any more.
    fn unmarked(&self, key: &Key, locked: &str, now: Option<String>) -> Option<String> {
        let (_, newest) = self.current.iter().rfind(|(other, _)| {
            other.name == key.name && matches!(other.entry, Entry::Version(_))
        })?;
        let taken_away = marks::taken_away(locked, &now.unwrap_or_default(), newest);
        (!taken_away.is_empty()).then(|| {
            format!(
                "{} is not marked as personal data any more: {}. Mark it with #[event(personal)], or \
                 announcers send it out",
                key.name,
                taken_away.join(", ")
            )
        })
    }

    fn tolerates(&self, locked: &str, now: &str) -> bool {
        self.json_only && only_adds(locked, now)
    }

    /// What is in the file, with what is new.
    fn together(&self, locked: &BTreeMap<Key, String>) -> BTreeMap<Key, String> {
        let kept = locked.keys().filter_map(|key| Some((key.clone(), self.read_as(key)?)));
        kept.chain(self.current.clone()).collect()
    }

    fn refusal(&self, changes: &[String]) -> String {
        format!(
            "the form of stored events is not what {} says:\n\n{}\n\
             What is stored keeps the form that it has. Undo the change, or give the new form a \
             version of its own and read the old one through an upcaster:\n\n    \
             #[event(version = 2, upcast(from = 1, with = function))]\n\n\
             If no event of that form was ever stored, take it out of the file and accept it anew \
             with {VARIABLE}=1.",
            self.shown(),
            changes.join("\n"),
        )
    }

    fn unaccepted(
        &self,
        locked: &BTreeMap<Key, String>,
        accepted: &BTreeMap<Key, String>,
    ) -> String {
        format!(
            "there are forms of events that {} does not have yet:\n{}\n\
             Run the test with {VARIABLE}=1 to add them, and check the file in.",
            self.shown(),
            difference(&sections(locked), &sections(accepted)),
        )
    }

    fn shown(&self) -> impl fmt::Display {
        self.path.display()
    }
}

/// What the file begins with.
const HEADER: &str = "\
# The form of every event that was ever stored. A test compares it to what the program reads.
# What is here does not change: a new form needs a new version, with an upcaster from the old one.
# New events and versions are added by running the tests with ES_ACCEPT_SCHEMA=1.
";

fn written(forms: &BTreeMap<Key, String>) -> String {
    format!("{HEADER}\n{}", sections(forms))
}

fn sections(forms: &BTreeMap<Key, String>) -> String {
    let mut text = String::new();
    for (key, form) in forms {
        let separator = if text.is_empty() { "" } else { "\n" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{separator}{key} {form}");
    }
    text
}

fn without_comments(section: &str) -> String {
    let lines = section.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// `Dispense:Started v1 {…}` as name, version and form; `Dispense:Started personal {…}` as name and marks.
fn entry(section: &str) -> Option<(Key, String)> {
    let (name, rest) = section.trim_start().split_once(' ')?;
    let (version, form) = rest.split_once(' ')?;
    let entry = match version {
        "personal" => Entry::Personal,
        version => Entry::Version(version.strip_prefix('v')?.parse().ok()?),
    };
    Some((Key { name: name.to_owned(), entry }, form.to_owned()))
}

/// Whether the second form reads all that the first does and has only more: fields that may be missing,
/// and variants.
fn only_adds(old: &str, new: &str) -> bool {
    // An object without fields is one line, and has two as soon as there is a field.
    let (old, new) = (old.replace("{}", "{\n}"), new.replace("{}", "{\n}"));
    extends(&parts(&mut old.lines().peekable()), &parts(&mut new.lines().peekable()), false)
}

/// A line of a form, with what is in the braces that it opens.
struct Part<'a> {
    line: &'a str,
    inside: Vec<Part<'a>>,
    end: &'a str,
}

/// The parts up to the end of the braces.
fn parts<'a>(lines: &mut Peekable<Lines<'a>>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    while let Some(line) = lines.next_if(|line| !line.trim_start().starts_with('}')) {
        let mut part = Part { line: line.trim(), inside: Vec::new(), end: line };
        // Braces can be closed and opened again in one line.
        while part.end.ends_with('{') {
            part.inside.extend(self::parts(lines));
            part.end = lines.next().unwrap_or_default();
        }
        part.end = part.end.trim();
        parts.push(part);
    }
    parts
}

fn extends(old: &[Part<'_>], new: &[Part<'_>], choice: bool) -> bool {
    let mut old = old.iter().peekable();
    for part in new {
        match old.next_if(|old| (old.line, old.end) == (part.line, part.end)) {
            Some(old) => {
                if !extends(&old.inside, &part.inside, part.line.ends_with("one of {")) {
                    return false;
                }
            }
            None if choice || is_optional_field(part.line) => {}
            None => return false,
        }
    }
    old.next().is_none()
}

fn is_optional_field(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(name, _)| name.ends_with('?'))
}
