//! cqrs-es's persisted store on a repository that keeps bytes in memory: what it costs without a database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cqrs_es::Aggregate;
use cqrs_es::persist::{
    PersistedEventRepository, PersistedEventStore, PersistenceError, ReplayStream, SerializedEvent,
    SerializedSnapshot,
};
use es_benches::driver::Failure;
use serde_json::Value;

use crate::domain::CqrsOrder;
use crate::framework::Opened;

pub(crate) struct Bytes(Repository);

impl Opened for Bytes {
    type Store = PersistedEventStore<Repository, CqrsOrder>;

    async fn open() -> Result<Self, Failure> {
        Ok(Self(Repository::default()))
    }

    fn store(&self) -> Self::Store {
        PersistedEventStore::new_event_store(self.0.clone())
    }
}

/// Events as bytes, by aggregate.
#[derive(Clone, Default)]
pub(crate) struct Repository(Arc<Mutex<HashMap<String, Vec<Kept>>>>);

struct Kept {
    event_type: String,
    event_version: String,
    payload: Vec<u8>,
    metadata: Vec<u8>,
}

impl Repository {
    fn streams(&self) -> MutexGuard<'_, HashMap<String, Vec<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PersistedEventRepository for Repository {
    async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.get_last_events::<A>(id, 0).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let streams = self.streams();
        let kept = streams.get(id).into_iter().flatten().enumerate().skip(last);
        kept.map(|(index, kept)| {
            Ok(SerializedEvent {
                aggregate_id: id.to_owned(),
                sequence: index + 1,
                aggregate_type: A::TYPE.to_owned(),
                event_type: kept.event_type.clone(),
                event_version: kept.event_version.clone(),
                payload: serde_json::from_slice(&kept.payload)?,
                metadata: serde_json::from_slice(&kept.metadata)?,
            })
        })
        .collect()
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        _id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Ok(None)
    }

    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        _snapshot: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        let mut streams = self.streams();
        for event in events {
            let stream = streams.entry(event.aggregate_id.clone()).or_default();
            if event.sequence != stream.len() + 1 {
                return Err(PersistenceError::OptimisticLockError);
            }
            stream.push(Kept {
                event_type: event.event_type.clone(),
                event_version: event.event_version.clone(),
                payload: serde_json::to_vec(&event.payload)?,
                metadata: serde_json::to_vec(&event.metadata)?,
            });
        }
        Ok(())
    }

    async fn stream_events<A: Aggregate>(
        &self,
        _id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        Err(PersistenceError::UnknownError("no workload replays by a stream".into()))
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        Err(PersistenceError::UnknownError("no workload replays all streams".into()))
    }
}
