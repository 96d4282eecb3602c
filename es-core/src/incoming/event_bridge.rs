//! What a rule of EventBridge sends to a queue.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fields::Fields;
use super::undecodable::read;
use super::{Incoming, Undecodable, Wrapping, cloud_event, s3};
use crate::clock::Timestamp;
use crate::cloud_events::CloudEvent;

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
    if let Some(event) = cloud_event_in(detail) {
        return Ok(vec![cloud_event::of(event?, &inner)?]);
    }
    inner.unwrap(detail, depth)
}

/// The event that was put on the bus with its attributes beside its data.
fn cloud_event_in(detail: &str) -> Option<Result<CloudEvent, Undecodable>> {
    let fields = Fields::of(detail).filter(|fields| fields.has("cloudevent"));
    let detail: Map<String, Value> = fields.and_then(|_| serde_json::from_str(detail).ok())?;
    CloudEvent::of_detail(&detail).map(|event| event.map_err(Undecodable::from))
}
