//! What the system is on AWS, as one CloudFormation template: bucket, topic, queues and tables, all encrypted with a key of
//! its own, an HTTP API, and the functions behind them.

use std::time::Duration;

use es_cloudformation::{
    Bucket, Code, Function, HttpApi, PREFIX, Policy, Source, Stack, operating, resource_name,
    statements,
};
use es_core::{Error, QueueName, QueueOptions, Topology, ViewSchema};
use es_dynamodb::Role as TableRole;
use es_sns_sqs::Role as QueueRole;
use serde_json::{Value, json};

use super::functions::{ANNOUNCER, API, CATCH_UP, CONFIRMER, DEAD_RECORDS, PROCESSOR, RECORDS};
use super::names::Names;
use super::records::Records;

/// The template of the system. Everything in it is named after the stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template() -> Result<Value, Error> {
    let names = Names::beginning_with("")?;
    let inbox = Bucket::new("inbox").tells("TopicSubmissions");
    let tables = es_dynamodb::cloudformation_template(&[ViewSchema::of::<Records>()?])?;
    let messages = es_sns_sqs::cloudformation_template(&names.topology()?)?;
    let mut stack = Stack::new("Ingest");
    stack.take(&tables, &[("Prefix", PREFIX)])?;
    stack.take(&messages, &[("NamePrefix", PREFIX)])?;
    stack.bucket(&inbox)?;
    for queue in ["QueueDeadLetters", UNDELIVERED] {
        stack.alarm_on_dead_letters(queue);
    }
    stack.dead_letter_queue(DEAD_RECORDS)?;
    parameters(&mut stack);
    let parts = Parts { names: &names, inbox: &inbox };
    stack.functions(&Code::folder("../../target/lambda/ingest"), parts.functions()?)?;
    stack.http_api(&HttpApi::to(API).cors("${AllowedOrigin}"))?;
    for policy in parts.policies()? {
        stack.allow(policy);
    }
    Ok(stack.render(
        "Ingest: bucket, API, topic, queues, log, records, key, and the functions that take readings in.",
    ))
}

fn parameters(stack: &mut Stack) {
    stack.parameter(
        "AllowedOrigin",
        json!({
            "Description": "Pages from where may submit and ask for results, as https://example.org.",
            "Type": "String",
            "Default": "*",
        }),
    );
    stack.parameter(
        "TtlDays",
        json!({
            "Description": "For how many days what became of an event is kept; in the log it stays.",
            "Type": "Number",
            "Default": 7,
            "MinValue": 1,
            "MaxValue": 3650,
        }),
    );
    stack.parameter(
        "Outages",
        json!({
            "Description": "Stations that the register does not answer about, for ever or so many times, as zugspitze=2, with commas between: to see what becomes of such events.",
            "Type": "String",
            "Default": "",
        }),
    );
}

/// What the topic could not bring to the queue.
const UNDELIVERED: &str = "UndeliveredOfTopicSubmissions";

/// How long an invocation may take: as often in the visibility timeout as Lambda asks for.
const TIMEOUT: Duration = Duration::from_secs(Names::VISIBILITY_TIMEOUT.as_secs() / 6);

/// What the functions and policies are about.
struct Parts<'a> {
    names: &'a Names,
    inbox: &'a Bucket,
}

