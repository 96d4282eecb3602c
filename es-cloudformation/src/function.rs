//! A function: with a role that may do what it does and no more, a log that ends, and an alarm.

use std::time::Duration;

use es_core::Error;
use serde_json::{Map, Value, json};

use crate::alarms::Alarm;
use crate::key::{self, key_arn};
use crate::names::{attribute, resource_name, text, with_prefix};
use crate::source::Source;

/// The code of functions.
#[derive(Debug, Clone)]
pub struct Code(Value);

impl Code {
    /// A folder with the program, `bootstrap`. Its path goes from the folder of the template. Deploying puts it into a
    /// bucket, and the place in the bucket into the template.
    pub fn folder(path: &str) -> Self {
        Self(json!(path))
    }
}

/// A function of AWS Lambda on its operating system for programs, `provided.al2023`.
///
/// Which function of a program it is, is said by its handler: its name here. Without options it has 256 MB of memory, and
/// 30 seconds.
#[derive(Debug, Clone)]
#[must_use = "a function is in a stack once it is given to `Stack::functions`"]
pub struct Function {
    name: String,
    description: String,
    timeout: Duration,
    memory: u32,
    at_once: Option<u32>,
    environment: Map<String, Value>,
    statements: Vec<Value>,
    sources: Vec<Source>,
    dead_records: Option<String>,
}

