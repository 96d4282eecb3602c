//! One event as a JSON object.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// One event: the attributes of the specification, and what an event has on top, as `X`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "X: Deserialize<'de>"))]
pub(super) struct Envelope<'a, X> {
    #[serde(borrow)]
    pub(super) specversion: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) datacontenttype: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) dataschema: Option<Cow<'a, str>>,
    #[serde(flatten)]
    pub(super) extensions: X,
    #[serde(
        borrow,
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) data_base64: Option<Cow<'a, str>>,
}

/// What every event of a commit has on top. Those that it does not know are left alone: others may add
/// some.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct InCommit<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schemaversion: Option<u32>,
    pub(super) streamversion: u64,
    #[serde(borrow)]
    pub(super) commitid: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) correlationid: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) causationid: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) commitmetadata: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) commitchecksum: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) dataref: Option<Cow<'a, str>>,
}

/// An event of a commit.
pub(super) type CommitEnvelope<'a> = Envelope<'a, InCommit<'a>>;

/// A value that is there; `null` is one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The version of the specification.
pub(super) const SPECVERSION: &str = "1.0";

/// The content type of JSON.
pub(super) const JSON: &str = "application/json";

/// A checksum as it is written.
pub(super) fn checksum(checksum: u32) -> String {
    format!("{checksum:08x}")
}
