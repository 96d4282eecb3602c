use std::collections::BTreeSet;

use super::*;
use crate::aws::template_rules::{Template, is_checked_in};

fn of_orders() -> Template {
    Template::checked(template().unwrap())
}

#[test]
fn the_template_that_is_checked_in_is_the_one_that_is_printed() {
    is_checked_in("orders", &template().unwrap());
}

#[test]
fn programs_that_run_elsewhere_have_a_template_that_keeps_the_rules() {
    let template = Template::checked(template_without_functions().unwrap());
    assert!(template.all_of("AWS::Lambda::Function").is_empty());
    let workers = "WorkersPolicy";
    assert!(template.allows(workers, "sns:Publish", ":${AWS::StackName}-notifications"));
    assert!(template.allows(workers, "sqs:ReceiveMessage", ":${AWS::StackName}-created"));
    assert!(!template.allows(workers, "sqs:ReceiveMessage", "-shipping"), "these are others'");
    assert!(!template.allows(workers, "sqs:ReceiveMessage", "-dead-letters"));
    for change in ["dynamodb:DeleteItem", "dynamodb:UpdateItem"] {
        assert!(!template.allows(workers, change, "-events"), "nobody changes the log");
    }
}

#[test]
fn orders_expire_in_the_list_and_records_in_their_table() {
    let template = of_orders();
    for view in ["ViewOrderListV1Table", "StateTable"] {
        let expiry = &template.properties(view)["TimeToLiveSpecification"];
        assert_eq!(expiry["Enabled"], true, "{view}");
    }
    let days = &template.properties("ListFunction")["Environment"]["Variables"]["TTL_DAYS"];
    assert_eq!(*days, json!({ "Ref": "TtlDays" }));
    assert_eq!(template.0["Parameters"]["TtlDays"]["Default"], 7);
}

#[test]
fn the_log_has_two_readers_and_the_processor_takes_batches_of_ten() {
    let template = of_orders();
    let mappings = template.all_of("AWS::Lambda::EventSourceMapping");
    let of_log = mappings.iter().filter(|(_, it)| !it["StartingPosition"].is_null());
    assert_eq!(of_log.count(), 2, "a shard of a table has room for two");
    let queue = template.properties("ProcessorFunctionQueueCreated");
    assert_eq!(queue["BatchSize"], 10);
    let hidden = &template.properties("QueueCreated")["VisibilityTimeout"];
    assert_eq!(*hidden, json!({ "Ref": "SecondsPerAttempt" }));
    let hidden = template.0["Parameters"]["SecondsPerAttempt"]["Default"].as_u64().unwrap();
    let timeout = template.properties("ProcessorFunction")["Timeout"].as_u64().unwrap();
    assert!(6 * timeout <= hidden, "two would have the same order in hand");
    assert_eq!(template.all_of("AWS::SNS::Subscription").len(), 3);
}

#[test]
fn nobody_may_do_more_than_its_part_asks_for() {
    let template = of_orders();
    let allows = |part: &str, action: &str, on: &str| template.allows(part, action, on);
    assert!(allows("AnnouncerFunctionRole", "sns:Publish", "-notifications"));
    assert!(allows("AnnouncerFunctionRole", "sqs:SendMessage", "-created"));
    assert!(!allows("ListFunctionRole", "sns:Publish", "-notifications"));
    assert!(!allows("ListFunctionRole", "sqs:SendMessage", "-created"));
    assert!(!allows("AnnouncerFunctionRole", "dynamodb:PutItem", "-view_*"));
    assert!(allows("CatchUpFunctionRole", "sqs:SendMessage", "-created"));
    assert!(!allows("CatchUpFunctionRole", "sqs:ReceiveMessage", ""), "it handles no orders");
    assert!(allows("ProcessorFunctionRole", "sqs:ReceiveMessage", "-created"));
    assert!(!allows("ProcessorFunctionRole", "dynamodb:Scan", "-events"));
    assert!(!allows("ProcessorFunctionRole", "dynamodb:PutItem", "-view_*"));
    assert!(allows("SubscribersPolicy", "sqs:ReceiveMessage", "-shipping"));
    assert!(!allows("SubscribersPolicy", "sqs:ReceiveMessage", "-created"), "personal data");
    let subscribers = template.allowed("SubscribersPolicy");
    assert!(subscribers.iter().all(|(action, _)| !action.starts_with("dynamodb:")));
    assert!(allows("OperatorsPolicy", "sqs:ReceiveMessage", "-dead-letters"));
    assert!(!allows("OperatorsPolicy", "dynamodb:PutItem", "-events"));
    assert!(allows("OperatorsPolicy", "sqs:DeleteMessage", r#"["QueueDeadRecords","Arn"]}"#));
    let parts: BTreeSet<_> =
        template.all_of("AWS::IAM::ManagedPolicy").into_iter().map(|(name, _)| name).collect();
    let expected = ["ClientsPolicy", "OperatorsPolicy", "SubscribersPolicy", "WorkersPolicy"];
    assert_eq!(parts, expected.into());
}
