//! The log: appending to streams, and finding commits in them.

use async_trait::async_trait;
use es_core::{
    Appended, Commit, CommitId, CommitIdReused, Conflict, Error, EventStore, Expected, Head,
    Limits, NewCommit, ReadStream, Result, StreamId, Version,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use crate::commit_rows::{CommitRows, commit_columns, payloads_value};
use crate::errors::{self, Fault};
use crate::readers::in_snapshot;
use crate::store::SqliteStore;
use crate::stream_pages::{Cursor, Page, Progress, check_end};
use crate::writer::WriteTransaction;

#[async_trait]
impl EventStore for SqliteStore {
    /// Appends a commit; see [`EventStore::append`].
    ///
    /// When the returned future is dropped before it is done the commit may still be written. Append
    /// it again to find out.
    async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        commit: NewCommit,
    ) -> Result<Appended> {
        self.limits().check(stream, &commit)?;
        // The commit returned now must equal the one that is read later.
        let commit = NewCommit::new(commit.id, commit.recorded_at, commit.metadata, commit.events);
        let stream = stream.clone();
        self.writer().run(move |transaction| append(transaction, stream, expected, commit)).await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<es_core::Page>> {
        stream::unfold(Progress::At(Cursor::new(query)), move |progress| async move {
            let cursor = match progress {
                Progress::At(cursor) => cursor,
                Progress::Failed(error) => return Some((Err(error), Progress::Ended)),
                Progress::Ended => return None,
            };
            match self.readers().run(move |db| in_snapshot(db, |db| cursor.page(db))).await {
                Ok(Page { commits, then }) if !commits.is_empty() => {
                    Some((Ok(commits.into()), then))
                }
                Ok(Page { then: Progress::Failed(error), .. }) | Err(error) => {
                    Some((Err(error), Progress::Ended))
                }
                // A page without commits is always the last.
                Ok(_) => None,
            }
        })
        .boxed()
    }

    async fn find(&self, stream: &StreamId, id: CommitId) -> Result<Option<Commit>> {
        let stream = stream.clone();
        self.readers()
            .run(move |db| {
                in_snapshot(db, |db| match StreamRow::find(db, &stream)? {
                    Some(row) => commit_with_id(db, &stream, &row, id),
                    None => Ok(None),
                })
            })
            .await
    }

    fn limits(&self) -> Limits {
        self.configured_limits()
    }
}

/// A stream's row in `streams`.
pub(crate) struct StreamRow {
    pub(crate) id: i64,
    pub(crate) head: Head,
}

impl StreamRow {
    pub(crate) fn find(db: &Connection, stream: &StreamId) -> Result<Option<Self>, Fault> {
        let mut select = db.prepare_cached(
            "SELECT id, head_commit_id, head_first_version, head_last_version \
             FROM streams WHERE category = ?1 AND aggregate_id = ?2",
        )?;
        let mut rows = select.query(params![stream.category(), stream.id()])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        match read_head(row, 1)? {
            Some(head) => Ok(Some(Self { id: row.get(0)?, head })),
            None => Err(Error::CorruptCommit {
                stream: stream.clone(),
                version: Version::ZERO,
                reason: "the head of the stream cannot be read".to_owned(),
            }
            .into()),
        }
    }
}

/// A head kept in three columns, from `at` on; `None` if it cannot be one.
pub(crate) fn read_head(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Head>> {
    let (first, last): (i64, i64) = (row.get(at + 1)?, row.get(at + 2)?);
    let ValueRef::Blob(id) = row.get_ref(at)? else {
        return Ok(None);
    };
    let (Ok(id), Ok(first), Ok(last)) =
        (<[u8; 16]>::try_from(id), u64::try_from(first), u64::try_from(last))
    else {
        return Ok(None);
    };
    let plausible = 1 <= first && first <= last;
    Ok(plausible.then(|| Head::from_stored(CommitId::from_bytes(id), first.into(), last.into())))
}

/// Appends inside the writer's transaction.
fn append(
    transaction: &WriteTransaction<'_>,
    stream: StreamId,
    expected: Expected,
    commit: NewCommit,
) -> Result<Appended, Fault> {
    let row = StreamRow::find(transaction, &stream)?;
    if let Some(row) = &row
        && let Some(original) = commit_with_id(transaction, &stream, row, commit.id)?
    {
        return repeated(original, &commit).map_err(Fault::from);
    }
    let head = row.as_ref().map(|row| row.head);
    let as_expected = match expected {
        Expected::Any => true,
        Expected::NoStream => head.is_none(),
        Expected::Head(expected) => head == Some(expected),
        // A kind of expectation that is newer than this crate.
        _ => return Err(Error::Misuse(format!("{expected:?} is not known to es-sqlite")).into()),
    };
    if !as_expected {
        let winner = match &row {
            Some(row) => winner(transaction, &stream, row, expected)?,
            None => None,
        };
        return Err(Error::from(Conflict { stream, expected, actual: head, winner }).into());
    }
    if let Some(row) = &row {
        check_end(transaction, &stream, row)?;
    }
    let first_version = head.map_or(Version::FIRST, |head| head.version().next());
    let commit = commit.place(stream, first_version);
    let stream_id = move_head(transaction, row.map(|row| row.id), &commit)?;
    let position = insert(transaction, stream_id, &commit)?;
    transaction.appended(position);
    Ok(Appended { commit, duplicate: false })
}

/// The answer to a commit whose id is in the stream already.
fn repeated(original: Commit, commit: &NewCommit) -> Result<Appended> {
    if *original.events() == commit.events {
        return Ok(Appended { commit: original, duplicate: true });
    }
    let reused = CommitIdReused { commit_id: commit.id, original };
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

fn commit_with_id(
    db: &Connection,
    stream: &StreamId,
    row: &StreamRow,
    id: CommitId,
) -> Result<Option<Commit>, Fault> {
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        commit_columns!(),
        " FROM commits WHERE stream = ?1 AND commit_id = ?2"
    ))?;
    single(stream, select.query(params![row.id, id.as_bytes().as_slice()])?)
}

/// The commit in the only row there may be.
fn single(stream: &StreamId, mut rows: rusqlite::Rows<'_>) -> Result<Option<Commit>, Fault> {
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut page = CommitRows::default();
    page.push(stream, row)?;
    match page.into_commits() {
        (mut commits, None) => Ok(commits.pop()),
        (_, Some(error)) => Err(error.into()),
    }
}

/// Makes `commit` the head of its stream, which is created if it has no id yet; returns the id.
fn move_head(db: &Connection, stream_id: Option<i64>, commit: &Commit) -> Result<i64, Fault> {
    let id = commit.id();
    let first = errors::signed(commit.first_version().get());
    let last = errors::signed(commit.last_version().get());
    if let Some(stream_id) = stream_id {
        db.prepare_cached(
            "UPDATE streams SET head_commit_id = ?2, head_first_version = ?3, \
             head_last_version = ?4 WHERE id = ?1",
        )?
        .execute(params![stream_id, id.as_bytes().as_slice(), first, last])?;
        return Ok(stream_id);
    }
    let stream = commit.stream();
    let stream_id = db
        .prepare_cached(
            "INSERT INTO streams \
             (category, aggregate_id, head_commit_id, head_first_version, head_last_version) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .insert(params![stream.category(), stream.id(), id.as_bytes().as_slice(), first, last])?;
    Ok(stream_id)
}

fn insert(db: &Connection, stream_id: i64, commit: &Commit) -> Result<i64, Fault> {
    let events = commit.events();
    let metadata = commit.encoded_metadata().as_str();
    let position = db
        .prepare_cached(
            "INSERT INTO commits (stream, first_version, event_count, commit_id, recorded_at, \
             encoding, manifest, payloads, metadata, checksum) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .insert(params![
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
        ])?;
    Ok(position)
}
