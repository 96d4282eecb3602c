//! The first steps with EventBridge, as the guide shows them.

mod support;

use es_core::Result;
use es_eventbridge::{EventBridgeBus, Role, cloudformation_template, iam_policy};
use es_routing::{EventBus, NewBusEvent, Rules};
use serde_json::json;
use support::Scene;

/// That of the guide.
const RULES: &str = include_str!("../../docs/guide/code/rules/library.json");

// ANCHOR: connect
async fn connect() -> Result<EventBridgeBus> {
    EventBridgeBus::builder("library").name_prefix("staging-").connect().await
}
// ANCHOR_END: connect

// ANCHOR: deploy
/// For development. The queues are made before.
async fn deploy(bus: &EventBridgeBus, rules: &Rules) -> Result<()> {
    bus.ensure(rules).await
}

/// When a program starts whose bus comes from a template.
async fn differences(bus: &EventBridgeBus, rules: &Rules) -> Result<Vec<String>> {
    let differences = bus.check(rules).await?;
    Ok(differences.iter().map(ToString::to_string).collect())
}

/// When the environment is given up.
async fn take_away(bus: &EventBridgeBus, rules: &Rules) -> Result<()> {
    bus.remove(rules).await
}
// ANCHOR_END: deploy

// ANCHOR: template
fn for_operators(rules: &Rules) -> Result<[String; 2]> {
    let template = cloudformation_template("library", rules)?;
    let policy = iam_policy("library", "staging-", &[Role::Publish, Role::Check])?;
    Ok([template, policy])
}
// ANCHOR_END: template

#[tokio::test]
async fn the_rules_of_the_guide_are_deployed_checked_and_removed() {
    // It asks AWS, so nobody calls it here: that it compiles is what is shown.
    let _ = connect;
    let scene = Scene::new();
    let rules: Rules = RULES.parse().expect("rules");
    scene.make_queues(&rules).await;
    deploy(&scene.bus, &rules).await.expect("a bus");
    assert!(differences(&scene.bus, &rules).await.expect("a bus").is_empty());

    let detail = json!({ "reader": "dora", "country": "AT", "grams": 900 });
    let posted = NewBusEvent::new("/library", "Parcel:Posted", detail).expect("an event");
    scene.bus.put_event(&posted).await.expect("a bus");
    for (queue, events) in [("labels", 1), ("customs", 1), ("audit", 1), ("desk", 0)] {
        let counts = es_core::MessageQueue::counts(&scene.queues, &support::queue(queue)).await;
        assert_eq!(counts.expect("a queue").visible, events, "{queue}");
    }

    take_away(&scene.bus, &rules).await.expect("a bus");
    assert_eq!(differences(&scene.bus, &rules).await.expect("no bus"), ["there is no such bus"]);
    let [template, policy] = for_operators(&rules).expect("a template");
    assert!(template.contains("AWS::Events::Rule") && policy.contains("events:PutEvents"));
}
