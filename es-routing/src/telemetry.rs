//! The names of the spans and metrics of routing.
//!
//! | span | fields | around |
//! |---|---|---|
//! | `route` | `event`, `source`, `detail_type`, `traceparent` | the deliveries of one event to all targets |

/// Counter: events that were routed. Label: `outcome` (`matched`, `unmatched`, `undecidable`).
pub const EVENTS: &str = "es_routing_events_total";
/// Counter: what became of deliveries. Labels: `rule`, `target`, `outcome` (`delivered`, `dead_lettered`,
/// `dropped`, `put_off`).
pub const DELIVERIES: &str = "es_routing_deliveries_total";
/// Counter: deliveries that failed and were tried again. Labels: `rule`, `target`.
pub const RETRIES: &str = "es_routing_retries_total";
