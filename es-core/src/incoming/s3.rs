//! What S3 tells of its objects, itself and by way of EventBridge.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::undecodable::read;
use super::{Content, Incoming, Undecodable, Wrapping};
use crate::clock::Timestamp;

/// Who says so on EventBridge.
pub(super) const SOURCE: &str = "aws.s3";

/// An object of S3 to which something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct S3Object {
    /// Its bucket.
    pub bucket: String,
    /// Its key, as a request to S3 takes it: notifications have it URL-encoded, events of EventBridge
    /// have it plain.
    pub key: String,
    /// Its version, in a bucket with versions.
    pub version: Option<String>,
    /// Its bytes. Not told of an object that was removed.
    pub size: Option<u64>,
    /// Its entity tag. Not told of an object that was removed.
    pub etag: Option<String>,
    /// Orders the changes of one key: of two hexadecimal numbers, the shorter one filled with zeros on
    /// its *right*, the larger is the later one. Told when objects are created and removed.
    pub sequencer: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    event_time: Timestamp,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

/// The names are those of notifications and of EventBridge.
#[derive(Deserialize)]
struct Object {
    key: String,
    size: Option<u64>,
    #[serde(alias = "eTag")]
    etag: Option<String>,
    #[serde(alias = "versionId", rename = "version-id")]
    version: Option<String>,
    sequencer: Option<String>,
}

/// The test that S3 sends when notifications are set up.
pub(super) fn is_test(fields: &Fields<'_>) -> bool {
    fields.is("Event", "s3:TestEvent")
}

/// The records of a notification. Other services have records, too.
pub(super) fn records<'a>(fields: &Fields<'a>) -> Option<Vec<&'a RawValue>> {
    let of_s3 = |record: &&RawValue| Fields::of(record.get()).is_some_and(|it| it.has("s3"));
    fields.list("Records").filter(|records| records.iter().any(of_s3))
}

pub(super) fn open(record: &str, outer: &Incoming) -> Result<Incoming, Undecodable> {
    let Record { event_name, event_time, s3: Entity { bucket, mut object } } =
        read(record, Wrapping::S3)?;
    object.key = decoded(&object.key)?;
    let mut inner = outer.clone();
    inner.kind = Some(event_name);
    inner.source = Some(SOURCE.to_owned());
    inner.time = Some(event_time);
    Ok(announced(inner, record, bucket, object))
}

/// Whether it is the detail of an event about an object, among those that the source `aws.s3` has.
pub(super) fn is_detail(detail: &str) -> bool {
    Fields::of(detail).is_some_and(|fields| fields.has("bucket") && fields.has("object"))
}

pub(super) fn open_detail(detail: &str, event: Incoming) -> Result<Incoming, Undecodable> {
    let Entity { bucket, object } = read(detail, Wrapping::S3)?;
    Ok(announced(event, detail, bucket, object))
}

fn announced(inner: Incoming, body: &str, bucket: Bucket, object: Object) -> Incoming {
    let object = S3Object {
        bucket: bucket.name,
        key: object.key,
        version: object.version,
        size: object.size,
        etag: object.etag,
        sequencer: object.sequencer,
    };
    let id = id(&object, &inner);
    Incoming { content: Content::S3Object(object), ..inner.with_id(id).with_body(body) }
}

/// Neither buckets nor versions nor sequencers have spaces, and the key comes last: no two changes
/// have one id.
fn id(object: &S3Object, event: &Incoming) -> String {
    let S3Object { bucket, key, .. } = object;
    let version = object.version.as_deref().unwrap_or("-");
    let change = object.sequencer.clone().unwrap_or_else(|| {
        let kind = event.kind().unwrap_or_default().replace(' ', "");
        format!("{kind}@{}", event.time().unwrap_or_default())
    });
    format!("s3 {bucket} {version} {change} {key}")
}

/// A key from its URL-encoded form, in which a `+` is a space.
fn decoded(key: &str) -> Result<String, Undecodable> {
    let key = key.replace('+', " ");
    match percent_decode_str(&key).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err(Undecodable::Malformed {
            wrapping: Wrapping::S3,
            reason: "its key is not UTF-8 text".to_owned(),
        }),
    }
}
