//! Dead letters: what consumers could not handle.

use es_core::{
    Commit, ConsumerId, DeadLetter, DeadLetterChange, DeadLetterCount, DeadLetterQuery,
    DeadLetterState, Dropped, Error, Failure, StreamId, Timestamp, Version,
};
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use crate::commit_rows::{COMMIT_COLUMNS, CommitRows, commit_columns, payloads_value, timestamp};
use crate::errors::{self, Fault};

/// Whether the consumer has any letter that is parked.
pub(crate) fn any(db: &Connection, consumer: &ConsumerId) -> Result<bool, Fault> {
    let mut select =
        db.prepare_cached("SELECT 1 FROM dead_letters WHERE consumer = ?1 AND state = 'parked'")?;
    Ok(select.exists([consumer.as_str()])?)
}

/// The last version of the stream that is parked: commits of a stream follow each other, so the letter
/// that begins last ends last, and the index leads to it.
pub(crate) fn parked_through(
    db: &Connection,
    consumer: &ConsumerId,
    stream: &StreamId,
) -> Result<Version, Fault> {
    let last: Option<i64> = db
        .prepare_cached(
            "SELECT first_version + event_count - 1 FROM dead_letters \
             WHERE consumer = ?1 AND state = 'parked' AND stream = ?2 \
             ORDER BY first_version DESC LIMIT 1",
        )?
        .query_row([consumer.as_str(), stream.as_str()], |row| row.get(0))
        .optional()?;
    let what = || format!("the end of the dead letters of {stream}");
    Ok(errors::unsigned(&what(), last.unwrap_or(0))?.into())
}

pub(crate) fn count(db: &Connection, consumer: &ConsumerId) -> Result<DeadLetterCount, Fault> {
    let (streams, letters) = db
        .prepare_cached(
            "SELECT count(DISTINCT stream), count(*) FROM dead_letters \
             WHERE consumer = ?1 AND state = 'parked'",
        )?
        .query_row([consumer.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let what = format!("the number of dead letters of {consumer}");
    let (streams, letters) = (errors::unsigned(&what, streams)?, errors::unsigned(&what, letters)?);
    Ok(DeadLetterCount { streams, letters })
}

pub(crate) fn change(
    db: &Connection,
    consumer: &ConsumerId,
    change: &DeadLetterChange,
) -> Result<(), Fault> {
    match change {
        DeadLetterChange::Park(letter) => park(db, consumer, letter),
        DeadLetterChange::Remove { stream, version } => {
            db.prepare_cached(
                "DELETE FROM dead_letters WHERE consumer = ?1 AND state = 'parked' \
                 AND stream = ?2 AND first_version = ?3",
            )?
            .execute(params![
                consumer.as_str(),
                stream.as_str(),
                errors::signed(version.get())
            ])?;
            Ok(())
        }
        DeadLetterChange::Drop { stream, version, dropped } => {
            db.prepare_cached(
                "UPDATE OR REPLACE dead_letters \
                 SET state = 'dropped', drop_reason = ?4, dropped_at = ?5 \
                 WHERE consumer = ?1 AND state = 'parked' AND stream = ?2 AND first_version = ?3",
            )?
            .execute(params![
                consumer.as_str(),
                stream.as_str(),
                errors::signed(version.get()),
                dropped.reason,
                dropped.at.as_microsecond(),
            ])?;
            Ok(())
        }
    }
}

fn park(db: &Connection, consumer: &ConsumerId, letter: &DeadLetter) -> Result<(), Fault> {
    let DeadLetter { commit, parked_at, failure, .. } = letter;
    let events = commit.events();
    let metadata = commit.encoded_metadata().as_str();
    let failed_version = failure.as_ref().map(|failure| errors::signed(failure.version.get()));
    let last_attempt_at = failure.as_ref().map(|failure| failure.last_attempt_at.as_microsecond());
    db.prepare_cached(
        "INSERT OR REPLACE INTO dead_letters (consumer, state, stream, first_version, \
         event_count, commit_id, recorded_at, encoding, manifest, payloads, metadata, checksum, \
         parked_at, failed_version, error, attempts, last_attempt_at) \
         VALUES (?1, 'parked', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        consumer.as_str(),
        commit.stream().as_str(),
        errors::signed(commit.first_version().get()),
        errors::signed(events.len() as u64),
        commit.id().as_bytes().as_slice(),
        commit.recorded_at().as_microsecond(),
        events.encoding().as_str(),
        &**events.manifest(),
        payloads_value(events),
        (!metadata.is_empty()).then_some(metadata),
        commit.checksum(),
        parked_at.as_microsecond(),
        failed_version,
        failure.as_ref().map(|failure| failure.error.as_str()),
        failure.as_ref().map(|failure| failure.attempts),
        last_attempt_at,
    ])?;
    Ok(())
}

/// The letters that match, ordered by stream and version.
pub(crate) fn list(
    db: &Connection,
    consumer: &ConsumerId,
    query: &DeadLetterQuery,
) -> Result<Vec<DeadLetter>, Fault> {
    let (sql, values) = select(consumer, query);
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(letter(row)?);
    }
    Ok(letters)
}

