use std::collections::BTreeSet;

use super::*;
use crate::aws::stack::{KEY, key_arn};

fn of_orders() -> Value {
    template("orders-", &Channels::new("orders-", None).unwrap()).unwrap()
}

/// The properties of all resources of a type.
fn all_of(template: &Value, kind: &str) -> Vec<Value> {
    let resources = template["Resources"].as_object().unwrap().values();
    let found: Vec<_> = resources
        .filter(|resource| resource["Type"] == kind)
        .map(|resource| resource["Properties"].clone())
        .collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

#[test]
fn tables_are_encrypted_with_the_key_of_the_stack_and_can_be_restored_to_any_point_in_time() {
    let template = of_orders();
    let tables = all_of(&template, "AWS::DynamoDB::Table");
    let names: BTreeSet<_> =
        tables.iter().map(|table| table["TableName"].as_str().unwrap().to_owned()).collect();
    assert!(names.contains("orders-view_order_list_v1"), "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("orders-")), "{names:?}");
    for table in &tables {
        let encryption = &table["SSESpecification"];
        assert_eq!(encryption["KMSMasterKeyId"], key_arn(), "{table}");
        assert_eq!(
            (&encryption["SSEEnabled"], &encryption["SSEType"]),
            (&json!(true), &json!("KMS"))
        );
        let recovery = &table["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{table}");
    }
    assert_eq!(all_of(&template, "AWS::KMS::Key")[0]["EnableKeyRotation"], true);
}

#[test]
fn orders_expire_in_their_table_and_not_in_the_log() {
    for table in all_of(&of_orders(), "AWS::DynamoDB::Table") {
        let is_log = table["TableName"] == "orders-events";
        assert_eq!(table["TimeToLiveSpecification"].is_null(), is_log, "{table}");
    }
}

#[test]
fn queues_and_topic_are_encrypted_with_the_key_of_the_stack() {
    let template = of_orders();
    let queues = all_of(&template, "AWS::SQS::Queue");
    for messages in queues.iter().chain(&all_of(&template, "AWS::SNS::Topic")) {
        assert_eq!(messages["KmsMasterKeyId"], key_arn(), "{messages}");
        assert!(messages["SqsManagedSseEnabled"].is_null(), "{messages}");
    }
    let names: BTreeSet<_> =
        queues.iter().map(|queue| queue["QueueName"].as_str().unwrap()).collect();
    let expected = [
        "orders-bookkeeping",
        "orders-control",
        "orders-created",
        "orders-dead-letters",
        "orders-shipping",
        "orders-terminal",
        "orders-undelivered",
    ];
    assert_eq!(names, expected.into());
    assert_eq!(all_of(&template, "AWS::SNS::Subscription").len(), 3);
}

#[test]
fn nobody_may_do_more_than_its_part_asks_for() {
    let template = of_orders();
    let allowed = |who: &str| -> BTreeSet<(String, String)> {
        let policy = &template["Resources"][format!("{who}Policy")]["Properties"];
        let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap().clone();
        let texts = |value: &Value| match value.as_array() {
            Some(several) => several.clone(),
            None => vec![value.clone()],
        };
        let pairs = statements.iter().flat_map(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
            actions.into_iter().flat_map(move |action| {
                let action = action.as_str().unwrap().to_owned();
                let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
                resources.iter().map(|it| (action.clone(), text(it))).collect::<Vec<_>>()
            })
        });
        pairs.collect()
    };
    let parts = ["Workers", "Subscribers", "Operators"].map(allowed);
    for (action, resource) in parts.iter().flatten() {
        assert!(!action.contains('*'), "{action}");
        assert_ne!(resource, "*", "{action}");
        assert!(resource.contains("orders-") || resource.contains(KEY), "{action} on {resource}");
    }
    let may = |part: &BTreeSet<(String, String)>, action: &str, resource: &str| {
        part.iter().any(|(allowed, on)| allowed == action && on.ends_with(resource))
    };
    let [workers, subscribers, operators] = &parts;
    assert!(may(workers, "sns:Publish", ":orders-notifications"));
    assert!(may(workers, "sqs:ReceiveMessage", ":orders-created"));
    assert!(!may(workers, "sqs:ReceiveMessage", ":orders-shipping"), "these are others'");
    assert!(!may(workers, "sqs:ReceiveMessage", ":orders-dead-letters"));
    assert!(!may(workers, "dynamodb:DeleteItem", "/orders-events"), "nobody changes the log");
    assert!(!may(workers, "dynamodb:UpdateItem", "/orders-events"), "nobody changes the log");
    assert!(may(subscribers, "sqs:ReceiveMessage", ":orders-shipping"));
    assert!(!may(subscribers, "sqs:ReceiveMessage", ":orders-created"), "it has personal data");
    assert!(subscribers.iter().all(|(action, _)| !action.starts_with("dynamodb:")));
    assert!(may(operators, "sqs:ReceiveMessage", ":orders-dead-letters"));
    assert!(!may(operators, "dynamodb:PutItem", "/orders-events"));
}

#[test]
fn whatever_is_referred_to_is_there() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("Ref", Value::String(name)) => drop(found.insert(name.clone())),
                        ("Fn::GetAtt", Value::Array(path)) => {
                            found.insert(path[0].as_str().unwrap().to_owned());
                        }
                        ("Condition" | "Fn::If", Value::String(_) | Value::Array(_)) => {
                            panic!("no condition is left: {value}")
                        }
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let template = of_orders();
    let mut found = BTreeSet::new();
    references(&template, &mut found);
    assert!(found.len() > 5, "{found:?}");
    for name in found.iter().filter(|name| !name.starts_with("AWS::")) {
        assert!(template["Resources"][name].is_object(), "there is no {name}");
    }
    let text = template.to_string();
    for parameter in ["${Prefix}", "${NamePrefix}", "EncryptionKey"] {
        assert!(!text.contains(parameter), "{parameter} is left");
    }
}
