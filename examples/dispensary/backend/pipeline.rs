use std::sync::Arc;
use std::time::Duration;

use es_core::{AnyConsumer, Consumer, Error, Feed, Handler, LeaseStore, SystemEntropy, WorkerId};

/// How commits come to the policy and the projections when they are published: by way of a data stream
/// whose shards processes share.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Relays the log's feed to the data stream.
    pub publisher: Arc<dyn AnyConsumer>,
    /// The commits of the data stream, behind those of the log's history.
    pub feed: Arc<dyn Feed>,
    /// Which process works on which part of a feed.
    pub leases: Arc<dyn LeaseStore>,
}

/// How long the part of a process that was killed rests until another one takes it over.
const LEASE: Duration = Duration::from_secs(10);

/// Lets the workers of the consumer, in this process and others, share its feed.
///
/// # Errors
///
/// None: the worker's name is valid.
pub fn share<H: Handler>(
    consumer: Consumer<H>,
    leases: &Arc<dyn LeaseStore>,
) -> Result<Consumer<H>, Error> {
    let process = format!("process-{}", std::process::id());
    let worker = WorkerId::generate(&process, &SystemEntropy)?;
    Ok(consumer.with_leases(leases.clone(), worker, LEASE))
}
