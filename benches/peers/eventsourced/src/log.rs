//! A log in memory, behind eventsourced's trait.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use eventsourced::event_log::EventLog;
use futures::{Stream, stream};

/// Events as bytes, by entity.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryLog(Arc<Mutex<HashMap<String, Vec<Bytes>>>>);

/// What goes wrong in it: conversions, and entities that do not know their last event.
#[derive(Debug)]
pub(crate) struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Error {}

impl MemoryLog {
    fn streams(&self) -> MutexGuard<'_, HashMap<String, Vec<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(length: usize) -> Option<NonZeroU64> {
    NonZeroU64::new(length as u64)
}

impl EventLog for MemoryLog {
    type Id = String;
    type Error = Error;

    async fn persist<E, ToBytes, ToBytesError>(
        &mut self,
        _type_name: &'static str,
        id: &String,
        last_seq_no: Option<NonZeroU64>,
        event: &E,
        to_bytes: &ToBytes,
    ) -> Result<NonZeroU64, Error>
    where
        E: Sync,
        ToBytes: Fn(&E) -> Result<Bytes, ToBytesError> + Sync,
        ToBytesError: StdError + Send + Sync + 'static,
    {
        let bytes = to_bytes(event).map_err(|error| Error(error.to_string()))?;
        let mut streams = self.streams();
        if !streams.contains_key(id) {
            streams.insert(id.clone(), Vec::new());
        }
        let stream = streams.get_mut(id).ok_or_else(|| Error("it was inserted".to_owned()))?;
        if number(stream.len()) != last_seq_no {
            return Err(Error(format!("the last event of {id} is another one")));
        }
        stream.push(bytes);
        number(stream.len()).ok_or_else(|| Error("it has an event".to_owned()))
    }

    async fn last_seq_no(
        &self,
        _type_name: &'static str,
        id: &String,
    ) -> Result<Option<NonZeroU64>, Error> {
        Ok(self.streams().get(id).and_then(|stream| number(stream.len())))
    }

    async fn events_by_id<E, FromBytes, FromBytesError>(
        &self,
        _type_name: &'static str,
        id: &String,
        seq_no: NonZeroU64,
        from_bytes: FromBytes,
    ) -> Result<impl Stream<Item = Result<(NonZeroU64, E), Error>> + Send, Error>
    where
        E: Send,
        FromBytes: Fn(Bytes) -> Result<E, FromBytesError> + Copy + Send + Sync + 'static,
        FromBytesError: StdError + Send + Sync + 'static,
    {
        // The bytes are shared, and decoded as the stream is polled.
        let kept = self.streams().get(id).cloned().unwrap_or_default();
        let events = (1..).filter_map(NonZeroU64::new).zip(kept);
        Ok(stream::iter(events.skip_while(move |(number, _)| *number < seq_no).map(
            move |(number, bytes)| {
                let event = from_bytes(bytes).map_err(|error| Error(error.to_string()))?;
                Ok((number, event))
            },
        )))
    }

    async fn events_by_type<E, FromBytes, FromBytesError>(
        &self,
        _type_name: &'static str,
        _seq_no: NonZeroU64,
        _from_bytes: FromBytes,
    ) -> Result<impl Stream<Item = Result<(NonZeroU64, E), Error>> + Send, Error>
    where
        E: Send,
        FromBytes: Fn(Bytes) -> Result<E, FromBytesError> + Copy + Send + Sync + 'static,
        FromBytesError: StdError + Send + Sync + 'static,
    {
        Err::<stream::Empty<_>, _>(Error("no workload reads all entities".to_owned()))
    }
}
