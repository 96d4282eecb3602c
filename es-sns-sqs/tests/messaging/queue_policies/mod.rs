//! Which topics a queue lets send to it, and how many its policy has room for.

use std::collections::BTreeSet;

use es_core::{
    Error, FilterPolicy, MessageQueue as _, NewMessage, QueueOptions, ReceiveOptions, Topic as _,
    Topology,
};
use es_sns_sqs::{PolicyLimit, QueuePolicyTooLarge, SnsTopics};
use serde_json::{Map, Value, json};

use crate::support::fake_messaging::Fault;
use crate::support::scene::{Scene, queue, topic};

mod histories;

const ACCOUNT: &str = "us-east-1:123456789012";

fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:{ACCOUNT}:p-{name}")
}

/// With the queue `audit`, and topics that it follows not yet.
async fn with_topics(names: &[&str]) -> Scene {
    let scene = Scene::new();
    let all = Topology::builder().queue(&queue("audit"), QueueOptions::default());
    let all = names.iter().fold(all, |all, name| all.topic(&topic(name)));
    scene.ensure(&all.build().expect("names that differ")).await;
    scene
}

/// Another program, which remembers nothing of what this one has done.
fn another_program(scene: &Scene) -> SnsTopics {
    let topics = SnsTopics::builder(&scene.another_program());
    topics.with_client(scene.messaging.sns_with_attempts(3)).expect("no account")
}

async fn subscribe(topics: &SnsTopics, name: &str) -> es_core::Result<()> {
    topics.subscribe(&topic(name), &queue("audit"), FilterPolicy::everything()).await
}

async fn unsubscribe(topics: &SnsTopics, name: &str) -> es_core::Result<()> {
    topics.unsubscribe(&topic(name), &queue("audit")).await
}

fn statements(scene: &Scene) -> Vec<Value> {
    let attributes = scene.messaging.attributes("p-audit");
    let Some(policy) = attributes.get("Policy").filter(|policy| !policy.is_empty()) else {
        return Vec::new();
    };
    let mut policy: Value = serde_json::from_str(policy).expect("a policy is JSON");
    serde_json::from_value(policy["Statement"].take()).expect("statements")
}

/// As somebody else, or an older version, has written it.
fn write(scene: &Scene, statements: &[Value]) {
    scene.messaging.set_attribute("p-audit", "Policy", &policy(statements).to_string());
}

fn policy(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn letting_in(topics: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "sns.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": format!("arn:aws:sqs:{ACCOUNT}:p-audit"),
        "Condition": { "ArnEquals": { "aws:SourceArn": topics } },
    })
}

/// The one statement for these topics.
fn one<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    let topics: BTreeSet<_> = names.into_iter().map(topic_arn).collect();
    let mut statement = letting_in(&json!(topics));
    statement["Sid"] = json!("EsSnsSqsTopics");
    statement
}

/// What older versions have written for a topic.
fn of_older_version(name: &str) -> Value {
    letting_in(&json!(topic_arn(name)))
}

/// So many statements of somebody else's, each with so many conditions, and that many principals in the first.
fn of_others(statements: usize, conditions: usize, principals: usize) -> Vec<Value> {
    let keys = (0..conditions).map(|n| (format!("aws:PrincipalTag/{n}"), json!("x")));
    let condition = json!({ "StringEquals": keys.collect::<Map<_, _>>() });
    let statement = |n: usize| {
        let mut statement = json!({ "Sid": format!("theirs{n}"), "Effect": "Allow",
            "Principal": { "AWS": [] }, "Action": "sqs:GetQueueUrl", "Resource": "*", "Condition": condition });
        if n == 0 {
            statement["Principal"]["AWS"] = json!(vec!["123456789012"; principals]);
        }
        statement
    };
    (0..statements).map(statement).collect()
}

fn too_large(error: Error) -> QueuePolicyTooLarge {
    assert!(!error.is_transient());
    let text = error.with_causes();
    let Error::Backend { what, source } = error else { panic!("{text}") };
    assert_eq!(what, "letting topics send to queue p-audit");
    *source.downcast::<QueuePolicyTooLarge>().unwrap_or_else(|_| panic!("{text}"))
}

