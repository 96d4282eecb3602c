//! The publisher: brings submissions to the topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use es_core::cloud_events::CloudEvent;
use es_core::{Error, MessageSender, NotSent};

/// Publishes to the one topic that all sources share.
#[derive(Debug, Clone)]
pub struct Publisher {
    topic: MessageSender,
    published: Arc<AtomicU64>,
}

impl Publisher {
    /// Publishes through `topic`.
    pub fn new(topic: MessageSender) -> Self {
        Self { topic, published: Arc::default() }
    }

    /// How many submissions were published so far, with this object and its clones.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Publishes one submission. The topic has it then.
    ///
    /// # Errors
    ///
    /// Those of the topic. After a transient one it may have been published: publishing it again does no
    /// harm.
    pub async fn publish(&self, submission: &CloudEvent) -> Result<(), Error> {
        self.publish_all(std::slice::from_ref(submission)).await
    }

    /// Publishes submissions, ten in a request.
    ///
    /// # Errors
    ///
    /// The first one of a submission that was not published; others may have been.
    pub async fn publish_all(&self, submissions: &[CloudEvent]) -> Result<(), Error> {
        for sent in self.topic.send(submissions).await? {
            match sent {
                Ok(_) => {
                    self.published.fetch_add(1, Ordering::Relaxed);
                }
                Err(NotSent::Failed(error)) => return Err(error),
                // Of a FIFO topic: behind one that failed, which is told.
                Err(NotSent::Behind) => {}
            }
        }
        Ok(())
    }
}
