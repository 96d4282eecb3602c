//! Setting queues up, and what they say about themselves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use es_core::{Error, QueueCounts, QueueName, QueueOptions, RedrivePolicy, Result};

use super::SqsQueues;
use super::attributes::QueueAttributes;
use super::known_queues::KnownQueue;

/// Codes of "there is one of this name, with other attributes".
const EXISTS: [&str; 2] = ["QueueAlreadyExists", "QueueNameExists"];

/// How often, and how long apart, a queue that was made is looked for: SQS asks for a second.
const LOOKS: u32 = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl SqsQueues {
    pub(super) async fn configure_queue(
        &self,
        queue: &QueueName,
        options: &QueueOptions,
    ) -> Result<()> {
        options.check(queue)?;
        let dead_letter_arn = self.dead_letter_arn(queue, options).await?;
        let wanted = QueueAttributes::of_options(options, dead_letter_arn.as_deref());
        let wanted = match &self.shared.options.encryption_key {
            Some(key) => wanted.encrypted_with(key),
            None => wanted,
        };
        match self.read(queue).await {
            Ok(found) => self.update(queue, &found, wanted).await,
            Err(Error::NoSuchQueue { .. }) => self.create(queue, wanted).await,
            Err(error) => Err(error),
        }
    }

    async fn dead_letter_arn(
        &self,
        queue: &QueueName,
        options: &QueueOptions,
    ) -> Result<Option<String>> {
        let Some(policy) = &options.redrive_policy else { return Ok(None) };
        match self.read(&policy.dead_letter_queue).await {
            Ok(found) => self.arn_of(&policy.dead_letter_queue, &found).map(Some),
            Err(Error::NoSuchQueue { .. }) => Err(options.no_dead_letter_queue(queue)),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, queue: &QueueName, wanted: QueueAttributes) -> Result<()> {
        let name = self.full_name(queue);
        let attributes = if wanted.is_encrypted() {
            wanted.clone()
        } else {
            wanted.clone().encrypted_by_the_service()
        };
        let attributes = attributes.into_map_of_new(queue.is_fifo());
        let request = self.shared.client.create_queue().queue_name(&name);
        match request.set_attributes(Some(attributes)).send().await {
            Ok(_) => self.wait_for(queue).await.map(drop),
            // Another program was faster.
            Err(error) if error.code().is_some_and(|code| EXISTS.contains(&code)) => {
                let found = self.wait_for(queue).await?;
                self.update(queue, &found, wanted).await
            }
            Err(error) => Err(self.failed("making", queue, error)),
        }
    }

    /// A queue that was made is not seen everywhere at once.
    async fn wait_for(&self, queue: &QueueName) -> Result<Arc<KnownQueue>> {
        for _ in 1..LOOKS {
            match self.read(queue).await {
                Err(Error::NoSuchQueue { .. }) => {
                    self.shared.options.clock.sleep(LOOK_AGAIN).await;
                }
                found => return found,
            }
        }
        self.read(queue).await
    }

    async fn update(
        &self,
        queue: &QueueName,
        found: &KnownQueue,
        wanted: QueueAttributes,
    ) -> Result<()> {
        let is_encrypted = found.attributes.is_encrypted() || wanted.is_encrypted();
        let wanted = if is_encrypted { wanted } else { wanted.encrypted_by_the_service() };
        self.set_attributes(queue, found, found.attributes.missing_of(&wanted)).await
    }

    async fn set_attributes(
        &self,
        queue: &QueueName,
        found: &KnownQueue,
        changes: QueueAttributes,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let request = self.shared.client.set_queue_attributes().queue_url(&found.url);
        let request = request.set_attributes(Some(changes.clone().into_map()));
        request.send().await.map_err(|error| self.failed("setting up", queue, error))?;
        // Read again, they could be the old ones still.
        self.remember(queue, found.url.clone(), found.attributes.changed(changes));
        Ok(())
    }

    /// Sets the policy that says who may send to the queue.
    pub(crate) async fn set_policy(
        &self,
        queue: &QueueName,
        found: &KnownQueue,
        policy: String,
    ) -> Result<()> {
        let changes = QueueAttributes::from_map(HashMap::from([(Name::Policy, policy)]));
        self.set_attributes(queue, found, changes).await
    }

    pub(crate) fn arn_of(&self, queue: &QueueName, found: &KnownQueue) -> Result<String> {
        found.attributes.arn().map(str::to_owned).ok_or_else(|| Error::Backend {
            what: self.attempt("describing", queue),
            source: "SQS does not say its ARN".into(),
        })
    }

    pub(super) async fn read_options(&self, queue: &QueueName) -> Result<QueueOptions> {
        let found = self.read(queue).await?;
        let options = found.attributes.options();
        let Some(target) = found.attributes.dead_letter_target() else { return Ok(options) };
        let dead_letter_queue = match self.named_by(&target.arn) {
            Some(named) => named,
            // Somebody else's, who may call queues otherwise. That letters go there is true all the same.
            None => QueueName::new(target.arn.rsplit(':').next().unwrap_or_default())?,
        };
        let max_receive_count = target.max_receive_count;
        let redrive_policy = Some(RedrivePolicy { dead_letter_queue, max_receive_count });
        Ok(QueueOptions { redrive_policy, ..options })
    }

    pub(super) async fn count_messages(&self, queue: &QueueName) -> Result<QueueCounts> {
        let known = self.known(queue).await?;
        let (visible, in_flight, delayed) = (
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        );
        let request = self.shared.client.get_queue_attributes().queue_url(&known.url);
        let names = vec![visible.clone(), in_flight.clone(), delayed.clone()];
        let found = request.set_attribute_names(Some(names)).send().await;
        let found = found.map_err(|error| self.failed("counting the messages of", queue, error))?;
        let counts = QueueAttributes::from_map(found.attributes.unwrap_or_default());
        let count = |name| counts.number(name).unwrap_or_default();
        Ok(QueueCounts {
            visible: count(&visible),
            in_flight: count(&in_flight),
            delayed: count(&delayed),
        })
    }

    pub(super) async fn purge_queue(&self, queue: &QueueName) -> Result<()> {
        let known = self.known(queue).await?;
        let purged = self.shared.client.purge_queue().queue_url(&known.url).send().await;
        purged.map_err(|error| self.failed("purging", queue, error))?;
        self.shared.holds.purged(queue);
        Ok(())
    }
}
