//! What the lines of an archive say.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::report::Report;
use crate::clock::Timestamp;
use crate::codec::{Encoding, json_error};
use crate::commit::{Commit, NewCommit};
use crate::encoded_events::EncodedEvents;
use crate::metadata::EncodedMetadata;
use crate::version::Version;

/// The most bytes of a line: far over a commit of the largest that any store takes.
pub const MAX_LINE_LEN: usize = 256 << 20;

/// What the header says that the file is.
const FORMAT: &str = "es-log";

/// The version of the format that is written, and the newest that is read.
pub(super) const FORMAT_VERSION: u32 = 1;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    #[serde(borrow)]
    Header(Header<'a>),
    Commit(Box<CommitLine<'a>>),
    End(End<'a>),
}

impl<'a> Line<'a> {
    /// Reads a line; the reason why it cannot be read never says what is in it.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, String> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8 text".to_owned())?;
        // The line of the JSON is always the first, and would be taken for that of the archive.
        serde_json::from_str(text)
            .map_err(|error| json_error(&error).replace(" at line 1 column", " at column"))
    }

    /// Appends the line to `out`, with its line feed.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.push(b'\n');
        Ok(())
    }
}

/// The first line. Fields that it does not know are left to later versions of the format.
#[derive(Serialize, Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    pub(super) version: u32,
}

impl Header<'_> {
    pub(super) fn new() -> Self {
        Self { format: FORMAT.into(), version: FORMAT_VERSION }
    }

    pub(super) fn is_of_a_log(&self) -> bool {
        self.format == FORMAT
    }
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End<'a> {
    pub(super) commits: u64,
    pub(super) events: u64,
    #[serde(borrow)]
    pub(super) digest: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sha256: Cow<'a, str>,
}

impl End<'_> {
    /// The end of an archive of these commits, whose lines have this SHA-256.
    pub(super) fn new(report: &Report, sha256: &[u8]) -> Self {
        Self {
            commits: report.commits,
            events: report.events,
            digest: report.digest.to_string().into(),
            sha256: hex::encode(sha256).into(),
        }
    }
}

/// A commit. It has either `events`, or `manifest` and `payloads`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitLine<'a> {
    #[serde(borrow)]
    stream: Cow<'a, str>,
    version: u64,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    recorded_at: Cow<'a, str>,
    #[serde(borrow)]
    encoding: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    events: Option<Vec<EventLine<'a>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payloads: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata_text: Option<Cow<'a, str>>,
    checksum: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    version: u32,
    payload: &'a RawValue,
}

impl<'a> CommitLine<'a> {
    pub(super) fn new(commit: &'a Commit) -> Self {
        let events = readable_events(commit.events());
        let (manifest, payloads) = match events {
            Some(_) => (None, None),
            None => {
                let payloads = BASE64.encode(commit.events().payloads());
                (Some(Cow::Borrowed(&**commit.events().manifest())), Some(payloads.into()))
            }
        };
        let text = commit.encoded_metadata().as_str();
        let metadata = readable_metadata(text);
        Self {
            stream: commit.stream().as_str().into(),
            version: commit.first_version().get(),
            id: commit.id().to_string().into(),
            recorded_at: commit.recorded_at().to_string().into(),
            encoding: commit.events().encoding().as_str().into(),
            events,
            manifest,
            payloads,
            metadata,
            metadata_text: (metadata.is_none() && !text.is_empty()).then_some(text.into()),
            checksum: commit.checksum(),
        }
    }

    /// The commit, if it is the one that was written.
    pub(super) fn commit(&self) -> Result<Commit, String> {
        let stream = self.stream.parse().map_err(reason)?;
        let id = self.id.parse().map_err(reason)?;
        let recorded_at: Timestamp =
            self.recorded_at.parse().map_err(|_| "its time cannot be read".to_owned())?;
        let new = NewCommit::new(id, recorded_at, self.metadata()?, self.events()?);
        let commit = new.place(stream, Version::new(self.version));
        if commit.checksum() != self.checksum {
            return Err("its checksum does not fit".to_owned());
        }
        Ok(commit)
    }

    fn metadata(&self) -> Result<EncodedMetadata, String> {
        let text = match (self.metadata, &self.metadata_text) {
            (None, None) => "",
            (Some(json), None) => json.get(),
            (None, Some(text)) => text,
            (Some(_), Some(_)) => return Err("it has metadata twice".to_owned()),
        };
        Ok(EncodedMetadata::from_stored(text.into()))
    }

    fn events(&self) -> Result<EncodedEvents, String> {
        let encoding: Encoding = self.encoding.parse().map_err(reason)?;
        let events = match (&self.events, &self.manifest, &self.payloads) {
            (Some(events), None, None) if encoding == Encoding::default() => {
                let payloads: Vec<&str> = events.iter().map(|event| event.payload.get()).collect();
                EncodedEvents::from_stored_json(manifest(events), payloads.join("\n").into())
            }
            (None, Some(manifest), Some(payloads)) => {
                let payloads = BASE64.decode(&**payloads).map_err(reason)?;
                EncodedEvents::from_stored(encoding, (&**manifest).into(), payloads.into())
            }
            _ => return Err("it has not the fields of its encoding".to_owned()),
        };
        events.map_err(reason)
    }
}

fn reason(error: impl std::error::Error) -> String {
    error.to_string()
}

/// The events one by one, if they come back from there as they were, byte for byte.
fn readable_events(events: &EncodedEvents) -> Option<Vec<EventLine<'_>>> {
    // Between two payloads is a line feed; one inside a payload makes the numbers differ.
    let payloads: Vec<&str> = events.payloads_text()?.split('\n').collect();
    if payloads.len() != events.len() {
        return None;
    }
    let lines = events.names().zip(payloads).map(|((name, version), payload)| {
        Some(EventLine { name: name.into(), version, payload: verbatim(payload)? })
    });
    let lines: Vec<_> = lines.collect::<Option<_>>()?;
    // Numbers can be written in several ways.
    (manifest(&lines) == events.manifest()).then_some(lines)
}

/// The metadata, if they come back as they were. `null` would come back as none at all.
fn readable_metadata(text: &str) -> Option<&RawValue> {
    (text.starts_with('{') && !text.contains('\n')).then(|| verbatim(text))?
}

/// The text as JSON, if it is JSON without white space around it, which would be lost.
fn verbatim(text: &str) -> Option<&RawValue> {
    serde_json::from_str::<&RawValue>(text).ok().filter(|json| json.get() == text)
}

fn manifest(events: &[EventLine<'_>]) -> ByteString {
    let entry = |event: &EventLine<'_>| {
        format!("{} {} {}", event.name, event.version, event.payload.get().len())
    };
    events.iter().map(entry).collect::<Vec<_>>().join("\n").into()
}
