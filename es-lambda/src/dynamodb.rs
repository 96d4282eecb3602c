//! The stream of an events table in DynamoDB.

use std::time::Duration;

use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use es_core::Consumers;
use es_dynamodb::DynamoStore;
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::batch;
use crate::error::FunctionError;
use crate::running::{options_of_time, run};
use crate::shard::{self, Behind, Commits, Place, Read, check_origin, dead_records_to};
use crate::time_left::TimeLeft;

/// A function behind the stream of an events table, a publisher, a projection or a policy; made by
/// [`dynamodb`](crate::dynamodb).
///
/// # What it promises
///
/// What [`Consumer::push`](es_core::Consumer::push) promises: each commit has its effect once, in the order of its stream. DynamoDB keeps the
/// order of an item, not of a stream, and Lambda delivers twice and to two functions at the same time
/// (`ParallelizationFactor`); gaps are filled from the log.
///
/// - **The answer** names the lowest sequence number that was not taken care of, and Lambda delivers from there on.
///   The event source mapping must have `ReportBatchItemFailures` among its `FunctionResponseTypes`, and the
///   table's stream the new images.
/// - **Several consumers** are given the whole batch each, at the same time. What one of them leaves comes again for
///   all, and is known to those that had it. Behind it Lambda delivers nothing meanwhile: a consumer that goes on
///   failing, or is paused, holds up those beside it until the mapping's limits give the batch up.
/// - **No poison.** A commit that fails for good is parked among its consumer's dead letters, with the later ones of
///   its stream. A record that cannot be read goes [where it is told to](Self::dead_records_to). Without such a
///   queue it fails until the mapping's `MaximumRetryAttempts` or `MaximumRecordAgeInSeconds` hand it to its
///   destination for failures.
/// - **The log alone.** The record of another table is no record that cannot be read, but a function behind the wrong
///   stream: it handles nothing, and the invocation fails. Removals, which the log does not know, are passed over.
/// - **In time.** Work ends before the invocation is over. What was done by then is done, and known when it comes
///   again.
///
/// What Lambda gives up, and streams whose last commit is older than the mapping, are not pushed any more. A
/// [catching up](crate::CatchUpFunction) from the consumer's own feed from time to time brings them; so does the next
/// commit of their stream.
#[derive(Debug)]
#[must_use = "a function does nothing until it runs"]
pub struct DynamoFunction {
    behind: Behind,
    log: DynamoStore,
    time: TimeLeft,
}

/// A record as far as it is needed: what else there is, and of which kind, is no reason not to read it.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "eventName")]
    name: Option<String>,
    #[serde(rename = "dynamodb", borrow)]
    change: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Number {
    sequence_number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    new_image: Option<serde_dynamo::Item>,
}

impl DynamoFunction {
    pub(crate) fn new(consumers: Consumers, log: DynamoStore) -> Self {
        Self { behind: Behind::new(consumers), log, time: TimeLeft::default() }
    }

    dead_records_to!();

    options_of_time!();

    run!();

    /// Handles one event, for a runtime with layers of its own, and for tests.
    ///
    /// # Errors
    ///
    /// [`FunctionError::NotTheEvent`] for an event that is not of the stream of the log's table,
    /// [`FunctionError::Unnamed`] for records that failed and have no sequence number. Everything else is in the
    /// answer.
    pub async fn invoke(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<DynamoDbEventResponse, FunctionError> {
        let LambdaEvent { payload, context } = event;
        let clock = self.time.clock();
        let until = clock.monotonic().saturating_add(self.time.of(&context));
        let batch = batch::records(&payload, "aws:dynamodb", "DynamoDB Streams")?;
        check_origin(&batch, self.log.log_table(), "the log's stream")?;
        let mut records = Vec::with_capacity(batch.len());
        for record in batch {
            records.push(self.read(record, until).await);
        }
        let failures = self.behind.settle(records, clock, until).await?;
        let mut answer = DynamoDbEventResponse::default();
        answer.batch_item_failures = failures.into_iter().map(failure).collect();
        Ok(answer)
    }

    async fn read<'a>(&self, record: &'a RawValue, until: Duration) -> Read<'a> {
        let unreadable =
            |reason: &str| -> Commits { vec![Err(shard::unreadable(reason.to_owned()))] };
        let read: Record<'_> = match serde_json::from_str(record.get()) {
            Ok(read) => read,
            Err(_) => {
                let place = Place::unknown(record);
                return Read { place, commits: unreadable("it is no record") };
            }
        };
        let number = read.change.and_then(|change| batch::read::<Number>(change).ok());
        let number = number.and_then(|number| number.sequence_number);
        // Records do not say their shard; a batch is of one.
        let place = Place::new(record, "", number);
        if place.sequence_number.is_none() {
            return Read { place, commits: unreadable("it has no sequence number") };
        }
        match read.name.as_deref() {
            Some("INSERT" | "MODIFY") => {}
            // The log removes nothing; who does it by hand does not change what happened.
            Some("REMOVE") => return Read { place, commits: Vec::new() },
            _ => return Read { place, commits: unreadable("it does not say what was done") },
        }
        let change = read.change.map(batch::read::<Change>);
        let image = match change {
            Some(Ok(Change { new_image: Some(image) })) => image,
            Some(Err(reason)) => return Read { place, commits: unreadable(&reason) },
            _ => return Read { place, commits: unreadable("it has no new image") },
        };
        let reading =
            async { self.log.commit_of_new_image(image).await.transpose().into_iter().collect() };
        let commits = shard::in_time(self.time.clock(), until, reading).await;
        Read { place, commits }
    }
}

fn failure(sequence_number: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    failure
}
