//! What the systems share about their queues and topics.

use es_core::{Error, MessageQueue, Topic, Topology};

/// Looks whether all queues and topics are there. Whoever only looks makes none, and leaves those that are there
/// as they are set up: the names may be mistyped.
///
/// # Errors
///
/// [`Error::NoSuchQueue`] and [`Error::NoSuchTopic`] of the first that is missing, and those of the stores.
pub async fn check_there(
    topology: &Topology,
    queues: &dyn MessageQueue,
    topics: &dyn Topic,
) -> Result<(), Error> {
    for (queue, _) in topology.queues() {
        queues.options(queue).await?;
    }
    for topic in topology.topics() {
        topics.subscriptions(topic).await?;
    }
    Ok(())
}
