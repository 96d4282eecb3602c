//! One event as the detail of an event of EventBridge.

use serde_json::{Map, Value};

use super::{CloudEvent, InvalidCloudEvent};
use crate::cloud_events::envelope::JSON;
use crate::codec::json_error;
use crate::error::{Error, Result};

/// The field with the attributes.
const ATTRIBUTES: &str = "cloudevent";

impl CloudEvent {
    /// The event as the `detail` of an event of EventBridge: the fields of its data side by side, for rules to
    /// look at, and beside them all attributes as the object `cloudevent`. Data that are no JSON object are in
    /// that object, too, as [CloudEvents has them](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#31-handling-of-data).
    ///
    /// ```
    /// use es_core::cloud_events::{CloudEvent, Source};
    /// use serde_json::json;
    ///
    /// let event = CloudEvent::new("order-1.1", Source::new("orders")?, "OrderCreated")?
    ///     .with_data(&json!({ "order_id": "o-1" }))?;
    /// let detail = event.to_detail()?;
    /// assert_eq!((&detail["order_id"], &detail["cloudevent"]["id"]), (&json!("o-1"), &json!("order-1.1")));
    /// assert_eq!(CloudEvent::of_detail(&detail), Some(Ok(event)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Encode`], also for data with a field `cloudevent`.
    pub fn to_detail(&self) -> Result<Map<String, Value>> {
        let json = self.to_json()?;
        let mut attributes: Map<String, Value> =
            serde_json::from_str(&json).map_err(|error| self.cannot_be_encoded(error))?;
        let mut detail = match attributes.remove("data") {
            Some(Value::Object(fields)) => {
                // What says that there are data, also when they are empty.
                attributes.entry("datacontenttype").or_insert_with(|| JSON.into());
                fields
            }
            Some(data) => {
                attributes.insert("data".to_owned(), data);
                Map::new()
            }
            None => Map::new(),
        };
        match detail.insert(ATTRIBUTES.to_owned(), Value::Object(attributes)) {
            None => Ok(detail),
            Some(_) => Err(Error::Encode {
                what: format!("event {} of the type {}", self.id, self.name),
                source: "its data have a field cloudevent".into(),
            }),
        }
    }

    /// The event that is in the `detail` of an event of EventBridge as [`to_detail`](Self::to_detail) puts it
    /// there; `None` for other details.
    ///
    /// # Errors
    ///
    /// [`InvalidCloudEvent`] when it says that it is one, and is none.
    pub fn of_detail(detail: &Map<String, Value>) -> Option<Result<Self, InvalidCloudEvent>> {
        let attributes = detail.get(ATTRIBUTES)?.as_object()?;
        attributes.get("specversion")?;
        let mut event = attributes.clone();
        let data_are_beside = event.contains_key("datacontenttype")
            && !event.contains_key("data")
            && !event.contains_key("data_base64");
        if data_are_beside {
            let mut data = detail.clone();
            data.remove(ATTRIBUTES);
            event.insert("data".to_owned(), Value::Object(data));
        }
        let json = serde_json::to_vec(&event);
        let json = json.map_err(|error| InvalidCloudEvent::Format(json_error(&error)));
        Some(json.and_then(|json| Self::parse(&json)))
    }
}
