//! What SNS wraps around a message for a queue without raw delivery.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::fields::Fields;
use super::undecodable::read;
use super::{Incoming, Undecodable, Wrapping};
use crate::clock::Timestamp;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    message_id: String,
    topic_arn: String,
    timestamp: Timestamp,
    message: String,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

/// Of whatever type it is: numbers are text on the wire, and bytes are Base64.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    value: String,
}

/// Others may call their messages notifications, too.
pub(super) fn claims(fields: &Fields<'_>) -> bool {
    fields.is("Type", "Notification") && (fields.has("TopicArn") || fields.has("MessageId"))
}

pub(super) fn open(
    text: &str,
    outer: Incoming,
    depth: usize,
) -> Result<Vec<Incoming>, Undecodable> {
    let notification: Notification = read(text, Wrapping::Sns)?;
    // SNS may send one publishing twice, and then only its own id is the same. What it is wrapped in may
    // have given it an id that means more.
    let of_the_queue = outer.id == outer.message_id.as_str();
    let mut inner = if of_the_queue { outer.with_id(notification.message_id) } else { outer };
    inner.source = Some(notification.topic_arn);
    inner.time = Some(notification.timestamp);
    let attributes = notification.message_attributes.into_iter();
    let attributes = attributes.map(|(name, attribute)| (name, attribute.value));
    Arc::make_mut(&mut inner.attributes).extend(attributes);
    inner.unwrap(&notification.message, depth)
}
