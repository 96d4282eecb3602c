//! Publishing, in as few requests as the batch allows.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use aws_smithy_types::error::operation::BuildError;
use es_core::{Error, InvalidMessage, MessageId, NewMessage, Result, TopicName, check_batch};

use super::{SnsTopics, number};
use crate::batch::{self, Answers, Checked};
use crate::{fifo_ids, telemetry};

const DOING: &str = "publishing to";

impl SnsTopics {
    pub(super) async fn publish_messages(
        &self,
        topic: &TopicName,
        messages: &[NewMessage],
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let arn = self.arn(topic).await?;
        let checked = |message| Checked { size: self.size_of(topic, message) };
        let checked: Vec<_> = messages.iter().map(checked).collect();
        let max_bytes = self.shared.options.max_request_bytes;
        batch::send(checked, max_bytes, |entries| {
            self.publish_entries(topic, &arn, messages, entries)
        })
        .await
    }

    /// How large the message is, if the topic takes it.
    fn size_of(&self, topic: &TopicName, message: &NewMessage) -> Result<usize> {
        topic.check_message(message)?;
        let (actual, limit) = (message.size(), self.shared.options.max_request_bytes);
        if actual > limit {
            let source = InvalidMessage::TooLarge { actual, limit };
            return Err(Error::InvalidMessage { destination: format!("topic {topic}"), source });
        }
        Ok(actual)
    }

    /// Publishes these entries of a batch in one request.
    async fn publish_entries(
        &self,
        topic: &TopicName,
        arn: &str,
        messages: &[NewMessage],
        entries: Vec<usize>,
    ) -> Result<Answers<MessageId>> {
        let what = self.attempt(DOING, topic);
        let of_entry = |&n: &usize| Some(self.entry(n, messages.get(n)?));
        let request: Result<Vec<_>, BuildError> = entries.iter().filter_map(of_entry).collect();
        let request =
            request.map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        let call = self.shared.client.publish_batch().topic_arn(arn);
        let answer = call.set_publish_batch_request_entries(Some(request)).send().await;
        let answer = answer.map_err(|error| self.failed(DOING, topic, error))?;

        let mut answers = Answers::none();
        for published in answer.successful.unwrap_or_default() {
            if let (Some(id), Some(message)) = (published.id, published.message_id) {
                answers.put(&id, Ok(MessageId::from_stored(&message)));
            }
        }
        let error = |failure| self.shared.service.entry_failed(&what, failure);
        answers.fail("PublishBatch", answer.failed.iter().flatten(), error);
        answers.fill(&entries, || self.shared.service.entry_left_out(&what));
        let labels = [("topic", topic.to_string())];
        metrics::counter!(telemetry::MESSAGES_PUBLISHED, &labels).increment(answers.taken());
        Ok(answers)
    }

    fn entry(
        &self,
        n: usize,
        message: &NewMessage,
    ) -> Result<PublishBatchRequestEntry, BuildError> {
        let entropy = &*self.queues().options().entropy;
        let deduplication_id = message.group.is_some().then(|| fifo_ids::of(message, entropy));
        PublishBatchRequestEntry::builder()
            .id(n.to_string())
            .message(&message.body)
            .set_message_attributes(Some(attribute_values(&message.attributes)?))
            .set_message_group_id(message.group.clone())
            .set_message_deduplication_id(deduplication_id)
            .build()
    }
}

fn attribute_values(
    attributes: &BTreeMap<String, String>,
) -> Result<HashMap<String, MessageAttributeValue>, BuildError> {
    let value = |text: &String| {
        let data_type = if number::in_text(text).is_some() { "Number" } else { "String" };
        MessageAttributeValue::builder().data_type(data_type).string_value(text).build()
    };
    attributes.iter().map(|(name, text)| Ok((name.clone(), value(text)?))).collect()
}
