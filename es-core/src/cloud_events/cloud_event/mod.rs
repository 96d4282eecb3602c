//! One event as a CloudEvent.

mod detail;
mod extension;
mod json;
mod message;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

pub use extension::Extension;
pub use json::InvalidCloudEvent;

use super::envelope::JSON;
use super::{POSTCARD, Source};
use crate::clock::Timestamp;
use crate::codec::{Payload, PayloadError};
use crate::commit::CommitId;
use crate::encoded_events::EncodedEvent;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event};
use crate::stream_id::{StreamId, check_id};
use crate::version::Version;

/// One event as it travels by itself, in a message to a queue or a topic: a JSON object in the
/// [structured mode](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md)
/// of CloudEvents 1.0. It is an event [of a commit](Self::from_commit), one that a program
/// [makes up](Self::new), or one that [came from others](Self::parse).
///
/// ```
/// use es_core::cloud_events::{CloudEvent, Source};
/// use serde_json::json;
///
/// let event = CloudEvent::new("upload-17", Source::new("/ingest")?, "ReportUploaded")?
///     .with_subject("report:17")?
///     .with_data(&json!({ "pages": 3 }))?;
/// let message = event.message()?;
/// assert_eq!(message.attributes["category"], "report");
///
/// let received = CloudEvent::parse(message.body.as_bytes())?;
/// assert_eq!(received, event);
/// assert_eq!(received.data_as::<serde_json::Value>()?["pages"], 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Its `Debug` output has no data and no values of extensions.
#[derive(Clone, PartialEq)]
pub struct CloudEvent {
    id: String,
    source: String,
    name: String,
    subject: Option<String>,
    time: Option<Timestamp>,
    content_type: Option<String>,
    data_schema: Option<String>,
    extensions: BTreeMap<String, Extension>,
    data: Option<Data>,
}

