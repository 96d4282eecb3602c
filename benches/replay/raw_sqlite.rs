//! What a program without a library would do with an SQLite file.

use std::path::Path;

use es_benches::floor;
use es_benches::order::{Order, OrderEvent};
use es_core::{Aggregate as _, Codec, Event as _};
use rusqlite::{Connection, params};

/// A table of events, one row each, in the order in which a stream is read.
pub(crate) struct RawLog(Connection);

impl RawLog {
    /// An empty table in a file that is written ahead and durable, as ours is.
    pub(crate) fn create(path: &Path) -> Self {
        let db = Connection::open(path).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.pragma_update(None, "synchronous", "full").unwrap();
        db.execute_batch(
            "CREATE TABLE events (stream TEXT, version INTEGER, name TEXT, payload TEXT, \
             PRIMARY KEY (stream, version)) WITHOUT ROWID",
        )
        .unwrap();
        Self(db)
    }

    /// The same, but written to the disk when the operating system likes.
    #[allow(dead_code, reason = "not all who share this file need it")]
    pub(crate) fn create_unsynced(path: &Path) -> Self {
        let this = Self::create(path);
        this.0.pragma_update(None, "synchronous", "normal").unwrap();
        this
    }

    /// With events in streams of the same length, `o-0` and so on.
    pub(crate) fn fill(path: &Path, per_stream: usize, events: &[OrderEvent]) -> Self {
        let mut this = Self::create(path);
        let rows = events
            .iter()
            .enumerate()
            .map(|(index, event)| (format!("o-{}", index / per_stream), index % per_stream, event));
        this.insert(rows);
        this
    }

    /// Inserts events in one transaction.
    pub(crate) fn insert<'a>(
        &mut self,
        events: impl Iterator<Item = (String, usize, &'a OrderEvent)>,
    ) {
        let transaction = self.0.transaction().unwrap();
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4)").unwrap();
            let mut payload = Vec::new();
            for (stream, version, event) in events {
                payload.clear();
                event.encode(Codec::Json, &mut payload).unwrap();
                let text = std::str::from_utf8(&payload).unwrap();
                insert.execute(params![stream, version as i64, event.name(), text]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    /// Folds that many streams, one select for each.
    pub(crate) fn fold(&self, streams: usize) -> Order {
        let mut last = Order::default();
        for stream in 0..streams {
            let mut select = self
                .0
                .prepare_cached(
                    "SELECT name, payload FROM events WHERE stream = ?1 ORDER BY version",
                )
                .unwrap();
            let mut rows = select.query([format!("o-{stream}")]).unwrap();
            let mut order = Order::default();
            while let Some(row) = rows.next().unwrap() {
                let name = row.get_ref(0).unwrap().as_bytes().unwrap();
                let payload = row.get_ref(1).unwrap().as_bytes().unwrap();
                order.apply(floor::decode(payload, name == b"Order:ItemsAdded"));
            }
            last = order;
        }
        last
    }
}
