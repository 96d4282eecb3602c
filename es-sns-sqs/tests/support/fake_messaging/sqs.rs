//! SQS: JSON in, JSON out.

use std::collections::BTreeMap;
use std::time::Duration;

use es_core::{
    Clock as _, Error, MessageQueue as _, NewMessage, QueueOptions, ReceiveOptions,
    ReceivedMessage, Timestamp,
};
use serde_json::{Map, Value, json};

use super::faults::{Fault, Passage};
use super::refusal::Refusal;
use super::standing::Issued;
use super::{ACCOUNT, FakeMessaging, REGION, name_in, policy, queue_arn, queue_name};

/// How long after a purge the next one can be asked for.
const PURGE_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Default)]
pub(super) struct FakeQueue {
    pub(super) attributes: BTreeMap<String, String>,
    purged_at: Option<Timestamp>,
}

impl FakeMessaging {
    pub(super) async fn answer_sqs(
        &self,
        operation: &str,
        asked: &Value,
        passage: &Passage,
    ) -> Result<Value, Refusal> {
        match operation {
            "CreateQueue" => return self.create_queue(asked).await,
            "GetQueueUrl" => return self.get_queue_url(asked),
            "StartMessageMoveTask" => return self.start_message_move_task(asked).await,
            "ListMessageMoveTasks" => return self.list_message_move_tasks(asked, passage),
            _ => {}
        }
        let queue = name_in(asked["QueueUrl"].as_str().unwrap_or_default());
        if !self.state().queues.contains_key(queue) {
            return Err(Refusal::no_queue());
        }
        match operation {
            "GetQueueAttributes" => self.get_queue_attributes(queue, asked).await,
            "SetQueueAttributes" => {
                self.set_queue_attributes(queue, &asked["Attributes"]).await.map(|()| json!({}))
            }
            "SendMessageBatch" => self.send_message_batch(queue, asked, passage).await,
            "ReceiveMessage" => self.receive_message(queue, asked, passage).await,
            "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" => {
                self.each_receipt(operation, queue, asked, passage).await
            }
            "PurgeQueue" => self.purge_queue(queue).await,
            _ => Err(Refusal::new("InvalidAction", format!("There is no {operation} here."))),
        }
    }

    async fn create_queue(&self, asked: &Value) -> Result<Value, Refusal> {
        let name = asked["QueueName"].as_str().unwrap_or_default();
        let known = self.state().queues.get(name).cloned();
        if let Some(known) = known {
            let is_so = |(name, value): (&String, &Value)| {
                known.attributes.get(name).map(String::as_str) == value.as_str()
            };
            let attributes = asked["Attributes"].as_object();
            if attributes.is_some_and(|attributes| !attributes.iter().all(is_so)) {
                let message = "A queue already exists with the same name and a different value.";
                return Err(Refusal::new("QueueAlreadyExists", message));
            }
        } else {
            self.set_queue_attributes(name, &asked["Attributes"]).await?;
        }
        Ok(json!({ "QueueUrl": url(name) }))
    }

    fn get_queue_url(&self, asked: &Value) -> Result<Value, Refusal> {
        let name = asked["QueueName"].as_str().unwrap_or_default();
        match self.state().queues.contains_key(name) {
            true => Ok(json!({ "QueueUrl": url(name) })),
            false => Err(Refusal::no_queue()),
        }
    }

    async fn set_queue_attributes(&self, queue: &str, changes: &Value) -> Result<(), Refusal> {
        let mut changed = self.state().queues.get(queue).cloned().unwrap_or_default();
        for (name, value) in changes.as_object().into_iter().flatten() {
            let value = value.as_str().expect("attributes are texts").to_owned();
            // Whoever encrypts with a key of KMS does not encrypt with one of the service.
            match name.as_str() {
                "KmsMasterKeyId" => changed.attributes.remove("SqsManagedSseEnabled"),
                "SqsManagedSseEnabled" => changed.attributes.remove("KmsMasterKeyId"),
                _ => None,
            };
            changed.attributes.insert(name.clone(), value);
        }
        changed.attributes.retain(|_, value| !value.is_empty());
        if let Some(policy) = changes["Policy"].as_str().filter(|policy| !policy.is_empty()) {
            policy::check(policy)?;
        }
        let options = self.queue_options(&changed.attributes)?;
        let configured = self.memory().configure(&queue_name(queue), options).await;
        configured.map_err(|error| Refusal::new("InvalidAttributeValue", error.to_string()))?;
        self.state().queues.insert(queue.to_owned(), changed);
        Ok(())
    }

