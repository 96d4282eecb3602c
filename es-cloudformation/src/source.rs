//! What a function is behind.

use std::time::Duration;

use es_core::Error;
use serde_json::{Map, Value, json};

use crate::names::{attribute, resource_name};

/// What invokes a function: a queue, the shards of a stream, or a schedule.
///
/// All of them let the function answer which records failed, and end what fails for ever: messages by the redrive policy
/// of their queue, records of shards after [`attempts`](Source::attempts) in the queue for
/// [what failed](Source::failures_to).
#[derive(Debug, Clone)]
#[must_use = "a source is in a stack once it is given to `Function::behind`"]
pub struct Source {
    kind: Kind,
    /// The resource that is read; none for a schedule.
    of: String,
    batch: u32,
    window: Duration,
    attempts: u32,
    age: Duration,
    failures_to: Option<String>,
    filters: Vec<Value>,
    at_once: u32,
}

#[derive(Debug, Clone)]
enum Kind {
    Queue,
    TableStream,
    DataStream,
    Schedule(Duration),
}

impl Source {
    /// A queue, by the name of its resource. Batches have ten messages, the most that a FIFO queue lets them have.
    pub fn queue(resource: &str) -> Self {
        Self { batch: 10, ..Self::new(Kind::Queue, resource) }
    }

    /// The stream of a table, by the name of the table's resource, from its beginning. Batches have 100 records.
    ///
    /// Two functions at most should be behind the stream of a table: a third one reader of a shard is
    /// [throttled](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html).
    pub fn table_stream(resource: &str) -> Self {
        Self::new(Kind::TableStream, resource)
    }

    /// A data stream, by the name of its resource, from its beginning. Batches have 100 records.
    pub fn data_stream(resource: &str) -> Self {
        Self::new(Kind::DataStream, resource)
    }

    /// Nothing but the time, in whole minutes.
    pub fn schedule(every: Duration) -> Self {
        Self::new(Kind::Schedule(every), "Schedule")
    }

    fn new(kind: Kind, of: &str) -> Self {
        Self {
            kind,
            of: of.to_owned(),
            batch: 100,
            window: Duration::ZERO,
            attempts: 10_000,
            age: Duration::from_secs(12 * 60 * 60),
            failures_to: None,
            filters: Vec::new(),
            at_once: 1,
        }
    }

    /// How many records an invocation has at most.
    pub fn batch(mut self, most: u32) -> Self {
        self.batch = most;
        self
    }

    /// How long Lambda gathers records for a batch, in whole seconds. Without it, it does not wait.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How often a record of a shard is tried, 10,000 times at most, as it is without this; of a queue the redrive policy
    /// says so. What cannot be handled is parked or put away by the function itself: what it leaves is for later, and an
    /// outage that uses up the attempts would lose it. Batches that fail are halved, so that one record does not take
    /// others along.
    pub fn attempts(mut self, most: u32) -> Self {
        self.attempts = most;
        self
    }

    /// How old a record of a shard may become before it is given up: 12 hours without this. Less than the stream keeps
    /// it, 24 hours by default, so that somebody is told.
    pub fn age(mut self, most: Duration) -> Self {
        self.age = most;
        self
    }

    /// The queue, by the name of its resource, in which Lambda says which records of a shard it gave up.
    pub fn failures_to(mut self, queue: &str) -> Self {
        self.failures_to = Some(queue.to_owned());
        self
    }

    /// A [pattern](https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html) of records that the
    /// function is for. Others do not invoke it, and are not paid for. Several patterns: one of them is enough.
    pub fn only(mut self, pattern: Value) -> Self {
        self.filters.push(pattern);
        self
    }

    /// How many batches of one shard are worked on at once, up to ten: Lambda keeps the order of one partition key.
    /// For queues, how many invocations there are at once, from two.
    pub fn at_once(mut self, most: u32) -> Self {
        self.at_once = most;
        self
    }

    pub(crate) fn is_of_shards(&self) -> bool {
        matches!(self.kind, Kind::TableStream | Kind::DataStream)
    }

    /// The queue that it is, if it is one.
    pub(crate) fn queue_name(&self) -> Option<&str> {
        matches!(self.kind, Kind::Queue).then_some(self.of.as_str())
    }

    /// The same, with a queue for what fails if it has none and can have one.
    pub(crate) fn failing_to(mut self, queue: Option<&str>) -> Self {
        if self.is_of_shards() && self.failures_to.is_none() {
            self.failures_to = queue.map(str::to_owned);
        }
        self
    }

    /// That it is there, and fits to the function.
    pub(crate) fn check(
        &self,
        function: &str,
        timeout: Duration,
        others: &Map<String, Value>,
        parameters: &Map<String, Value>,
    ) -> Result<(), Error> {
        if matches!(self.kind, Kind::Schedule(_)) {
            return Ok(());
        }
        for needed in [&self.of].into_iter().chain(&self.failures_to) {
            if !others.contains_key(needed) {
                return Err(Error::Misuse(format!(
                    "function {function} is behind {needed}, which the stack does not have"
                )));
            }
        }
        self.check_limits(function)?;
        let hidden = &others[&self.of]["Properties"]["VisibilityTimeout"];
        // Of a parameter the least that it may be counts.
        let hidden = match hidden["Ref"].as_str().and_then(|name| parameters.get(name)) {
            Some(parameter) => parameter["MinValue"].as_u64().unwrap_or(0),
            None => hidden.as_u64().unwrap_or(HIDDEN_BY_DEFAULT_S),
        };
        if matches!(self.kind, Kind::Queue) && hidden < timeout.as_secs() {
            return Err(Error::Misuse(format!(
                "queue {} shows a message again after {hidden} s, while function {function} may work on it for {} s",
                self.of,
                timeout.as_secs()
            )));
        }
        Ok(())
    }

