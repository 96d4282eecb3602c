//! Sending a batch: in the order of each stream, whatever is refused.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_kinesis::error::ProvideErrorMetadata as _;
use aws_sdk_kinesis::operation::put_records::PutRecordsOutput;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry};
use aws_smithy_types::Blob;
use es_core::{Backoff, Commit, Error, Failed, Result};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::lanes::{Lanes, Part, RequestLimits, Unit};
use super::outgoing::Outgoing;
use super::shard_load::{ShardLoads, ShardThroughput};
use crate::data_stream::DataStream;
use crate::telemetry;

/// How often a commit is sent before the batch goes on without it, and comes again later.
const ATTEMPTS: u32 = 8;

const BACKOFF: Backoff = Backoff { base: Duration::from_millis(50), max: Duration::from_secs(2) };

/// Sends batches to one data stream.
#[derive(Debug)]
pub(super) struct Sender {
    stream: DataStream,
    limits: RequestLimits,
    requests_in_flight: usize,
    loads: Mutex<ShardLoads>,
}

/// What sending a batch came to.
pub(super) struct Sent {
    /// The first commit of each stream that was not taken.
    pub(super) failed: Vec<Failed>,
}

/// What a request came to.
struct Answer {
    units: Vec<Unit>,
    result: Result<Vec<PutRecordsResultEntry>, Refused>,
}

/// A request that was refused as a whole, or not answered.
struct Refused {
    error: Error,
    /// What the service calls it, if it has answered.
    code: Option<String>,
}

/// A record that was not taken.
struct NotTaken {
    unit: Unit,
    /// A code of the service, or what there is instead.
    reason: String,
    cause: String,
}

/// The codes of what is wrong with a record, so that it will be refused again.
const LASTING: [&str; 2] = ["InvalidArgumentException", "ValidationException"];

/// The code of a shard, or a stream, that is given too much.
const THROTTLED: &str = "ProvisionedThroughputExceededException";

/// The reason without a code.
const NO_ANSWER: &str = "no answer";

impl Sender {
    pub(super) fn new(
        stream: DataStream,
        limits: RequestLimits,
        requests_in_flight: usize,
        throughput: ShardThroughput,
    ) -> Self {
        Self {
            stream,
            limits,
            requests_in_flight: requests_in_flight.max(1),
            loads: Mutex::new(ShardLoads::new(throughput)),
        }
    }

    pub(super) fn stream(&self) -> &DataStream {
        &self.stream
    }

    /// Learns which shards there are.
    pub(super) async fn look_at_shards(&self) -> Result<()> {
        let list = self.stream.shards().await?;
        self.loads().update(&list);
        Ok(())
    }

