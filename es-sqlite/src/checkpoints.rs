//! Checkpoints: how far each consumer has come.

use async_trait::async_trait;
use es_core::{
    Checkpoint, CheckpointStore, ConsumerId, PartitionId, Position, Progress, Result, Revision,
    StreamId, Version,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::errors::{self, Fault};
use crate::readers::in_snapshot;
use crate::store::SqliteStore;

#[async_trait]
impl CheckpointStore for SqliteStore {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        let (consumer, partition) = (consumer.clone(), partition.clone());
        self.readers()
            .run(move |db| in_snapshot(db, |db| position(db, &consumer, &partition)))
            .await
    }

    async fn stream_versions(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<Version>> {
        let (consumer, streams) = (consumer.clone(), streams.to_vec());
        self.readers()
            .run(move |db| {
                in_snapshot(db, |db| {
                    streams.iter().map(|stream| consumed_version(db, &consumer, stream)).collect()
                })
            })
            .await
    }

    async fn save(&self, progress: Progress) -> Result<Revision> {
        self.writer().run(move |transaction| advance(transaction, &progress)).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        let consumer = consumer.clone();
        self.writer().run(move |transaction| forget(transaction, &consumer)).await
    }
}

fn position(
    db: &Connection,
    consumer: &ConsumerId,
    partition: &PartitionId,
) -> Result<Position, Fault> {
    let saved: Option<(String, i64)> = db
        .prepare_cached(
            "SELECT checkpoint, revision FROM checkpoints WHERE consumer = ?1 AND partition = ?2",
        )?
        .query_row(params![consumer.as_str(), partition.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (checkpoint, revision) = match saved {
        Some((checkpoint, revision)) => (Checkpoint::from_stored(checkpoint), revision),
        None => (Checkpoint::start(), first_revision(db, consumer)?),
    };
    let revision = errors::unsigned(&format!("the revision of {consumer}"), revision)?;
    Ok(Position { checkpoint, revision: Revision::from_stored(revision) })
}

/// Where the consumer's revisions begin in a partition that it has not saved in.
fn first_revision(db: &Connection, consumer: &ConsumerId) -> Result<i64, Fault> {
    let revision = db
        .prepare_cached("SELECT first_revision FROM consumers WHERE consumer = ?1")?
        .query_row([consumer.as_str()], |row| row.get(0))
        .optional()?;
    Ok(revision.unwrap_or(0))
}

fn consumed_version(
    db: &Connection,
    consumer: &ConsumerId,
    stream: &StreamId,
) -> Result<Version, Fault> {
    let version: Option<i64> = db
        .prepare_cached("SELECT version FROM consumed WHERE consumer = ?1 AND stream = ?2")?
        .query_row([consumer.as_str(), stream.as_str()], |row| row.get(0))
        .optional()?;
    let what = || format!("the version of {stream} that {consumer} has reached");
    Ok(errors::unsigned(&what(), version.unwrap_or(0))?.into())
}

/// Saves progress, unless somebody else has since it was loaded.
pub(crate) fn advance(db: &Connection, progress: &Progress) -> Result<Revision, Fault> {
    let Progress { consumer, partition, based_on, seen, checkpoint, streams } = progress;
    if position(db, consumer, partition)?.revision != *based_on {
        return Err(progress.fenced().into());
    }
    for (stream, seen) in seen {
        if consumed_version(db, consumer, stream)? != *seen {
            return Err(progress.fenced().into());
        }
    }
    let revision = based_on.next();
    db.prepare_cached(
        "INSERT INTO checkpoints (consumer, partition, checkpoint, revision) \
         VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (consumer, partition) DO UPDATE SET \
         checkpoint = excluded.checkpoint, revision = excluded.revision",
    )?
    .execute(params![
        consumer.as_str(),
        partition.as_str(),
        checkpoint.as_str(),
        errors::signed(revision.get()),
    ])?;
    let mut reach = db.prepare_cached(
        "INSERT INTO consumed (consumer, stream, version) VALUES (?1, ?2, ?3) \
         ON CONFLICT (consumer, stream) DO UPDATE SET version = excluded.version \
         WHERE excluded.version > version",
    )?;
    for (stream, version) in streams {
        let version = errors::signed(version.get());
        reach.execute(params![consumer.as_str(), stream.as_str(), version])?;
    }
    Ok(revision)
}

/// Forgets all progress. The next revision is over every one that a worker can hold, also of a
/// partition that it was about to save in for the first time.
pub(crate) fn forget(db: &Connection, consumer: &ConsumerId) -> Result<(), Fault> {
    let highest: i64 = db
        .prepare_cached(
            "SELECT max(coalesce(max(revision), 0), ?2) FROM checkpoints WHERE consumer = ?1",
        )?
        .query_row(params![consumer.as_str(), first_revision(db, consumer)?], |row| row.get(0))?;
    db.prepare_cached(
        "INSERT INTO consumers (consumer, first_revision) VALUES (?1, ?2) \
         ON CONFLICT (consumer) DO UPDATE SET first_revision = excluded.first_revision",
    )?
    .execute(params![consumer.as_str(), highest.saturating_add(1)])?;
    for delete in
        ["DELETE FROM checkpoints WHERE consumer = ?1", "DELETE FROM consumed WHERE consumer = ?1"]
    {
        db.prepare_cached(delete)?.execute([consumer.as_str()])?;
    }
    Ok(())
}
