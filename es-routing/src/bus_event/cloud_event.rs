//! CloudEvents on a bus and back.

use es_core::cloud_events::CloudEvent;

use super::{BusEvent, InvalidBusEvent, NewBusEvent};

impl NewBusEvent {
    /// A CloudEvent for a bus, such as an [event of a commit](CloudEvent::from_commit).
    ///
    /// | | has |
    /// |---|---|
    /// | `source`, `detail-type`, `time` | source, type and time |
    /// | `resources` | the subject, which of an event of a log is its stream |
    /// | `detail` | the fields of the data, for rules to look at |
    /// | `detail.cloudevent` | all attributes: id, stream version, commit, correlation, causation, `traceparent` |
    ///
    /// [`BusEvent::cloud_event`] makes the same event of it again, and so does
    /// [`Incoming`](es_core::Incoming). However often it is put on a bus, that event's id stays the same.
    ///
    /// ```
    /// use es_core::cloud_events::{CloudEvent, Source};
    /// use es_routing::NewBusEvent;
    /// use serde_json::json;
    ///
    /// let created = CloudEvent::new("order-1.1", Source::new("orders")?, "Order Created")?
    ///     .with_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    ///     .with_data(&json!({ "order_id": "o-1" }))?;
    /// let event = NewBusEvent::from_cloud_event(&created)?;
    /// assert_eq!((event.source(), event.detail_type()), ("orders", "Order Created"));
    /// assert_eq!(event.detail()["order_id"], "o-1");
    /// assert_eq!(event.detail()["cloudevent"]["id"], "order-1.1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and [`InvalidBusEvent::Encode`] for what [`CloudEvent::to_detail`] refuses.
    pub fn from_cloud_event(event: &CloudEvent) -> Result<Self, InvalidBusEvent> {
        let detail = event.to_detail();
        let detail = detail.map_err(|error| InvalidBusEvent::encode(&error.with_causes()))?;
        let new = Self::new(event.source(), event.event_type(), detail)?;
        let new = new.with_resources(event.subject());
        Ok(event.time().into_iter().fold(new, Self::with_time))
    }
}

impl BusEvent {
    /// The CloudEvent that was [put on the bus](NewBusEvent::from_cloud_event); `None` for another event.
    ///
    /// # Errors
    ///
    /// [`InvalidBusEvent::CloudEvent`] when it says that it is one, and is none.
    pub fn cloud_event(&self) -> Option<Result<CloudEvent, InvalidBusEvent>> {
        let event = CloudEvent::of_detail(&self.detail)?;
        Some(event.map_err(InvalidBusEvent::CloudEvent))
    }
}
