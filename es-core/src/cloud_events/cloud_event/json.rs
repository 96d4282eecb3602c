//! One event to JSON and back.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::value::RawValue;

use super::extension::Extensions;
use super::{CloudEvent, Data};
use crate::cloud_events::Source;
use crate::cloud_events::encode::Common;
use crate::cloud_events::envelope::{CommitEnvelope, Envelope, SPECVERSION};
use crate::codec::json_error;
use crate::commit::Commit;
use crate::error::{Error, Result};

/// Why something is not a CloudEvent. It never says what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCloudEvent {
    /// It is not a JSON object with the attributes of a CloudEvent.
    #[error("it is not a CloudEvent: {0}")]
    Format(String),
    /// It is of another version of the specification than 1.0.
    #[error("it is of another version of CloudEvents")]
    SpecVersion,
    /// An attribute is not what the specification asks for.
    #[error("it is not a CloudEvent: its {attribute} {reason}")]
    Attribute {
        /// The attribute.
        attribute: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl CloudEvent {
    /// The events of a commit, in order, each with its data byte for byte as they are in the log. What
    /// the metadata know of the cause goes along; who acted and the rest of the metadata do not.
    ///
    /// # Errors
    ///
    /// [`Error::CorruptCommit`] when its payloads cannot be opened or are not JSON, and
    /// [`Error::Corrupt`] when its metadata cannot be read.
    pub fn from_commit(commit: &Commit, source: &Source) -> Result<Vec<Self>> {
        let opened = commit.events().open().map_err(|error| commit.corrupt(error.to_string()))?;
        let metadata = commit.metadata()?;
        let common = Common::of(commit, source, &metadata);
        let envelopes = common.envelopes(&opened)?;
        envelopes.iter().map(|envelope| Self::of_commit(commit, envelope)).collect()
    }

    fn of_commit(commit: &Commit, envelope: &CommitEnvelope<'_>) -> Result<Self> {
        let not_written = |source| Error::Encode {
            what: format!("an event of {} in commit {}", commit.stream(), commit.id()),
            source,
        };
        let json = serde_json::to_vec(envelope).map_err(|error| not_written(error.into()))?;
        Self::parse(&json).map_err(|error| not_written(error.into()))
    }

    /// Reads one event of anybody: a JSON object with what CloudEvents 1.0 requires, which is
    /// `specversion`, `id`, `source` and `type`. Attributes that are not known are kept as
    /// [extensions](Self::extensions). It takes memory in proportion to the text.
    ///
    /// # Errors
    ///
    /// [`InvalidCloudEvent`].
    pub fn parse(json: &[u8]) -> Result<Self, InvalidCloudEvent> {
        read::<Envelope<'_, Extensions>>(json)?.try_into()
    }

    /// Reads a JSON array of events, as [`encode`](crate::cloud_events::encode()) and other publishers
    /// write it.
    ///
    /// # Errors
    ///
    /// [`InvalidCloudEvent`] for the first event that is none.
    pub fn parse_batch(json: &[u8]) -> Result<Vec<Self>, InvalidCloudEvent> {
        read::<Vec<Envelope<'_, Extensions>>>(json)?.into_iter().map(Self::try_from).collect()
    }

    /// The event as a JSON object, `application/cloudevents+json`.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`].
    pub fn to_json(&self) -> Result<String> {
        let (data, data_base64) = match &self.data {
            None => (None, None),
            Some(Data::Json(json)) => (Some(&**json), None),
            Some(Data::Binary(bytes)) => (None, Some(BASE64.encode(bytes).into())),
        };
        let envelope = Envelope {
            specversion: SPECVERSION.into(),
            id: self.id.as_str().into(),
            source: self.source.as_str().into(),
            name: self.name.as_str().into(),
            subject: self.subject.as_deref().map(Cow::Borrowed),
            time: self.time.map(|time| time.to_string().into()),
            datacontenttype: self.content_type.as_deref().map(Cow::Borrowed),
            dataschema: self.data_schema.as_deref().map(Cow::Borrowed),
            extensions: &self.extensions,
            data,
            data_base64,
        };
        serde_json::to_string(&envelope).map_err(|source| self.cannot_be_encoded(source))
    }
}

fn read<'a, T: serde::Deserialize<'a>>(json: &'a [u8]) -> Result<T, InvalidCloudEvent> {
    let text = std::str::from_utf8(json)
        .map_err(|_| InvalidCloudEvent::Format("it is not UTF-8 text".to_owned()))?;
    serde_json::from_str(text).map_err(|error| InvalidCloudEvent::Format(json_error(&error)))
}

impl TryFrom<Envelope<'_, Extensions>> for CloudEvent {
    type Error = InvalidCloudEvent;

    fn try_from(envelope: Envelope<'_, Extensions>) -> Result<Self, InvalidCloudEvent> {
        if envelope.specversion != SPECVERSION {
            return Err(InvalidCloudEvent::SpecVersion);
        }
        let data = data(envelope.data, envelope.data_base64.as_deref())?;
        let time = match envelope.time {
            None => None,
            Some(time) => Some(time.parse().map_err(|_| InvalidCloudEvent::Attribute {
                attribute: "time",
                reason: "cannot be read",
            })?),
        };
        Ok(Self {
            id: filled("id", envelope.id)?,
            source: filled("source", envelope.source)?,
            name: filled("type", envelope.name)?,
            subject: filled_if_there("subject", envelope.subject)?,
            time,
            content_type: filled_if_there("datacontenttype", envelope.datacontenttype)?,
            data_schema: filled_if_there("dataschema", envelope.dataschema)?,
            extensions: envelope.extensions.0,
            data,
        })
    }
}

fn filled(attribute: &'static str, text: Cow<'_, str>) -> Result<String, InvalidCloudEvent> {
    match text.is_empty() {
        true => Err(InvalidCloudEvent::Attribute { attribute, reason: "is empty" }),
        false => Ok(text.into_owned()),
    }
}

fn filled_if_there(
    attribute: &'static str,
    text: Option<Cow<'_, str>>,
) -> Result<Option<String>, InvalidCloudEvent> {
    text.map(|text| filled(attribute, text)).transpose()
}

fn data(json: Option<&RawValue>, base64: Option<&str>) -> Result<Option<Data>, InvalidCloudEvent> {
    let wrong = |reason| InvalidCloudEvent::Attribute { attribute: "data_base64", reason };
    match (json, base64) {
        (None, None) => Ok(None),
        (Some(json), None) => Ok(Some(Data::Json(json.to_owned()))),
        (None, Some(base64)) => match BASE64.decode(base64) {
            Ok(bytes) => Ok(Some(Data::Binary(bytes.into()))),
            Err(_) => Err(wrong("cannot be read")),
        },
        (Some(_), Some(_)) => Err(wrong("stands beside data")),
    }
}
