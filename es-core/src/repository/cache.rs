use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::Mutex;

use crate::stream_id::StreamId;

use super::Loaded;

/// The states after the last commands. A command takes the state out of its slot and puts the new
/// one back; if it is cancelled in between, the slot is empty and the next command reads.
pub(super) struct AggregateCache<A>(Arc<Cache<StreamId, Slot<A>>>);

/// Held by one command at a time.
pub(super) type Slot<A> = Arc<Mutex<Option<Loaded<A>>>>;

impl<A> AggregateCache<A> {
    pub(super) fn new(aggregates: usize) -> Self {
        Self(Arc::new(Cache::new(aggregates)))
    }

    pub(super) fn slot(&self, stream: &StreamId) -> Slot<A> {
        if let Some(slot) = self.0.get(stream) {
            return slot;
        }
        let slot = Slot::<A>::default();
        // A slot that another command put there meanwhile wins, so that both use the same one.
        self.0
            .get_or_insert_with(stream, || Ok::<_, std::convert::Infallible>(Arc::clone(&slot)))
            .unwrap_or(slot)
    }
}

impl<A> Clone for AggregateCache<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> fmt::Debug for AggregateCache<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateCache").field("aggregates", &self.0.len()).finish()
    }
}
