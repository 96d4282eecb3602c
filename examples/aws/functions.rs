//! What the functions of deployed systems have in common.

use std::sync::Arc;

use es_core::{Consumers, Feed, MessageQueue, NoFeed, QueueName, ViewStore};
use es_dynamodb::DynamoStore;
use es_lambda::{DynamoFunction, HandlerName};

/// The stream of a deployed log, which functions are behind.
#[derive(Debug)]
pub struct LogStream {
    /// The log.
    pub log: DynamoStore,
    /// The queues of the system.
    pub queues: Arc<dyn MessageQueue>,
    /// The one for records of the stream that cannot be read.
    pub dead_records: QueueName,
}

impl LogStream {
    /// The consumers as a function behind it.
    pub fn function(self, consumers: impl Into<Consumers>) -> DynamoFunction {
        es_lambda::dynamodb(consumers, self.log).dead_records_to(self.queues, self.dead_records)
    }
}

/// The views of a function. The one that is called `api` only reads them: others write them, and make what they lack.
pub fn views_of(handler: &HandlerName, api: &str, store: &Arc<DynamoStore>) -> Arc<dyn ViewStore> {
    match handler.as_str() == api {
        true => Arc::new(store.reading_views()),
        false => store.clone(),
    }
}

/// The feed of a function. The one that is called `catch_up` follows the log itself; to all others commits are pushed, and
/// they may not read the stream of the table beside that.
pub fn feed_of(handler: &HandlerName, catch_up: &str, store: &Arc<DynamoStore>) -> Arc<dyn Feed> {
    match handler.as_str() == catch_up {
        true => store.clone(),
        false => Arc::new(NoFeed),
    }
}