impl Function {
    /// A function of this name, as `projector`, that is behind nothing and may do nothing yet.
    pub fn new(name: &str, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            timeout: Duration::from_secs(30),
            memory: 256,
            at_once: None,
            environment: Map::new(),
            statements: Vec::new(),
            sources: Vec::new(),
            dead_records: None,
        }
    }

    /// The function as one that catches up, from their own feeds, those to whom mappings push: every hour, for up to 15
    /// minutes.
    ///
    /// A mapping gives a record up after 12 hours unless its [`Source`] says otherwise, and the stream of a table forgets
    /// it after 24: there are eleven runs in between. One reads what the last hour has brought, and may be the third reader
    /// of a shard for that time, which DynamoDB may throttle; all readers ask again then.
    pub fn catching_up(self) -> Self {
        let every_hour = Source::schedule(Duration::from_secs(60 * 60));
        self.timeout(Duration::from_secs(15 * 60)).behind(every_hour)
    }

    /// How long an invocation may take, in whole seconds; 15 minutes at most, and 30 seconds behind an HTTP API.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The memory that it has, in megabytes; processors come with it, a whole one with 1,769.
    pub fn memory(mut self, megabytes: u32) -> Self {
        self.memory = megabytes;
        self
    }

    /// How many run at once at most, kept for this function out of those of the account. Without it as many as the
    /// account has.
    pub fn at_once(mut self, most: u32) -> Self {
        self.at_once = Some(most);
        self
    }

    /// A variable of its environment. The value may have what CloudFormation puts in, as [`PREFIX`](crate::PREFIX) has.
    pub fn environment(self, name: &str, value: &str) -> Self {
        self.environment_value(name, text(value))
    }

    /// A variable of its environment that refers to something in the stack.
    pub fn environment_value(mut self, name: &str, value: Value) -> Self {
        self.environment.insert(name.to_owned(), value);
        self
    }

    /// What it may do, beside what reading its sources, writing its log and using the key of the stack need.
    pub fn may(mut self, statements: impl IntoIterator<Item = Value>) -> Self {
        self.statements.extend(statements);
        self
    }

    /// What invokes it.
    pub fn behind(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }

    /// Lets it send records that it cannot read to a queue, by the name of its resource, and has Lambda say there what it
    /// gave up of a shard.
    pub fn dead_records_to(mut self, queue: &str) -> Self {
        self.dead_records = Some(queue.to_owned());
        self
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    pub(crate) fn resource_name(&self) -> String {
        format!("{}Function", resource_name(&self.name))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Those of its sources that are shards.
    pub(crate) fn is_behind_shards(&self) -> bool {
        self.sources.iter().any(Source::is_of_shards)
    }

    pub(crate) fn alarms(&self) -> Vec<Alarm> {
        let name = self.resource_name();
        let mut alarms = vec![Alarm::on_errors_of(&name), Alarm::on_throttles_of(&name)];
        alarms.extend(self.sources.iter().filter_map(Source::queue_name).map(Alarm::on_waiting_in));
        if self.is_behind_shards() {
            alarms.push(Alarm::on_age_of(&self.resource_name()));
        }
        alarms
    }

    /// What it is made of, in a stack with these resources and parameters, whose parts use its key through these services.
    pub(crate) fn resources(
        &self,
        code: &Code,
        others: &Map<String, Value>,
        parameters: &Map<String, Value>,
        services: &[String],
    ) -> Result<Vec<(String, Value)>, Error> {
        self.check_timeout()?;
        let name = self.resource_name();
        let (log, role) = (format!("{name}Log"), format!("{name}Role"));
        let mut resources =
            vec![(log.clone(), self.log()), (role.clone(), self.role(&log, services))];
        let mut properties = json!({
            "FunctionName": with_prefix(&self.name),
            "Description": self.description,
            "Runtime": "provided.al2023",
            "Architectures": [{ "Ref": "Architecture" }],
            "Code": code.0,
            "Handler": self.name,
            "Timeout": self.timeout.as_secs(),
            "MemorySize": self.memory,
            "Role": attribute(&role, "Arn"),
            "KmsKeyArn": key_arn(),
            "LoggingConfig": { "LogGroup": { "Ref": log } },
        });
        if let Some(most) = self.at_once {
            properties["ReservedConcurrentExecutions"] = json!(most);
        }
        if !self.environment.is_empty() {
            properties["Environment"] = json!({ "Variables": self.environment });
        }
        resources.push((
            name.clone(),
            json!({
                "Type": "AWS::Lambda::Function",
                // Before its tables are there, it would fail at what is pushed to it.
                "DependsOn": all_that_keeps_data(others, &properties),
                "Properties": properties,
            }),
        ));
        if let Some(queue) = &self.dead_records
            && !others.contains_key(queue)
        {
            return Err(Error::Misuse(format!(
                "function {} sends dead records to {queue}, which the stack does not have",
                self.name
            )));
        }
        for source in self.all_sources() {
            source.check(&self.name, self.timeout, others, parameters)?;
            resources.extend(source.resources(&name));
        }
        Ok(resources)
    }

    /// That Lambda takes its [time](https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html), whatever
    /// invokes it.
    fn check_timeout(&self) -> Result<(), Error> {
        let seconds = self.timeout.as_secs();
        if (1..=LONGEST_S).contains(&seconds) && self.timeout.subsec_nanos() == 0 {
            return Ok(());
        }
        Err(Error::Misuse(format!(
            "function {} may take whole seconds and 15 minutes at most, and not {:?}",
            self.name, self.timeout
        )))
    }

    /// Its sources, each with a queue for what fails, if it has one.
    fn all_sources(&self) -> impl Iterator<Item = Source> {
        self.sources.iter().map(|source| source.clone().failing_to(self.dead_records.as_deref()))
    }

    fn log(&self) -> Value {
        json!({
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "LogGroupName": text(&format!("/aws/lambda/{}{}", crate::PREFIX, self.name)),
                "RetentionInDays": { "Ref": "LogRetentionDays" },
                "KmsKeyId": key_arn(),
            },
        })
    }

    fn role(&self, log: &str, services: &[String]) -> Value {
        let mut statements = self.statements.clone();
        statements.extend(self.all_sources().flat_map(|source| source.statements()));
        if let Some(queue) = &self.dead_records {
            statements.push(json!({
                "Sid": "Bury",
                "Effect": "Allow",
                // Who sends by a name asks for the address and the limits of the queue first.
                "Action": ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
                "Resource": attribute(queue, "Arn"),
            }));
        }
        // Of the streams of a log group, which its ARN ends with.
        statements.push(json!({
            "Sid": "Log",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": attribute(log, "Arn"),
        }));
        // Lambda decrypts the environment as the function.
        let mut services: Vec<&str> = services.iter().map(String::as_str).collect();
        services.push("lambda");
        statements.extend(key::use_through(&services));
        json!({
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Description": text(&format!("What the function {}{} may do", crate::PREFIX, self.name)),
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Allow",
                        "Principal": { "Service": "lambda.amazonaws.com" },
                        "Action": "sts:AssumeRole",
                    }],
                },
                "Policies": [{
                    "PolicyName": self.name,
                    "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
                }],
            },
        })
    }
}

/// How long an invocation may take at most, in seconds.
const LONGEST_S: u64 = 15 * 60;

/// What a function works with: tables, streams, queues, topics and buckets of the stack, but for those that its
/// properties refer to, for which CloudFormation waits anyway.
fn all_that_keeps_data<'a>(
    resources: &'a Map<String, Value>,
    properties: &Value,
) -> Vec<&'a String> {
    const KINDS: [&str; 5] = [
        "AWS::DynamoDB::Table",
        "AWS::Kinesis::Stream",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    ];
    let of_kind = |resource: &Value| KINDS.iter().any(|kind| resource["Type"] == *kind);
    let needed = resources.iter().filter(|(_, resource)| of_kind(resource)).map(|(name, _)| name);
    needed.filter(|name| !refers_to(properties, name)).collect()
}

fn refers_to(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.get("Ref").is_some_and(|it| it == name)
                || fields.get("Fn::GetAtt").is_some_and(|it| it[0] == name)
                || fields.values().any(|it| refers_to(it, name))
        }
        Value::Array(values) => values.iter().any(|it| refers_to(it, name)),
        _ => false,
    }
}
