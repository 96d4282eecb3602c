//! The policy of a queue that follows more topics than a policy can have conditions.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use es_core::{
    FilterPolicy, MessageQueue as _, NewMessage, QueueName, QueueOptions, ReceiveOptions,
    Topic as _, TopicName,
};
use es_sns_sqs::{SnsTopics, SqsQueues};
use serde_json::{Value, json};

use crate::support::Server;

/// The statements of a queue's policy, as the service tells them.
async fn statements(client: &aws_sdk_sqs::Client, name: &str) -> Vec<Value> {
    let url = client.get_queue_url().queue_name(name).send().await.expect("a queue").queue_url;
    let asked = client.get_queue_attributes().set_queue_url(url);
    let found = asked.attribute_names(QueueAttributeName::Policy).send().await.expect("a queue");
    let policy = found.attributes.and_then(|mut it| it.remove(&QueueAttributeName::Policy));
    let Some(policy) = policy.filter(|policy| !policy.is_empty()) else { return Vec::new() };
    let mut policy: Value = serde_json::from_str(&policy).expect("JSON");
    serde_json::from_value(policy["Statement"].take()).expect("statements")
}

/// What has come, waited for until it is so many.
async fn bodies(queues: &SqsQueues, queue: &QueueName, expected: usize) -> BTreeSet<String> {
    let mut bodies = BTreeSet::new();
    let mut empty = 0;
    while bodies.len() < expected && empty < 3 {
        let options = ReceiveOptions::up_to(10).wait(Duration::from_secs(2));
        let received = queues.receive(queue, options).await.expect("a queue");
        empty = if received.is_empty() { empty + 1 } else { 0 };
        for message in received {
            queues.acknowledge(queue, &message.receipt).await.expect("a queue");
            bodies.insert(message.body);
        }
    }
    bodies
}

#[tokio::test]
async fn a_queue_follows_more_topics_than_a_policy_can_have_conditions_and_lets_in_no_others() {
    let (server, prefix) = (Server::start(), Server::name_prefix());
    let client = server.sqs();
    let queues = SqsQueues::builder().name_prefix(&prefix).with_client(server.sqs());
    let queues = queues.expect("a valid prefix");
    let topics = SnsTopics::builder(&queues).with_client(server.sns()).expect("no account");
    let audit = QueueName::new("audit").expect("a name");
    queues.configure(&audit, QueueOptions::default()).await.expect("a queue");
    let names: Vec<_> = (0..12).map(|n| format!("topic-{n:02}")).collect();
    let followed: Vec<_> = names.iter().map(|name| TopicName::new(name).expect("a name")).collect();

    for topic in &followed {
        topics.create_topic(topic).await.expect("a topic");
        let done = topics.subscribe(topic, &audit, FilterPolicy::everything()).await;
        done.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    }

    let name = format!("{prefix}audit");
    let said = statements(&client, &name).await;
    let mut arns = Vec::new();
    for topic in &followed {
        arns.push(topics.topic_arn(topic).await.expect("a topic"));
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0]["Condition"], json!({ "ArnEquals": { "aws:SourceArn": arns } }));
    for topic in &followed {
        topics.publish(topic, NewMessage::new(topic.as_str())).await.expect("it is published");
    }
    let all: BTreeSet<_> = names.iter().cloned().collect();
    assert_eq!(bodies(&queues, &audit, all.len()).await, all);

    for topic in &followed[1..] {
        topics.unsubscribe(topic, &audit).await.expect("it has ended");
    }
    let said = statements(&client, &name).await;
    assert_eq!(said[0]["Condition"], json!({ "ArnEquals": { "aws:SourceArn": arns[..1] } }));
    topics.unsubscribe(&followed[0], &audit).await.expect("it has ended");
    assert_eq!(statements(&client, &name).await, [""; 0]);
}
