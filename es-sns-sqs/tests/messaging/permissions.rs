//! The policies allow what each role does, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use es_core::{Error, MessageQueue as _, NewMessage, Redrive, Topic as _, Topology};
use es_sns_sqs::{Role, SnsTopics, iam_policy};
use serde_json::Value;

use crate::support::fake_messaging::Request;
use crate::support::scene::{SECOND, Scene, queue, shop, topic};

/// Actions, each with what it is on.
type Actions = BTreeSet<(String, String)>;

/// What a policy of the roles allows on queues and topics of the shop.
fn allowed(roles: &[Role]) -> Actions {
    let policy = iam_policy(&shop(), "p-", roles).expect("valid names");
    let policy: Value = serde_json::from_str(&policy).expect("a policy is JSON");
    let mut allowed = Actions::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow");
        for action in statement["Action"].as_array().expect("actions") {
            for resource in statement["Resource"].as_array().expect("resources") {
                let resource = resource.as_str().expect("a resource");
                let name = resource.rsplit(':').next().expect("a name");
                let action = action.as_str().expect("an action");
                allowed.insert((action.to_owned(), name.to_owned()));
            }
        }
    }
    allowed
}

/// What a request needs to be allowed.
fn needed(request: &Request) -> (String, String) {
    let body = |field: &str| request.body[field].as_str();
    let address = body("QueueUrl").or(body("QueueName")).or(body("SourceArn")).or(body("TopicArn"));
    let name = address.unwrap_or("*").rsplit(['/', ':']).next().expect("a name");
    // Batches need what single requests do.
    let operation = request.operation.trim_end_matches("Batch");
    let service = if ["Publish", "ListTopics"].contains(&operation) { "sns" } else { "sqs" };
    (format!("{service}:{operation}"), name.to_owned())
}

/// What was needed since so many requests.
fn needed_since(scene: &Scene, seen: usize) -> Actions {
    scene.messaging.requests()[seen..].iter().map(needed).collect()
}

/// The actions on one queue or topic.
fn on(actions: &Actions, name: &str) -> BTreeSet<String> {
    actions.iter().filter(|(_, on)| on == name).map(|(action, _)| action.clone()).collect()
}

#[tokio::test]
async fn publishing_needs_what_its_role_allows() {
    let scene = Scene::of_the_shop().await;
    let seen = scene.messaging.requests().len();
    let queues = scene.another_program();
    let topics = SnsTopics::builder(&queues).with_client(scene.messaging.sns()).expect("topics");
    for (name, message) in
        [("orders", NewMessage::new("x")), ("movements.fifo", NewMessage::new("x").group("g"))]
    {
        topics.publish(&topic(name), message).await.expect("it is published");
    }
    for name in ["billing", "audit"] {
        queues.send(&queue(name), NewMessage::new("x")).await.expect("it is sent");
    }
    let message = NewMessage::new("x").group("g");
    queues.send(&queue("stock.fifo"), message).await.expect("it is sent");
    assert_eq!(needed_since(&scene, seen), allowed(&[Role::Publish]));
}

#[tokio::test]
async fn consuming_needs_what_its_role_allows() {
    let scene = Scene::of_the_shop().await;
    for name in ["billing", "audit", "stock.fifo"] {
        scene.send(&queue(name), "x").await;
    }
    scene.clock.advance(5 * SECOND);
    let seen = scene.messaging.requests().len();
    let queues = scene.another_program();
    for name in ["billing", "audit", "stock.fifo"] {
        let queue = queue(name);
        let held = queues.receive(&queue, Default::default()).await.expect("a queue").remove(0);
        queues.extend(&queue, &held.receipt, SECOND).await.expect("it is held");
        queues.counts(&queue).await.expect("counts");
        queues.acknowledge(&queue, &held.receipt).await.expect("it is held");
    }
    // A consumer that gives messages up by itself.
    for name in ["dead", "dead.fifo", "given-up"] {
        let letter = NewMessage::new("x");
        let letter = if name.ends_with(".fifo") { letter.group("g") } else { letter };
        queues.send(&queue(name), letter).await.expect("it is sent");
    }
    assert_eq!(needed_since(&scene, seen), allowed(&[Role::Consume]));
}

