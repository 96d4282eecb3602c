//! Appending to a stream, inside the writer's transaction.
//!
//! An append to a stream whose end the writer [knows](crate::known_heads) is two statements: the commit is
//! inserted, and becomes the head. That its id is new, the index says that would refuse it. As nothing is
//! changed before everything is known, an append needs no savepoint, which would keep a copy of each page
//! that it touches; the little that can be half done is taken back by hand.

use es_core::{
    Appended, Commit, CommitId, CommitIdReused, Conflict, EncodedEvents, Error, Expected, Head,
    NewCommit, Result, StreamId, Version,
};
use rusqlite::{Connection, ffi, params};

use crate::commit_rows::{commit_columns, payloads_value};
use crate::errors::{self, Fault};
use crate::log::{StreamRow, commit_with_id, single};
use crate::stream_pages::check_end;
use crate::writer::{Prepared, WriteTransaction};

/// The statements of an append, looked up once for all appends of a transaction.
pub(crate) struct AppendStatements<'a> {
    insert_commit: Prepared<'a>,
    move_head: Prepared<'a>,
}

impl<'a> AppendStatements<'a> {
    pub(crate) fn new(db: &'a Connection) -> Self {
        Self {
            insert_commit: Prepared::new(
                db,
                "INSERT INTO commits (stream, first_version, event_count, commit_id, recorded_at, \
                 encoding, manifest, payloads, metadata, checksum) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            ),
            move_head: Prepared::new(
                db,
                "UPDATE streams SET head_commit_id = ?2, head_first_version = ?3, \
                 head_last_version = ?4 WHERE id = ?1",
            ),
        }
    }
}

/// Appends a commit. When it fails, it has changed nothing, or the fault is [`Fault::HalfDone`].
pub(crate) fn append(
    transaction: &WriteTransaction<'_>,
    stream: &StreamId,
    expected: Expected,
    commit: NewCommit,
) -> Result<Appended, Fault> {
    let known = transaction.known_head(stream);
    let row = match known {
        Some(row) => Some(row),
        None => StreamRow::find(transaction, stream)?,
    };
    let head = row.map(|row| row.head);
    if !is_as_expected(expected, head)? {
        return elsewhere(transaction, stream, row, expected, &commit);
    }
    let Some(row) = row else {
        return begin(transaction, commit.place(stream.clone(), Version::FIRST));
    };
    if known.is_none() {
        match check_end(transaction, stream, &row) {
            Ok(()) => {}
            Err(Fault::Said(damage)) => {
                return match commit_with_id(transaction, stream, &row, commit.id)? {
                    Some(original) => Ok(repeated(original, commit.id, &commit.events)?),
                    None => Err(Fault::Said(damage)),
                };
            }
            Err(fault) => return Err(fault),
        }
    }
    extend(transaction, row, commit.place(stream.clone(), row.head.version().next()))
}

fn is_as_expected(expected: Expected, head: Option<Head>) -> Result<bool> {
    match expected {
        Expected::Any => Ok(true),
        Expected::NoStream => Ok(head.is_none()),
        Expected::Head(expected) => Ok(head == Some(expected)),
        // A kind of expectation that is newer than this crate.
        _ => Err(Error::Misuse(format!("{expected:?} is not known to es-sqlite"))),
    }
}

/// The stream does not end as was expected: the commit is in it already, or there is a conflict.
fn elsewhere(
    transaction: &WriteTransaction<'_>,
    stream: &StreamId,
    row: Option<StreamRow>,
    expected: Expected,
    commit: &NewCommit,
) -> Result<Appended, Fault> {
    let mut conflict = Conflict {
        stream: stream.clone(),
        expected,
        actual: row.map(|row| row.head),
        winner: None,
    };
    if let Some(row) = &row {
        if let Some(original) = commit_with_id(transaction, stream, row, commit.id)? {
            return Ok(repeated(original, commit.id, &commit.events)?);
        }
        conflict.winner = winner(transaction, stream, row, expected)?;
    }
    Err(Error::from(conflict).into())
}

/// The answer to a commit whose id is in the stream already.
fn repeated(original: Commit, commit_id: CommitId, events: &EncodedEvents) -> Result<Appended> {
    if original.events() == events {
        return Ok(Appended { commit: original, duplicate: true });
    }
    let reused = CommitIdReused { commit_id, original };
    Err(Error::CommitIdReused(Box::new(reused)))
}

/// The commit behind the end that was expected, if the stream ever ended there.
fn winner(
    db: &Connection,
    stream: &StreamId,
    row: &StreamRow,
    expected: Expected,
) -> Result<Option<Commit>, Fault> {
    let first = match expected {
        Expected::NoStream => Version::FIRST,
        Expected::Head(head) => {
            let was_there = db
                .prepare_cached(
                    "SELECT 1 FROM commits \
                     WHERE stream = ?1 AND first_version = ?2 AND commit_id = ?3 \
                     AND first_version + event_count - 1 = ?4",
                )?
                .exists(params![
                    row.id,
                    errors::signed(head.commit_start().get()),
                    head.commit_id().as_bytes().as_slice(),
                    errors::signed(head.version().get()),
                ])?;
            if !was_there {
                return Ok(None);
            }
            head.version().next()
        }
        _ => return Ok(None),
    };
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        commit_columns!(),
        " FROM commits WHERE stream = ?1 AND first_version = ?2"
    ))?;
    single(stream, select.query(params![row.id, errors::signed(first.get())])?)
}

