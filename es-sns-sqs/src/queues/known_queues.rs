//! What is known of queues, so that not every call asks for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use es_core::{QueueName, Result};

use super::SqsQueues;
use super::attributes::QueueAttributes;

/// For how long attributes are gone by without asking again.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// A queue as it was found.
#[derive(Debug)]
pub(crate) struct KnownQueue {
    pub(crate) url: String,
    pub(crate) attributes: QueueAttributes,
    /// When, on the monotonic clock.
    read_at: Duration,
}

#[derive(Default)]
pub(super) struct KnownQueues(Mutex<HashMap<QueueName, Arc<KnownQueue>>>);

impl KnownQueues {
    fn get(&self, queue: &QueueName) -> Option<Arc<KnownQueue>> {
        self.lock().get(queue).cloned()
    }

    pub(super) fn forget(&self, queue: &QueueName) {
        self.lock().remove(queue);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<QueueName, Arc<KnownQueue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqsQueues {
    /// The queue as it was not long ago.
    pub(crate) async fn known(&self, queue: &QueueName) -> Result<Arc<KnownQueue>> {
        let now = self.monotonic();
        match self.shared.known.get(queue) {
            Some(known) if now.saturating_sub(known.read_at) < FRESH => Ok(known),
            _ => self.read(queue).await,
        }
    }

    /// The queue as it is now.
    pub(crate) async fn read(&self, queue: &QueueName) -> Result<Arc<KnownQueue>> {
        let url = match self.shared.known.get(queue) {
            Some(known) => known.url.clone(),
            None => self.find_url(queue).await?,
        };
        let request = self.shared.client.get_queue_attributes().queue_url(&url);
        let request = request.attribute_names(QueueAttributeName::All);
        let found =
            request.send().await.map_err(|error| self.failed("describing", queue, error))?;
        let attributes = QueueAttributes::from_map(found.attributes.unwrap_or_default());
        Ok(self.remember(queue, url, attributes))
    }

    pub(super) fn remember(
        &self,
        queue: &QueueName,
        url: String,
        attributes: QueueAttributes,
    ) -> Arc<KnownQueue> {
        let known = Arc::new(KnownQueue { url, attributes, read_at: self.monotonic() });
        self.shared.known.lock().insert(queue.clone(), Arc::clone(&known));
        known
    }

    async fn find_url(&self, queue: &QueueName) -> Result<String> {
        let name = self.full_name(queue);
        // Too long with its prefix, it would be refused as something that can be tried again.
        QueueName::new(&name)?;
        let request = self.shared.client.get_queue_url().queue_name(name);
        let found =
            request.send().await.map_err(|error| self.failed("looking for", queue, error))?;
        found.queue_url.ok_or_else(|| self.missing(queue))
    }
}
