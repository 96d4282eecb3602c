//! The names of the spans and metrics that this backend emits.
//!
//! | span | fields | around |
//! |---|---|---|
//! | `sqlite.commit_group` (debug) | `jobs` | one transaction of the writer |
//!
//! [`SqliteStore::writer_stats`](crate::SqliteStore::writer_stats) has the first two numbers
//! without a metrics recorder.

/// Counter: transactions that the writer committed.
pub const GROUPS: &str = "es_sqlite_groups_total";
/// Counter: writes in those transactions. Divided by [`GROUPS`] it is the size of a group.
pub const GROUPED_JOBS: &str = "es_sqlite_grouped_jobs_total";
/// Counter: transactions that failed, with all writes in them.
pub const FAILED_GROUPS: &str = "es_sqlite_failed_groups_total";
