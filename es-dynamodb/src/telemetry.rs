//! The names of the metrics that this backend emits. The label `operation` is as `PutItem`; requests that
//! consume no capacity of a table have no label `table`.
//!
//! Without a metrics recorder the same figures come with each command, in
//! [`Receipt::cost`](es_core::Receipt::cost), and around any other work with
//! [`Cost::of`](es_core::Cost::of).

/// Counter: requests, each counted once however often it was sent. Labels: `operation`,
/// `table`.
pub const REQUESTS: &str = "es_dynamodb_requests_total";
/// Counter: consumed read capacity, in thousandths of a unit. Halves of a unit are charged. Labels:
/// `operation`, `table`.
pub const READ_MILLIUNITS: &str = "es_dynamodb_read_milliunits_total";
/// Counter: consumed write capacity, in thousandths of a unit. Labels: `operation`, `table`.
pub const WRITE_MILLIUNITS: &str = "es_dynamodb_write_milliunits_total";
/// Counter: times that a request was sent again. Label: `operation`.
pub const RETRIES: &str = "es_dynamodb_retries_total";
/// Counter: answers that asked to slow down. Label: `operation`.
pub const THROTTLES: &str = "es_dynamodb_throttles_total";