/// The data of an event, as they are written. `Debug` says how many bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventData<'a> {
    /// A JSON value. Of a content type that is text but not JSON, it is a string.
    Json(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

#[derive(Clone)]
enum Data {
    Json(Box<RawValue>),
    Binary(Bytes),
}

impl CloudEvent {
    /// The longest id and the longest type of an event that is made up here, in bytes.
    pub const MAX_NAME_LEN: usize = 256;

    /// An event without data, for programs that publish without a log. Together with the source the id
    /// names the event: whoever sends it again must give it the same one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when id or type is empty, longer than 256 bytes, has control characters or
    /// noncharacters, or white space at an end.
    pub fn new(id: &str, source: Source, event_type: &str) -> Result<Self> {
        check_id("event id", id, Self::MAX_NAME_LEN)?;
        check_id("event type", event_type, Self::MAX_NAME_LEN)?;
        Ok(Self {
            id: id.to_owned(),
            source: source.as_str().to_owned(),
            name: event_type.to_owned(),
            subject: None,
            time: None,
            content_type: None,
            data_schema: None,
            extensions: BTreeMap::new(),
            data: None,
        })
    }

    /// Says what the event is about. A [stream](StreamId) in its written form gives it a
    /// [category](Self::category), and its messages to FIFO destinations their group.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`], as for the id.
    pub fn with_subject(mut self, subject: &str) -> Result<Self> {
        check_id("subject", subject, Self::MAX_NAME_LEN)?;
        self.subject = Some(subject.to_owned());
        Ok(self)
    }

    /// Says when it happened.
    #[must_use]
    pub fn with_time(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Gives it data, as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] when JSON cannot have them.
    pub fn with_data<T: Serialize + ?Sized>(mut self, data: &T) -> Result<Self> {
        let json = to_raw_value(data).map_err(|source| self.cannot_be_encoded(source))?;
        self.content_type = Some(JSON.to_owned());
        self.data = Some(Data::Json(json));
        Ok(self)
    }

    /// Takes the data away, with what was said about their form.
    #[must_use]
    pub fn without_data(mut self) -> Self {
        (self.data, self.content_type, self.data_schema) = (None, None, None);
        self
    }

    /// The event under another name and schema version, with these data or with none.
    pub(crate) fn rewritten(
        self,
        event_type: &str,
        schema_version: u32,
        data: Option<Box<RawValue>>,
    ) -> Self {
        let mut event = self.without_data();
        event_type.clone_into(&mut event.name);
        let schema_version = Extension::Integer(schema_version.into());
        event.extensions.insert(SCHEMA_VERSION.to_owned(), schema_version);
        event.content_type = data.is_some().then(|| JSON.to_owned());
        event.data = data.map(Data::Json);
        event
    }

    /// Names the business transaction that it belongs to; an empty name is none.
    #[must_use]
    pub fn with_correlation_id(self, id: &str) -> Self {
        self.with_text(CORRELATION_ID, id)
    }

    /// Names its direct cause; an empty name is none.
    #[must_use]
    pub fn with_causation_id(self, id: &str) -> Self {
        self.with_text(CAUSATION_ID, id)
    }

    /// Hands on the [W3C trace context](https://www.w3.org/TR/trace-context/) of its cause; an empty one
    /// is none.
    #[must_use]
    pub fn with_traceparent(self, traceparent: &str) -> Self {
        self.with_text(TRACEPARENT, traceparent)
    }

    fn with_text(mut self, name: &str, text: &str) -> Self {
        match text.is_empty() {
            true => self.extensions.remove(name),
            false => self.extensions.insert(name.to_owned(), text.into()),
        };
        self
    }

    /// Adds an extension attribute, in the place of one of the same name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the name is not 1–20 lower-case ASCII letters and digits, or that of an
    /// attribute of the specification.
    pub fn with_extension(mut self, name: &str, value: impl Into<Extension>) -> Result<Self> {
        extension::check_name(name)?;
        self.extensions.insert(name.to_owned(), value.into());
        Ok(self)
    }

    /// Takes an extension attribute away.
    #[must_use]
    pub fn without_extension(mut self, name: &str) -> Self {
        self.extensions.remove(name);
        self
    }

    /// Its name: unique within the [source](Self::source), and the same for every delivery.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Who published it: a URI reference. That of a foreign event is as it came.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The `type`: of an event of a log the stored name, as `Dispense:Started`.
    pub fn event_type(&self) -> &str {
        &self.name
    }

    /// What it is about: of an event of a log the stream, as `dispense:d-1`.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// When it happened.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The `datacontenttype`. An event that has data and no content type has JSON.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The `dataschema`, a URI.
    pub fn data_schema(&self) -> Option<&str> {
        self.data_schema.as_deref()
    }

    /// The data, as they are written.
    pub fn data(&self) -> Option<EventData<'_>> {
        self.data.as_ref().map(Data::as_written)
    }

    /// All other attributes, by name.
    pub fn extensions(&self) -> &BTreeMap<String, Extension> {
        &self.extensions
    }

    /// The business transaction that it belongs to.
    pub fn correlation_id(&self) -> Option<&str> {
        self.text(CORRELATION_ID)
    }

    /// Its direct cause.
    pub fn causation_id(&self) -> Option<&str> {
        self.text(CAUSATION_ID)
    }

    /// The trace context of its cause.
    pub fn traceparent(&self) -> Option<&str> {
        self.text(TRACEPARENT)
    }

    fn text(&self, extension: &str) -> Option<&str> {
        match self.extensions.get(extension)? {
            Extension::String(text) => Some(text),
            _ => None,
        }
    }

    /// The stream, when the subject is the written form of one.
    pub fn stream(&self) -> Option<StreamId> {
        self.subject.as_deref()?.parse().ok()
    }

    /// The category, when the subject is the written form of a stream.
    pub fn category(&self) -> Option<&str> {
        let len = self.stream()?.category().len();
        self.subject.as_deref()?.get(..len)
    }

    /// The commit, of an event of a log.
    pub fn commit_id(&self) -> Option<CommitId> {
        self.text(COMMIT_ID)?.parse().ok()
    }

    /// The position in the stream, of an event of a log.
    pub fn stream_version(&self) -> Option<Version> {
        Some(Version::new(self.integer(STREAM_VERSION)?))
    }

    /// The stored schema version, of an event of a log.
    pub fn schema_version(&self) -> Option<u32> {
        self.integer(SCHEMA_VERSION)
    }

    fn integer<T: TryFrom<i64>>(&self, extension: &str) -> Option<T> {
        match self.extensions.get(extension)? {
            Extension::Integer(integer) => T::try_from(*integer).ok(),
            _ => None,
        }
    }

    /// Reads the data as a `T`: JSON, or bytes that are [`POSTCARD`].
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when there are none, or they are not a `T`. It does not say what they are.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        self.payload()?.decode()
    }

    /// Reads an event of a log as the type that wrote it, older schema versions through their upcasters.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]: the type has no such event, or the data are not what it promises. A foreign
    /// event has no schema version, and one that was announced as a notice has no data: both are
    /// [`DecodeError::Payload`].
    pub fn event<E: Event>(&self) -> Result<E, DecodeError> {
        let schema_version = self
            .schema_version()
            .ok_or_else(|| PayloadError::new("the event has no schemaversion"))?;
        let payload = self.payload()?;
        E::decode(EncodedEvent { name: &self.name, schema_version, payload })
    }

    fn payload(&self) -> Result<Payload<'_>, PayloadError> {
        let content_type = self.content_type();
        match &self.data {
            None => Err(PayloadError::new("the event has no data")),
            Some(Data::Json(json)) => Ok(Payload::Json(json.get())),
            Some(Data::Binary(bytes)) if content_type == Some(POSTCARD) => {
                Ok(Payload::Postcard(bytes))
            }
            Some(Data::Binary(bytes)) if content_type.is_none_or(is_json) => {
                let text = std::str::from_utf8(bytes);
                text.map(Payload::Json).map_err(|_| PayloadError::new("the data are not text"))
            }
            Some(Data::Binary(_)) => {
                Err(PayloadError::new("the data are bytes of another content type"))
            }
        }
    }

    fn cannot_be_encoded(&self, source: serde_json::Error) -> Error {
        let Self { id, name, .. } = self;
        Error::Encode { what: format!("event {id} of type {name}"), source: source.into() }
    }
}