    fn queue_options(
        &self,
        attributes: &BTreeMap<String, String>,
    ) -> Result<QueueOptions, Refusal> {
        let mut options = QueueOptions::default();
        let number = |name: &str| attributes.get(name).map(|n| n.parse().expect("a number"));
        let time = |name: &str| number(name).map(Duration::from_secs);
        options.visibility_timeout =
            time("VisibilityTimeout").unwrap_or(options.visibility_timeout);
        options.retention = time("MessageRetentionPeriod").unwrap_or(options.retention);
        options.delay = time("DelaySeconds").unwrap_or(options.delay);
        let size = number("MaximumMessageSize").map(|size| usize::try_from(size).expect("a size"));
        options.max_message_size = size.unwrap_or(options.max_message_size);
        let Some(policy) = attributes.get("RedrivePolicy") else { return Ok(options) };
        let policy: Value = serde_json::from_str(policy).expect("a policy is JSON");
        let target = name_in(policy["deadLetterTargetArn"].as_str().expect("an ARN")).to_owned();
        if !self.state().queues.contains_key(&target) {
            return Err(Refusal::invalid_value("Dead letter target does not exist."));
        }
        let count = policy["maxReceiveCount"].as_u64().expect("a count");
        let count = u32::try_from(count).expect("a count");
        Ok(options.dead_letters(queue_name(&target), count))
    }

    async fn get_queue_attributes(&self, queue: &str, asked: &Value) -> Result<Value, Refusal> {
        let counts = self.memory().counts(&queue_name(queue)).await.expect("the queue is there");
        let options = QueueOptions::default();
        let mut found = BTreeMap::from([
            ("QueueArn".to_owned(), queue_arn(queue)),
            ("VisibilityTimeout".to_owned(), options.visibility_timeout.as_secs().to_string()),
            ("MessageRetentionPeriod".to_owned(), options.retention.as_secs().to_string()),
            ("DelaySeconds".to_owned(), options.delay.as_secs().to_string()),
            ("MaximumMessageSize".to_owned(), options.max_message_size.to_string()),
            ("ApproximateNumberOfMessages".to_owned(), counts.visible.to_string()),
            ("ApproximateNumberOfMessagesNotVisible".to_owned(), counts.in_flight.to_string()),
            ("ApproximateNumberOfMessagesDelayed".to_owned(), counts.delayed.to_string()),
        ]);
        found.extend(self.attributes(queue));
        let names: Vec<_> = asked["AttributeNames"].as_array().into_iter().flatten().collect();
        if !names.iter().any(|name| *name == "All") {
            found.retain(|name, _| names.iter().any(|asked| *asked == name));
        }
        Ok(json!({ "Attributes": found }))
    }

