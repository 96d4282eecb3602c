//! What a rule of EventBridge sends to a queue.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::undecodable::read;
use super::{Incoming, Undecodable, Wrapping, s3};
use crate::clock::Timestamp;

#[derive(Deserialize)]
struct Event<'a> {
    id: String,
    #[serde(rename = "detail-type")]
    kind: String,
    source: String,
    time: Timestamp,
    #[serde(borrow)]
    detail: &'a RawValue,
}

pub(super) fn claims(fields: &Fields<'_>) -> bool {
    fields.has("detail-type")
}

pub(super) fn open(
    text: &str,
    outer: Incoming,
    depth: usize,
) -> Result<Vec<Incoming>, Undecodable> {
    let event: Event<'_> = read(text, Wrapping::EventBridge)?;
    let mut inner = outer.with_id(format!("eventbridge {}", event.id));
    inner.kind = Some(event.kind);
    inner.source = Some(event.source);
    inner.time = Some(event.time);
    let detail = event.detail.get();
    if inner.source() == Some(s3::SOURCE) && s3::is_detail(detail) {
        return Ok(vec![s3::open_detail(detail, inner)?]);
    }
    inner.unwrap(detail, depth)
}
