//! CloudEvents 1.0 in JSON: one event, or a batch of them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Fields, elements};
use super::undecodable::read;
use super::{Content, Incoming, Undecodable, Wrapping};
use crate::clock::Timestamp;

#[derive(Deserialize)]
struct Event {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    time: Option<Timestamp>,
}

pub(super) fn claims(fields: &Fields<'_>) -> bool {
    fields.has("specversion")
}

/// The events of a batch, when one of them is a CloudEvent.
pub(super) fn batch(text: &str) -> Option<Vec<&RawValue>> {
    let claimed = |event: &&RawValue| Fields::of(event.get()).is_some_and(|it| claims(&it));
    elements(text).filter(|events| events.iter().any(claimed))
}

pub(super) fn open(json: &str, outer: &Incoming) -> Result<Incoming, Undecodable> {
    let event: Event = read(json, Wrapping::CloudEvents)?;
    if event.specversion != "1.0" {
        let reason = "it is of another version of CloudEvents".to_owned();
        return Err(Undecodable::Malformed { wrapping: Wrapping::CloudEvents, reason });
    }
    // A source has no spaces: no two events have one id.
    let mut inner =
        outer.clone().with_id(format!("cloudevent {} {}", event.source, event.id)).with_body(json);
    inner.kind = Some(event.kind);
    inner.source = Some(event.source);
    inner.time = event.time.or(inner.time);
    inner.content = Content::Text;
    Ok(inner)
}
