//! What a program without a library would do to build views again.

use std::path::Path;

use es_benches::floor::decode;
use es_benches::order::OrderEvent;
use es_core::{Codec, Event as _};
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rebuild::{ByKey, Documents};

/// A file with a table of events in the order of the log, and a table for each view.
pub(crate) struct RawViews(Connection);

impl RawViews {
    /// Empty tables in a file that is written ahead and durable, as ours is.
    pub(crate) fn create(path: &Path) -> Self {
        let db = Connection::open(path).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.pragma_update(None, "synchronous", "full").unwrap();
        db.pragma_update(None, "cache_size", -16 * 1024).unwrap();
        db.execute_batch(
            "CREATE TABLE events (position INTEGER PRIMARY KEY, stream TEXT, version INTEGER, \
             name TEXT, payload TEXT);
             CREATE TABLE totals (key TEXT PRIMARY KEY, document TEXT) WITHOUT ROWID;
             CREATE TABLE revenue (key TEXT PRIMARY KEY, document TEXT) WITHOUT ROWID",
        )
        .unwrap();
        Self(db)
    }

    /// Appends events, with their streams and versions, in one transaction.
    pub(crate) fn fill(&mut self, events: impl Iterator<Item = (String, usize, OrderEvent)>) {
        let transaction = self.0.transaction().unwrap();
        {
            let sql = "INSERT INTO events (stream, version, name, payload) VALUES (?1, ?2, ?3, ?4)";
            let mut insert = transaction.prepare(sql).unwrap();
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

    /// Makes all documents anew, and puts them in the place of those that are there.
    pub(crate) fn rebuild(&mut self) {
        let Documents { totals, revenue } = self.fold();
        let transaction = self.0.transaction().unwrap();
        replace(&transaction, "totals", &totals);
        replace(&transaction, "revenue", &revenue);
        transaction.commit().unwrap();
    }

    fn fold(&self) -> Documents {
        let mut documents = Documents::default();
        let sql = "SELECT stream, name, payload FROM events ORDER BY position";
        let mut select = self.0.prepare_cached(sql).unwrap();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let text = |column| row.get_ref(column).unwrap().as_bytes().unwrap();
            let order = std::str::from_utf8(text(0)).unwrap();
            let event = decode(text(2), text(1) == b"Order:ItemsAdded");
            match documents.totals.get_mut(order) {
                Some(total) => total.take(&event),
                None => documents.totals.entry(order.to_owned()).or_default().take(&event),
            }
            if let OrderEvent::ItemsAdded { customer, items, .. } = event {
                documents.revenue.entry(customer).or_default().take(&items);
            }
        }
        documents
    }

    /// What the tables of the views have.
    pub(crate) fn documents(&self) -> Documents {
        Documents { totals: read(&self.0, "totals"), revenue: read(&self.0, "revenue") }
    }
}

fn replace<V: Serialize>(db: &Connection, table: &str, documents: &ByKey<V>) {
    db.execute_batch("CREATE TABLE again (key TEXT PRIMARY KEY, document TEXT) WITHOUT ROWID")
        .unwrap();
    {
        let mut insert = db.prepare("INSERT INTO again VALUES (?1, ?2)").unwrap();
        // A table is written faster in its order.
        let mut documents: Vec<_> = documents.iter().collect();
        documents.sort_unstable_by_key(|(key, _)| *key);
        for (key, document) in documents {
            insert.execute(params![key, serde_json::to_string(document).unwrap()]).unwrap();
        }
    }
    db.execute_batch(&format!("DROP TABLE {table}; ALTER TABLE again RENAME TO {table}")).unwrap();
}

fn read<V: DeserializeOwned>(db: &Connection, table: &str) -> ByKey<V> {
    let mut select = db.prepare(&format!("SELECT key, document FROM {table}")).unwrap();
    let rows = select.query_map([], |row| {
        let (key, document): (String, String) = (row.get(0)?, row.get(1)?);
        Ok((key, serde_json::from_str(&document).unwrap()))
    });
    rows.unwrap().map(Result::unwrap).collect()
}
