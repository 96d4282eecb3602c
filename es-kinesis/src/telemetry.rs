//! The names of the metrics that this backend emits. The label `stream` is the name of the data stream.

/// Counter: requests, each counted once however often it was sent. Labels: `stream`, `operation` (as
/// PutRecords).
pub const REQUESTS: &str = "es_kinesis_requests_total";
/// Counter: records that were published, each counted once. Label: `stream`.
pub const RECORDS_PUBLISHED: &str = "es_kinesis_records_published_total";
/// Counter: bytes of published records, with their partition keys. Label: `stream`.
pub const BYTES_PUBLISHED: &str = "es_kinesis_bytes_published_total";
/// Counter: records that were refused or not answered for, and sent again. Labels: `stream`, `reason` (the
/// code of the error).
pub const RECORDS_RETRIED: &str = "es_kinesis_records_retried_total";
/// Counter: records that were read; an aggregate is one. Label: `stream`.
pub const RECORDS_READ: &str = "es_kinesis_records_read_total";
/// Counter: records that are no commit, or a damaged one. Labels: `stream`, `outcome` (`read_from_log` when
/// the log had what they announce, `foreign` when they belong to no stream of the log).
pub const RECORDS_UNREADABLE: &str = "es_kinesis_records_unreadable_total";
/// Gauge: how far the last answer was behind the end of the shard, in milliseconds, as Kinesis says.
/// Labels: `stream`, `shard`.
pub const MILLIS_BEHIND_LATEST: &str = "es_kinesis_millis_behind_latest";
