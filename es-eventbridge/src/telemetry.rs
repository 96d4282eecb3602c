//! The names of the metrics of this crate; they go through the [`metrics`] facade.

/// Counter: requests, each once however often it was sent. Labels: `service`, `operation`.
pub const REQUESTS: &str = "es_eventbridge_requests_total";
/// Counter: events that a bus has taken. Label: `bus`.
pub const EVENTS_PUT: &str = "es_eventbridge_events_put_total";
/// Counter: their bytes, as EventBridge counts them. Label: `bus`.
pub const BYTES_PUT: &str = "es_eventbridge_bytes_put_total";
/// Counter: events that were refused while others of their request were taken. Labels: `bus`, `reason`.
pub const ENTRIES_FAILED: &str = "es_eventbridge_entries_failed_total";