impl Parts<'_> {
    fn functions(&self) -> Result<[Function; 6], Error> {
        let dead_records = resource_of_dead_records();
        let function = |name: &str, description: &str| {
            Function::new(name, description)
                .timeout(TIMEOUT)
                .environment("TABLE_NAME", PREFIX)
                .environment_value("TOPIC_ARN", json!({ "Ref": "TopicSubmissions" }))
                .environment_value("BUCKET_NAME", json!({ "Ref": "BucketInbox" }))
                .environment_value("TTL_DAYS", json!({ "Ref": "TtlDays" }))
                .environment_value("OUTAGES", json!({ "Ref": "Outages" }))
        };
        // Two readers of the table's stream are as many as it has room for.
        let of_log = |name: &str, description: &str, role| -> Result<Function, Error> {
            let new = json!({ "eventName": ["INSERT"] });
            let source = Source::table_stream("EventsTable").only(new);
            Ok(function(name, description)
                .timeout(Duration::from_secs(60))
                .may(tables(&[role])?)
                .dead_records_to(&dead_records)
                .behind(source))
        };
        Ok([
            function(API, "Takes submissions, and says what became of them")
                .may(tables(&[TableRole::Queries, TableRole::Progress])?)
                .may(self.publishing()?),
            function(PROCESSOR, "Takes in what was submitted")
                .may(tables(&[TableRole::Commands])?)
                .may(self.queue(&self.names.queue, QueueRole::Consume)?)
                .may(self.files("ReadFiles", "s3:GetObject"))
                .behind(Source::queue("QueueSubmissions")),
            function(CONFIRMER, "Writes down that the confirmations of events came")
                .may(tables(&[TableRole::Commands])?)
                .may(self.queue(&self.names.confirmations, QueueRole::Consume)?)
                .behind(Source::queue("QueueConfirmations")),
            of_log(
                ANNOUNCER,
                "Tells the second queue of what was processed",
                TableRole::Reactions,
            )?
            .may(self.queue(&self.names.confirmations, QueueRole::Publish)?),
            of_log(RECORDS, "Brings the records of events up to date", TableRole::Functions)?,
            function(CATCH_UP, "Brings both what was never pushed")
                .catching_up()
                .may(tables(&[TableRole::Projections])?)
                .may(self.queue(&self.names.confirmations, QueueRole::Publish)?),
        ])
    }

    fn policies(&self) -> Result<[Policy; 2], Error> {
        let publishing =
            [self.publishing()?, self.files("PutFiles", "s3:PutObject").into()].concat();
        let redriving = es_sns_sqs::iam_policy(&self.names.topology()?, "", &[QueueRole::Operate])?;
        Ok([
            Policy {
                who: "Publishers",
                description: "Ingest: publish to the topic, put files into the bucket",
                statements: publishing,
            },
            Policy {
                who: "Operators",
                description: "Ingest: look into dead letters, send them back, see records",
                statements: [
                    tables(&[TableRole::Queries, TableRole::Progress])?,
                    statements(&redriving)?,
                    vec![operating(&resource_of_dead_records()), operating(UNDELIVERED)],
                ]
                .concat(),
            },
        ])
    }

    /// To publish to the topic. The topics of the account are not listed: `TOPIC_ARN` says which one it is.
    fn publishing(&self) -> Result<Vec<Value>, Error> {
        let topic = Topology::builder().topic(&self.names.topic).build()?;
        let publish =
            statements(&es_sns_sqs::iam_policy(&topic, "", &[QueueRole::Publish])?)?.into_iter();
        Ok(publish.filter(|it| it["Action"] != json!(["sns:ListTopics"])).collect())
    }

    /// What this role does with one queue, whose dead letters go where all do.
    fn queue(&self, queue: &QueueName, role: QueueRole) -> Result<Vec<Value>, Error> {
        let topology = Topology::builder()
            .queue(queue, QueueOptions::default())
            .dead_letter_queue(&self.names.dead_letters, QueueOptions::for_dead_letters())
            .build()?;
        statements(&es_sns_sqs::iam_policy(&topology, "", &[role])?)
    }

    /// To do this with files of the bucket. Who may not list them is not told that one is missing, but that he may
    /// not have it.
    fn files(&self, what: &str, action: &str) -> [Value; 2] {
        let arn = self.inbox.arn();
        let allow = |what: &str, action: &str, on: String| {
            json!({
                "Sid": what,
                "Effect": "Allow",
                "Action": action,
                "Resource": { "Fn::Sub": on },
            })
        };
        [allow(what, action, format!("{arn}/*")), allow("MissFiles", "s3:ListBucket", arn)]
    }
}

fn resource_of_dead_records() -> String {
    format!("Queue{}", resource_name(DEAD_RECORDS))
}

fn tables(roles: &[TableRole]) -> Result<Vec<Value>, Error> {
    statements(&es_dynamodb::iam_policy("", roles)?)
}

#[cfg(test)]
mod tests;
