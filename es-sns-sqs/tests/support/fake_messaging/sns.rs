//! SNS: forms in, XML out.

use std::collections::BTreeMap;

use es_core::{FilterPolicy, NewMessage};
use serde_json::{Map, Value, json};

use super::faults::{Fault, Passage};
use super::query::{Parameters, answer, attributes, element, text};
use super::refusal::Refusal;
use super::{FakeMessaging, name_in, topic_arn};

/// The most bytes of a request.
const MAX_REQUEST: usize = 256 * 1024;
/// How many topics or subscriptions are in one answer. AWS gives 100.
const PAGE: usize = 3;

#[derive(Debug, Clone, Default)]
pub(super) struct FakeTopic {
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) subscriptions: Vec<FakeSubscription>,
    published: u64,
}

#[derive(Debug, Clone)]
pub(super) struct FakeSubscription {
    arn: String,
    pub(super) queue_arn: String,
    pub(super) attributes: BTreeMap<String, String>,
}

impl FakeMessaging {
    pub(super) async fn answer_sns(
        &self,
        operation: &str,
        asked: &Parameters,
        passage: &Passage,
    ) -> Result<String, Refusal> {
        let content = match operation {
            "CreateTopic" => self.create_topic(asked),
            "ListTopics" => self.list_topics(asked),
            "GetTopicAttributes" => {
                let state = self.state();
                attributes(&topic(&state.topics, asked.text("TopicArn"))?.attributes)
            }
            "SetTopicAttributes" => self.set_topic_attributes(asked)?,
            "Subscribe" => self.subscribe(asked)?,
            "ListSubscriptionsByTopic" => self.list_subscriptions(asked)?,
            "GetSubscriptionAttributes" => {
                let arn = asked.text("SubscriptionArn");
                self.with_subscription(arn, |found| attributes(&found.attributes))?
            }
            "SetSubscriptionAttributes" => self.set_subscription_attributes(asked)?,
            "Unsubscribe" => self.unsubscribe(asked),
            "PublishBatch" => self.publish_batch(asked, passage).await?,
            _ => return Err(Refusal::new("InvalidAction", format!("There is no {operation}."))),
        };
        Ok(answer(operation, &content))
    }

    fn create_topic(&self, asked: &Parameters) -> String {
        let arn = topic_arn(asked.text("Name"));
        let given = asked.map("Attributes", "key");
        let given = given.into_iter().map(|(name, it)| (name, it.text("value").to_owned()));
        let made = FakeTopic { attributes: given.collect(), ..FakeTopic::default() };
        self.state().topics.entry(arn.clone()).or_insert(made);
        text("TopicArn", &arn)
    }

    fn list_topics(&self, asked: &Parameters) -> String {
        let state = self.state();
        let arns: Vec<_> = state.topics.keys().cloned().collect();
        let member = |arn: &String| element("member", &text("TopicArn", arn));
        page("Topics", &arns, asked.get("NextToken"), member)
    }

    fn set_topic_attributes(&self, asked: &Parameters) -> Result<String, Refusal> {
        let mut state = self.state();
        let topic = state.topics.get_mut(asked.text("TopicArn")).ok_or_else(Refusal::no_topic)?;
        let (name, value) = (asked.text("AttributeName"), asked.text("AttributeValue"));
        topic.attributes.insert(name.to_owned(), value.to_owned());
        Ok(String::new())
    }

    fn subscribe(&self, asked: &Parameters) -> Result<String, Refusal> {
        let mut state = self.state();
        state.subscriptions_made += 1;
        let (topic_arn, number) = (asked.text("TopicArn"), state.subscriptions_made);
        let topic = state.topics.get_mut(topic_arn).ok_or_else(Refusal::no_topic)?;
        let queue_arn = asked.text("Endpoint").to_owned();
        let given = asked.map("Attributes", "key");
        let given = given.into_iter().map(|(name, it)| (name, it.text("value").to_owned()));
        let attributes: BTreeMap<_, _> = given.collect();
        if let Some(known) = topic.subscriptions.iter().find(|known| known.queue_arn == queue_arn) {
            if known.attributes != attributes {
                let message = "Subscription already exists with different attributes";
                return Err(Refusal::new("InvalidParameter", message));
            }
            return Ok(text("SubscriptionArn", &known.arn));
        }
        let arn = format!("{topic_arn}:{number}");
        let answer = text("SubscriptionArn", &arn);
        topic.subscriptions.push(FakeSubscription { arn, queue_arn, attributes });
        Ok(answer)
    }

    fn list_subscriptions(&self, asked: &Parameters) -> Result<String, Refusal> {
        let state = self.state();
        let topic = topic(&state.topics, asked.text("TopicArn"))?;
        let member = |found: &FakeSubscription| {
            let fields = [
                text("TopicArn", asked.text("TopicArn")),
                text("Protocol", "sqs"),
                text("SubscriptionArn", &found.arn),
                text("Endpoint", &found.queue_arn),
            ];
            element("member", &fields.concat())
        };
        Ok(page("Subscriptions", &topic.subscriptions, asked.get("NextToken"), member))
    }

    fn set_subscription_attributes(&self, asked: &Parameters) -> Result<String, Refusal> {
        let (name, value) = (asked.text("AttributeName"), asked.text("AttributeValue"));
        self.with_subscription(asked.text("SubscriptionArn"), |found| {
            found.attributes.insert(name.to_owned(), value.to_owned());
        })?;
        Ok(String::new())
    }

    fn unsubscribe(&self, asked: &Parameters) -> String {
        for topic in self.state().topics.values_mut() {
            topic.subscriptions.retain(|known| known.arn != asked.text("SubscriptionArn"));
        }
        String::new()
    }

