//! The code of the guide's page about deploying.

use std::time::Duration;

use es_cloudformation::{Code, Function, HttpApi, PREFIX, Policy, Source, Stack, statements};
use es_core::Result;
use es_dynamodb::Role;
use serde_json::{Value, json};

// ANCHOR: stack
fn template() -> Result<Value> {
    let may = |role| statements(&es_dynamodb::iam_policy("", &[role])?);
    let mut stack = Stack::new("Pharmacy");
    stack.take(&es_dynamodb::cloudformation_template(&[])?, &[("Prefix", PREFIX)])?;
    let dead_records = stack.dead_letter_queue("dead-records")?;

    let api = Function::new("api", "Executes commands")
        .environment("TABLE_PREFIX", PREFIX)
        .timeout(Duration::from_secs(10))
        .may(may(Role::Commands)?)
        .may(may(Role::Queries)?);
    let views = Function::new("views", "Brings the views up to date")
        .environment("TABLE_PREFIX", PREFIX)
        .timeout(Duration::from_secs(60))
        .may(may(Role::Functions)?)
        .dead_records_to(&dead_records)
        .behind(Source::table_stream("EventsTable").only(json!({ "eventName": ["INSERT"] })));
    stack.functions(&Code::folder("target/lambda/pharmacy"), [api, views])?;
    stack.http_api(&HttpApi::to("api").open("GET /health"))?;

    stack.allow(Policy {
        who: "Operators",
        description: "Pharmacy: look at views",
        statements: may(Role::Queries)?,
    });
    Ok(stack.render("A pharmacy"))
}
// ANCHOR_END: stack

#[test]
fn a_system_is_one_template() {
    let template = template().unwrap();
    let resources = template["Resources"].as_object().unwrap();
    let of = |kind: &str| resources.values().filter(|it| it["Type"] == kind).count();
    assert_eq!(of("AWS::Lambda::Function"), 2);
    assert_eq!(of("AWS::IAM::Role"), 2);
    assert_eq!(of("AWS::ApiGatewayV2::Api"), 1);
    // Of each function errors and throttles, of the one behind the log its age; the queue, and the API.
    assert_eq!(of("AWS::CloudWatch::Alarm"), 7);
    let parameters: Vec<_> = template["Parameters"].as_object().unwrap().keys().collect();
    let expected = [
        "Access",
        "AlarmTopic",
        "Architecture",
        "Audience",
        "Issuer",
        "LogRetentionDays",
        "RequestsAtOnce",
        "RequestsPerSecond",
    ];
    assert_eq!(parameters, expected);
}
