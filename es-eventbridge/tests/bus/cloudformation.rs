//! The template has what `ensure` makes.

use es_eventbridge::cloudformation_template;
use serde_json::{Value, json};

use crate::support::rules;

fn template(of: Value) -> Value {
    serde_json::from_str(&cloudformation_template("shop", &rules(of)).unwrap()).unwrap()
}

#[test]
fn the_template_has_what_the_library_makes() {
    let template = template(json!([{
        "name": "large-orders",
        "description": "What is looked at.",
        "event_pattern": { "detail": { "total": [{ "numeric": [">", 100] }] } },
        "targets": [
            { "id": "review", "queue": "re-views", "dead_letter_queue": "dead",
              "retry_policy": { "maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 600 } },
            { "id": "form", "queue": "dead", "input_transformer": { "input_paths_map": { "n": "$.id" }, "input_template": "<n>" } },
            { "id": "part", "queue": "dead", "input_path": "$.id" },
            { "id": "constant", "queue": "dead", "input": 5 },
        ],
    }]));
    let resources = template["Resources"].as_object().unwrap();
    let names: Vec<_> = resources.keys().map(String::as_str).collect();
    assert_eq!(names, ["Bus", "PolicyOfQueueDead", "PolicyOfQueueReViews", "RuleLargeOrders"]);

    let arn = |name: &str| {
        json!({ "Fn::Sub":
        format!("arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{NamePrefix}}{name}") })
    };
    let longest = json!({ "MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400 });
    assert_eq!(
        resources["RuleLargeOrders"],
        json!({
            "Type": "AWS::Events::Rule",
            "DependsOn": ["PolicyOfQueueDead", "PolicyOfQueueReViews"],
            "Properties": {
                "Name": "large-orders",
                "Description": "What is looked at.",
                "EventBusName": { "Ref": "Bus" },
                "EventPattern": { "detail": { "total": [{ "numeric": [">", 100] }] } },
                "State": "ENABLED",
                "Targets": [
                    { "Id": "review", "Arn": arn("re-views"), "DeadLetterConfig": { "Arn": arn("dead") },
                      "RetryPolicy": { "MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600 } },
                    { "Id": "form", "Arn": arn("dead"), "RetryPolicy": longest,
                      "InputTransformer": { "InputPathsMap": { "n": "$.id" }, "InputTemplate": "<n>" } },
                    { "Id": "part", "Arn": arn("dead"), "RetryPolicy": longest, "InputPath": "$.id" },
                    { "Id": "constant", "Arn": arn("dead"), "RetryPolicy": longest, "Input": "5" },
                ],
            },
        })
    );
    let policy = &resources["PolicyOfQueueReViews"]["Properties"];
    assert_eq!(
        policy["PolicyDocument"]["Statement"],
        json!([{
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": arn("re-views"),
            "Condition": { "ArnEquals": { "aws:SourceArn": [{ "Fn::Sub":
                "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${Bus}/large-orders" }] } },
        }])
    );
    assert_eq!(
        policy["Queues"],
        json!([{ "Fn::Sub": "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${NamePrefix}re-views" }])
    );
    let expected = json!({ "Type": "AWS::Events::EventBus", "Properties": { "Name": { "Fn::Sub": "${NamePrefix}shop" } } });
    assert_eq!(resources["Bus"], expected);
}

#[test]
fn all_rules_that_send_to_a_queue_are_one_condition_of_its_policy() {
    let rule = |n: usize| json!({ "name": format!("rule-{n}"), "event_pattern": { "a": [n] }, "targets": [{ "id": "t", "queue": "work" }] });
    let template = template((0..30).map(rule).collect());
    let statements =
        &template["Resources"]["PolicyOfQueueWork"]["Properties"]["PolicyDocument"]["Statement"];
    let [statement] = &statements.as_array().unwrap()[..] else { panic!("{statements}") };
    let rules = statement["Condition"]["ArnEquals"]["aws:SourceArn"].as_array().unwrap();
    assert_eq!(rules.len(), 30);
    assert!(
        rules.iter().all(|rule| rule["Fn::Sub"].as_str().unwrap().contains("rule/${Bus}/rule-"))
    );
}

#[test]
fn names_that_resources_cannot_tell_apart_are_refused() {
    let twice = |names: [&str; 2]| {
        let rule = |name| json!({ "name": name, "event_pattern": { "a": [1] }, "targets": [{ "id": "t", "queue": "q" }] });
        cloudformation_template("shop", &rules(json!(names.map(rule))))
    };
    assert!(twice(["a-b", "a_b"]).unwrap_err().to_string().contains("RuleAB"));
    assert!(twice(["ab", "a-b"]).is_ok());
    assert!(cloudformation_template("default", &rules(json!([]))).is_err());
    assert!(cloudformation_template("a b", &rules(json!([]))).is_err());
}
