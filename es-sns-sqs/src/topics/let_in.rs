//! Which topics were let in to queues not long ago.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// For how long SQS can show the policy that a queue had before, by
/// [`SetQueueAttributes`](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html),
/// and half a minute for clocks and the way.
const SETTLING: Duration = Duration::from_secs(90);

/// What was written into policies of queues while it may not be read yet: who writes what was read, and one
/// topic more, would take out those before. Topics that were taken out are not kept: another program may have let
/// them in again since, and a topic too many loses nothing.
#[derive(Default)]
pub(super) struct LetIn(HashMap<String, BTreeMap<String, Duration>>);

impl LetIn {
    /// The topic is let in to the queue, both by their ARNs, at a time of the monotonic clock.
    pub(super) fn note(&mut self, queue: &str, topic: &str, now: Duration) {
        self.0.entry(queue.to_owned()).or_default().insert(topic.to_owned(), now);
    }

    /// The topic is not let in to the queue any more.
    pub(super) fn forget(&mut self, queue: &str, topic: &str) {
        if let Some(topics) = self.0.get_mut(queue) {
            topics.remove(topic);
        }
    }

    /// The topics that were let in to the queue lately.
    pub(super) fn lately(&mut self, queue: &str, now: Duration) -> BTreeSet<String> {
        self.0.retain(|_, topics| {
            topics.retain(|_, at| now.saturating_sub(*at) < SETTLING);
            !topics.is_empty()
        });
        self.0.get(queue).map(|topics| topics.keys().cloned().collect()).unwrap_or_default()
    }
}
