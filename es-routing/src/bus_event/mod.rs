//! Events on a bus.

use std::fmt;

use es_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod cloud_event;
mod invalid;

pub use invalid::InvalidBusEvent;

use crate::excerpt::{NAME, excerpt};

/// An event on its way to a bus.
///
/// ```
/// use es_routing::NewBusEvent;
/// use serde_json::json;
///
/// let event = NewBusEvent::new("orders", "Order Created", json!({ "order_id": "o-1", "total": 12.5 }))?
///     .with_resources(["order:o-1"]);
/// assert_eq!(event.size(), 6 + 13 + 31 + 9);
/// # Ok::<(), es_routing::InvalidBusEvent>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct NewBusEvent {
    source: String,
    detail_type: String,
    detail: Map<String, Value>,
    time: Option<Timestamp>,
    resources: Vec<String>,
}

impl NewBusEvent {
    /// The longest source, in bytes.
    pub const MAX_SOURCE_LEN: usize = 256;
    /// The longest `detail-type`, in characters: that of
    /// [PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html).
    pub const MAX_DETAIL_TYPE_LEN: usize = 128;

    /// An event: who says so, what it tells of, and the rest as a JSON object.
    ///
    /// # Errors
    ///
    /// [`InvalidBusEvent`] when a text is empty or too long, when the source begins with `aws.`, which only
    /// AWS may, and when the detail is no object.
    pub fn new(
        source: impl Into<String>,
        detail_type: impl Into<String>,
        detail: impl Serialize,
    ) -> Result<Self, InvalidBusEvent> {
        let detail = serde_json::to_value(detail)
            .map_err(|error| InvalidBusEvent::encode(&error.to_string()))?;
        let Value::Object(detail) = detail else { return Err(InvalidBusEvent::DetailNotAnObject) };
        let (source, detail_type) = (source.into(), detail_type.into());
        check_source(&source)?;
        check_detail_type(&detail_type)?;
        Ok(Self { source, detail_type, detail, time: None, resources: Vec::new() })
    }

    /// Says when it happened. By default that is when the bus takes it. Buses know whole seconds.
    #[must_use]
    pub fn with_time(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Says what it is about.
    #[must_use]
    pub fn with_resources<R: Into<String>>(
        mut self,
        resources: impl IntoIterator<Item = R>,
    ) -> Self {
        self.resources = resources.into_iter().map(Into::into).collect();
        self
    }

    /// Who says so.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it tells of.
    pub fn detail_type(&self) -> &str {
        &self.detail_type
    }

    /// What it tells.
    pub fn detail(&self) -> &Map<String, Value> {
        &self.detail
    }

    /// When it happened, if that is not when the bus takes it.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// What it is about.
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// The detail as JSON.
    pub fn detail_json(&self) -> String {
        Value::Object(self.detail.clone()).to_string()
    }

    /// The bytes that count against a bus's limit, as
    /// [EventBridge](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html) counts
    /// them: 14 for a time that is given, and those of the texts.
    pub fn size(&self) -> usize {
        let time = if self.time.is_some() { 14 } else { 0 };
        let resources: usize = self.resources.iter().map(String::len).sum();
        time + self.source.len() + self.detail_type.len() + self.detail_json().len() + resources
    }

    /// The event as a bus hands it on. For buses.
    pub fn accepted(&self, id: EventId, account: &str, region: &str, now: Timestamp) -> BusEvent {
        let time = self.time.unwrap_or(now);
        BusEvent {
            version: "0".to_owned(),
            id,
            detail_type: self.detail_type.clone(),
            source: self.source.clone(),
            account: account.to_owned(),
            time: Timestamp::from_second(time.as_second()).unwrap_or(time),
            region: region.to_owned(),
            resources: self.resources.clone(),
            detail: self.detail.clone(),
        }
    }
}

fn check_source(source: &str) -> Result<(), InvalidBusEvent> {
    if source.starts_with("aws.") {
        return Err(InvalidBusEvent::ReservedSource);
    }
    match source.len() {
        1..=NewBusEvent::MAX_SOURCE_LEN => Ok(()),
        _ => Err(InvalidBusEvent::Length { what: "source", limit: NewBusEvent::MAX_SOURCE_LEN }),
    }
}

fn check_detail_type(detail_type: &str) -> Result<(), InvalidBusEvent> {
    const LIMIT: usize = NewBusEvent::MAX_DETAIL_TYPE_LEN;
    match detail_type.chars().take(LIMIT + 1).count() {
        1..=LIMIT => Ok(()),
        _ => Err(InvalidBusEvent::Length { what: "detail-type", limit: LIMIT }),
    }
}

impl fmt::Debug for NewBusEvent {
    /// Without the detail, which does not belong into logs, and with the beginning of the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewBusEvent")
            .field("source", &excerpt(&self.source, NAME))
            .field("detail_type", &excerpt(&self.detail_type, NAME))
            .finish_non_exhaustive()
    }
}

/// An event as a bus hands it on: the
/// [envelope](https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html) of EventBridge.
///
/// ```
/// use es_routing::BusEvent;
///
/// let event: BusEvent = r#"{
///     "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "source": "orders",
///     "detail-type": "Order Created", "account": "123456789012", "time": "2026-03-01T12:00:00Z",
///     "region": "eu-central-1", "resources": [], "detail": { "order_id": "o-1" }
/// }"#.parse()?;
/// assert_eq!(event.detail["order_id"], "o-1");
/// # Ok::<(), es_routing::InvalidBusEvent>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct BusEvent {
    /// That of the envelope, "0".
    pub version: String,
    /// What names it. An event that is put twice has two ids; that of the
    /// [CloudEvent](Self::cloud_event) in it is the same.
    pub id: EventId,
    /// What it tells of.
    pub detail_type: String,
    /// Who says so.
    pub source: String,
    /// The account of the bus.
    pub account: String,
    /// When it happened, to the second.
    pub time: Timestamp,
    /// The region of the bus.
    pub region: String,
    /// What it is about.
    pub resources: Vec<String>,
    /// What it tells.
    pub detail: Map<String, Value>,
}

impl BusEvent {
    /// The event as JSON.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The event as a JSON value: what patterns and paths see.
    pub fn to_value(&self) -> Value {
        // It is texts, and JSON: there is nothing in it that JSON does not have.
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl std::str::FromStr for BusEvent {
    type Err = InvalidBusEvent;

    /// Reads an event that came from a bus.
    ///
    /// # Errors
    ///
    /// [`InvalidBusEvent::Format`].
    fn from_str(json: &str) -> Result<Self, InvalidBusEvent> {
        // The text of a serde error can have a value in it.
        serde_json::from_str(json)
            .map_err(|error| InvalidBusEvent::Format { line: error.line(), column: error.column() })
    }
}

impl fmt::Debug for BusEvent {
    /// Without the detail, which does not belong into logs, and with the beginning of the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusEvent")
            .field("id", &self.id)
            .field("source", &excerpt(&self.source, NAME))
            .field("detail_type", &excerpt(&self.detail_type, NAME))
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// What a bus names an event by: a UUID.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The id that a bus has given.
    pub fn from_bus(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id for logs, which is the beginning of what is no id.
    pub(crate) fn shown(&self) -> &str {
        excerpt(&self.0, NAME)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({})", self.shown())
    }
}
