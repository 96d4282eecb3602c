//! A data stream in Kinesis.

use std::time::Duration;

use aws_lambda_events::streams::KinesisEventResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use es_core::Consumers;
use es_kinesis::PushedRecords;
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::batch;
use crate::error::FunctionError;
use crate::running::{options_of_time, run};
use crate::shard::{self, Behind, Commits, Place, Read, check_origin, dead_records_to};
use crate::time_left::TimeLeft;

/// A function behind a data stream in Kinesis; made by [`kinesis`](crate::kinesis).
///
/// # What it promises
///
/// What [`Consumer::push`](es_core::Consumer::push) promises: each commit has its effect once, in the order of its stream, whatever is
/// delivered twice, out of order, in halves of a batch, or to two functions at the same time (`ParallelizationFactor`).
/// Gaps are filled from the log.
///
/// - **The answer** names, per shard, the lowest sequence number that was not taken care of, and Lambda delivers
///   from there on. The event source mapping must have `ReportBatchItemFailures` among its
///   `FunctionResponseTypes`.
/// - **Several consumers** are given the whole batch each, at the same time. What one of them leaves comes again for
///   all, and is known to those that had it. Behind it Lambda delivers nothing meanwhile: a consumer that goes on
///   failing, or is paused, holds up those beside it until the mapping's limits give the batch up.
/// - **No poison.** A commit that fails for good is parked among its consumer's dead letters, with the later ones of
///   its stream. A record that cannot be read is replaced by the log, where it names a stream of it; otherwise it
///   goes [where it is told to](Self::dead_records_to). Without such a queue it fails until the mapping's
///   `MaximumRetryAttempts` or `MaximumRecordAgeInSeconds` hand it to its destination for failures.
/// - **The data stream alone.** The record of another one is no record that cannot be read, but a function behind the
///   wrong stream: it handles nothing, and the invocation fails.
/// - **In time.** Work ends before the invocation is over. What was done by then is done, and known when it comes
///   again.
///
/// What Lambda gives up, and streams whose last commit is older than the mapping, are not pushed any more. A
/// [catching up](crate::CatchUpFunction) from the consumer's own feed from time to time brings them; so does the next
/// commit of their stream.
#[derive(Debug)]
#[must_use = "a function does nothing until it runs"]
pub struct KinesisFunction {
    behind: Behind,
    records: PushedRecords,
    time: TimeLeft,
}

/// A record as far as it is needed: what else there is, and of which kind, is no reason not to read it.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventID")]
    id: Option<String>,
    kinesis: Option<Content>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    sequence_number: Option<String>,
    partition_key: Option<String>,
    data: Option<String>,
}

impl KinesisFunction {
    pub(crate) fn new(consumers: Consumers, records: PushedRecords) -> Self {
        Self { behind: Behind::new(consumers), records, time: TimeLeft::default() }
    }

    dead_records_to!();

    options_of_time!();

    run!();

    /// Handles one event, for a runtime with layers of its own, and for tests.
    ///
    /// # Errors
    ///
    /// [`FunctionError::NotTheEvent`] for an event that is not of the data stream, [`FunctionError::Unnamed`] for
    /// records that failed and have no sequence number. Everything else is in the answer.
    pub async fn invoke(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<KinesisEventResponse, FunctionError> {
        let LambdaEvent { payload, context } = event;
        let clock = self.time.clock();
        let until = clock.monotonic().saturating_add(self.time.of(&context));
        let batch = batch::records(&payload, "aws:kinesis", "Kinesis")?;
        check_origin(&batch, self.records.data_stream(), "the data stream")?;
        let mut records = Vec::with_capacity(batch.len());
        for record in batch {
            records.push(self.read(record, until).await);
        }
        let failures = self.behind.settle(records, clock, until).await?;
        let mut answer = KinesisEventResponse::default();
        answer.set_failures(failures);
        Ok(answer)
    }

    async fn read<'a>(&self, record: &'a RawValue, until: Duration) -> Read<'a> {
        let unreadable =
            |reason: &str| -> Commits { vec![Err(shard::unreadable(reason.to_owned()))] };
        let read: Record = match batch::read(record) {
            Ok(read) => read,
            Err(reason) => {
                let place = Place::unknown(record);
                return Read { place, commits: unreadable(&reason) };
            }
        };
        // "shardId-000000000006:49590338271490256608559692538361571095921575989136588898"
        let id = read.id.as_deref().and_then(|id| id.rsplit_once(':'));
        let (shard, number_of_id) = id.unzip();
        let content = read.kinesis.unwrap_or(Content {
            sequence_number: None,
            partition_key: None,
            data: None,
        });
        let number = content.sequence_number.or_else(|| number_of_id.map(str::to_owned));
        let place = Place::new(record, shard.unwrap_or_default(), number);
        let Some(number) = place.sequence_number.clone() else {
            return Read { place, commits: unreadable("it has no sequence number") };
        };
        let Some(data) = content.data.and_then(|data| STANDARD.decode(data).ok()) else {
            return Read { place, commits: unreadable("its data is not there, or not in base64") };
        };
        let key = content.partition_key.unwrap_or_default();
        let reading = self.records.commits(&number, &key, data.into());
        let commits = shard::in_time(self.time.clock(), until, reading).await;
        Read { place, commits }
    }
}
