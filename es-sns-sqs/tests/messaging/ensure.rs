//! Setting queues, topics and subscriptions up.

use crate::support::fake_messaging::Fault;
use crate::support::scene::{DAY, SECOND, Scene, queue, shop, topic};
use es_core::{
    Error, FilterPolicy, MessageQueue as _, NewMessage, QueueOptions, Topic as _, Topology,
};
use es_sns_sqs::SnsTopics;
use serde_json::{Value, json};

/// Operations that change something.
const CHANGES: [&str; 6] = [
    "CreateQueue",
    "SetQueueAttributes",
    "SetTopicAttributes",
    "Subscribe",
    "SetSubscriptionAttributes",
    "Unsubscribe",
];

fn changes(operations: &[String]) -> Vec<&str> {
    operations.iter().map(String::as_str).filter(|it| CHANGES.contains(it)).collect()
}

#[tokio::test]
async fn what_is_set_up_can_be_set_up_again_without_a_change() {
    let mut scene = Scene::new();
    scene.ensure(&shop()).await;
    assert!(!changes(&scene.take_operations()).is_empty());
    for _ in 0..2 {
        scene.ensure(&shop()).await;
        assert_eq!(changes(&scene.take_operations()), [""; 0]);
    }
}

#[tokio::test]
async fn only_what_differs_is_changed() {
    let mut scene = Scene::of_the_shop().await;
    let longer = QueueOptions::default().dead_letters(queue("dead"), 3).retention(5 * DAY);
    scene.queues.configure(&queue("billing"), longer).await.expect("it can be changed");
    assert_eq!(changes(&scene.take_operations()), ["SetQueueAttributes"]);
    let request = scene.messaging.requests().pop().expect("a request");
    assert_eq!(request.body["Attributes"], json!({ "MessageRetentionPeriod": "432000" }));
}

#[tokio::test]
async fn another_filter_takes_the_place_of_the_old_one() {
    let mut scene = Scene::of_the_shop().await;
    let filter = r#"{"kind":["returned"]}"#.parse().expect("a filter");
    let (orders, billing) = (topic("orders"), queue("billing"));
    scene.topics.subscribe(&orders, &billing, filter).await.expect("it is subscribed");
    assert_eq!(changes(&scene.take_operations()), ["SetSubscriptionAttributes"]);
    for kind in ["placed", "returned"] {
        let message = NewMessage::new(kind).attribute("kind", kind);
        scene.topics.publish(&orders, message).await.expect("it is published");
    }
    assert_eq!(scene.bodies(&billing).await, ["returned"]);
}

/// Somebody says this of all subscriptions to the orders.
async fn change_subscriptions(scene: &Scene, attribute: &str, value: &str) {
    let client = scene.messaging.sns();
    let arn = "arn:aws:sns:us-east-1:123456789012:p-orders";
    let found = client.list_subscriptions_by_topic().topic_arn(arn).send().await;
    for subscription in found.expect("subscriptions").subscriptions() {
        let request = client.set_subscription_attributes();
        let request = request.set_subscription_arn(subscription.subscription_arn.clone());
        let request = request.attribute_name(attribute).attribute_value(value);
        request.send().await.expect("it is set");
    }
}

#[tokio::test]
async fn a_subscription_without_raw_delivery_gets_it() {
    let scene = Scene::of_the_shop().await;
    change_subscriptions(&scene, "RawMessageDelivery", "false").await;
    scene.ensure(&shop()).await;
    scene.topics.publish(&topic("orders"), NewMessage::new("as it is")).await.expect("published");
    scene.clock.advance(5 * SECOND);
    assert_eq!(scene.bodies(&queue("audit")).await, ["as it is"]);
}

#[tokio::test]
async fn a_filter_that_looked_into_bodies_looks_at_attributes() {
    let scene = Scene::of_the_shop().await;
    change_subscriptions(&scene, "FilterPolicyScope", "MessageBody").await;
    scene.ensure(&shop()).await;
    let placed = NewMessage::new("x").attribute("kind", "placed").attribute("items", "1");
    scene.topics.publish(&topic("orders"), placed).await.expect("published");
    assert_eq!(scene.bodies(&queue("billing")).await, ["x"]);
}

