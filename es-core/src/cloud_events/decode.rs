//! From JSON to a commit.

use std::borrow::Cow;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::encode::{WireEvent, join};
use super::envelope::{CommitEnvelope, JSON, SPECVERSION, checksum};
use super::{Announcement, CommitReference, LOG, POSTCARD, REFERENCE};
use crate::clock::Timestamp;
use crate::codec::{Codec, json_error};
use crate::commit::{Commit, CommitId, NewCommit};
use crate::metadata::EncodedMetadata;
use crate::stream_id::StreamId;
use crate::version::Version;

/// What is wrong with something that should be a commit. It never says what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptCloudEvents {
    /// It is not a JSON array of CloudEvents with the attributes of a commit.
    #[error("it is not a commit as CloudEvents: {0}")]
    Format(String),
    /// An event says something else than it has to.
    #[error("event {index} of the commit: {reason}")]
    Event {
        /// Its place in the array, counted from 0.
        index: usize,
        /// What does not fit.
        reason: String,
    },
    /// The array is empty.
    #[error("it has no event")]
    Empty,
    /// The checksum is another one: an event is missing, or something was changed.
    #[error("its checksum does not fit")]
    Checksum,
}

/// Reads what [`encode`](super::encode()) and [`encode_reference`](super::encode_reference) write.
///
/// # Errors
///
/// [`CorruptCloudEvents`], also for CloudEvents of others, which are no commits.
pub fn decode(json: &[u8]) -> Result<Announcement, CorruptCloudEvents> {
    let text = std::str::from_utf8(json)
        .map_err(|_| CorruptCloudEvents::Format("it is not UTF-8 text".to_owned()))?;
    let envelopes: Vec<CommitEnvelope<'_>> = serde_json::from_str(text)
        .map_err(|error| CorruptCloudEvents::Format(json_error(&error)))?;
    let first = envelopes.first().ok_or(CorruptCloudEvents::Empty)?;
    let stamp = Stamp::of(first).map_err(in_event(0))?;
    if first.name == REFERENCE && first.extensions.dataref.as_deref() == Some(LOG) {
        return match envelopes.len() {
            1 => Ok(Announcement::Reference(stamp.into_reference())),
            _ => Err(in_event(1)("a reference stands alone")),
        };
    }
    commit(&envelopes, first, stamp).map(Announcement::Commit)
}

/// What all events of a commit say.
struct Stamp {
    stream: StreamId,
    first_version: Version,
    id: CommitId,
    recorded_at: Timestamp,
}

impl Stamp {
    fn of(first: &CommitEnvelope<'_>) -> Result<Self, &'static str> {
        if first.specversion != SPECVERSION {
            return Err("it is of another version of CloudEvents");
        }
        Ok(Self {
            stream: text(&first.subject, "its subject is not a stream")?,
            first_version: Version::new(first.extensions.streamversion),
            id: first.extensions.commitid.parse().map_err(|_| "its commitid is not one")?,
            recorded_at: text(&first.time, "its time cannot be read")?,
        })
    }

    fn into_reference(self) -> CommitReference {
        let Self { stream, first_version, id, .. } = self;
        CommitReference { stream, first_version, id }
    }
}

fn text<T: FromStr>(
    attribute: &Option<Cow<'_, str>>,
    otherwise: &'static str,
) -> Result<T, &'static str> {
    attribute.as_deref().and_then(|text| text.parse().ok()).ok_or(otherwise)
}

fn commit(
    envelopes: &[CommitEnvelope<'_>],
    first: &CommitEnvelope<'_>,
    stamp: Stamp,
) -> Result<Commit, CorruptCloudEvents> {
    let codec = codec_of(first).map_err(in_event(0))?;
    let mut payloads = Vec::with_capacity(envelopes.len());
    for (index, envelope) in envelopes.iter().enumerate() {
        check_place(envelope, first, index).map_err(in_event(index))?;
        payloads.push(payload(envelope, codec).map_err(in_event(index))?);
    }
    let events: Vec<WireEvent<'_>> = envelopes
        .iter()
        .zip(&payloads)
        .map(|(envelope, payload)| WireEvent {
            name: &envelope.name,
            schema_version: envelope.extensions.schemaversion.unwrap_or_default(),
            payload,
        })
        .collect();
    let events = join(codec, &events).map_err(CorruptCloudEvents::Format)?;
    if events.len() != envelopes.len() {
        return Err(CorruptCloudEvents::Format("a type has a line feed".to_owned()));
    }
    let metadata = first.extensions.commitmetadata.as_deref().unwrap_or_default();
    let metadata = EncodedMetadata::from_stored(metadata.into());
    let new = NewCommit::new(stamp.id, stamp.recorded_at, metadata, events);
    let commit = new.place(stamp.stream, stamp.first_version);
    match first.extensions.commitchecksum.as_deref() == Some(&checksum(commit.checksum())) {
        true => Ok(commit),
        false => Err(CorruptCloudEvents::Checksum),
    }
}

/// That an event is the one that comes at this place of the commit. What it says about the commit is
/// that of the first one.
fn check_place(
    envelope: &CommitEnvelope<'_>,
    first: &CommitEnvelope<'_>,
    index: usize,
) -> Result<(), &'static str> {
    let version = first.extensions.streamversion.checked_add(index as u64);
    if Some(envelope.extensions.streamversion) != version {
        return Err("its streamversion does not follow");
    }
    let same = envelope.subject == first.subject
        && envelope.extensions.commitid == first.extensions.commitid
        && envelope.time == first.time
        && envelope.datacontenttype == first.datacontenttype;
    if same { Ok(()) } else { Err("it is of another commit") }
}

fn codec_of(envelope: &CommitEnvelope<'_>) -> Result<Codec, &'static str> {
    match envelope.datacontenttype.as_deref() {
        Some(JSON) => Ok(Codec::Json),
        Some(POSTCARD) => Ok(Codec::Postcard),
        _ => Err("its datacontenttype is not that of a payload"),
    }
}

fn payload<'a>(
    envelope: &'a CommitEnvelope<'_>,
    codec: Codec,
) -> Result<Cow<'a, [u8]>, &'static str> {
    if envelope.extensions.schemaversion.is_none() {
        return Err("it has no schemaversion");
    }
    match (codec, envelope.data, envelope.data_base64.as_deref()) {
        (Codec::Json, Some(json), None) => Ok(json.get().as_bytes().into()),
        (Codec::Postcard, None, Some(base64)) => {
            BASE64.decode(base64).map(Cow::Owned).map_err(|_| "its data_base64 cannot be read")
        }
        _ => Err("it has not the data of its content type"),
    }
}

fn in_event(index: usize) -> impl Fn(&str) -> CorruptCloudEvents {
    move |reason| CorruptCloudEvents::Event { index, reason: reason.to_owned() }
}