    /// Sends the commits. Those of one stream are sent one after the other: each when the one before it
    /// was taken, or with it in one aggregate.
    ///
    /// # Errors
    ///
    /// What has nothing to do with a single commit and lasts, as a stream that does not exist.
    pub(super) async fn send(&self, outgoing: Vec<Outgoing>, commits: &[Commit]) -> Result<Sent> {
        let mut sending =
            Sending { sender: self, commits, lanes: Lanes::new(outgoing), failed: Vec::new() };
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < self.requests_in_flight {
                let units = sending.lanes.next_request(self.limits, &mut self.loads(), self.now());
                if units.is_empty() {
                    break;
                }
                in_flight.push(self.put(units));
            }
            // While no further request may go, there is nothing to wake up for.
            let may_send = in_flight.len() < self.requests_in_flight;
            let wait_ends = sending.lanes.next_wait_ends().filter(|_| may_send);
            let wait = wait_ends.map(|until| until.saturating_sub(self.now()));
            let answer = match (in_flight.is_empty(), wait) {
                (true, None) => return Ok(Sent { failed: sending.failed }),
                (true, Some(wait)) => {
                    self.stream.clock().sleep(wait).await;
                    None
                }
                (false, None) => in_flight.next().await,
                (false, Some(wait)) => tokio::select! {
                    biased;
                    answer = in_flight.next() => answer,
                    () = self.stream.clock().sleep(wait) => None,
                },
            };
            if let Some(answer) = answer {
                sending.take(answer).await?;
            }
        }
    }

    async fn put(&self, units: Vec<Unit>) -> Answer {
        let entries = units.iter().map(entry).collect::<Result<Vec<_>, _>>();
        let entries = match entries {
            Ok(entries) => entries,
            Err(source) => {
                let what = "making a request to Kinesis".to_owned();
                let error = Error::Backend { what, source: source.into() };
                return Answer { units, result: Err(Refused { error, code: None }) };
            }
        };
        let request = self.stream.client().put_records().stream_name(self.stream.name());
        let result = match request.set_records(Some(entries)).send().await {
            Ok(PutRecordsOutput { records, .. }) => Ok(records),
            Err(error) => {
                let code = error.code().map(str::to_owned);
                let what = format!("publishing to {}", self.stream.name());
                Err(Refused { error: self.stream.failed(&what, error), code })
            }
        };
        Answer { units, result }
    }

    fn now(&self) -> Duration {
        self.stream.clock().monotonic()
    }

    fn loads(&self) -> MutexGuard<'_, ShardLoads> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(unit: &Unit) -> Result<PutRecordsRequestEntry, aws_sdk_kinesis::error::BuildError> {
    PutRecordsRequestEntry::builder()
        .partition_key(unit.partition_key.as_ref() as &str)
        .set_explicit_hash_key(unit.explicit_hash_key.map(|key| key.to_string()))
        .data(Blob::new(unit.data.as_ref()))
        .build()
}

/// One batch on its way.
struct Sending<'a> {
    sender: &'a Sender,
    commits: &'a [Commit],
    lanes: Lanes,
    failed: Vec<Failed>,
}

