//! Queues, topics and subscriptions as a CloudFormation template.

use std::collections::BTreeSet;

use es_core::{Error, QueueName, QueueOptions, Result, TopicName, Topology};
use serde_json::{Map, Value, json};

use crate::queues::seconds;
use crate::topics::{filter, queue_policy};

/// A topology as a CloudFormation template in JSON. It is what [`Topology::ensure`] makes of it in SQS and
/// SNS.
///
/// Its parameters are
///
/// - `NamePrefix`, which the names of all queues and topics begin with, as
///   [`SqsOptions::name_prefix`](crate::SqsOptions::name_prefix) says; empty by default;
/// - `EncryptionKey`, a key of KMS that queues and topics are encrypted with, by default none: queues are
///   encrypted with a key of SQS then. The key's policy has to let `sns.amazonaws.com` use it where a topic
///   sends to a queue.
///
/// The template sets the whole policy of each queue that follows topics. SQS takes
/// [8,192 bytes](crate::PolicyLimit::Bytes) of it, which is not counted here: what account, region and prefix are is
/// said when the stack is made.
///
/// What SNS cannot deliver to a queue, because its policy or the policy of its key refuses, SNS would drop after some
/// tries. The template has more than [`Topology::ensure`] makes, for that reason: a queue for each topic that somebody
/// follows, with the topic's name and `-undelivered` behind it, which keeps such messages for 14 days. It is the resource
/// `UndeliveredOfTopicOrders` of a topic `orders`, and no queue of the topology. Each message there is to be sent again by
/// hand, to the queue that lacks it. An alarm on it is for the user of the template to make.
///
/// When the stack goes, the queues stay, with what nobody has received yet. Its outputs are
/// `QueueBillingUrl` and `QueueBillingArn` for a queue `billing`, and `TopicOrdersArn` for a topic `orders`.
///
/// # Errors
///
/// [`Error::Misuse`] when the names of two queues, or of two topics, do not differ in letters and digits, or
/// only in whether a word begins with a capital letter: names of resources have nothing else. Also when a queue has the
/// name of one for what cannot be delivered.
///
/// ```
/// use es_core::{FilterPolicy, QueueName, QueueOptions, TopicName, Topology};
///
/// # fn main() -> es_core::Result<()> {
/// let (orders, billing) = (TopicName::new("orders")?, QueueName::new("billing")?);
/// let topology = Topology::builder()
///     .queue(&billing, QueueOptions::default())
///     .topic(&orders)
///     .subscription(&orders, &billing, FilterPolicy::everything())
///     .build()?;
/// let template = es_sns_sqs::cloudformation_template(&topology)?;
/// assert!(template.contains(r#""QueueName": {"#));
/// # Ok(()) }
/// ```
pub fn cloudformation_template(topology: &Topology) -> Result<String> {
    let mut template = Template::default();
    for (queue, options) in topology.queues() {
        let resource = template.add(resource_of_queue(queue), queue_resource(queue, options))?;
        template.output(&format!("{resource}Url"), json!({ "Ref": resource }));
        template.output(&format!("{resource}Arn"), arn_of_queue(queue));
    }
    for topic in topology.topics() {
        let resource = template.add(resource_of_topic(topic), topic_resource(topic))?;
        template.output(&format!("{resource}Arn"), json!({ "Ref": resource }));
    }
    let followed: BTreeSet<_> = topology.subscriptions().map(|(topic, ..)| topic).collect();
    for topic in followed {
        let name = name_of_undelivered(topic);
        QueueName::new(&name)?;
        if topology.queues().any(|(queue, _)| queue.as_str() == name) {
            let taken = format!("queue {name} is for what cannot be delivered from topic {topic}");
            return Err(Error::Misuse(taken));
        }
        let resource = template.add(resource_of_undelivered(topic), undelivered_resource(topic))?;
        template.add(format!("PolicyOf{resource}"), undelivered_policy_resource(topic))?;
        template.output(&format!("{resource}Url"), json!({ "Ref": resource }));
    }
    for (topic, queue, filter) in topology.subscriptions() {
        let (follower, topic_resource) = (resource_of_queue(queue), resource_of_topic(topic));
        let name = format!("SubscriptionOf{follower}To{topic_resource}");
        template.add(name, subscription_resource(topic, queue, filter))?;
    }
    let followers: BTreeSet<_> = topology.subscriptions().map(|(_, queue, _)| queue).collect();
    for queue in followers {
        template.add(resource_of_policy(queue), policy_resource(queue, topology))?;
    }
    Ok(template.render())
}

