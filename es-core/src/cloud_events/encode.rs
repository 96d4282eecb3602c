//! From a commit to JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use super::envelope::{CommitEnvelope, InCommit, JSON, SPECVERSION, checksum};
use super::{LOG, POSTCARD, REFERENCE, Source};
use crate::codec::{Codec, Compression, Encoding, Payload};
use crate::commit::{Commit, NewCommit};
use crate::encoded_events::{EncodedEvent, EncodedEvents, OpenEvents};
use crate::error::{Error, Result};
use crate::metadata::Metadata;

/// The commit as a batch of CloudEvents.
///
/// # Errors
///
/// [`Error::CorruptCommit`] when its payloads cannot be opened or are not JSON, and
/// [`Error::Corrupt`] when its metadata cannot be read.
pub fn encode(commit: &Commit, source: &Source) -> Result<Vec<u8>> {
    let opened = commit.events().open().map_err(|error| commit.corrupt(error.to_string()))?;
    let on_wire = as_on_wire(commit, &opened)?;
    let metadata = commit.metadata()?;
    let common = Common::of(commit, source, &metadata);
    let mut envelopes = common.envelopes(&opened)?;
    if let Some(first) = envelopes.first_mut() {
        let text = commit.encoded_metadata().as_str();
        first.extensions.commitmetadata = (!text.is_empty()).then_some(text.into());
        first.extensions.commitchecksum = Some(checksum(on_wire.checksum()).into());
    }
    written(commit, &envelopes)
}

/// The announcement of a commit that is in the log only, as a batch of one CloudEvent.
///
/// # Errors
///
/// [`Error::Corrupt`] when its metadata cannot be read.
pub fn encode_reference(commit: &Commit, source: &Source) -> Result<Vec<u8>> {
    let metadata = commit.metadata()?;
    let common = Common::of(commit, source, &metadata);
    let mut envelope = common.envelope(REFERENCE, commit.first_version().get());
    envelope.extensions.dataref = Some(LOG.into());
    written(commit, &[envelope])
}

/// What all events of a commit have.
pub(super) struct Common<'a> {
    commit: &'a Commit,
    source: &'a Source,
    metadata: &'a Metadata,
    id: String,
    time: String,
}

impl<'a> Common<'a> {
    pub(super) fn of(commit: &'a Commit, source: &'a Source, metadata: &'a Metadata) -> Self {
        let (id, time) = (commit.id().to_string(), commit.recorded_at().to_string());
        Self { commit, source, metadata, id, time }
    }

    /// All events, with their data.
    pub(super) fn envelopes<'b>(
        &'b self,
        opened: &'b OpenEvents<'_>,
    ) -> Result<Vec<CommitEnvelope<'b>>> {
        let mut version = self.commit.first_version();
        let mut envelopes = Vec::with_capacity(self.commit.events().len());
        for event in opened.iter() {
            let mut envelope = self.envelope(event.name, version.get());
            envelope.extensions.schemaversion = Some(event.schema_version);
            match event.payload {
                Payload::Json(text) => {
                    envelope.datacontenttype = Some(JSON.into());
                    envelope.data = Some(json(self.commit, text)?);
                }
                payload => {
                    envelope.datacontenttype = Some(POSTCARD.into());
                    envelope.data_base64 = Some(BASE64.encode(payload.as_bytes()).into());
                }
            }
            envelopes.push(envelope);
            version = version.next();
        }
        Ok(envelopes)
    }

    fn envelope<'b>(&'b self, name: &'b str, version: u64) -> CommitEnvelope<'b> {
        fn text(attribute: &Option<String>) -> Option<Cow<'_, str>> {
            // An attribute must not be empty.
            attribute.as_deref().filter(|text| !text.is_empty()).map(Cow::Borrowed)
        }
        CommitEnvelope {
            specversion: SPECVERSION.into(),
            id: format!("{}:{version}", self.id).into(),
            source: self.source.as_str().into(),
            name: name.into(),
            subject: Some(self.commit.stream().as_str().into()),
            time: Some(self.time.as_str().into()),
            datacontenttype: None,
            dataschema: None,
            extensions: InCommit {
                schemaversion: None,
                streamversion: version,
                commitid: self.id.as_str().into(),
                correlationid: text(&self.metadata.correlation_id),
                causationid: text(&self.metadata.causation_id),
                traceparent: text(&self.metadata.traceparent),
                commitmetadata: None,
                commitchecksum: None,
                dataref: None,
            },
            data: None,
            data_base64: None,
        }
    }
}

fn written(commit: &Commit, envelopes: &[CommitEnvelope<'_>]) -> Result<Vec<u8>> {
    serde_json::to_vec(envelopes).map_err(|source| Error::Encode {
        what: format!("the commit of {} at version {}", commit.stream(), commit.first_version()),
        source: source.into(),
    })
}

fn json<'a>(commit: &Commit, payload: &'a str) -> Result<&'a RawValue> {
    serde_json::from_str(payload).map_err(|_| commit.corrupt("a payload is not JSON"))
}

/// The commit as its reader will have it: the payloads uncompressed, without white space around them.
fn as_on_wire(commit: &Commit, opened: &OpenEvents<'_>) -> Result<Commit> {
    let codec = commit.events().encoding().codec;
    let mut events = Vec::with_capacity(commit.events().len());
    for event in opened.iter() {
        let payload = match event.payload {
            Payload::Json(text) => json(commit, text)?.get().as_bytes(),
            payload => payload.as_bytes(),
        };
        let EncodedEvent { name, schema_version, .. } = event;
        events.push(WireEvent { name, schema_version, payload });
    }
    let events =
        join(codec, &events).map_err(|reason| commit.corrupt(format!("on the wire {reason}")))?;
    let (id, metadata) = (commit.id(), commit.encoded_metadata().clone());
    let new = NewCommit::new(id, commit.recorded_at(), metadata, events);
    Ok(new.place(commit.stream().clone(), commit.first_version()))
}

/// An event as it is on the wire.
pub(super) struct WireEvent<'a> {
    pub(super) name: &'a str,
    pub(super) schema_version: u32,
    pub(super) payload: &'a [u8],
}

/// The events as a store would have them.
pub(super) fn join(codec: Codec, events: &[WireEvent<'_>]) -> Result<EncodedEvents, String> {
    let entry = |event: &WireEvent<'_>| {
        format!("{} {} {}", event.name, event.schema_version, event.payload.len())
    };
    let manifest: ByteString = events.iter().map(entry).collect::<Vec<_>>().join("\n").into();
    let payloads: Vec<&[u8]> = events.iter().map(|event| event.payload).collect();
    let separator: &[u8] = if codec == Codec::Json { b"\n" } else { b"" };
    let payloads = Bytes::from(payloads.join(separator));
    let encoding = Encoding { codec, compression: Compression::None };
    EncodedEvents::from_stored(encoding, manifest, payloads).map_err(|error| error.to_string())
}
