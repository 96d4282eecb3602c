//! The ends of streams that the writer knows without looking.
//!
//! What it has appended itself, or found in order, stays true until another connection writes to the file.
//! SQLite counts those writes, and the writer asks for the count at the begin of each transaction, when it
//! has the lock already. So what other processes did, and what people changed by hand, is never overlooked.

use es_core::StreamId;
use quick_cache::unsync::Cache;

use crate::log::StreamRow;

/// Some hundred kilobytes.
const STREAMS: usize = 4096;

pub(crate) struct KnownHeads {
    rows: Cache<StreamId, StreamRow>,
    data_version: Option<i64>,
}

impl KnownHeads {
    pub(crate) fn new() -> Self {
        Self { rows: Cache::new(STREAMS), data_version: None }
    }

    /// Forgets everything, if the file is not as it was left: `data_version` is SQLite's count of what other
    /// connections wrote.
    pub(crate) fn begin(&mut self, data_version: Option<i64>) {
        if data_version.is_none() || self.data_version != data_version {
            self.rows.clear();
            self.data_version = data_version;
        }
    }

    /// Forgets everything: a transaction was rolled back.
    pub(crate) fn forget(&mut self) {
        self.rows.clear();
    }

    pub(crate) fn get(&self, stream: &StreamId) -> Option<StreamRow> {
        self.rows.get(stream).copied()
    }

    pub(crate) fn insert(&mut self, stream: &StreamId, row: StreamRow) {
        if let Some(mut known) = self.rows.get_mut(stream) {
            *known = row;
            return;
        }
        self.rows.insert(stream.clone(), row);
    }
}
