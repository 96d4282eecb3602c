//! What is known about a commit beside its events.

use std::collections::BTreeMap;

use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use crate::codec::json_error;
use crate::commit::Commit;
use crate::error::{BoxError, Error, Result};

/// The longest correlation id or trace context, in bytes, that a reaction hands on.
const MAX_HANDED_ON: usize = 1024;

/// Who and what caused a commit. It is stored as JSON beside the events and travels with them; it
/// is not part of a commit's identity, and no decision is made on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metadata {
    /// Names the business transaction that the commit belongs to; handed on from cause to effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Names the direct cause: a request, a message, or the commit that a policy reacted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The [W3C trace context](https://www.w3.org/TR/trace-context/) of the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The idempotency key of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// A digest of the request that came with the idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_digest: Option<String>,
    /// The command's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entries: BTreeMap<String, String>,
}

impl Metadata {
    /// The most bytes of a commit's metadata as JSON. They are paid for with every commit.
    pub const MAX_LEN: usize = 8 * 1024;

    /// No metadata.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of what `actor` does about `cause`: correlation and trace are handed on, and the commit is named as
    /// the cause. A commit without a correlation id begins one, which is its own id. What is longer than 1,024 bytes is
    /// not handed on.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when the commit's metadata cannot be read.
    pub fn caused_by(cause: &Commit, actor: impl Into<String>) -> Result<Self> {
        let Self { correlation_id, traceparent, .. } = cause.metadata()?;
        let id = cause.id().to_string();
        // What a client put into the cause must not make the reaction fail for good: an inherited value
        // that is longer than any reasonable one is not handed on.
        let handed_on = |value: Option<String>| value.filter(|value| value.len() <= MAX_HANDED_ON);
        Ok(Self {
            correlation_id: handed_on(correlation_id).or_else(|| Some(id.clone())),
            causation_id: Some(id),
            actor: Some(actor.into()),
            traceparent: handed_on(traceparent),
            ..Self::default()
        })
    }

    /// Encodes for storage.
    ///
    /// # Errors
    ///
    /// [`Error::MetadataTooLarge`] when the JSON has more than [`MAX_LEN`](Self::MAX_LEN) bytes.
    pub fn encode(&self) -> Result<EncodedMetadata> {
        let mut json = Vec::new();
        let cannot = |source: BoxError| Error::Encode {
            what: "the metadata of a commit".to_owned(),
            source,
        };
        self.write(&mut json).map_err(|error| cannot(error.into()))?;
        if json.len() > Self::MAX_LEN {
            let (actual, limit) = (json.len(), Self::MAX_LEN);
            return Err(Error::MetadataTooLarge { actual, limit });
        }
        ByteString::try_from(json).map(EncodedMetadata).map_err(|error| cannot(error.into()))
    }

    /// Whether they can be encoded.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_short() { Ok(()) } else { self.encode().map(drop) }
    }

    /// Whether they are within the limit for sure, however much of them has to be escaped.
    fn is_short(&self) -> bool {
        let Self {
            correlation_id,
            causation_id,
            actor,
            traceparent,
            idempotency_key,
            request_digest,
            command,
            entries,
        } = self;
        let values = [
            correlation_id,
            causation_id,
            actor,
            traceparent,
            idempotency_key,
            request_digest,
            command,
        ];
        let bytes: usize = values.into_iter().flatten().map(String::len).sum();
        // One byte is at most six in JSON; the names of the fields are far less than half of the limit.
        entries.is_empty() && bytes <= Self::MAX_LEN / 12
    }

    /// Appends the JSON, or nothing when there are no metadata.
    pub(crate) fn write(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        if *self == Self::default() {
            return Ok(());
        }
        serde_json::to_writer(json, self)
    }
}

/// Metadata as stored: a JSON object, or nothing at all. It is decoded by those who look at it, so
/// that replay does not pay for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedMetadata(ByteString);

impl EncodedMetadata {
    /// What a backend stored.
    pub fn from_stored(json: ByteString) -> Self {
        Self(json)
    }

    /// The stored text; empty when there is no metadata.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Decodes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when the text is not what [`Metadata::encode`] writes.
    pub fn decode(&self) -> Result<Metadata> {
        if self.0.is_empty() {
            return Ok(Metadata::default());
        }
        serde_json::from_str(&self.0).map_err(|error| Error::Corrupt {
            what: "the metadata of a commit".to_owned(),
            reason: json_error(&error),
        })
    }
}
