//! The names of the metrics that this backend emits. All have the labels `operation` (as `PutItem`) and,
//! except for retries and throttles, `table`.
//!
//! Without a metrics recorder the same figures come with each command, in
//! [`Receipt::cost`](es_core::Receipt::cost), and around any other work with
//! [`Cost::of`](es_core::Cost::of).

/// Counter: requests, each counted once however often it was sent.
pub const REQUESTS: &str = "es_dynamodb_requests_total";
/// Counter: consumed read capacity, in thousandths of a unit. Halves of a unit are charged.
pub const READ_MILLIUNITS: &str = "es_dynamodb_read_milliunits_total";
/// Counter: consumed write capacity, in thousandths of a unit.
pub const WRITE_MILLIUNITS: &str = "es_dynamodb_write_milliunits_total";
/// Counter: times that a request was sent again. Label: `operation`.
pub const RETRIES: &str = "es_dynamodb_retries_total";
/// Counter: answers that asked to slow down. Label: `operation`.
pub const THROTTLES: &str = "es_dynamodb_throttles_total";
