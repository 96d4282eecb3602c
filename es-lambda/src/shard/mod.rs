//! The records of shards: what is pushed by a data stream or by the stream of a table.
//!
//! | file | what it is about |
//! |---|---|
//! | `checkpoint` | the answer: the lowest failure of each shard |
//! | `dead_records` | records that cannot be read |

mod checkpoint;
mod dead_records;

use std::time::Duration;

use es_core::{Clock, Commit, Consumer, Error, Handler};
use serde_json::value::RawValue;

use crate::error::FunctionError;

use checkpoint::{is_sequence_number, lowest_of_each_shard};
pub(crate) use dead_records::DeadRecords;

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

/// Lets the commits of the records have their effect, buries what cannot be read, and says from where on each shard
/// has to come again: the sequence number of the first record that was not taken care of.
pub(crate) async fn settle<H: Handler>(
    consumer: &Consumer<H>,
    dead_records: Option<&DeadRecords>,
    records: Vec<Read<'_>>,
    clock: &dyn Clock,
    until: Duration,
) -> Result<Vec<String>, FunctionError> {
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
                    note(consumer, &place, &error, "a record could not be read, and comes again");
                    comes_again[at] = true;
                }
            }
        }
        places.push(place);
    }
    let left = until.saturating_sub(clock.monotonic());
    let pushed = consumer.push(commits, left).await;
    if let Some(error) = &pushed.error {
        let (consumer, cause) = (consumer.id(), error as &dyn std::error::Error);
        tracing::warn!(%consumer, cause, left = pushed.left.len(), "commits were left, and come again");
    }
    for at in pushed.left {
        comes_again[of_record[at]] = true;
    }
    for (at, error) in unreadable {
        let place = &places[at];
        note(consumer, place, &error, "a record cannot be read");
        let time = until.saturating_sub(clock.monotonic());
        let buried = match dead_records {
            Some(dead) if !time.is_zero() => {
                let bury = dead.bury(consumer.id(), place, &error);
                tokio::select! {
                    biased;
                    buried = bury => buried,
                    () = clock.sleep(time) => false,
                }
            }
            _ => false,
        };
        if !buried {
            comes_again[at] = true;
        }
    }
    let failed = places.iter().zip(&comes_again).filter(|(_, comes_again)| **comes_again);
    lowest_of_each_shard(failed.map(|(place, _)| place))
}

/// Whether the error says that the record is not what it should be. All others are about what is around it, and may
/// be mended: a permission, a table, a newer program.
fn is_about_the_record(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. } | Error::CorruptCommit { .. })
}

fn note<H: Handler>(consumer: &Consumer<H>, place: &Place<'_>, error: &Error, what: &str) {
    let (consumer, cause) = (consumer.id(), error as &dyn std::error::Error);
    let sequence_number = place.sequence_number.as_deref().unwrap_or("unknown");
    tracing::error!(%consumer, sequence_number, cause, "{what}");
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
    tokio::select! {
        biased;
        commits = reading => commits,
        () = clock.sleep(left) => vec![Err(too_late)],
    }
}

/// An error about a record that says nothing sensible.
pub(crate) fn unreadable(reason: String) -> Error {
    Error::Corrupt { what: "a record of the batch".to_owned(), reason }
}
