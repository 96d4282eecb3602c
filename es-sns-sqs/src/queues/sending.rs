//! Sending, in as few requests as the batch allows.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use aws_smithy_types::error::operation::BuildError;
use es_core::{
    Error, InvalidMessage, MessageId, NewMessage, QueueName, QueueOptions, Result, check_batch,
};

use super::known_queues::KnownQueue;
use super::{SqsQueues, seconds};
use crate::batch::{self, Answers, Checked};
use crate::{fifo_ids, telemetry};

impl SqsQueues {
    pub(super) async fn send_messages(
        &self,
        queue: &QueueName,
        messages: &[NewMessage],
    ) -> Result<Vec<Result<MessageId>>> {
        check_batch(messages.len())?;
        let known = self.known(queue).await?;
        let options = self.options_for(queue, &known, messages).await?;
        let checked = |message: &NewMessage| Checked {
            size: message.check(queue, &options).map(|()| message.size()),
        };
        let checked: Vec<_> = messages.iter().map(checked).collect();
        let max_bytes = self.shared.options.max_request_bytes;
        let entry = |n: usize| Some(self.entry(n, messages.get(n)?));
        batch::send(checked, max_bytes, |entries| {
            let request: Result<Vec<_>, _> = entries.iter().filter_map(|n| entry(*n)).collect();
            self.send_entries(queue, &known, entries, request)
        })
        .await
    }

    /// The options that messages are checked against. Somebody may have raised the limit that one of
    /// them is over.
    async fn options_for(
        &self,
        queue: &QueueName,
        known: &KnownQueue,
        messages: &[NewMessage],
    ) -> Result<QueueOptions> {
        let options = known.attributes.options();
        let is_too_large = |message: &NewMessage| {
            let source = match message.check(queue, &options) {
                Err(Error::InvalidMessage { source, .. }) => source,
                _ => return false,
            };
            matches!(source, InvalidMessage::TooLarge { .. })
        };
        if messages.iter().any(is_too_large) {
            return Ok(self.read(queue).await?.attributes.options());
        }
        Ok(options)
    }

    /// Sends these entries of a batch in one request.
    pub(super) async fn send_entries(
        &self,
        queue: &QueueName,
        known: &KnownQueue,
        entries: Vec<usize>,
        request: Result<Vec<SendMessageBatchRequestEntry>, BuildError>,
    ) -> Result<Answers<MessageId>> {
        const DOING: &str = "sending to";
        let what = self.attempt(DOING, queue);
        let request =
            request.map_err(|error| Error::Backend { what: what.clone(), source: error.into() })?;
        let call = self.shared.client.send_message_batch().queue_url(&known.url);
        let answer = call.set_entries(Some(request)).send().await;
        let answer = answer.map_err(|error| self.failed(DOING, queue, error))?;

        let mut answers = Answers::none();
        for sent in &answer.successful {
            answers.put(&sent.id, Ok(MessageId::from_stored(&sent.message_id)));
        }
        let error = |failure| self.shared.service.entry_failed(&what, failure);
        answers.fail("SendMessageBatch", &answer.failed, error);
        answers.fill(&entries, || self.shared.service.entry_left_out(&what));
        let labels = [("queue", queue.to_string())];
        metrics::counter!(telemetry::MESSAGES_SENT, &labels).increment(answers.taken());
        Ok(answers)
    }

    fn entry(
        &self,
        n: usize,
        message: &NewMessage,
    ) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let deduplication_id =
            message.group.is_some().then(|| fifo_ids::of(message, &*self.shared.options.entropy));
        SendMessageBatchRequestEntry::builder()
            .id(n.to_string())
            .message_body(&message.body)
            .set_delay_seconds(message.delay.map(seconds))
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
        MessageAttributeValue::builder().data_type("String").string_value(text).build()
    };
    attributes.iter().map(|(name, text)| Ok((name.clone(), value(text)?))).collect()
}
