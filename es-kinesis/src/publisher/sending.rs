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
    /// Whether a smaller request may be taken: it is something in it.
    is_about_records: bool,
}

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
        self.loads().update(&list, self.now());
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
            let wait = sending.lanes.next_wait_ends().map(|until| until.saturating_sub(self.now()));
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
                return Answer { units, result: Err(Refused { error, is_about_records: false }) };
            }
        };
        let request = self.stream.client().put_records().stream_name(self.stream.name());
        let result = match request.set_records(Some(entries)).send().await {
            Ok(PutRecordsOutput { records, .. }) => Ok(records),
            Err(error) => {
                let about = ["InvalidArgumentException", "ValidationException"];
                let is_about_records = error.code().is_some_and(|code| about.contains(&code));
                let what = format!("publishing to {}", self.stream.name());
                Err(Refused { error: self.stream.failed(&what, error), is_about_records })
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
                let mut entries = entries.into_iter();
                for unit in units {
                    self.take_entry(unit, entries.next());
                }
                Ok(())
            }
            Err(Refused { error, is_about_records: true }) => {
                self.narrow_down(units, &error);
                Ok(())
            }
            // Nobody knows whether it was taken: it goes again, and may be there twice.
            Err(Refused { error, .. }) if error.is_transient() => {
                for unit in units {
                    self.try_later(unit, "no answer", &error.with_causes());
                }
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

    fn take_entry(&mut self, unit: Unit, entry: Option<PutRecordsResultEntry>) {
        let stream = self.sender.stream.name().to_owned();
        let Some(entry) = entry else {
            return self.try_later(unit, "no answer", "the answer has too few records");
        };
        if let Some(shard) = entry.shard_id.filter(|_| entry.error_code.is_none()) {
            metrics::counter!(telemetry::RECORDS_PUBLISHED, "stream" => stream.clone())
                .increment(1);
            metrics::counter!(telemetry::BYTES_PUBLISHED, "stream" => stream)
                .increment(unit.len() as u64);
            return self.published(&unit, &shard);
        }
        let code = entry.error_code.unwrap_or_else(|| "an error without a code".to_owned());
        let message = entry.error_message.unwrap_or_default();
        if code == "ProvisionedThroughputExceededException" {
            self.sender.loads().slow_down(unit.hash_key, self.sender.now());
        }
        match LASTING.contains(&&*code) {
            true => self.give_up(&unit, |what| Error::Backend {
                what,
                source: format!("{code}: {message}").into(),
            }),
            false => self.try_later(unit, &code, &format!("{code}: {message}")),
        }
    }

    /// A reader with the Kinesis Client Library leaves out what came to a shard that it does not belong
    /// to, so that goes once more.
    fn published(&mut self, unit: &Unit, shard: &str) {
        let hash_keys = self.sender.loads().hash_keys_of(shard);
        let is_aggregate = unit.parts.len() > 1 || unit.parts.iter().any(|part| part.commits > 1);
        for &part in &unit.parts {
            let belongs = hash_keys.is_none_or(|range| range.contains(part.hash_key));
            if belongs || !is_aggregate {
                self.lanes.taken(part);
            } else {
                self.lanes.again(part);
            }
        }
    }

    /// The request was refused because of what is in it: each of its streams goes by itself, and one that
    /// is refused by itself is given up.
    fn narrow_down(&mut self, units: Vec<Unit>, error: &Error) {
        let is_one_commit = match &*units {
            [unit] => matches!(&*unit.parts, [Part { commits: 1, .. }]),
            _ => false,
        };
        for unit in units {
            if is_one_commit {
                self.give_up(&unit, |what| Error::Backend {
                    what,
                    source: error.with_causes().into(),
                });
            } else {
                unit.parts.iter().for_each(|&part| self.lanes.go_alone(part));
            }
        }
    }

    fn try_later(&mut self, unit: Unit, reason: &str, cause: &str) {
        let labels =
            [("stream", self.sender.stream.name().to_owned()), ("reason", reason.to_owned())];
        metrics::counter!(telemetry::RECORDS_RETRIED, &labels).increment(1);
        for &part in &unit.parts {
            let attempts = self.lanes.refused(part);
            if attempts >= ATTEMPTS {
                self.give_up_part(part, |what| Error::Unavailable {
                    what,
                    source: cause.to_owned().into(),
                });
            } else {
                let delay = BACKOFF.delay(attempts, self.sender.stream.entropy());
                self.lanes.wait(part, self.sender.now() + delay);
            }
        }
    }

    fn give_up(&mut self, unit: &Unit, error: impl Fn(String) -> Error) {
        unit.parts.iter().for_each(|&part| self.give_up_part(part, &error));
    }

    fn give_up_part(&mut self, part: Part, error: impl FnOnce(String) -> Error) {
        let Some(at) = self.lanes.give_up(part) else { return };
        let Some(commit) = self.commits.get(at) else { return };
        let (stream, version) = (commit.stream(), commit.first_version());
        let name = self.sender.stream.name();
        let what = format!("publishing {stream} at version {version} to {name}");
        self.failed.push(Failed { at, error: error(what) });
    }
}

/// Codes of a record that will be refused again.
const LASTING: [&str; 6] = [
    "AccessDeniedException",
    "InvalidArgumentException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSNotFoundException",
    "ValidationException",
];