#[tokio::test]
async fn operating_needs_what_its_role_allows() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.send(&billing, "x").await;
    for _ in 0..4 {
        scene.receive(&billing).await;
        scene.clock.advance(30 * SECOND);
    }
    let seen = scene.messaging.requests().len();
    let (queues, dead) = (scene.another_program(), queue("dead"));
    assert_eq!(queues.redrive(&dead, Redrive::all().up_to(1)).await.expect("a redrive"), 1);
    queues.redrive(&dead, Redrive::all()).await.expect("a redrive");
    scene.queues.send(&dead, NewMessage::new("looked at")).await.expect("it is sent");
    let letter = queues.receive(&dead, Default::default()).await.expect("a queue").remove(0);
    queues.release(&dead, &letter.receipt, SECOND).await.expect("it is held");
    for queue in [&dead, &billing] {
        queues.purge(queue).await.expect("it can be purged");
    }
    let (needed, allowed) = (needed_since(&scene, seen), allowed(&[Role::Operate]));
    for name in ["p-dead", "p-billing"] {
        assert_eq!(on(&needed, name), on(&allowed, name), "{name}");
    }
    // What is allowed on one queue of a kind is on the others.
    for (one, other) in
        [("p-dead", "p-dead.fifo"), ("p-dead", "p-given-up"), ("p-billing", "p-audit")]
    {
        assert_eq!(on(&allowed, one), on(&allowed, other));
    }
}

#[tokio::test]
async fn setting_up_is_no_ones_role() {
    let scene = Scene::of_the_shop().await;
    let of_ensure: BTreeSet<_> =
        needed_since(&scene, 0).into_iter().map(|(action, _)| action).collect();
    let allowed: BTreeSet<_> = allowed(&Role::ALL).into_iter().map(|(action, _)| action).collect();
    for action in ["sqs:CreateQueue", "sqs:SetQueueAttributes"] {
        assert!(of_ensure.contains(action) && !allowed.contains(action), "{action}");
    }
    for action in ["CreateTopic", "Subscribe", "Unsubscribe", "DeleteQueue", "AddPermission"] {
        assert!(!allowed.iter().any(|it| it.ends_with(action)), "{action}");
    }
}

#[test]
fn names_that_cannot_be_are_refused() {
    for prefix in ["*", "a:", &"p".repeat(80)] {
        let refused = iam_policy(&shop(), prefix, &Role::ALL);
        assert!(matches!(refused, Err(Error::InvalidId { .. })), "{prefix}: {refused:?}");
    }
}

#[test]
fn a_policy_has_no_statement_about_nothing() {
    let nothing = Topology::builder().build().expect("nothing is wrong with it");
    let policy = iam_policy(&nothing, "", &Role::ALL).expect("valid names");
    let policy: Value = serde_json::from_str(&policy).expect("a policy is JSON");
    assert_eq!(policy["Statement"], Value::Array(Vec::new()));
}

/// Writes the file where `ES_ACCEPT_SCHEMA` is 1.
#[test]
fn the_policy_in_the_repository_is_the_one_that_is_rendered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("iam/application.json");
    let policy = iam_policy(&shop(), "", &Role::ALL).expect("valid names");
    if std::env::var_os("ES_ACCEPT_SCHEMA").is_some_and(|accept| accept == "1") {
        std::fs::write(&path, &policy).expect("the file can be written");
    }
    let file = std::fs::read_to_string(&path).expect("the file is in the repository");
    assert_eq!(file.replace("\r\n", "\n"), policy, "write it with ES_ACCEPT_SCHEMA=1");
}