    fn with_subscription<T>(
        &self,
        arn: &str,
        act: impl FnOnce(&mut FakeSubscription) -> T,
    ) -> Result<T, Refusal> {
        let mut state = self.state();
        let mut all = state.topics.values_mut().flat_map(|topic| &mut topic.subscriptions);
        all.find(|known| known.arn == arn).map(act).ok_or_else(Refusal::no_topic)
    }

    async fn publish_batch(
        &self,
        asked: &Parameters,
        passage: &Passage,
    ) -> Result<String, Refusal> {
        let topic_arn = asked.text("TopicArn");
        let entries = asked.list("PublishBatchRequestEntries.member");
        topic(&self.state().topics, topic_arn)?;
        let size: usize = entries.iter().map(|entry| message_of(entry).0.size()).sum();
        if size > MAX_REQUEST {
            let message = "The length of all the messages is more than the limit.";
            return Err(Refusal::new("BatchRequestTooLong", message));
        }
        let failing = passage.failing(entries.len());
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (n, entry) in entries.iter().enumerate() {
            let id = text("Id", entry.text("Id"));
            if failing.contains(&n) {
                let why = text("Code", "InternalError") + &text("SenderFault", "false");
                failed.push(element("member", &(id + &why)));
                continue;
            }
            let message = self.publish(topic_arn, entry).await;
            successful.push(element("member", &(id + &text("MessageId", &message))));
        }
        if passage.meets(Fault::EntryLeftOut) {
            successful.pop();
        }
        let lists = [("Successful", successful), ("Failed", failed)];
        Ok(lists.map(|(name, members)| element(name, &members.concat())).concat())
    }

    /// Sends to all queues that let the topic and whose filters take the message, and returns the id of this
    /// publishing.
    async fn publish(&self, topic_arn: &str, entry: &Parameters) -> String {
        let (message, types) = message_of(entry);
        let (id, subscriptions) = {
            let mut state = self.state();
            let topic = state.topics.get_mut(topic_arn).expect("the topic is there");
            topic.published += 1;
            (format!("{}-{}", name_in(topic_arn), topic.published), topic.subscriptions.clone())
        };
        for subscription in subscriptions {
            let queue = name_in(&subscription.queue_arn).to_owned();
            let attribute = |name: &str| subscription.attributes.get(name).map(String::as_str);
            let policy = self.attributes(&queue).get("Policy").cloned().unwrap_or_default();
            // A queue that does not say so lets no topic in.
            let is_let_in = policy.contains("sns.amazonaws.com") && policy.contains(topic_arn);
            let is_taken = takes(attribute("FilterPolicy"), &message, &types);
            // A filter of attributes finds nothing in a body.
            let looks_into_bodies = attribute("FilterPolicyScope") == Some("MessageBody")
                && attribute("FilterPolicy").is_some();
            if !is_let_in || !is_taken || looks_into_bodies {
                continue;
            }
            let (mut sent, mut sent_types) = (message.clone(), types.clone());
            if attribute("RawMessageDelivery") != Some("true") {
                let wrapped = json!({ "Type": "Notification", "Message": sent.body });
                sent =
                    NewMessage { attributes: BTreeMap::new(), body: wrapped.to_string(), ..sent };
                sent_types = Map::new();
            }
            if !queue.ends_with(".fifo") {
                sent = NewMessage { group: None, deduplication_id: None, ..sent };
            }
            // What a queue does not take is dropped.
            let _ = self.put(&queue, sent, &Value::Object(sent_types)).await;
        }
        id
    }
}

fn topic<'a>(topics: &'a BTreeMap<String, FakeTopic>, arn: &str) -> Result<&'a FakeTopic, Refusal> {
    topics.get(arn).ok_or_else(Refusal::no_topic)
}

/// The members from a token on, and the token of the next page.
fn page<T>(name: &str, all: &[T], token: Option<&str>, member: impl Fn(&T) -> String) -> String {
    let start = token.map_or(0, |token| token.parse().expect("a token that was given"));
    let end = (start + PAGE).min(all.len());
    let members: String = all[start..end].iter().map(member).collect();
    let next = if end < all.len() { text("NextToken", &end.to_string()) } else { String::new() };
    element(name, &members) + &next
}

/// A message, and the types of its attributes as SQS has them.
fn message_of(entry: &Parameters) -> (NewMessage, Map<String, Value>) {
    let mut message = NewMessage::new(entry.text("Message"));
    let mut types = Map::new();
    for (name, it) in entry.map("MessageAttributes", "Name") {
        message = message.attribute(&name, it.text("Value.StringValue"));
        types.insert(name, json!({ "DataType": it.text("Value.DataType") }));
    }
    message.group = entry.get("MessageGroupId").map(str::to_owned);
    message.deduplication_id = entry.get("MessageDeduplicationId").map(str::to_owned);
    (message, types)
}

/// Whether a filter takes a message: for SNS a number is no text.
fn takes(filter: Option<&str>, message: &NewMessage, types: &Map<String, Value>) -> bool {
    let Some(filter) = filter else { return true };
    let mut policy: Value = serde_json::from_str(filter).expect("a filter is JSON");
    for (key, conditions) in policy.as_object_mut().expect("an object") {
        let is_number = types.get(key).is_some_and(|it| it["DataType"] == "Number");
        let is_there = types.contains_key(key);
        let conditions = conditions.as_array_mut().expect("a list");
        conditions.retain(|condition| {
            let is_about_numbers = condition.get("numeric").is_some();
            condition.get("exists").is_some() || !is_there || is_about_numbers == is_number
        });
        if conditions.is_empty() {
            return false;
        }
    }
    let policy: FilterPolicy = policy.to_string().parse().expect("a filter that is supported");
    policy.matches(&message.attributes)
}
