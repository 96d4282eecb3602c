//! What the dispensary needs on AWS, as one CloudFormation template: tables, data stream and a bucket for prescriptions,
//! encrypted with a key of their own, and the dispensary itself as functions behind an HTTP API.

use std::time::Duration;

use es_cloudformation::{
    Bucket, Code, Function, HttpApi, PREFIX, Policy, Source, Stack, operating, statements,
};
use es_core::{Error, ViewSchema};
use es_dynamodb::Role;
use es_kinesis::Role as StreamRole;
use serde_json::{Value, json};

use super::functions;
use super::views::{DispenseDetails, DispenseList};

/// The template of the whole dispensary. Everything in it is named after the stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template() -> Result<Value, Error> {
    let mut stack = data()?;
    let prescriptions = Bucket::new(functions::PRESCRIPTIONS);
    stack.bucket(&prescriptions)?;
    let dead_records = stack.dead_letter_queue(functions::DEAD_RECORDS)?;
    let code = Code::folder("../../target/lambda/dispensary");
    stack.functions(&code, all_functions(&prescriptions, &dead_records)?)?;
    stack.http_api(&HttpApi::to(functions::API).open("GET /health"))?;
    stack.allow(Policy {
        who: "Operators",
        description: "Dispensary: health, views, dead letters, and records that could not be read",
        statements: [tables(&[Role::Queries, Role::Progress])?, vec![operating(&dead_records)]]
            .concat(),
    });
    stack.allow(workers([putting(&prescriptions)].into_iter().chain(getting(&prescriptions)))?);
    let what =
        "Dispensary: log, data stream, views, prescriptions, key, and the functions that dispense.";
    Ok(stack.render(what))
}

/// The template of what programs need that run elsewhere, with what they may do. Everything in it is named after the
/// stack. Prescriptions are in directories then.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template_without_functions() -> Result<Value, Error> {
    let mut stack = data()?;
    stack.allow(workers([])?);
    Ok(stack.render("Dispensary: log, data stream, views, key, and who may use them."))
}

/// What keeps the data, but for the prescriptions, and what it goes through.
fn data() -> Result<Stack, Error> {
    let views = [ViewSchema::of::<DispenseList>()?, ViewSchema::of::<DispenseDetails>()?];
    let mut stack = Stack::new("Dispensary");
    stack.take(&es_dynamodb::cloudformation_template(&views)?, &[("Prefix", PREFIX)])?;
    let name = format!("{PREFIX}{}", functions::DATA_STREAM);
    stack.take(&es_kinesis::cloudformation_template(&[])?, &[("StreamName", &name)])?;
    Ok(stack)
}

/// What programs do that run elsewhere, with their prescriptions.
fn workers(on_prescriptions: impl IntoIterator<Item = Value>) -> Result<Policy, Error> {
    let streams = data_stream(&[StreamRole::Publish, StreamRole::Consume])?;
    let statements = tables(&Role::ALL)?.into_iter().chain(streams).chain(on_prescriptions);
    Ok(Policy {
        who: "Workers",
        description: "Dispensary: the main job, serve, publish, project, rebuild, dead letters, and looks",
        statements: statements.collect(),
    })
}

fn all_functions(prescriptions: &Bucket, dead_records: &str) -> Result<[Function; 6], Error> {
    let function = |name: &str, description: &str| {
        Function::new(name, description)
            .environment("TABLE_PREFIX", PREFIX)
            .environment_value("BUCKET_NAME", json!({ "Ref": "BucketPrescriptions" }))
    };
    let worker = |name: &str, description: &str, source: Source| {
        function(name, description)
            .timeout(Duration::from_secs(60))
            .dead_records_to(dead_records)
            .behind(source)
    };
    // The log removes nothing, and who does it by hand does not change what happened.
    let log =
        Source::table_stream("EventsTable").only(json!({ "eventName": ["INSERT", "MODIFY"] }));
    let published = || Source::data_stream("Stream");
    Ok([
        // As long as an HTTP API waits; requests that wait for the views are answered in 20 seconds.
        function(functions::API, "Answers requests")
            .timeout(Duration::from_secs(30))
            .may(tables(&[Role::Commands, Role::Queries, Role::Progress])?)
            .may([putting(prescriptions)]),
        worker(functions::PUBLISHER, "Publishes the log to the data stream", log)
            .may(tables(&[Role::Reactions])?)
            .may(data_stream(&[StreamRole::Publish])?),
        worker(functions::LIST, "Keeps the view for lists", published())
            .may(tables(&[Role::Functions])?),
        worker(functions::DETAILS, "Keeps the view for details", published())
            .may(tables(&[Role::Functions])?),
        worker(functions::ANALYST, "Analyzes the prescriptions that are uploaded", published())
            .may(tables(&[Role::Commands, Role::Reactions])?)
            .may(getting(prescriptions)),
        function(
            functions::CATCH_UP,
            "Brings data stream, views and analyst what was never pushed",
        )
        .catching_up()
        .may(tables(&[Role::Commands, Role::Projections])?)
        .may(data_stream(&[StreamRole::Publish, StreamRole::Consume])?)
        .may(getting(prescriptions)),
    ])
}

fn putting(prescriptions: &Bucket) -> Value {
    on("PutPrescriptions", "s3:PutObject", format!("{}/*", prescriptions.arn()))
}

fn getting(prescriptions: &Bucket) -> [Value; 2] {
    let bucket = prescriptions.arn();
    [
        on("GetPrescriptions", "s3:GetObject", format!("{bucket}/*")),
        // Without it S3 says of an object that is not there that it may not be read.
        on("MissPrescriptions", "s3:ListBucket", bucket),
    ]
}

fn on(sid: &str, action: &str, arn: String) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": action, "Resource": { "Fn::Sub": arn } })
}

fn tables(roles: &[Role]) -> Result<Vec<Value>, Error> {
    statements(&es_dynamodb::iam_policy("", roles)?)
}

fn data_stream(roles: &[StreamRole]) -> Result<Vec<Value>, Error> {
    statements(&es_kinesis::iam_policy(functions::DATA_STREAM, roles)?)
}

#[cfg(test)]
mod tests;
