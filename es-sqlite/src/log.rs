//! The log: what the store does with streams.

use async_trait::async_trait;
use es_core::{
    Appended, Commit, CommitId, Error, EventStore, Expected, Head, Limits, NewCommit, ReadStream,
    Result, StreamId, Version,
};
use futures::stream::{self, BoxStream, StreamExt as _};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use crate::appending::append;
use crate::commit_rows::{CommitRows, commit_columns};
use crate::errors::Fault;
use crate::readers::in_snapshot;
use crate::store::SqliteStore;
use crate::stream_read::StreamRead;

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
        self.writer()
            .run_whole(move |transaction| append(transaction, &stream, expected, commit))
            .await
    }

    fn read(&self, query: ReadStream) -> BoxStream<'_, Result<es_core::Page>> {
        stream::unfold(StreamRead::new(self.readers(), query), StreamRead::next_page).boxed()
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
#[derive(Debug, Clone, Copy)]
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

pub(crate) fn commit_with_id(
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
pub(crate) fn single(
    stream: &StreamId,
    mut rows: rusqlite::Rows<'_>,
) -> Result<Option<Commit>, Fault> {
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
