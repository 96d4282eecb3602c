//! The names of the spans and metrics that the framework emits.
//!
//! Metrics go through the [`metrics`] facade: install any recorder and they are there. Spans go
//! through [`tracing`].
//!
//! | span | fields | around |
//! |---|---|---|
//! | `execute` | `stream`, `command`, `attempts`, `version` | a command: load, decide, append |
//! | `load` | `stream`, `version` | the reading of an aggregate |
//! | `projection.batch` | `consumer`, `commits` | one step of a projection or policy; where a rebuild folds in memory, the saving of what so many commits came to |
//! | `process` | `messaging.operation.type`, `messaging.consumer.group.name`, `messaging.destination.name`, `messaging.message.id`, `messaging.message.receive_count`, `otel.kind` | the handling of one message of a queue |
//! | `deadline` | `consumer`, `instance`, `due` | the firing of one deadline |

/// Counter: commands executed. Labels: `category`, `outcome` (`appended`, `unchanged`, `replayed`,
/// `rejected`, `failed`).
pub const COMMANDS: &str = "es_commands_total";
/// Counter: appends that lost against another writer. Label: `category`.
pub const CONFLICTS: &str = "es_conflicts_total";
/// Counter: commands decided on a cached state, without a read. Label: `category`.
pub const CACHE_HITS: &str = "es_cache_hits_total";
/// Counter: events read and applied to load aggregates. Label: `category`.
pub const EVENTS_LOADED: &str = "es_events_loaded_total";
/// Counter: snapshots used, or ignored because they are ahead, of another schema or undecodable.
/// Labels: `category`, `outcome` (`used`, `missing`, `ignored`).
pub const SNAPSHOTS: &str = "es_snapshots_total";
/// Counter: events left out because their name is unknown. Label: `consumer` or `category`.
pub const EVENTS_SKIPPED: &str = "es_events_skipped_total";
/// Counter: commits that had their effect on a consumer. Label: `consumer`.
pub const COMMITS_CONSUMED: &str = "es_commits_consumed_total";
/// Counter: deliveries dropped because their effect was there already. Label: `consumer`.
pub const DUPLICATES: &str = "es_duplicates_total";
/// Counter: gaps repaired from the log. Label: `consumer`.
pub const GAPS_REPAIRED: &str = "es_gaps_repaired_total";
/// Counter: steps that failed and were tried again. Label: `consumer`.
pub const CONSUMER_RETRIES: &str = "es_consumer_retries_total";
/// Counter: commits that were parked as dead letters. Label: `consumer`.
pub const DEAD_LETTERS: &str = "es_dead_letters_total";
/// Counter: commands after which an inline projection did not show their effect. Label: `category`.
pub const INLINE_FAILURES: &str = "es_inline_failures_total";
/// Counter: messages that the consumer of a queue received, each time. Label: `consumer`.
pub const MESSAGES_RECEIVED: &str = "es_messages_received_total";
/// Counter: what became of messages. Labels: `consumer`, `outcome` (`done`, `duplicate`, `retried`,
/// `dead_lettered`, `given_back`).
pub const MESSAGES: &str = "es_messages_total";
/// Histogram: how long the handling of a message took, in seconds. Label: `consumer`.
pub const MESSAGE_SECONDS: &str = "es_message_seconds";
/// Gauge: messages that the consumer of a queue holds. Label: `consumer`.
pub const MESSAGES_IN_HAND: &str = "es_messages_in_hand";
/// Counter: messages that turned out to be somebody else's while they were worked on. Label: `consumer`.
pub const RECEIPTS_LOST: &str = "es_receipts_lost_total";
/// Gauge: messages in a queue when a consumer's health was looked at. Labels: `queue`, `state`
/// (`visible`, `in_flight`, `delayed`).
pub const QUEUE_MESSAGES: &str = "es_queue_messages";
/// Counter: deadlines that were due and told to their process, each time. Labels: `consumer`, `outcome`
/// (`fired`, `failed`, `timed_out`).
pub const DEADLINES: &str = "es_deadlines_total";
/// Histogram: how long after its time a deadline fired, in seconds. Label: `consumer`.
pub const DEADLINE_DELAY: &str = "es_deadline_delay_seconds";
/// Gauge: deadlines that failed and wait to be tried again, after each sweep. Label: `consumer`.
pub const DEADLINES_OVERDUE: &str = "es_deadlines_overdue";
/// Gauge: those among them that have failed ten times or more, and need somebody, after each sweep. Label: `consumer`.
pub const DEADLINES_STUCK: &str = "es_deadlines_stuck";
/// Gauge: deadlines that are being told to their process. Label: `consumer`.
pub const DEADLINES_UNDER_WAY: &str = "es_deadlines_under_way";
/// Counter: messages that a topic or queue has taken. Label: `destination` (as `topic orders`).
pub const MESSAGES_SENT: &str = "es_messages_sent_total";
/// Counter: messages that were refused for now, or not answered for, and sent again. Label: `destination`.
pub const MESSAGES_SENT_AGAIN: &str = "es_messages_sent_again_total";
/// Counter: attempts at commands of processes. Labels: `process`, `outcome` (`succeeded`, `rejected`, `failed`).
pub const PROCESS_COMMANDS: &str = "es_process_commands_total";
/// Counter: commands of processes that were parked, and wait for an operator. Label: `process`.
pub const PROCESS_COMMANDS_PARKED: &str = "es_process_commands_parked_total";
/// Gauge: commands of processes that waited for an operator when [somebody looked](crate::Processes::parked). Label:
/// `process`.
pub const PROCESS_COMMANDS_PARKED_NOW: &str = "es_process_commands_parked";
/// Gauge: commits that a consumer is behind, where the feed can tell. Labels: `consumer`,
/// `partition`.
pub const LAG: &str = "es_consumer_lag_commits";