fn select(consumer: &ConsumerId, query: &DeadLetterQuery) -> (String, Vec<Value>) {
    let state = if query.state == DeadLetterState::Dropped { "dropped" } else { "parked" };
    let mut sql = String::from(concat!(
        "SELECT ",
        commit_columns!(),
        ", stream, parked_at, failed_version, error, attempts, last_attempt_at, \
         drop_reason, dropped_at FROM dead_letters AS letter WHERE consumer = ? AND state = ?"
    ));
    let mut values = vec![Value::from(consumer.as_str().to_owned()), state.to_owned().into()];
    if let Some(stream) = &query.stream {
        sql.push_str(" AND stream = ?");
        values.push(stream.as_str().to_owned().into());
    }
    if let Some((stream, version)) = &query.after {
        sql.push_str(" AND (stream, first_version) > (?, ?)");
        values.push(stream.as_str().to_owned().into());
        values.push(errors::signed(version.get()).into());
    }
    if query.state == DeadLetterState::First {
        sql.push_str(
            " AND NOT EXISTS (SELECT 1 FROM dead_letters AS earlier \
             WHERE earlier.consumer = letter.consumer AND earlier.state = letter.state \
             AND earlier.stream = letter.stream AND earlier.first_version < letter.first_version)",
        );
    }
    sql.push_str(" ORDER BY stream, first_version LIMIT ? + 0");
    values.push(i64::try_from(query.limit).unwrap_or(i64::MAX).into());
    (sql, values)
}

fn letter(row: &Row<'_>) -> Result<DeadLetter, Fault> {
    const PARKED_AT: usize = COMMIT_COLUMNS + 1;
    let commit = commit(&stream(row)?, row)?;
    let rest = Rest { row, commit: &commit };
    let parked_at = rest.time(PARKED_AT)?.ok_or_else(|| rest.damaged("it has no time"))?;
    let (failure, dropped) = (rest.failure()?, rest.dropped()?);
    Ok(DeadLetter { commit, parked_at, failure, dropped })
}

fn stream(row: &Row<'_>) -> Result<StreamId, Error> {
    let name: Result<String, _> = row.get(COMMIT_COLUMNS);
    let stream = name.map_err(|error| error.to_string());
    let stream = stream.and_then(|name| name.parse().map_err(|error: Error| error.to_string()));
    stream.map_err(|reason| Error::Corrupt { what: "the stream of a dead letter".into(), reason })
}

fn commit(stream: &StreamId, row: &Row<'_>) -> Result<Commit, Error> {
    let mut page = CommitRows::default();
    page.push(stream, row)?;
    match page.into_commits() {
        (_, Some(error)) => Err(error),
        (mut commits, None) => commits.pop().ok_or_else(|| Error::Corrupt {
            what: format!("a dead letter of {stream}"),
            reason: "it has no commit".to_owned(),
        }),
    }
}

/// What a letter has beside its commit. No checksum is over it: damage is noticed where a value cannot
/// be read or does not fit the others.
struct Rest<'a> {
    row: &'a Row<'a>,
    commit: &'a Commit,
}

impl Rest<'_> {
    fn failure(&self) -> Result<Option<Failure>, Error> {
        const FAILED_VERSION: usize = COMMIT_COLUMNS + 2;
        let version: Option<i64> = self.value(FAILED_VERSION)?;
        let error: Option<String> = self.value(FAILED_VERSION + 1)?;
        let attempts: Option<u32> = self.value(FAILED_VERSION + 2)?;
        let last_attempt_at = self.time(FAILED_VERSION + 3)?;
        match (version, error, attempts, last_attempt_at) {
            (None, None, None, None) => Ok(None),
            (Some(version), Some(error), Some(attempts), Some(last_attempt_at)) => {
                let version = errors::unsigned(&self.name(), version)?.into();
                Ok(Some(Failure { version, error, attempts, last_attempt_at }))
            }
            _ => Err(self.damaged("a part of its failure is missing")),
        }
    }

    fn dropped(&self) -> Result<Option<Dropped>, Error> {
        const REASON: usize = COMMIT_COLUMNS + 6;
        match (self.value(REASON)?, self.time(REASON + 1)?) {
            (None, None) => Ok(None),
            (Some(reason), Some(at)) => Ok(Some(Dropped { reason, at })),
            _ => Err(self.damaged("a part of why it was dropped is missing")),
        }
    }

    fn time(&self, column: usize) -> Result<Option<Timestamp>, Error> {
        let Some(microseconds) = self.value(column)? else { return Ok(None) };
        let time = timestamp(microseconds);
        time.map(Some).ok_or_else(|| self.damaged("a time in it is out of range"))
    }

    fn value<T: FromSql>(&self, column: usize) -> Result<T, Error> {
        self.row.get(column).map_err(|error| self.damaged(&error.to_string()))
    }

    fn damaged(&self, reason: &str) -> Error {
        Error::Corrupt { what: self.name(), reason: reason.to_owned() }
    }

    fn name(&self) -> String {
        format!(
            "the dead letter of {} at version {}",
            self.commit.stream(),
            self.commit.first_version()
        )
    }
}