    /// A batch of receipts.
    async fn each_receipt(
        &self,
        operation: &str,
        queue: &str,
        asked: &Value,
        passage: &Passage,
    ) -> Result<Value, Refusal> {
        let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
        let failing = passage.failing(entries.len());
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (n, entry) in entries.iter().enumerate() {
            let id = entry["Id"].as_str().expect("an id");
            let done = if failing.contains(&n) {
                Err(Refusal::internal())
            } else if operation == "DeleteMessageBatch" {
                self.delete(queue, entry).await
            } else {
                self.change_visibility(queue, entry).await
            };
            match done {
                Ok(()) => successful.push(json!({ "Id": id })),
                Err(refusal) => failed.push(refusal.entry(id)),
            }
        }
        if passage.meets(Fault::EntryLeftOut) {
            successful.pop();
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    async fn send_message_batch(
        &self,
        queue: &str,
        asked: &Value,
        passage: &Passage,
    ) -> Result<Value, Refusal> {
        let entries = asked["Entries"].as_array().cloned().unwrap_or_default();
        let size: usize = entries.iter().map(|entry| new_message(entry).size()).sum();
        if size > self.state().max_request && entries.len() > 1 {
            let message = "The length of all the messages is more than the limit.";
            return Err(Refusal::new("AWS.SimpleQueueService.BatchRequestTooLong", message));
        }
        let failing = passage.failing(entries.len());
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (n, entry) in entries.iter().enumerate() {
            let id = entry["Id"].as_str().expect("an id");
            let sent = if failing.contains(&n) {
                Err(Refusal::internal())
            } else {
                self.put(queue, new_message(entry), &entry["MessageAttributes"]).await
            };
            match sent {
                Ok(message) => successful.push(json!({
                    "Id": id, "MessageId": message, "MD5OfMessageBody": "not computed",
                })),
                Err(refusal) => failed.push(refusal.entry(id)),
            }
        }
        if passage.meets(Fault::EntryLeftOut) {
            successful.pop();
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    /// Puts a message into a queue, and returns its id.
    pub(super) async fn put(
        &self,
        queue: &str,
        message: NewMessage,
        attributes: &Value,
    ) -> Result<String, Refusal> {
        if message.group.is_some() && message.deduplication_id.is_none() {
            let message = "The queue should either have ContentBasedDeduplication enabled or \
                           MessageDeduplicationId provided explicitly";
            return Err(Refusal::invalid_value(message));
        }
        match self.memory().send(&queue_name(queue), message).await {
            Ok(id) => {
                let types = types(attributes);
                self.state().types.entry(id.to_string()).or_insert(types);
                Ok(id.to_string())
            }
            Err(Error::InvalidMessage { source, .. }) => {
                Err(Refusal::invalid_value(source.to_string()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn receive_message(
        &self,
        queue: &str,
        asked: &Value,
        passage: &Passage,
    ) -> Result<Value, Refusal> {
        let attempt = asked["ReceiveRequestAttemptId"].as_str().map(str::to_owned);
        let before = attempt.as_ref().and_then(|id| self.state().attempts.get(id).cloned());
        if let Some(answer) = before {
            return Ok(answer);
        }
        let number = |name: &str| asked[name].as_u64().unwrap_or_default();
        let timeout = Duration::from_secs(number("VisibilityTimeout"));
        let options =
            ReceiveOptions::up_to(usize::try_from(number("MaxNumberOfMessages")).expect("few"))
                .wait(Duration::from_secs(number("WaitTimeSeconds")))
                .visibility_timeout(timeout);
        let name = queue_name(queue);
        let received = self.memory().receive(&name, options).await;
        let received = received.unwrap_or_else(|error| panic!("{error}"));
        let until = self.clock().now() + timeout;
        let mut messages = Vec::new();
        for message in &received {
            let issued = Issued { queue: queue.to_owned(), until };
            self.state().issued.insert(message.receipt.to_string(), issued);
            messages.push(self.message(message));
        }
        if !queue.ends_with(".fifo") && !received.is_empty() && passage.meets(Fault::Duplicate) {
            for message in &received {
                let released = self.memory().release(&name, &message.receipt, Duration::ZERO).await;
                released.expect("it was just received");
            }
        }
        let answer = json!({ "Messages": messages });
        if let Some(id) = attempt {
            self.state().attempts.insert(id, answer.clone());
        }
        Ok(answer)
    }

    fn message(&self, message: &ReceivedMessage) -> Value {
        let millis = |time: Timestamp| time.as_millisecond().to_string();
        let mut system = json!({
            "SentTimestamp": millis(message.sent_at),
            "ApproximateFirstReceiveTimestamp": millis(message.first_received_at),
            "ApproximateReceiveCount": message.receive_count.to_string(),
            "SenderId": "AIDAEXAMPLE",
        });
        for (name, value) in [
            ("MessageGroupId", message.group.clone()),
            ("MessageDeduplicationId", message.deduplication_id.clone()),
            (
                "DeadLetterQueueSourceArn",
                message.dead_letter_source.as_ref().map(|queue| queue_arn(queue.as_str())),
            ),
        ] {
            if let Some(value) = value {
                system[name] = value.into();
            }
        }
        let types = self.state().types.get(message.id.as_str()).cloned().unwrap_or_default();
        let attribute = |(name, value): (&String, &String)| {
            let data_type = types.get(name).map_or("String", String::as_str);
            let field = if data_type.starts_with("Binary") { "BinaryValue" } else { "StringValue" };
            (name.clone(), json!({ "DataType": data_type, field: value }))
        };
        json!({
            "MessageId": message.id.as_str(),
            "ReceiptHandle": message.receipt.as_str(),
            "Body": message.body,
            "Attributes": system,
            "MessageAttributes": message.attributes.iter().map(attribute).collect::<Map<_, _>>(),
        })
    }

    async fn purge_queue(&self, queue: &str) -> Result<Value, Refusal> {
        let now = self.clock().now();
        {
            let mut state = self.state();
            let known = state.queues.get_mut(queue).expect("the queue is there");
            if known.purged_at.is_some_and(|at| now < at + PURGE_PAUSE) {
                let message = "Only one PurgeQueue operation is allowed every 60 seconds.";
                return Err(Refusal::new("AWS.SimpleQueueService.PurgeQueueInProgress", message));
            }
            known.purged_at = Some(now);
        }
        self.memory().purge(&queue_name(queue)).await.expect("the queue is there");
        Ok(json!({}))
    }
}

fn url(name: &str) -> String {
    format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}")
}

fn new_message(entry: &Value) -> NewMessage {
    let mut message = NewMessage::new(entry["MessageBody"].as_str().unwrap_or_default());
    for (name, value) in entry["MessageAttributes"].as_object().into_iter().flatten() {
        let text = value["StringValue"].as_str().or(value["BinaryValue"].as_str());
        message = message.attribute(name, text.expect("a value"));
    }
    message.delay = entry["DelaySeconds"].as_u64().map(Duration::from_secs);
    message.group = entry["MessageGroupId"].as_str().map(str::to_owned);
    message.deduplication_id = entry["MessageDeduplicationId"].as_str().map(str::to_owned);
    message
}

fn types(attributes: &Value) -> BTreeMap<String, String> {
    let attributes = attributes.as_object().into_iter().flatten();
    let of = |value: &Value| value["DataType"].as_str().expect("a type").to_owned();
    attributes.map(|(name, value)| (name.clone(), of(value))).collect()
}
