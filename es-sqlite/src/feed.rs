//! The feed: all commits in the order of their positions, as one partition.

use async_trait::async_trait;
use es_core::{Checkpoint, Error, Feed, FeedPage, Partition, PartitionId, Result, StreamId};
use rusqlite::{Connection, Row, params};

use crate::commit_rows::{COMMIT_COLUMNS, CommitRows, PAGE_BYTES, commit_columns};
use crate::errors::Fault;
use crate::readers::in_snapshot;
use crate::store::SqliteStore;

/// The only partition.
const PARTITION: &str = "log";

#[async_trait]
impl Feed for SqliteStore {
    async fn partitions(&self) -> Result<Vec<Partition>> {
        Ok(vec![Partition { id: PartitionId::new(PARTITION)?, parents: Vec::new() }])
    }

    /// Reads the log behind a position; see [`Feed::read`].
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] also for a checkpoint past the end of the log: the file is older than the
    /// consumer, as after a restored backup, and what comes next would be skipped.
    async fn read(
        &self,
        partition: &PartitionId,
        after: &Checkpoint,
        max_commits: usize,
    ) -> Result<FeedPage> {
        check_partition(partition)?;
        let start = position(after)?;
        let max = i64::try_from(max_commits.max(1)).unwrap_or(i64::MAX);
        self.readers().run(move |db| in_snapshot(db, |db| page(db, start, max))).await
    }

    async fn wait(&self, partition: &PartitionId, after: &Checkpoint) -> Result<()> {
        check_partition(partition)?;
        let start = position(after)?;
        // Whatever is appended from here on changes what this receiver sees, so nothing is lost
        // between looking and waiting.
        let mut log_end = self.writer().log_end();
        loop {
            if *log_end.borrow_and_update() > start {
                return Ok(());
            }
            // Other processes do not wake us. A position past the end is for `read` to report.
            if self.readers().run(last_position).await? != start {
                return Ok(());
            }
            tokio::select! {
                grown = log_end.changed() => grown.map_err(|_| self.writer().gone())?,
                () = self.clock().sleep(self.poll_interval()) => {}
            }
        }
    }
}

fn check_partition(partition: &PartitionId) -> Result<()> {
    if partition.as_str() == PARTITION {
        return Ok(());
    }
    Err(Error::Misuse(format!("the feed has no partition {partition}, only {PARTITION}")))
}

/// SQLite counts with a sign.
fn position(checkpoint: &Checkpoint) -> Result<i64> {
    i64::try_from(checkpoint.position()?)
        .map_err(|_| checkpoint.damaged("it is too large for a position"))
}

/// The last position ever given, also when its row is missing.
fn last_position(db: &Connection) -> Result<i64, Fault> {
    let last = db
        .prepare_cached(
            "SELECT max( \
             coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'commits'), 0), \
             coalesce((SELECT max(position) FROM commits), 0))",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(last)
}

fn page(db: &Connection, after: i64, max_commits: i64) -> Result<FeedPage, Fault> {
    let end = last_position(db)?;
    if after > end {
        let reason = format!("the log ends at position {end}");
        let after = Checkpoint::from_position(u64::try_from(after).unwrap_or(0));
        return Err(after.damaged(reason).into());
    }
    // The names of streams come with their commits: in a log whose streams grow side by side hardly two commits of a
    // page share one. A row without its stream is kept, to be reported.
    let mut select = db.prepare_cached(concat!(
        "SELECT ",
        commit_columns!(),
        ", position, stream, category, aggregate_id \
         FROM commits LEFT JOIN streams ON streams.id = commits.stream \
         WHERE position > ?1 ORDER BY position LIMIT ?2 + 0"
    ))?;
    let mut rows = select.query(params![after, max_commits])?;
    let mut page = room_for(max_commits.min(end - after));
    let mut stream = None;
    let mut last = after;
    let mut damage = None;
    while last < end && last - after < max_commits && !page.is_full() {
        let taken = match rows.next()? {
            Some(row) if row.get::<_, i64>(COMMIT_COLUMNS)? == last + 1 => {
                stream_of(&mut stream, row)
                    .and_then(|stream| page.push(stream, row).map_err(Fault::from))
            }
            _ => Err(missing(last + 1)),
        };
        match taken {
            Ok(_) => last += 1,
            Err(error) => {
                damage = Some(error);
                break;
            }
        }
    }
    let (commits, broken) = page.into_commits();
    // What is good before the damage is delivered; the next read begins at it.
    if commits.is_empty()
        && let Some(error) = broken.map(Fault::from).or(damage)
    {
        return Err(error);
    }
    let reached = after + i64::try_from(commits.len()).unwrap_or(0);
    let checkpoint = match reached {
        0 => Checkpoint::start(),
        reached => Checkpoint::from_position(u64::try_from(reached).unwrap_or(0)),
    };
    let remaining = u64::try_from(end - reached).ok();
    Ok(FeedPage { commits, checkpoint, remaining, ended: false })
}

/// A buffer for so many commits at most, if they are of a usual size.
fn room_for(commits: i64) -> CommitRows {
    /// The most that are thought of, and the bytes of one.
    const COMMITS: usize = 512;
    const BYTES: usize = 320;
    let commits = usize::try_from(commits).unwrap_or(0).min(COMMITS);
    CommitRows::with_room(commits, (commits * BYTES).min(PAGE_BYTES))
}

/// The stream of a row: the one of the row before, if that is of the same stream, as in a log that was imported.
fn stream_of<'a>(
    before: &'a mut Option<(i64, StreamId)>,
    row: &Row<'_>,
) -> Result<&'a StreamId, Fault> {
    let id: i64 = row.get(COMMIT_COLUMNS + 1)?;
    let stream = match before.take() {
        Some((same, stream)) if same == id => stream,
        _ => named(id, row)?,
    };
    Ok(&before.insert((id, stream)).1)
}

fn named(id: i64, row: &Row<'_>) -> Result<StreamId, Fault> {
    let name = |column| match row.get_ref(column)?.as_str_or_null() {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(damaged_name(id, "its row is missing".to_owned())),
        Err(error) => Err(damaged_name(id, error.to_string())),
    };
    let (category, aggregate_id) = (name(COMMIT_COLUMNS + 2)?, name(COMMIT_COLUMNS + 3)?);
    StreamId::new(category, aggregate_id).map_err(|error| damaged_name(id, error.to_string()))
}

fn damaged_name(id: i64, reason: String) -> Fault {
    Error::Corrupt { what: format!("the name of stream {id}"), reason }.into()
}

fn missing(position: i64) -> Fault {
    Error::Corrupt {
        what: format!("the log at position {position}"),
        reason: "its commit is missing, and the log goes on behind it".to_owned(),
    }
    .into()
}