#[tokio::test]
async fn a_subscription_that_somebody_ends_at_the_same_moment_is_no_missing_topic() {
    let (orders, billing) = (topic("orders"), queue("billing"));
    let filter: FilterPolicy = r#"{"kind":["returned"]}"#.parse().expect("a filter");
    for operation in ["GetSubscriptionAttributes", "SetSubscriptionAttributes"] {
        let scene = Scene::of_the_shop().await;
        scene.messaging.faults().at(operation, 1, Fault::Ended);
        let subscribed = scene.topics.subscribe(&orders, &billing, filter.clone()).await;
        assert!(subscribed.is_ok(), "{operation}: {subscribed:?}");
        let found = scene.topics.subscriptions(&orders).await.expect("a topic");
        assert!(found.iter().any(|it| it.queue == billing && it.filter == filter), "{found:?}");
    }
    let scene = Scene::of_the_shop().await;
    scene.messaging.faults().at("GetSubscriptionAttributes", 1, Fault::Ended);
    let others = scene.topics.subscriptions(&orders).await.expect("a topic");
    assert_eq!(others.len(), 1, "there were two");
    scene.messaging.faults().at("Unsubscribe", 1, Fault::Ended);
    scene.topics.unsubscribe(&orders, &billing).await.expect("it has ended");
}

#[tokio::test]
async fn a_topic_that_was_let_in_stays_while_sqs_shows_the_policy_of_before() {
    let shown_of_before = |scene: &Scene| scene.messaging.set_attribute("p-audit", "Policy", "");
    let let_in = |scene: &Scene| {
        let policy = &scene.messaging.attributes("p-audit")["Policy"];
        ["p-orders", "p-movements.fifo"].map(|topic| policy.contains(topic))
    };
    let (audit, everything) = (queue("audit"), FilterPolicy::everything);
    let (orders, movements) = (topic("orders"), topic("movements.fifo"));
    let scene = Scene::of_the_shop().await;
    assert_eq!(let_in(&scene), [true, true]);
    shown_of_before(&scene);
    scene.topics.subscribe(&orders, &audit, everything()).await.expect("it is subscribed");
    assert_eq!(let_in(&scene), [true, true]);
    // What is not there when everything is settled, somebody has taken away.
    scene.clock.advance(90 * SECOND);
    shown_of_before(&scene);
    scene.topics.subscribe(&movements, &audit, everything()).await.expect("it is subscribed");
    assert_eq!(let_in(&scene), [false, true]);
}

