//! What is left of an earlier file, and what is not ours.

use std::collections::BTreeSet;

use es_core::Error;
use es_eventbridge::RuleDifference;
use es_routing::{EventBus as _, NewBusEvent, Rules};
use serde_json::{Value, json};

use crate::support::{Scene, queue, rules};

fn rule(name: &str, queues: &[&str]) -> Value {
    let target = |queue: &&str| json!({ "id": queue, "queue": queue, "dead_letter_queue": "dead" });
    json!({ "name": name, "event_pattern": { "source": [name] },
        "targets": queues.iter().map(target).collect::<Vec<_>>() })
}

fn before() -> Rules {
    rules(json!([rule("orders", &["work", "audit"]), rule("old", &["gone", "work"])]))
}

/// Without the rule `old`, and `orders` without the target `audit`.
fn after() -> Rules {
    rules(json!([rule("orders", &["work"])]))
}

async fn with_queues() -> Scene {
    let scene = Scene::new();
    scene.make_queues(&before()).await;
    scene
}

/// Which rules a queue lets in, in the words of its policy.
fn let_in(scene: &Scene, name: &str) -> BTreeSet<String> {
    let attributes = scene.messaging.attributes(&format!("p-{name}"));
    let policy = attributes.get("Policy").filter(|policy| !policy.is_empty());
    let policy: Value = policy.map_or(Value::Null, |policy| serde_json::from_str(policy).unwrap());
    let rules = |it: &Value| match &it["Condition"]["ArnEquals"]["aws:SourceArn"] {
        Value::Array(rules) => rules.clone(),
        single => vec![single.clone()],
    };
    let rules = policy["Statement"].as_array().into_iter().flatten().flat_map(rules);
    rules.map(|arn| arn.as_str().unwrap().rsplit(':').next().unwrap().to_owned()).collect()
}

fn all_let_in(scene: &Scene) -> Vec<(&'static str, BTreeSet<String>)> {
    ["work", "audit", "gone", "dead"].map(|name| (name, let_in(scene, name))).to_vec()
}

/// What is so when `after` is deployed, and nothing else was before.
fn is_as_after(scene: &Scene) {
    assert_eq!(scene.events.rules_of("p-shop"), ["orders"]);
    let orders = || BTreeSet::from(["rule/p-shop/orders".to_owned()]);
    let expected = [
        ("work", orders()),
        ("audit", BTreeSet::new()),
        ("gone", BTreeSet::new()),
        ("dead", orders()),
    ];
    assert_eq!(all_let_in(scene), expected);
}

#[tokio::test]
async fn what_the_file_does_not_have_any_more_is_told_and_then_removed() {
    let scene = with_queues().await;
    scene.bus.ensure(&before()).await.unwrap();
    let differences = scene.bus.check(&after()).await.unwrap();
    let target = RuleDifference::Target { rule: "orders".into(), target: "audit".into() };
    assert_eq!(differences, [target, RuleDifference::StaleRule { rule: "old".into() }]);

    scene.bus.ensure(&after()).await.unwrap();

    assert_eq!(scene.bus.check(&after()).await.unwrap(), []);
    is_as_after(&scene);
}

#[tokio::test]
async fn who_is_stopped_anywhere_while_removing_goes_on_behind_it() {
    for requests in 0.. {
        let scene = with_queues().await;
        scene.bus.ensure(&before()).await.unwrap();
        scene.events.break_after(requests);
        let stopped = scene.bus.ensure(&after()).await.is_err();
        scene.events.break_after(usize::MAX);
        scene.bus.ensure(&after()).await.unwrap();
        assert_eq!(scene.bus.check(&after()).await.unwrap(), []);
        is_as_after(&scene);
        if !stopped {
            assert!(requests > 12, "at each of its requests: {requests}");
            break;
        }
    }
}

/// What an event of `orders` comes to while one file is replaced by another.
async fn no_event_is_lost_between(before: Value, after: Value) {
    let (before, after) = (rules(before), rules(after));
    for requests in 0.. {
        let scene = with_queues().await;
        scene.bus.ensure(&before).await.unwrap();
        scene.events.break_after(requests);
        let stopped = scene.bus.ensure(&after).await.is_err();
        scene.events.break_after(usize::MAX);
        let event = NewBusEvent::new("orders", "Order Created", json!({ "id": 7 })).unwrap();
        scene.bus.put_events(&[event]).await.unwrap().remove(0).unwrap();
        let arrived = scene.bodies("work").await.len() + scene.bodies("audit").await.len();
        assert!(arrived > 0, "lost behind request {requests}");
        if !stopped {
            assert_eq!(arrived, 1);
            assert!(requests > 6, "at each of its requests: {requests}");
            break;
        }
    }
}

fn rule_of_orders(name: &str, queue: &str) -> Value {
    let mut rule = rule(name, &[queue]);
    rule["event_pattern"] = json!({ "source": ["orders"] });
    rule
}

#[tokio::test]
async fn no_event_is_lost_while_a_rule_moves_to_another_queue() {
    let (before, after) = (rule_of_orders("orders", "work"), rule_of_orders("orders", "audit"));
    no_event_is_lost_between(json!([before]), json!([after])).await;
}

#[tokio::test]
async fn no_event_is_lost_while_a_rule_gets_another_name() {
    let (before, after) = (rule_of_orders("orders", "work"), rule_of_orders("sales", "work"));
    no_event_is_lost_between(json!([before]), json!([after])).await;
}

