use serde_json::{Value, json};

use super::*;

const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:billing";

fn topic(name: &str) -> String {
    format!("arn:aws:sns:eu-central-1:123456789012:{name}")
}

fn statement_for(topics: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "sns.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": { "ArnEquals": { "aws:SourceArn": topics } },
    })
}

/// The one statement.
fn one(topics: &[&str]) -> Value {
    let topics: Vec<_> = topics.iter().map(|name| topic(name)).collect();
    let mut statement = statement_for(&json!(topics));
    statement["Sid"] = json!("EsSnsSqsTopics");
    statement
}

/// As older versions have made them.
fn for_each(topics: &[&str]) -> Vec<Value> {
    topics.iter().map(|name| statement_for(&json!(topic(name)))).collect()
}

fn policy(statements: &[Value]) -> QueuePolicy {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    QueuePolicy::parse(QUEUE, Some(&policy.to_string())).unwrap()
}

fn statements(policy: &QueuePolicy) -> Value {
    serde_json::from_str::<Value>(&policy.to_json()).unwrap()["Statement"].take()
}

#[test]
fn a_topic_is_let_in_once_and_beside_others() {
    let mut policy = QueuePolicy::parse(QUEUE, None).unwrap();
    assert!(add(&mut policy, [topic("orders")].into()));
    assert!(!add(&mut policy, [topic("orders")].into()));
    assert!(add(&mut policy, [topic("returns")].into()));
    assert_eq!(statements(&policy), json!([one(&["orders", "returns"])]));
}

#[test]
fn statements_of_older_versions_are_folded_also_when_nothing_is_to_be_let_in() {
    let mut policy = policy(&for_each(&["returns", "orders"]));
    assert!(add(&mut policy, [topic("orders")].into()));
    assert_eq!(statements(&policy), json!([one(&["orders", "returns"])]));

    // One that the list has already is folded, too.
    let mut both = for_each(&["orders"]);
    both.push(one(&["orders"]));
    let mut policy = self::policy(&both);
    assert!(add(&mut policy, [topic("orders")].into()));
    assert_eq!(statements(&policy), json!([one(&["orders"])]));
}

#[test]
fn a_topic_is_taken_out_wherever_it_was_written() {
    let mut said = for_each(&["orders", "old"]);
    said.push(one(&["orders", "returns"]));
    let mut policy = policy(&said);
    assert!(take_out(&mut policy, &topic("orders")));
    assert_eq!(statements(&policy), json!([one(&["old", "returns"])]));
    assert!(!take_out(&mut policy, &topic("orders")));
    assert!(take_out(&mut policy, &topic("old")) && take_out(&mut policy, &topic("returns")));
    assert_eq!(policy.to_json(), "");
}
