//! The records of shards: what is pushed by a data stream or by the stream of a table.
//!
//! | file | what it is about |
//! |---|---|
//! | `checkpoint` | the answer: the lowest failure of each shard |
//! | `dead_records` | records that cannot be read |
//! | `origin` | records of another shard's source |

mod checkpoint;
mod dead_records;
mod origin;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use es_core::{Clock, Commit, Consumers, Error, MessageQueue, QueueName, within};
use serde_json::value::RawValue;

use crate::error::FunctionError;

use checkpoint::{is_sequence_number, lowest_of_each_shard};
use dead_records::DeadRecords;
pub(crate) use origin::check_origin;

/// The commits of a record, each for itself.
pub(crate) type Commits = Vec<Result<Commit, Error>>;

/// A record, as far as it says where it is.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) record: &'a RawValue,
    /// The name of its shard, if it says so: all others are of one.
    pub(crate) shard: String,
    /// What an answer names it by.
    pub(crate) sequence_number: Option<String>,
}

impl<'a> Place<'a> {
    /// What does not look like a sequence number names nothing: Lambda would refuse the answer.
    pub(crate) fn new(record: &'a RawValue, shard: &str, sequence_number: Option<String>) -> Self {
        let sequence_number = sequence_number.filter(|number| is_sequence_number(number));
        Self { record, shard: shard.to_owned(), sequence_number }
    }

    pub(crate) fn unknown(record: &'a RawValue) -> Self {
        Self::new(record, "", None)
    }
}

/// A record and what is in it.
pub(crate) struct Read<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) commits: Commits,
}

/// The consumers of a function, and what they have in common.
#[derive(Debug)]
pub(crate) struct Behind {
    consumers: Consumers,
    dead_records: Option<DeadRecords>,
}

impl Behind {
    pub(crate) fn new(consumers: Consumers) -> Self {
        Self { consumers, dead_records: None }
    }

    pub(crate) fn dead_records_to(&mut self, queues: Arc<dyn MessageQueue>, queue: QueueName) {
        self.dead_records = Some(DeadRecords::to(queues, queue));
    }

    /// Lets the commits of the records have their effect on each consumer, buries what cannot be read, and says
    /// from where on each shard has to come again: the sequence number of the first record that was not taken care
    /// of by all.
    pub(crate) async fn settle(
        &self,
        records: Vec<Read<'_>>,
        clock: &dyn Clock,
        until: Duration,
    ) -> Result<Vec<String>, FunctionError> {
        if self.consumers.is_empty() {
            // With any answer the records would count as done.
            return Err(FunctionError::NoConsumer);
        }
        let mut commits: Vec<Commit> = Vec::with_capacity(records.len());
        let mut of_record: Vec<usize> = Vec::with_capacity(records.len());
        let mut comes_again = vec![false; records.len()];
        let mut unreadable: Vec<(usize, Error)> = Vec::new();
        let mut places = Vec::with_capacity(records.len());
        for (at, Read { place, commits: of_this }) in records.into_iter().enumerate() {
            for commit in of_this {
                match commit {
                    Ok(commit) => {
                        commits.push(commit);
                        of_record.push(at);
                    }
                    Err(error) if is_about_the_record(&error) => unreadable.push((at, error)),
                    Err(error) => {
                        self.note(&place, &error, "a record could not be read, and comes again");
                        comes_again[at] = true;
                    }
                }
            }
            places.push(place);
        }
        for left in self.push(&commits, until.saturating_sub(clock.monotonic())).await {
            comes_again[of_record[left]] = true;
        }
        for (at, error) in unreadable {
            let place = &places[at];
            self.note(place, &error, "a record cannot be read");
            let time = until.saturating_sub(clock.monotonic());
            if !self.bury(place, &error, clock, time).await {
                comes_again[at] = true;
            }
        }
        let failed = places.iter().zip(&comes_again).filter(|(_, comes_again)| **comes_again);
        lowest_of_each_shard(failed.map(|(place, _)| place))
    }

    /// The commits that one of the consumers has left.
    async fn push(&self, commits: &[Commit], time: Duration) -> BTreeSet<usize> {
        let pushed = self.consumers.push(commits, time).await;
        let mut all_left = BTreeSet::new();
        for (consumer, pushed) in self.consumers.iter().zip(pushed) {
            if let Some(error) = &pushed.error {
                let (consumer, cause) = (consumer.id(), error as &dyn std::error::Error);
                tracing::warn!(%consumer, cause, left = pushed.left.len(), "commits were left, and come again");
            }
            all_left.extend(pushed.left);
        }
        all_left
    }

    async fn bury(
        &self,
        place: &Place<'_>,
        error: &Error,
        clock: &dyn Clock,
        time: Duration,
    ) -> bool {
        let Some(dead_records) = self.dead_records.as_ref().filter(|_| !time.is_zero()) else {
            return false;
        };
        let names = self.names();
        within(clock, time, dead_records.bury(&names, place, error)).await.unwrap_or(false)
    }

    fn note(&self, place: &Place<'_>, error: &Error, what: &str) {
        let (consumer, cause) = (self.names(), error as &dyn std::error::Error);
        let sequence_number = place.sequence_number.as_deref().unwrap_or("unknown");
        tracing::error!(consumer, sequence_number, cause, "{what}");
    }

    /// All consumers in one text.
    fn names(&self) -> String {
        let names: Vec<&str> =
            self.consumers.iter().map(|consumer| consumer.id().as_str()).collect();
        names.join(" ")
    }
}

/// Whether the error says that the record is not what it should be. All others are about what is around it, and may
/// be mended: a permission, a table, a newer program.
fn is_about_the_record(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. } | Error::CorruptCommit { .. })
}

/// What reading comes to, if there is time for it. Otherwise the record comes again.
pub(crate) async fn in_time(
    clock: &dyn Clock,
    until: Duration,
    reading: impl Future<Output = Commits>,
) -> Commits {
    let left = until.saturating_sub(clock.monotonic());
    let too_late = Error::DeadlineExceeded { what: "reading a record".to_owned(), waited: left };
    if left.is_zero() {
        return vec![Err(too_late)];
    }
    within(clock, left, reading).await.unwrap_or_else(|| vec![Err(too_late)])
}

/// An error about a record that says nothing sensible.
pub(crate) fn unreadable(reason: String) -> Error {
    Error::Corrupt { what: "a record of the batch".to_owned(), reason }
}

/// The method `dead_records_to` of a function with a field `behind`.
macro_rules! dead_records_to {
    () => {
        /// Sends records that cannot be read to `queue`, with the reason as attribute `error`. The body is an event with
        /// the record alone, as it came: when the cause is gone the function takes it again,
        ///
        /// ```sh
        /// aws lambda invoke --function-name NAME --cli-binary-format raw-in-base64-out \
        ///     --payload file://body.json answer.json
        /// ```
        ///
        /// and answers `{"batchItemFailures":[]}` when it had its effect, or is another dead letter. To
        /// [`DeadLetterQueue`](es_core::DeadLetterQueue) such letters have no queue that they came from, so its redrive
        /// leaves them. A record that is too large for the queue is named there by its `shard`, as far as it says that,
        /// and its `sequenceNumber`, by which the source gives it out for as long as it keeps it.
        pub fn dead_records_to(
            mut self,
            queues: std::sync::Arc<dyn es_core::MessageQueue>,
            queue: es_core::QueueName,
        ) -> Self {
            self.behind.dead_records_to(queues, queue);
            self
        }
    };
}

pub(crate) use dead_records_to;