#[tokio::test]
async fn thirty_topics_send_to_one_queue() {
    let names: Vec<_> = (0..30).map(|n| format!("topic-{n:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let scene = with_topics(&names).await;
    for name in &names {
        let done = subscribe(&scene.topics, name).await;
        done.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    }
    assert_eq!(statements(&scene), [one(names.iter().copied())]);
    for name in &names {
        scene.topics.publish(&topic(name), NewMessage::new(*name)).await.expect("published");
    }
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let received = scene.queues.receive(&queue("audit"), ReceiveOptions::up_to(10)).await;
        bodies.extend(received.expect("a queue").into_iter().map(|it| it.body));
    }
    assert_eq!(bodies, names);

    let before = scene.messaging.count("SetQueueAttributes");
    for name in &names {
        subscribe(&scene.topics, name).await.expect("it is subscribed");
    }
    assert_eq!(scene.messaging.count("SetQueueAttributes"), before, "it says so already");
}

#[tokio::test]
async fn what_older_versions_have_said_of_each_topic_becomes_one_statement() {
    let names = ["a", "b", "c"];
    let scene = with_topics(&names).await;
    let [theirs] = &of_others(1, 1, 1)[..] else { panic!("one") };
    write(&scene, &[of_older_version("c"), theirs.clone(), of_older_version("b")]);

    subscribe(&scene.topics, "a").await.expect("it is subscribed");

    assert_eq!(statements(&scene), [theirs.clone(), one(names)]);
}

#[tokio::test]
async fn a_policy_that_is_full_of_older_statements_has_room_again() {
    let names: Vec<_> = (0..11).map(|n| format!("topic-{n:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let scene = with_topics(&names).await;
    let ten: Vec<_> = names[..10].iter().map(|name| of_older_version(name)).collect();
    write(&scene, &ten);
    subscribe(&scene.topics, names[10]).await.expect("they are one condition now");
    assert_eq!(statements(&scene), [one(names)]);
}

#[tokio::test]
async fn a_subscription_that_ends_takes_its_topic_out_and_leaves_the_others() {
    let scene = with_topics(&["a", "b", "old"]).await;
    let theirs = of_others(1, 1, 1);
    write(&scene, &[theirs.clone(), vec![of_older_version("old")]].concat());
    for name in ["a", "b", "old"] {
        subscribe(&scene.topics, name).await.expect("it is subscribed");
    }
    for (ended, left) in [("old", &["a", "b"][..]), ("a", &["b"]), ("b", &[])] {
        unsubscribe(&scene.topics, ended).await.expect("it has ended");
        let own = (!left.is_empty()).then(|| one(left.iter().copied()));
        assert_eq!(statements(&scene), [theirs.clone(), Vec::from_iter(own)].concat());
    }
    let before = scene.messaging.count("SetQueueAttributes");
    unsubscribe(&scene.topics, "b").await.expect("there is none any more");
    assert_eq!(scene.messaging.count("SetQueueAttributes"), before);
}

#[tokio::test]
async fn who_is_stopped_before_a_topic_is_taken_out_takes_it_out_again() {
    let scene = with_topics(&["a"]).await;
    subscribe(&scene.topics, "a").await.expect("it is subscribed");
    scene.messaging.faults().at("SetQueueAttributes", 1, Fault::AccessDenied);
    unsubscribe(&scene.topics, "a").await.expect_err("it may not");
    assert_eq!(scene.topics.subscriptions(&topic("a")).await.expect("a topic"), []);
    assert_eq!(statements(&scene), [one(["a"])]);
    unsubscribe(&scene.topics, "a").await.expect("it may now");
    assert_eq!(statements(&scene), [""; 0]);
}

#[tokio::test]
async fn a_subscription_of_a_queue_that_is_gone_can_be_ended() {
    let scene = with_topics(&["a"]).await;
    subscribe(&scene.topics, "a").await.expect("it is subscribed");
    scene.messaging.remove_queue("p-audit");
    unsubscribe(&scene.topics, "a").await.expect("it has ended");
    assert_eq!(scene.topics.subscriptions(&topic("a")).await.expect("a topic"), []);
}

#[tokio::test]
async fn a_topic_that_was_taken_out_is_not_let_in_again_with_the_next_one() {
    let scene = with_topics(&["a", "b"]).await;
    subscribe(&scene.topics, "a").await.expect("it is subscribed");
    unsubscribe(&scene.topics, "a").await.expect("it has ended");
    subscribe(&scene.topics, "b").await.expect("it is subscribed");
    assert_eq!(statements(&scene), [one(["b"])]);
}

#[tokio::test]
async fn what_a_policy_has_no_room_for_is_refused_before_anything_is_written() {
    for (others, limit) in [
        (of_others(20, 0, 0), PolicyLimit::Statements),
        (of_others(10, 1, 1), PolicyLimit::Conditions),
        (of_others(5, 2, 1), PolicyLimit::Conditions),
        (of_others(2, 1, 50), PolicyLimit::Principals),
    ] {
        let scene = with_topics(&["a"]).await;
        write(&scene, &others);
        let said = too_large(subscribe(&scene.topics, "a").await.expect_err("too much"));
        assert_eq!((&*said.queue, said.limit, said.actual), ("p-audit", limit, limit.most() + 1));
        assert!(said.to_string().contains("take away what is not needed any more"), "{said}");
        assert_eq!(statements(&scene), others, "it is as it was");
        assert_eq!(scene.messaging.count("SetQueueAttributes"), 0);
        assert_eq!(scene.messaging.count("Subscribe"), 0);
    }
    for others in [of_others(19, 0, 0), of_others(9, 1, 1), of_others(3, 3, 49)] {
        let scene = with_topics(&["a"]).await;
        write(&scene, &others);
        subscribe(&scene.topics, "a").await.unwrap_or_else(|it| panic!("{}", it.with_causes()));
    }
}

#[tokio::test]
async fn topics_are_let_in_until_the_policy_has_no_more_bytes() {
    let names: Vec<_> = (0..40).map(|n| format!("{}-{n:02}", "topic".repeat(40))).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let scene = with_topics(&names).await;
    for (n, name) in names.iter().enumerate() {
        let Err(error) = subscribe(&scene.topics, name).await else { continue };
        let said = too_large(error);
        assert_eq!(said.limit, PolicyLimit::Bytes);
        assert!((8_193..8_193 + 300).contains(&said.actual), "no sooner than SQS: {said}");
        assert!(n > 25, "there was room for {n}");
        assert_eq!(statements(&scene), [one(names[..n].iter().copied())]);
        unsubscribe(&scene.topics, names[0]).await.expect("it has ended");
        subscribe(&scene.topics, name).await.expect("there is room again");
        return;
    }
    panic!("SQS does not take so much");
}

#[tokio::test]
async fn topics_that_one_program_subscribes_at_the_same_moment_are_all_let_in() {
    let scene = with_topics(&["a", "b", "c"]).await;
    let clone = scene.topics.clone();
    let all = tokio::join!(
        subscribe(&scene.topics, "a"),
        subscribe(&clone, "b"),
        subscribe(&scene.topics, "c")
    );
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok());
    assert_eq!(statements(&scene), [one(["a", "b", "c"])]);
    let all = tokio::join!(unsubscribe(&scene.topics, "a"), unsubscribe(&clone, "b"));
    assert!(all.0.is_ok() && all.1.is_ok());
    assert_eq!(statements(&scene), [one(["c"])]);
}

#[tokio::test]
async fn a_topic_that_is_followed_again_at_the_same_moment_is_let_in() {
    // Before, between and behind the requests of who subscribes.
    for requests in 0..6 {
        let scene = with_topics(&["a"]).await;
        let clone = scene.topics.clone();
        let ends = async {
            for _ in 0..requests {
                clone.subscriptions(&topic("other")).await.expect_err("there is none");
            }
            unsubscribe(&clone, "a").await
        };
        let (subscribed, ended) = tokio::join!(subscribe(&scene.topics, "a"), ends);
        assert!(subscribed.is_ok() && ended.is_ok());
        let follows = !scene.messaging.subscriptions("p-a").is_empty();
        let let_in = Vec::from_iter(follows.then(|| one(["a"])));
        assert_eq!(statements(&scene), let_in, "{requests} requests later");
    }
}

#[tokio::test]
async fn what_another_program_has_overwritten_a_repetition_puts_right() {
    let scene = with_topics(&["a", "b"]).await;
    let other = another_program(&scene);
    for _ in 0..2 {
        subscribe(&scene.topics, "a").await.expect("it is subscribed");
        // The other one has read before, and written after.
        write(&scene, &[one(["b"])]);
    }
    subscribe(&scene.topics, "a").await.expect("it is subscribed");
    subscribe(&other, "b").await.expect("it is subscribed");
    assert_eq!(statements(&scene), [one(["a", "b"])]);
}

#[tokio::test]
async fn a_policy_is_read_right_before_it_is_written() {
    let mut scene = with_topics(&["a", "b"]).await;
    for n in 0..2 {
        scene.take_operations();
        match n {
            0 => subscribe(&scene.topics, "a").await.expect("it is subscribed"),
            _ => unsubscribe(&scene.topics, "a").await.expect("it has ended"),
        }
        let operations = scene.take_operations();
        let written = operations.iter().position(|it| it == "SetQueueAttributes").expect("it is");
        assert_eq!(operations[written - 1], "GetQueueAttributes", "{operations:?}");
    }
}