    /// What Lambda takes ([limits](https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html)).
    fn check_limits(&self, function: &str) -> Result<(), Error> {
        let is_queue = matches!(self.kind, Kind::Queue);
        let wrong = if is_queue && self.batch > 10 && self.window.is_zero() {
            "needs a window for batches of more than ten messages"
        } else if !is_queue && self.at_once > 10 {
            "works on ten batches of a shard at most"
        } else if !is_queue && !(1..=10_001).contains(&self.attempts) {
            "tries a record 10,000 times at most"
        } else {
            return Ok(());
        };
        Err(Error::Misuse(format!("function {function} behind {} {wrong}", self.of)))
    }

    pub(crate) fn resources(&self, function: &str) -> Vec<(String, Value)> {
        let name = format!("{}{}", function, resource_name(&self.of));
        if let Kind::Schedule(every) = self.kind {
            let permission = json!({
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": attribute(function, "Arn"),
                    "Principal": "events.amazonaws.com",
                    "SourceArn": attribute(&name, "Arn"),
                },
            });
            return vec![
                (name.clone(), rule(every, function)),
                (format!("{name}Permission"), permission),
            ];
        }
        let mut properties = json!({
            "FunctionName": { "Ref": function },
            "EventSourceArn": attribute(&self.of, match self.kind {
                Kind::TableStream => "StreamArn",
                _ => "Arn",
            }),
            "BatchSize": self.batch,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        });
        if !self.window.is_zero() {
            properties["MaximumBatchingWindowInSeconds"] = json!(self.window.as_secs());
        }
        if !self.filters.is_empty() {
            let filters = self.filters.iter().map(|it| json!({ "Pattern": it.to_string() }));
            properties["FilterCriteria"] = json!({ "Filters": filters.collect::<Vec<_>>() });
        }
        if self.is_of_shards() {
            properties["StartingPosition"] = json!("TRIM_HORIZON");
            properties["BisectBatchOnFunctionError"] = json!(true);
            properties["MaximumRetryAttempts"] = json!(self.attempts.saturating_sub(1));
            properties["MaximumRecordAgeInSeconds"] = json!(self.age.as_secs());
            properties["ParallelizationFactor"] = json!(self.at_once);
            if let Some(queue) = &self.failures_to {
                properties["DestinationConfig"] =
                    json!({ "OnFailure": { "Destination": attribute(queue, "Arn") } });
            }
        } else if self.at_once > 1 {
            properties["ScalingConfig"] = json!({ "MaximumConcurrency": self.at_once });
        }
        vec![(name, json!({ "Type": "AWS::Lambda::EventSourceMapping", "Properties": properties }))]
    }

    /// What Lambda does as the function to read it.
    pub(crate) fn statements(&self) -> Vec<Value> {
        let allow = |what: &str, actions: &[&str], resource: Value| {
            json!({
                "Sid": format!("{what}{}", resource_name(&self.of)),
                "Effect": "Allow",
                "Action": actions,
                "Resource": resource,
            })
        };
        let mut statements = match self.kind {
            Kind::Schedule(_) => return Vec::new(),
            Kind::Queue => vec![allow("Receive", &QUEUE, attribute(&self.of, "Arn"))],
            Kind::TableStream => vec![
                allow("Read", &TABLE_STREAM, attribute(&self.of, "StreamArn")),
                // There is no list of one table's streams to allow.
                allow("List", &["dynamodb:ListStreams"], json!("*")),
            ],
            Kind::DataStream => vec![
                allow("Read", &DATA_STREAM, attribute(&self.of, "Arn")),
                allow("List", &["kinesis:ListStreams"], json!("*")),
            ],
        };
        if let Some(queue) = &self.failures_to {
            let failures = ["sqs:SendMessage"];
            statements.push(allow("GiveUp", &failures, attribute(queue, "Arn")));
        }
        statements
    }
}

/// How long SQS hides messages of a queue that says nothing about it, in seconds.
const HIDDEN_BY_DEFAULT_S: u64 = 30;

// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html, and what the function does itself: it says how
// long what failed is hidden, of the queue whose address it asks for.
const QUEUE: [&str; 5] = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
];
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
const TABLE_STREAM: [&str; 3] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"];
// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
const DATA_STREAM: [&str; 6] = [
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:SubscribeToShard",
];

fn rule(every: Duration, function: &str) -> Value {
    let minutes = every.as_secs().div_ceil(60).max(1);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    json!({
        "Type": "AWS::Events::Rule",
        "Properties": {
            "ScheduleExpression": format!("rate({minutes} {unit})"),
            "State": "ENABLED",
            "Targets": [{ "Id": "function", "Arn": attribute(function, "Arn") }],
        },
    })
}
