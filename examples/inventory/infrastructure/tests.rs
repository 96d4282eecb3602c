use std::collections::BTreeSet;

use super::*;
use crate::aws::template_rules::{Template, is_checked_in};

fn of_inventory() -> Template {
    Template::checked(template().unwrap())
}

#[test]
fn the_template_that_is_checked_in_is_the_one_that_is_printed() {
    is_checked_in("inventory", &template().unwrap());
}

#[test]
fn programs_that_run_elsewhere_have_a_template_that_keeps_the_rules() {
    let template = Template::checked(template_without_functions().unwrap());
    assert!(template.all_of("AWS::Lambda::Function").is_empty());
    let workers = "WorkersPolicy";
    assert!(template.allows(workers, "events:PutEvents", "event-bus/${AWS::StackName}-bus"));
    assert!(template.allows(workers, "sqs:ReceiveMessage", ":${AWS::StackName}-orders"));
    assert!(!template.allows(workers, "dynamodb:DeleteItem", "-events"), "nobody changes the log");
}

#[test]
fn queues_hide_for_half_a_minute_and_give_up_after_three_receives() {
    let template = of_inventory();
    let working = template.all_of("AWS::SQS::Queue").into_iter();
    let working: Vec<_> = working.filter(|(_, it)| !it["RedrivePolicy"].is_null()).collect();
    assert_eq!(working.len(), bus::QUEUES.len());
    for (name, queue) in working {
        assert_eq!(queue["VisibilityTimeout"], 30, "{name}");
        assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], 3, "{name}");
        let dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str();
        assert_eq!(dead, Some(&*format!("{name}Dead")), "each has its own");
    }
}

#[test]
fn every_queue_is_there_before_the_policy_that_lets_its_rule_in_and_events_are_encrypted_for_it() {
    let template = of_inventory();
    let policies = template.all_of("AWS::SQS::QueuePolicy");
    assert_eq!(policies.len(), bus::QUEUES.len());
    for (name, _) in policies {
        let before = template.0["Resources"][name]["DependsOn"].as_array().unwrap();
        for queue in before {
            let queue = &template.0["Resources"][queue.as_str().unwrap()];
            assert_eq!(queue["Type"], "AWS::SQS::Queue");
        }
        assert_eq!(before.len(), 2 * bus::QUEUES.len());
    }
    let key = template.properties("Key")["KeyPolicy"].to_string();
    assert!(key.contains("events.amazonaws.com"), "{key}");
}

#[test]
fn every_rule_of_the_file_sends_to_a_queue_that_a_function_works_on() {
    let template = of_inventory();
    let of_bus = template.all_of("AWS::Events::Rule").into_iter();
    let of_bus: Vec<_> = of_bus.filter(|(_, it)| it["ScheduleExpression"].is_null()).collect();
    assert_eq!(of_bus.len(), 4);
    for (name, rule) in of_bus {
        assert!(rule["EventPattern"]["detail-type"].is_array(), "{name}");
    }
    let mappings = template.all_of("AWS::Lambda::EventSourceMapping");
    let read: BTreeSet<_> = mappings
        .iter()
        .filter_map(|(_, it)| it["EventSourceArn"]["Fn::GetAtt"][0].as_str())
        .collect();
    for queue in bus::QUEUES {
        assert!(read.contains(&*resource_of(queue)), "nobody works on {queue}");
    }
    let of_log = mappings.iter().filter(|(_, it)| !it["StartingPosition"].is_null());
    assert_eq!(of_log.count(), 2, "a shard of a table has room for two");
}

#[test]
fn deadlines_are_looked_at_every_minute_by_a_function_that_is_over_by_then() {
    let template = of_inventory();
    let rules = template.all_of("AWS::Events::Rule").into_iter();
    let schedules: Vec<_> =
        rules.filter(|(_, it)| it["ScheduleExpression"] == "rate(1 minute)").collect();
    let [(name, schedule)] = schedules.as_slice() else { panic!("{schedules:?}") };
    let target = &schedule["Targets"][0]["Arn"];
    assert_eq!(*target, json!({ "Fn::GetAtt": ["SweeperFunction", "Arn"] }));
    let permission = template.properties(&format!("{name}Permission"));
    assert_eq!(permission["SourceArn"], json!({ "Fn::GetAtt": [name, "Arn"] }));
    let sweeper = template.properties("SweeperFunction");
    assert!(sweeper["Timeout"].as_u64().is_some_and(|it| it <= 60), "{sweeper}");
    assert!(sweeper["ReservedConcurrentExecutions"].is_null(), "new accounts have no room for it");
}

#[test]
fn nobody_may_do_more_than_its_part_asks_for() {
    let template = of_inventory();
    for (who, action, on, may) in [
        ("PoliciesFunctionRole", "events:PutEvents", "-bus", true),
        ("PoliciesFunctionRole", "dynamodb:PutItem", "-events", true),
        ("PoliciesFunctionRole", "dynamodb:Query", "-view_*", false),
        ("ViewsFunctionRole", "events:PutEvents", "-bus", false),
        ("ViewsFunctionRole", "dynamodb:PutItem", "-view_*", true),
        ("SweeperFunctionRole", "dynamodb:Query", "-state", true),
        ("SweeperFunctionRole", "dynamodb:PutItem", "-events", true),
        ("SweeperFunctionRole", "dynamodb:Query", "-view_*", false),
        ("SweeperFunctionRole", "dynamodb:PutItem", "-view_*", false),
        ("SweeperFunctionRole", "events:PutEvents", "-bus", false),
        ("CatchUpFunctionRole", "events:PutEvents", "-bus", true),
        ("CatchUpFunctionRole", "sqs:ReceiveMessage", "", false),
        ("OrderProcessorFunctionRole", "events:PutEvents", "-bus", true),
        ("OrderProcessorFunctionRole", "sqs:ReceiveMessage", "-orders", true),
        ("OrderProcessorFunctionRole", "sqs:SendMessage", "-orders-dead", true),
        ("OrderProcessorFunctionRole", "sqs:ReceiveMessage", "-stock", false),
        ("OrderProcessorFunctionRole", "dynamodb:PutItem", "-events", false),
        ("InventoryProcessorFunctionRole", "dynamodb:PutItem", "-events", true),
        ("InventoryProcessorFunctionRole", "sqs:ReceiveMessage", "-stock", true),
        ("InventoryProcessorFunctionRole", "events:PutEvents", "-bus", false),
        ("WorkflowProcessorFunctionRole", "sqs:ReceiveMessage", "-workflows", true),
        ("WorkflowProcessorFunctionRole", "sqs:ReceiveMessage", "-notifications", false),
        ("NotificationProcessorFunctionRole", "sqs:ReceiveMessage", "-notifications", true),
        ("ClientsPolicy", "events:PutEvents", "-bus", true),
        ("ClientsPolicy", "sqs:ReceiveMessage", "-orders-dead", false),
        ("OperatorsPolicy", "sqs:ReceiveMessage", "-orders-dead", true),
        ("OperatorsPolicy", "sqs:ReceiveMessage", "-orders", false),
    ] {
        assert_eq!(template.allows(who, action, on), may, "{who}: {action} on {on}");
    }
}
