//! CloudEvents 1.0 in JSON: one event, or a batch of them.

use serde_json::value::RawValue;

use super::fields::{Fields, elements};
use super::{Content, Incoming, Undecodable};
use crate::cloud_events::{CloudEvent, InvalidCloudEvent};
use crate::error::Error;

pub(super) fn claims(fields: &Fields<'_>) -> bool {
    fields.has("specversion")
}

/// The events of a batch, when one of them is a CloudEvent.
pub(super) fn batch(text: &str) -> Option<Vec<&RawValue>> {
    let claimed = |event: &&RawValue| Fields::of(event.get()).is_some_and(|it| claims(&it));
    elements(text).filter(|events| events.iter().any(claimed))
}

pub(super) fn open(json: &str, outer: &Incoming) -> Result<Incoming, Undecodable> {
    let event = CloudEvent::parse(json.as_bytes())?;
    Ok(with_json(event, json, outer))
}

/// What has come as something else than its JSON.
pub(super) fn of(event: CloudEvent, outer: &Incoming) -> Result<Incoming, Undecodable> {
    let not_written =
        |error: Error| Undecodable::CloudEvent(InvalidCloudEvent::Format(error.with_causes()));
    let json = event.to_json().map_err(not_written)?;
    Ok(with_json(event, &json, outer))
}

fn with_json(event: CloudEvent, json: &str, outer: &Incoming) -> Incoming {
    let mut inner = outer.clone().with_id(id(&event)).with_body(json);
    inner.kind = Some(event.event_type().to_owned());
    inner.source = Some(event.source().to_owned());
    inner.time = event.time().or(inner.time);
    inner.content = Content::CloudEvent(event);
    inner
}

/// With the length of the source, so that nobody's source runs into an id of somebody else.
fn id(event: &CloudEvent) -> String {
    let (source, id) = (event.source(), event.id());
    format!("cloudevent {} {source} {id}", source.len())
}