#[derive(Default)]
struct Template {
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl Template {
    fn add(&mut self, name: String, resource: Value) -> Result<String> {
        if self.resources.insert(name.clone(), resource).is_some() {
            return Err(Error::Misuse(format!(
                "a template has one resource {name}, which two queues, topics or subscriptions would have"
            )));
        }
        Ok(name)
    }

    fn output(&mut self, name: &str, value: Value) {
        self.outputs.insert(name.to_owned(), json!({ "Value": value }));
    }

    fn render(self) -> String {
        let template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "The queues and topics of an event-sourced application.",
            "Parameters": parameters(),
            "Conditions": {
                "HasEncryptionKey": {
                    "Fn::Not": [{ "Fn::Equals": [{ "Ref": "EncryptionKey" }, ""] }],
                },
            },
            "Resources": self.resources,
            "Outputs": self.outputs,
        });
        format!("{template:#}\n")
    }
}

fn parameters() -> Value {
    json!({
        "NamePrefix": {
            "Description": "What the names of queues and topics begin with.",
            "Type": "String",
            "AllowedPattern": "[A-Za-z0-9_-]*",
            "Default": "",
        },
        "EncryptionKey": {
            "Description": "ARN, id or alias of the KMS key that messages are encrypted with; empty: a key \
                            of SQS, and none for topics.",
            "Type": "String",
            "Default": "",
        },
    })
}

fn queue_resource(queue: &QueueName, options: &QueueOptions) -> Value {
    let mut properties = json!({
        "QueueName": with_prefix(queue.as_str()),
        "VisibilityTimeout": seconds(options.visibility_timeout),
        "MessageRetentionPeriod": seconds(options.retention),
        "DelaySeconds": seconds(options.delay),
        "MaximumMessageSize": options.max_message_size,
        "KmsMasterKeyId": if_key_is_given(json!({ "Ref": "EncryptionKey" }), no_value()),
        "SqsManagedSseEnabled": if_key_is_given(no_value(), json!(true)),
    });
    if queue.is_fifo() {
        properties["FifoQueue"] = json!(true);
    }
    if let Some(policy) = &options.redrive_policy {
        properties["RedrivePolicy"] = json!({
            "deadLetterTargetArn": arn_of_queue(&policy.dead_letter_queue),
            "maxReceiveCount": policy.max_receive_count,
        });
    }
    json!({
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    })
}

fn topic_resource(topic: &TopicName) -> Value {
    let mut properties = json!({
        "TopicName": with_prefix(topic.as_str()),
        "KmsMasterKeyId": if_key_is_given(json!({ "Ref": "EncryptionKey" }), no_value()),
    });
    if topic.is_fifo() {
        properties["FifoTopic"] = json!(true);
        properties["ContentBasedDeduplication"] = json!(false);
    }
    json!({ "Type": "AWS::SNS::Topic", "Properties": properties })
}

fn subscription_resource(
    topic: &TopicName,
    queue: &QueueName,
    wanted: &es_core::FilterPolicy,
) -> Value {
    let mut properties = json!({
        "TopicArn": arn_of_topic(topic),
        "Protocol": "sqs",
        "Endpoint": arn_of_queue(queue),
        "RawMessageDelivery": true,
        "RedrivePolicy": { "deadLetterTargetArn": arn_of_undelivered(topic) },
    });
    if *wanted != es_core::FilterPolicy::everything() {
        properties["FilterPolicy"] = filter::for_sns(wanted);
    }
    json!({
        "Type": "AWS::SNS::Subscription",
        // What is published before the queues let the topic in is lost.
        "DependsOn": [
            resource_of_policy(queue),
            format!("PolicyOf{}", resource_of_undelivered(topic)),
        ],
        "Properties": properties,
    })
}