impl Sending<'_> {
    async fn take(&mut self, answer: Answer) -> Result<()> {
        let Answer { units, result } = answer;
        match result {
            Ok(entries) => {
                self.look_for_new_shards(&entries).await?;
                self.take_entries(units, entries);
                Ok(())
            }
            Err(Refused { error, code: Some(code) }) if LASTING.contains(&&*code) => {
                self.narrow_down(units, &error);
                Ok(())
            }
            // Nobody knows whether it was taken: it goes again, and may be there twice.
            Err(Refused { error, code }) if error.is_transient() => {
                let reason = code.unwrap_or_else(|| NO_ANSWER.to_owned());
                let cause = error.with_causes();
                let not_taken =
                    |unit| NotTaken { unit, reason: reason.clone(), cause: cause.clone() };
                self.try_later(units.into_iter().map(not_taken).collect());
                Ok(())
            }
            Err(Refused { error, .. }) => Err(error),
        }
    }

    /// Learns about a resharding from where records went.
    async fn look_for_new_shards(&self, entries: &[PutRecordsResultEntry]) -> Result<()> {
        let shards: HashSet<&str> = entries.iter().filter_map(|entry| entry.shard_id()).collect();
        let is_known = |shard: &&str| self.sender.loads().hash_keys_of(shard).is_some();
        if shards.iter().all(is_known) {
            return Ok(());
        }
        self.sender.stream.forget_shards().await;
        match self.sender.look_at_shards().await {
            // What was sent was taken all the same.
            Err(error) if error.is_transient() => Ok(()),
            looked => looked,
        }
    }

    fn take_entries(&mut self, units: Vec<Unit>, entries: Vec<PutRecordsResultEntry>) {
        let mut entries = entries.into_iter();
        let mut not_taken = Vec::new();
        for unit in units {
            not_taken.extend(self.take_entry(unit, entries.next()));
        }
        self.try_later(not_taken);
    }

    /// Returns what has to go again later.
    fn take_entry(&mut self, unit: Unit, entry: Option<PutRecordsResultEntry>) -> Option<NotTaken> {
        let Some(entry) = entry else {
            let cause = "the answer has too few records".to_owned();
            return Some(NotTaken { unit, reason: NO_ANSWER.to_owned(), cause });
        };
        if let Some(shard) = entry.shard_id.filter(|_| entry.error_code.is_none()) {
            return self.published(unit, &shard);
        }
        let code = entry.error_code.unwrap_or_else(|| "an error without a code".to_owned());
        let cause = format!("{code}: {}", entry.error_message.unwrap_or_default());
        if !LASTING.contains(&&*code) {
            return Some(NotTaken { unit, reason: code, cause });
        }
        self.give_up(&unit, &cause);
        None
    }

    /// A reader with the Kinesis Client Library leaves out an aggregate with anything in it that belongs to
    /// another shard than the one that it came to, so all of it goes once more.
    fn published(&mut self, unit: Unit, shard: &str) -> Option<NotTaken> {
        let stream = self.sender.stream.name().to_owned();
        metrics::counter!(telemetry::RECORDS_PUBLISHED, "stream" => stream.clone()).increment(1);
        metrics::counter!(telemetry::BYTES_PUBLISHED, "stream" => stream)
            .increment(unit.len() as u64);
        let hash_keys = self.sender.loads().hash_keys_of(shard);
        // Kinesis itself has put the record where its own hash key belongs.
        let belongs = |part: &Part| {
            part.hash_key == unit.hash_key
                || hash_keys.is_some_and(|range| range.contains(part.hash_key))
        };
        if unit.parts.iter().all(belongs) {
            unit.parts.into_iter().for_each(|part| self.lanes.taken(part));
            return None;
        }
        let cause =
            format!("{shard} took it, and is not known to be the shard of all that is in it");
        Some(NotTaken { unit, reason: "another shard".to_owned(), cause })
    }

    /// The request was refused because of what is in it: its commits go in halves of it, and so on, and one
    /// that is refused by itself is given up.
    fn narrow_down(&mut self, units: Vec<Unit>, error: &Error) {
        let commits: usize = units.iter().map(Unit::commits).sum();
        for unit in units {
            if commits > 1 {
                let parts = unit.parts.into_iter();
                parts.for_each(|part| self.lanes.suspect(part, commits.div_ceil(2)));
            } else {
                self.give_up(&unit, &error.with_causes());
            }
        }
    }

    /// Lets what an answer has refused go again, all at the same time, so that it is one request again.
    fn try_later(&mut self, not_taken: Vec<NotTaken>) {
        let stream = self.sender.stream.name();
        let now = self.sender.now();
        let mut again = Vec::new();
        let mut most_attempts = 0;
        for NotTaken { unit, reason, cause } in not_taken {
            if reason == THROTTLED {
                self.sender.loads().slow_down(unit.hash_key, now);
            }
            let labels = [("stream", stream.to_owned()), ("reason", reason)];
            metrics::counter!(telemetry::RECORDS_RETRIED, &labels).increment(1);
            for part in unit.parts {
                let attempts = self.lanes.refused(part);
                if attempts >= ATTEMPTS {
                    self.give_up_part(part, |what| Error::Unavailable {
                        what,
                        source: cause.clone().into(),
                    });
                } else {
                    most_attempts = most_attempts.max(attempts);
                    again.push(part);
                }
            }
        }
        if again.is_empty() {
            return;
        }
        let until = now + BACKOFF.delay(most_attempts, self.sender.stream.entropy());
        again.into_iter().for_each(|part| self.lanes.wait(part, until));
    }

    /// Gives up what will never be taken.
    fn give_up(&mut self, unit: &Unit, cause: &str) {
        for &part in &unit.parts {
            self.give_up_part(part, |what| Error::Backend { what, source: cause.into() });
        }
    }

    fn give_up_part(&mut self, part: Part, error: impl FnOnce(String) -> Error) {
        let Some(at) = self.lanes.give_up(part) else { return };
        let Some(commit) = self.commits.get(at) else { return };
        let (stream, version) = (commit.stream(), commit.first_version());
        let place = self.sender.stream.place();
        let what = format!(
            "publishing {stream} at version {version} to {} at {place}",
            self.sender.stream.name()
        );
        self.failed.push(Failed { at, error: error(what) });
    }
}