#[tokio::test]
async fn what_others_have_said_about_a_queue_stays() {
    let scene = Scene::new();
    let alone = Topology::builder().queue(&queue("audit"), QueueOptions::default());
    scene.ensure(&alone.build().expect("a queue")).await;
    let theirs = json!({ "Sid": "theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [theirs] });
    scene.messaging.set_attribute("p-audit", "Policy", &policy.to_string());
    scene.ensure(&shop()).await;
    let policy: Value = serde_json::from_str(&scene.messaging.attributes("p-audit")["Policy"])
        .expect("a policy is JSON");
    let statements = policy["Statement"].as_array().expect("statements");
    assert_eq!((statements.len(), &statements[0]), (2, &theirs), "theirs and that of the topics");
}

#[tokio::test]
async fn queues_are_encrypted_and_keep_the_key_that_they_have() {
    let scene = Scene::new();
    let (plain, keyed) = (queue("plain"), queue("keyed"));
    for queue in [&plain, &keyed] {
        scene.queues.configure(queue, QueueOptions::default()).await.expect("it can be made");
        let name = format!("p-{queue}");
        assert_eq!(scene.messaging.attributes(&name)["SqsManagedSseEnabled"], "true");
    }
    // As by an operator, or a template.
    scene.messaging.set_attribute("p-plain", "SqsManagedSseEnabled", "false");
    scene.messaging.set_attribute("p-keyed", "SqsManagedSseEnabled", "false");
    scene.messaging.set_attribute("p-keyed", "KmsMasterKeyId", "alias/theirs");
    for queue in [&plain, &keyed] {
        scene.queues.configure(queue, QueueOptions::default()).await.expect("it is there");
    }
    assert_eq!(scene.messaging.attributes("p-plain")["SqsManagedSseEnabled"], "true");
    assert_eq!(scene.messaging.attributes("p-keyed")["KmsMasterKeyId"], "alias/theirs");
}

#[tokio::test]
async fn queues_and_topics_have_the_key_that_is_asked_for() {
    let key = "alias/orders";
    let mut scene = Scene::with(
        7,
        |messaging| messaging,
        |queues| queues.encryption_key(key),
        |topics| topics.encryption_key(key),
    );
    for _ in 0..2 {
        scene.ensure(&shop()).await;
        for queue in ["p-billing", "p-stock.fifo"] {
            assert_eq!(scene.messaging.attributes(queue)["KmsMasterKeyId"], key);
        }
        for topic in ["p-orders", "p-movements.fifo"] {
            let arn = format!("arn:aws:sns:us-east-1:123456789012:{topic}");
            let found = scene.messaging.sns().get_topic_attributes().topic_arn(arn).send().await;
            let attributes = found.expect("a topic").attributes.expect("attributes");
            assert_eq!(attributes["KmsMasterKeyId"], key);
        }
    }
    scene.take_operations();
    scene.ensure(&shop()).await;
    assert_eq!(changes(&scene.take_operations()), [""; 0]);
}

#[tokio::test]
async fn a_queue_that_another_program_makes_at_the_same_moment_is_set_up() {
    let scene = Scene::new();
    // The answer is lost, and the SDK asks again: it is there by then.
    scene.messaging.faults().at("CreateQueue", 1, Fault::LostAnswer);
    let options = QueueOptions::default().retention(DAY);
    scene.queues.configure(&queue("q"), options.clone()).await.expect("it can be made");
    // A program that has looked before the other one made it.
    scene.messaging.faults().at("GetQueueUrl", 1, Fault::NotSeenYet);
    let other = options.clone().retention(2 * DAY);
    let queues = scene.another_program();
    queues.configure(&queue("q"), other.clone()).await.expect("it is there");
    assert_eq!(queues.options(&queue("q")).await.expect("it is there"), other);
}

#[tokio::test]
async fn a_queue_that_is_made_is_waited_for() {
    let scene = Scene::new();
    let faults = scene.messaging.faults();
    // One look before it is made, and two behind.
    for nth in 2..4 {
        faults.at("GetQueueUrl", nth, Fault::NotSeenYet);
    }
    scene.queues.configure(&queue("q"), QueueOptions::default()).await.expect("it can be made");
    assert_eq!(faults.injected(Fault::NotSeenYet), 2);
    scene.send(&queue("q"), "x").await;
    assert_eq!(scene.bodies(&queue("q")).await, ["x"]);
}

#[tokio::test]
async fn a_queue_is_purged_once_a_minute() {
    let scene = Scene::of_the_shop().await;
    let billing = queue("billing");
    scene.queues.purge(&billing).await.expect("it can be purged");
    scene.clock.advance(59 * SECOND);
    let early = scene.queues.purge(&billing).await.expect_err("it was purged");
    assert!(early.is_transient());
    assert!(early.with_causes().contains("every 60 seconds"), "{}", early.with_causes());
    scene.clock.advance(SECOND);
    scene.queues.purge(&billing).await.expect("it can be purged again");
}

#[tokio::test]
async fn a_name_that_is_too_long_with_its_prefix_is_refused() {
    let scene = Scene::new();
    let longest = queue(&"q".repeat(80));
    let refused = scene.queues.configure(&longest, QueueOptions::default()).await;
    assert!(matches!(refused, Err(Error::InvalidId { .. })), "{refused:?}");
    let refused = scene.topics.create_topic(&topic(&"t".repeat(256))).await;
    assert!(matches!(refused, Err(Error::InvalidId { .. })), "{refused:?}");
    assert!(scene.messaging.requests().is_empty());
}

#[tokio::test]
async fn the_arn_of_a_topic_is_the_same_for_who_made_it_and_who_looks_for_it() {
    let scene = Scene::of_the_shop().await;
    let orders = topic("orders");
    let arn = scene.topics.topic_arn(&orders).await.expect("it is there");
    assert!(arn.starts_with("arn:aws:sns:") && arn.ends_with(":p-orders"), "{arn}");
    let another = SnsTopics::builder(&scene.queues).with_client(scene.messaging.sns());
    let another = another.expect("no account");
    assert_eq!(another.topic_arn(&orders).await.expect("it is found"), arn);
    let missing = another.topic_arn(&topic("nobody")).await;
    assert!(matches!(missing, Err(Error::NoSuchTopic { .. })), "{missing:?}");
}
