use std::collections::BTreeSet;
use std::time::Duration;

/// How the service is set up, and where AWS may do it one way or the other.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Of a record's data and partition key.
    pub(crate) max_record_bytes: usize,
    /// Of all records of a request, partition keys included.
    pub(crate) max_request_bytes: usize,
    /// Whether a shard refuses more than five reads a second, and reads too soon after a large one.
    pub(crate) read_limits: bool,
    /// Whether a shard refuses more than 1,000 records and 1 MiB a second.
    pub(crate) write_limits: bool,
    /// The partition keys of records that `PutRecords` fails to store, each time.
    pub(crate) failing_keys: BTreeSet<String>,
    pub(crate) behind_horizon: BehindHorizon,
    /// How often an iterator answers without records, though there are some, before it answers with them.
    pub(crate) empty_answers: u64,
    /// How many records an answer has at most, whatever it is asked for.
    pub(crate) records_per_answer: usize,
    /// How many bytes its records have at most, unless the first one has more.
    pub(crate) bytes_per_answer: usize,
    /// Whether the end of a closed shard comes in an answer of its own, behind the last records.
    pub(crate) end_comes_alone: bool,
    /// How many shards a page of the list has at most, whatever it is asked for.
    pub(crate) shards_per_page: usize,
    /// How long a stream is not active after it was created or its shards were changed. What was changed
    /// holds at once.
    pub(crate) transition: Duration,
    /// After how long without news a subscription says that there are none; it may never.
    pub(crate) heartbeat: Option<Duration>,
    /// Whether a subscription without news sleeps on the clock, to end when its five minutes are over, and
    /// for its heartbeat. For a clock that sleepers move it should not: it would end at once.
    pub(crate) subscriptions_sleep: bool,
    /// Operations that it does not know, as some local servers.
    pub(crate) unknown_operations: &'static [&'static str],
    /// Whether the requests are remembered; otherwise they are only counted.
    pub(crate) requests_are_kept: bool,
}

/// What becomes of an iterator at or after a sequence number that is trimmed; AWS's documentation does not
/// say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BehindHorizon {
    /// It starts at the oldest record that there is, and says nothing.
    StartsAtHorizon,
    /// `InvalidArgumentException`.
    Refused,
}

impl Default for Options {
    /// As AWS, without what depends on speed.
    fn default() -> Self {
        Self {
            max_record_bytes: 1 << 20,
            max_request_bytes: 5 << 20,
            read_limits: false,
            write_limits: false,
            failing_keys: BTreeSet::new(),
            behind_horizon: BehindHorizon::StartsAtHorizon,
            empty_answers: 0,
            records_per_answer: 10_000,
            bytes_per_answer: 10 << 20,
            end_comes_alone: false,
            shards_per_page: 1_000,
            transition: Duration::ZERO,
            heartbeat: None,
            subscriptions_sleep: true,
            unknown_operations: &[],
            requests_are_kept: true,
        }
    }
}

impl Options {
    /// With the newer limits: 10 MiB for a record and for a request.
    pub(crate) fn with_large_records(self) -> Self {
        Self { max_record_bytes: 10 << 20, max_request_bytes: 10 << 20, ..self }
    }
}