#[tokio::test]
async fn no_event_is_lost_while_a_new_rule_takes_over_what_another_one_leaves() {
    let before = rule_of_orders("all", "work");
    let (mut all, new) = (before.clone(), rule_of_orders("sales", "audit"));
    all["event_pattern"] = json!({ "source": ["payments"] });
    no_event_is_lost_between(json!([before]), json!([all, new])).await;
}

#[tokio::test]
async fn no_event_is_lost_while_a_target_that_keeps_its_id_moves_to_another_queue() {
    let (mut before, mut after) =
        (rule_of_orders("orders", "work"), rule_of_orders("orders", "audit"));
    before["targets"][0]["id"] = json!("it");
    after["targets"][0]["id"] = json!("it");
    no_event_is_lost_between(json!([before]), json!([after])).await;
}

#[tokio::test]
async fn nothing_of_its_own_is_left_behind_wherever_it_is_stopped() {
    for requests in 0.. {
        let scene = with_queues().await;
        scene.bus.ensure(&before()).await.unwrap();
        scene.events.break_after(requests);
        // By a file that does not know all of it any more.
        let stopped = scene.bus.remove(&after()).await.is_err();
        scene.events.break_after(usize::MAX);
        scene.bus.remove(&after()).await.unwrap();
        assert!(!scene.events.has_bus("p-shop"));
        for (queue, rules) in all_let_in(&scene) {
            assert!(rules.is_empty(), "{queue} lets in {rules:?} after {requests}");
        }
        if !stopped {
            assert!(requests > 10, "at each of its requests: {requests}");
            break;
        }
    }
}

#[tokio::test]
async fn what_others_have_made_stays() {
    let scene = with_queues().await;
    scene.bus.ensure(&before()).await.unwrap();
    // As if a stack had made the rule.
    scene.events.forget_owner("p-shop", "old");
    let by_hand = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-east-1:123456789012:p-work",
        "Condition": { "ArnEquals": {
            "aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/p-shop/by-hand" } },
    }] });
    scene.messaging.set_attribute("p-work", "Policy", &by_hand.to_string());

    scene.bus.ensure(&after()).await.unwrap();

    assert_eq!(scene.events.rules_of("p-shop"), ["old", "orders"]);
    let expected = ["rule/p-shop/by-hand", "rule/p-shop/orders"].map(str::to_owned);
    assert_eq!(let_in(&scene, "work"), BTreeSet::from(expected));
    assert_eq!(
        scene.bus.check(&after()).await.unwrap(),
        [
            RuleDifference::OtherSender { queue: queue("work"), rule: "by-hand".into() },
            RuleDifference::OtherRule { rule: "old".into() },
        ]
    );
}

#[tokio::test]
async fn a_statement_for_a_rule_that_is_gone_is_told_and_taken_back() {
    let scene = with_queues().await;
    scene.bus.ensure(&before()).await.unwrap();
    scene.events.lose_rule("p-shop", "old");
    let differences = scene.bus.check(&after()).await.unwrap();
    let sender =
        |name: &str| RuleDifference::OtherSender { queue: queue(name), rule: "old".into() };
    for name in ["dead", "work"] {
        assert!(differences.contains(&sender(name)), "{name}: {differences:?}");
    }
    scene.bus.ensure(&after()).await.unwrap();
    assert_eq!(scene.bus.check(&after()).await.unwrap(), []);
    assert_eq!(let_in(&scene, "work").len(), 1);
}

#[tokio::test]
async fn two_files_on_one_bus_and_two_buses_with_one_queue_do_not_disturb_each_other() {
    let scene = with_queues().await;
    let theirs = rules(json!([rule("theirs", &["work"])]));
    let (other, stock) = (scene.another("shop", "others"), scene.another("stock", "rule-file"));
    scene.bus.ensure(&before()).await.unwrap();
    other.ensure(&theirs).await.unwrap();
    stock.ensure(&theirs).await.unwrap();

    scene.bus.ensure(&after()).await.unwrap();

    assert_eq!(scene.events.rules_of("p-shop"), ["orders", "theirs"]);
    let expected = ["rule/p-shop/orders", "rule/p-shop/theirs", "rule/p-stock/theirs"];
    assert_eq!(let_in(&scene, "work"), BTreeSet::from(expected.map(str::to_owned)));
    assert_eq!(stock.check(&theirs).await.unwrap(), []);

    let refused = other.ensure(&after()).await.unwrap_err();
    assert!(matches!(&refused, Error::Misuse(text) if text.contains("rule orders")), "{refused}");

    other.remove(&theirs).await.unwrap();
    assert_eq!(scene.bus.check(&after()).await.unwrap(), [], "the bus is not theirs");
}

#[tokio::test]
async fn a_rule_of_the_file_that_nobody_owns_becomes_an_own_one() {
    let scene = with_queues().await;
    scene.bus.ensure(&before()).await.unwrap();
    scene.events.forget_owner("p-shop", "old");
    scene.bus.ensure(&before()).await.unwrap();
    scene.bus.ensure(&after()).await.unwrap();
    is_as_after(&scene);
}

#[tokio::test]
async fn an_own_statement_that_somebody_has_changed_is_told_and_put_right() {
    let scene = with_queues().await;
    scene.bus.ensure(&after()).await.unwrap();
    let right = scene.messaging.attributes("p-work")["Policy"].clone();
    let changed = right.replace("sqs:SendMessage", "sqs:*");
    assert_ne!(changed, right);
    scene.messaging.set_attribute("p-work", "Policy", &changed);
    let differences = scene.bus.check(&after()).await.unwrap();
    assert_eq!(differences, [RuleDifference::Policy { queue: queue("work") }]);

    scene.bus.ensure(&after()).await.unwrap();

    assert_eq!(scene.messaging.attributes("p-work")["Policy"], right, "one statement has the id");
}