fn policy_resource(queue: &QueueName, topology: &Topology) -> Value {
    let topics = topology.subscriptions().filter(|(_, follower, _)| *follower == queue);
    // In the order in which the library lists them.
    let topics: BTreeSet<_> = topics.map(|(topic, ..)| topic).collect();
    let topics: Vec<_> = topics.into_iter().map(arn_of_topic).collect();
    let statement = queue_policy::statement().letting_in(&arn_of_queue(queue), &topics);
    json!({
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{ "Ref": resource_of_queue(queue) }],
            "PolicyDocument": { "Version": "2012-10-17", "Statement": [statement] },
        },
    })
}

/// The queue for what cannot be delivered to those who follow the topic. It has to be of the topic's kind.
fn undelivered_resource(topic: &TopicName) -> Value {
    let mut properties = json!({
        "QueueName": with_prefix(&name_of_undelivered(topic)),
        "MessageRetentionPeriod": seconds(QueueOptions::for_dead_letters().retention),
        "KmsMasterKeyId": if_key_is_given(json!({ "Ref": "EncryptionKey" }), no_value()),
        "SqsManagedSseEnabled": if_key_is_given(no_value(), json!(true)),
    });
    if topic.is_fifo() {
        properties["FifoQueue"] = json!(true);
    }
    json!({
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    })
}

fn name_of_undelivered(topic: &TopicName) -> String {
    match topic.as_str().strip_suffix(".fifo") {
        Some(name) => format!("{name}-undelivered.fifo"),
        None => format!("{topic}-undelivered"),
    }
}

fn undelivered_policy_resource(topic: &TopicName) -> Value {
    let statement = queue_policy::statement();
    let statement = statement.letting_in(&arn_of_undelivered(topic), &[arn_of_topic(topic)]);
    json!({
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{ "Ref": resource_of_undelivered(topic) }],
            "PolicyDocument": { "Version": "2012-10-17", "Statement": [statement] },
        },
    })
}

fn with_prefix(name: &str) -> Value {
    json!({ "Fn::Sub": format!("${{NamePrefix}}{name}") })
}

fn if_key_is_given(then: Value, otherwise: Value) -> Value {
    json!({ "Fn::If": ["HasEncryptionKey", then, otherwise] })
}

fn no_value() -> Value {
    json!({ "Ref": "AWS::NoValue" })
}

fn arn_of_queue(queue: &QueueName) -> Value {
    json!({ "Fn::GetAtt": [resource_of_queue(queue), "Arn"] })
}

/// What CloudFormation calls a topic by is its ARN.
fn arn_of_topic(topic: &TopicName) -> Value {
    json!({ "Ref": resource_of_topic(topic) })
}

fn resource_of_queue(queue: &QueueName) -> String {
    format!("Queue{}", camel_case(queue.as_str()))
}

/// Begins otherwise than that of any queue: a queue can be called `billing-policy`.
fn resource_of_policy(queue: &QueueName) -> String {
    format!("PolicyOf{}", resource_of_queue(queue))
}

/// Begins otherwise than that of any queue of the topology.
fn resource_of_undelivered(topic: &TopicName) -> String {
    format!("UndeliveredOf{}", resource_of_topic(topic))
}

fn arn_of_undelivered(topic: &TopicName) -> Value {
    json!({ "Fn::GetAtt": [resource_of_undelivered(topic), "Arn"] })
}

fn resource_of_topic(topic: &TopicName) -> String {
    format!("Topic{}", camel_case(topic.as_str()))
}

/// As CloudFormation's names of resources have letters and digits only: `OrdersFifo`.
fn camel_case(name: &str) -> String {
    name.split(|letter: char| !letter.is_ascii_alphanumeric())
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}
