//! Which topics were let in to queues not long ago.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// For how long SQS can show the policy that a queue had before, by
/// [`SetQueueAttributes`](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html),
/// and half a minute for clocks and the way.
const SETTLING: Duration = Duration::from_secs(90);

/// What was written into policies of queues while it may not be read yet: who writes what was read, and one
/// topic more, would take out those before.
#[derive(Default)]
pub(super) struct LetIn(Mutex<HashMap<String, BTreeMap<String, Duration>>>);

impl LetIn {
    /// The topic is let in to the queue, both by their ARNs, at a time of the monotonic clock.
    pub(super) fn note(&self, queue: &str, topic: &str, now: Duration) {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(queue.to_owned()).or_default().insert(topic.to_owned(), now);
    }

    /// The topics that were let in to the queue lately.
    pub(super) fn lately(&self, queue: &str, now: Duration) -> Vec<String> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, topics| {
            topics.retain(|_, at| now.saturating_sub(*at) < SETTLING);
            !topics.is_empty()
        });
        queues.get(queue).map(|topics| topics.keys().cloned().collect()).unwrap_or_default()
    }
}
