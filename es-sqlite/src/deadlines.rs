//! Deadlines: what is due when.

use async_trait::async_trait;
use es_core::{
    ConsumerId, Deadline, DeadlineId, DeadlineStore, DuePage, DueQuery, Error, Result, Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::commit_rows::timestamp;
use crate::errors::Fault;
use crate::store::SqliteStore;

#[async_trait]
impl DeadlineStore for SqliteStore {
    async fn set(&self, deadlines: &[Deadline]) -> Result<()> {
        self.write_each(
            "INSERT INTO deadlines (process, due, id, instance) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (process, due, id, instance) DO NOTHING",
            deadlines,
        )
        .await
    }

    async fn remove(&self, deadlines: &[Deadline]) -> Result<()> {
        self.write_each(
            "DELETE FROM deadlines WHERE process = ?1 AND due = ?2 AND id = ?3 AND instance = ?4",
            deadlines,
        )
        .await
    }

    async fn due(&self, query: &DueQuery) -> Result<DuePage> {
        let query = query.clone();
        self.readers().run(move |db| list(db, &query)).await
    }

    async fn next(&self, process: &ConsumerId) -> Result<Option<Timestamp>> {
        let process = process.clone();
        self.readers().run(move |db| earliest(db, &process)).await
    }
}

impl SqliteStore {
    /// Runs `sql` for each of the deadlines, in one transaction.
    async fn write_each(&self, sql: &'static str, deadlines: &[Deadline]) -> Result<()> {
        if deadlines.is_empty() {
            return Ok(());
        }
        let deadlines = deadlines.to_vec();
        self.writer()
            .run(move |db| {
                let mut write = db.prepare_cached(sql)?;
                for deadline in &deadlines {
                    write.execute(params![
                        deadline.process().as_str(),
                        deadline.due().as_microsecond(),
                        deadline.id().as_bytes().as_slice(),
                        deadline.instance(),
                    ])?;
                }
                Ok(())
            })
            .await
    }
}

fn list(db: &Connection, query: &DueQuery) -> Result<DuePage, Fault> {
    // One more than asked for says whether there are more.
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let until = query.until.as_microsecond();
    let process = query.process.as_str();
    let mut deadlines = match &query.after {
        None => {
            let mut select = db.prepare_cached(
                "SELECT due, id, instance FROM deadlines WHERE process = ?1 AND due <= ?2 \
                 ORDER BY due, id, instance LIMIT ?3 + 0",
            )?;
            read_all(&query.process, select.query(params![process, until, limit])?)?
        }
        Some(after) => {
            let mut select = db.prepare_cached(
                "SELECT due, id, instance FROM deadlines WHERE process = ?1 AND due <= ?2 \
                 AND (due, id, instance) > (?4, ?5, ?6) ORDER BY due, id, instance LIMIT ?3 + 0",
            )?;
            let (due, id) = (after.due().as_microsecond(), after.id());
            let place = params![process, until, limit, due, id.as_bytes(), after.instance()];
            read_all(&query.process, select.query(place)?)?
        }
    };
    let more = deadlines.len() > query.limit;
    deadlines.truncate(query.limit);
    Ok(DuePage::new(deadlines, more))
}

fn read_all(process: &ConsumerId, mut rows: rusqlite::Rows<'_>) -> Result<Vec<Deadline>, Fault> {
    let mut deadlines = Vec::new();
    while let Some(row) = rows.next()? {
        deadlines.push(read(process, row)?);
    }
    Ok(deadlines)
}

fn read(process: &ConsumerId, row: &Row<'_>) -> Result<Deadline, Fault> {
    let (due, id, instance): (i64, [u8; 16], String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let due = time(process, due)?;
    Deadline::new(process.clone(), &instance, DeadlineId::from_bytes(id), due)
        .map_err(|error| damaged(process, &error.to_string()))
}

fn earliest(db: &Connection, process: &ConsumerId) -> Result<Option<Timestamp>, Fault> {
    let due: Option<i64> = db
        .prepare_cached("SELECT due FROM deadlines WHERE process = ?1 ORDER BY due LIMIT 1")?
        .query_row([process.as_str()], |row| row.get(0))
        .optional()?;
    due.map(|due| time(process, due)).transpose()
}

fn time(process: &ConsumerId, micros: i64) -> Result<Timestamp, Fault> {
    timestamp(micros).ok_or_else(|| damaged(process, "its time is out of range"))
}

fn damaged(process: &ConsumerId, reason: &str) -> Fault {
    let (what, reason) = (format!("a deadline of {process}"), reason.to_owned());
    Error::Corrupt { what, reason }.into()
}