/// The names of the extensions that events of a log have: those of a [`CommitEnvelope`].
///
/// [`CommitEnvelope`]: super::envelope::CommitEnvelope
const CORRELATION_ID: &str = "correlationid";
const CAUSATION_ID: &str = "causationid";
const TRACEPARENT: &str = "traceparent";
const COMMIT_ID: &str = "commitid";
const STREAM_VERSION: &str = "streamversion";
const SCHEMA_VERSION: &str = "schemaversion";

/// Whether a media type is JSON: `application/json`, `text/json`, `application/…+json`, with parameters
/// or without.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

impl Data {
    fn as_written(&self) -> EventData<'_> {
        match self {
            Self::Json(json) => EventData::Json(json.get()),
            Self::Binary(bytes) => EventData::Binary(bytes),
        }
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.as_written() == other.as_written()
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_written().fmt(f)
    }
}

impl fmt::Debug for EventData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, len) = match self {
            Self::Json(text) => ("Json", text.len()),
            Self::Binary(bytes) => ("Binary", bytes.len()),
        };
        write!(f, "{form}({len} bytes)")
    }
}

impl fmt::Debug for CloudEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudEvent")
            .field("id", &self.id)
            .field("source", &self.source)
            .field("type", &self.name)
            .field("subject", &self.subject)
            .field("time", &self.time)
            .field("content_type", &self.content_type)
            .field("data_schema", &self.data_schema)
            .field("extensions", &self.extensions.keys())
            .field("data", &self.data)
            .finish()
    }
}