/// Creates the stream with its first commit.
fn begin(transaction: &WriteTransaction<'_>, commit: Commit) -> Result<Appended, Fault> {
    let (stream, head) = (commit.stream(), commit.head());
    let id = transaction
        .prepare_cached(
            "INSERT INTO streams \
             (category, aggregate_id, head_commit_id, head_first_version, head_last_version) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .insert(params![
            stream.category(),
            stream.id(),
            head.commit_id().as_bytes().as_slice(),
            errors::signed(head.commit_start().get()),
            errors::signed(head.version().get()),
        ])?;
    if let Err(error) = insert(transaction, id, &commit) {
        // What SQLite has rolled back altogether is gone already.
        if !transaction.is_autocommit() {
            transaction
                .execute("DELETE FROM streams WHERE id = ?1", [id])
                .map_err(Fault::HalfDone)?;
        }
        return Err(error.into());
    }
    transaction.learn_head(stream, StreamRow { id, head });
    Ok(Appended { commit, duplicate: false })
}

/// Puts a commit behind the end of its stream.
fn extend(
    transaction: &WriteTransaction<'_>,
    row: StreamRow,
    commit: Commit,
) -> Result<Appended, Fault> {
    let (stream, head) = (commit.stream(), commit.head());
    if let Err(error) = insert(transaction, row.id, &commit) {
        if is_not_unique(&error)
            && let Some(original) = commit_with_id(transaction, stream, &row, commit.id())?
        {
            return Ok(repeated(original, commit.id(), commit.events())?);
        }
        return Err(error.into());
    }
    transaction
        .append_statements()
        .move_head
        .with(|update| {
            update.execute(params![
                row.id,
                head.commit_id().as_bytes().as_slice(),
                errors::signed(head.commit_start().get()),
                errors::signed(head.version().get()),
            ])
        })
        .map_err(Fault::HalfDone)?;
    transaction.learn_head(stream, StreamRow { id: row.id, head });
    Ok(Appended { commit, duplicate: false })
}

fn insert(
    transaction: &WriteTransaction<'_>,
    stream_id: i64,
    commit: &Commit,
) -> rusqlite::Result<()> {
    let events = commit.events();
    let metadata = commit.encoded_metadata().as_str();
    let position = transaction.append_statements().insert_commit.with(|insert| {
        insert.insert(params![
            stream_id,
            errors::signed(commit.first_version().get()),
            errors::signed(events.len() as u64),
            commit.id().as_bytes().as_slice(),
            commit.recorded_at().as_microsecond(),
            events.encoding().as_str(),
            &**events.manifest(),
            payloads_value(events),
            (!metadata.is_empty()).then_some(metadata),
            commit.checksum(),
        ])
    })?;
    transaction.appended(position);
    Ok(())
}

fn is_not_unique(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE)
}
