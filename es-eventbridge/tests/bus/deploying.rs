//! Rules on the bus.

use es_core::Error;
use es_eventbridge::RuleDifference;
use es_routing::{EventBus as _, NewBusEvent, Rules};
use serde_json::{Value, json};

use crate::support::{Scene, queue, rules};

/// With everything that a rule can have.
fn shop() -> Rules {
    rules(json!([
        {
            "name": "orders",
            "description": "What is worked on.",
            "event_pattern": { "source": ["orders"], "detail": { "total": [{ "numeric": [">", 100] }] } },
            "targets": [
                { "id": "work", "queue": "work", "dead_letter_queue": "dead",
                  "retry_policy": { "maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 600 } },
                { "id": "constant", "queue": "constant", "input": { "a": 1 } },
                { "id": "part", "queue": "part", "input_path": "$.detail.total" },
                { "id": "form", "queue": "form", "input_transformer": {
                    "input_paths_map": { "total": "$.detail.total" },
                    "input_template": "{\"text\": \"total is <total>\"}"
                } },
            ],
        },
        {
            "name": "all", "event_pattern": { "source": [{ "prefix": "" }] },
            "targets": [{ "id": "audit", "queue": "work" }],
        },
    ]))
}

async fn deployed() -> Scene {
    let scene = Scene::new();
    scene.make_queues(&shop()).await;
    scene.bus.ensure(&shop()).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    scene
}

#[tokio::test]
async fn what_is_deployed_does_what_the_file_says() {
    let scene = deployed().await;
    let order = |total: u32| {
        NewBusEvent::new("orders", "Order Created", json!({ "total": total })).unwrap()
    };
    for put in scene.bus.put_events(&[order(50), order(150)]).await.unwrap() {
        put.unwrap();
    }
    let work = scene.bodies("work").await;
    let mut totals: Vec<_> = work.iter().map(|event| event["detail"]["total"].clone()).collect();
    totals.sort_by_key(Value::to_string);
    assert_eq!(totals, [150, 150, 50], "by two rules, and by one");
    assert_eq!(scene.bodies("constant").await, [json!({ "a": 1 })]);
    assert_eq!(scene.bodies("part").await, [json!(150)]);
    assert_eq!(scene.bodies("form").await, [json!({ "text": "total is 150" })]);
}

#[tokio::test]
async fn targets_are_deployed_with_dead_letters_retries_and_inputs() {
    let scene = deployed().await;
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:123456789012:p-{name}");
    let put = &scene.events.requests("PutTargets")[0];
    let longest = json!({ "MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400 });
    assert_eq!(
        put["Targets"],
        json!([
            { "Id": "work", "Arn": arn("work"), "DeadLetterConfig": { "Arn": arn("dead") },
              "RetryPolicy": { "MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600 } },
            { "Id": "constant", "Arn": arn("constant"), "Input": r#"{"a":1}"#, "RetryPolicy": longest },
            { "Id": "part", "Arn": arn("part"), "InputPath": "$.detail.total", "RetryPolicy": longest },
            { "Id": "form", "Arn": arn("form"), "RetryPolicy": longest, "InputTransformer": {
                "InputPathsMap": { "total": "$.detail.total" },
                "InputTemplate": "{\"text\": \"total is <total>\"}" } },
        ])
    );
    let rule = &scene.events.requests("PutRule")[0];
    assert_eq!(rule["Description"], "What is worked on.");
    assert_eq!(
        rule["EventPattern"],
        r#"{"detail":{"total":[{"numeric":[">",100]}]},"source":["orders"]}"#
    );
}

#[tokio::test]
async fn queues_let_in_the_rules_that_send_to_them_and_nobody_else() {
    let scene = Scene::new();
    scene.make_queues(&shop()).await;
    let others = json!({ "Version": "2012-10-17", "Statement": {
        "Sid": "theirs", "Effect": "Allow", "Principal": "*", "Action": "sqs:GetQueueUrl", "Resource": "*" } });
    scene.messaging.set_attribute("p-work", "Policy", &others.to_string());
    scene.bus.ensure(&shop()).await.unwrap();

    let statements = |name: &str| -> Value {
        let policy = &scene.messaging.attributes(&format!("p-{name}"))["Policy"];
        let mut statements = serde_json::from_str::<Value>(policy).unwrap()["Statement"].take();
        for statement in statements.as_array_mut().unwrap() {
            if statement["Sid"] != "theirs" {
                statement.as_object_mut().unwrap().remove("Sid");
            }
        }
        statements
    };
    let allows = |name: &str, rules: &[&str]| {
        let arn = |rule: &&str| format!("arn:aws:events:us-east-1:123456789012:rule/p-shop/{rule}");
        let arns: Vec<_> = rules.iter().map(arn).collect();
        let policy = &scene.messaging.attributes(&format!("p-{name}"))["Policy"];
        let id = policy.split('"').find(|it| it.starts_with("EsEventBridge"));
        assert!(id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        json!({
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": format!("arn:aws:sqs:us-east-1:123456789012:p-{name}"),
            "Condition": { "ArnEquals": { "aws:SourceArn": arns } },
        })
    };
    assert_eq!(statements("dead"), json!([allows("dead", &["orders"])]));
    assert_eq!(
        statements("work"),
        json!([others["Statement"], allows("work", &["all", "orders"])])
    );
}

#[tokio::test]
async fn deploying_again_changes_nothing_and_takes_away_what_a_rule_had_besides() {
    let scene = deployed().await;
    let policies = |name: &str| scene.messaging.attributes(name)["Policy"].clone();
    let before = policies("p-work");
    scene.bus.ensure(&shop()).await.unwrap();
    assert_eq!(policies("p-work"), before);
    assert_eq!(scene.messaging.count("SetQueueAttributes"), 5, "once for each queue");
    assert_eq!(scene.bus.check(&shop()).await.unwrap(), []);
    assert_eq!(scene.events.changes(), 0);

    let smaller = rules(json!([{
        "name": "orders", "event_pattern": { "source": ["orders"] }, "targets": [{ "id": "part", "queue": "part" }],
    }]));
    scene.bus.ensure(&smaller).await.unwrap();
    let removed = scene.events.requests("RemoveTargets");
    let ids: Vec<_> = removed.iter().map(|it| it["Ids"].clone()).collect();
    assert_eq!(ids, [json!(["constant", "form", "work"]), json!(["audit"])]);
    assert_eq!(scene.bus.check(&smaller).await.unwrap(), []);
}

#[tokio::test]
async fn a_check_says_what_differs_and_changes_nothing() {
    let scene = Scene::new();
    scene.make_queues(&shop()).await;
    assert_eq!(scene.bus.check(&shop()).await.unwrap(), [RuleDifference::NoBus]);
    scene.bus.ensure(&shop()).await.unwrap();
    scene.events.disable("all");
    scene.messaging.set_attribute("p-dead", "Policy", "");
    let changed = rules(json!([
        {
            "name": "orders", "event_pattern": { "source": ["others"] },
            "targets": [
                { "id": "work", "queue": "work", "dead_letter_queue": "dead" },
                { "id": "constant", "queue": "constant", "input": { "a": 1 } },
                { "id": "new", "queue": "work" },
            ],
        },
        { "name": "all", "event_pattern": { "source": [{ "prefix": "" }] }, "targets": [{ "id": "audit", "queue": "work" }] },
        { "name": "later", "event_pattern": { "source": ["x"] }, "targets": [{ "id": "a", "queue": "work" }] },
    ]));
    let before = scene.events.requests("PutRule").len();

    let differences = scene.bus.check(&changed).await.unwrap();

    let target =
        |target: &str| RuleDifference::Target { rule: "orders".into(), target: target.into() };
    assert_eq!(
        differences,
        [
            RuleDifference::Pattern { rule: "orders".into() },
            target("form"),
            target("new"),
            target("part"),
            target("work"),
            RuleDifference::Disabled { rule: "all".into() },
            RuleDifference::MissingRule { rule: "later".into() },
            RuleDifference::Policy { queue: queue("dead") },
        ]
    );
    assert_eq!(scene.events.requests("PutRule").len(), before);
    assert_eq!(scene.events.changes(), 0);
}

#[tokio::test]
async fn what_was_deployed_can_be_removed_and_removed_again() {
    let scene = deployed().await;
    scene.bus.remove(&shop()).await.unwrap();
    assert_eq!(scene.bus.check(&shop()).await.unwrap(), [RuleDifference::NoBus]);
    scene.bus.remove(&shop()).await.unwrap();

    scene.bus.ensure(&shop()).await.unwrap();
    scene.events.forget_owner("p-shop", "all");
    let refused = scene.bus.remove(&shop()).await.unwrap_err();
    assert!(refused.to_string().contains("removing bus p-shop"), "{refused}");
    assert_eq!(
        scene.events.rules_of("p-shop"),
        ["all"],
        "that of others stays, and so does the bus"
    );
}

#[tokio::test]
async fn a_missing_queue_is_told_before_anything_is_made() {
    let scene = Scene::new();
    let error = scene.bus.ensure(&shop()).await.unwrap_err();
    let text = error.with_causes();
    assert!(text.contains("looking for queue p-constant"), "{text}");
    assert!(scene.events.requests("CreateEventBus").is_empty());
}

#[tokio::test]
async fn other_targets_than_queues_are_not_deployed_and_nothing_is_made() {
    let scene = Scene::new();
    for target in [json!({ "id": "t", "topic": "news" }), json!({ "id": "t", "function": "f" })] {
        let rules =
            rules(json!([{ "name": "r", "event_pattern": { "a": [1] }, "targets": [target] }]));
        let refused = scene.bus.ensure(&rules).await.unwrap_err();
        assert!(matches!(refused, Error::Misuse(_)), "{refused}");
        let refused = es_eventbridge::cloudformation_template("shop", &rules).unwrap_err();
        assert!(matches!(refused, Error::Misuse(_)), "{refused}");
    }
    assert!(scene.events.requests("CreateEventBus").is_empty());
}
