//! Checkpoints: how far each consumer has come, and whether it rests.

use async_trait::async_trait;
use es_core::{
    Adopted, Adoption, Advance, Checkpoint, CheckpointStore, ConsumerId, DeadLetter,
    DeadLetterCount, DeadLetterQuery, Error, PartitionId, Position, Progress, Result, Revision,
    StreamId, StreamProgress, Version, ViewName,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::dead_letters;
use crate::errors::{self, Fault};
use crate::readers::in_snapshot;
use crate::store::SqliteStore;
use crate::views::table_exists;

#[async_trait]
impl CheckpointStore for SqliteStore {
    async fn load(&self, consumer: &ConsumerId, partition: &PartitionId) -> Result<Position> {
        let (consumer, partition) = (consumer.clone(), partition.clone());
        self.readers()
            .run(move |db| in_snapshot(db, |db| position(db, &consumer, &partition)))
            .await
    }

    async fn stream_progress(
        &self,
        consumer: &ConsumerId,
        streams: &[StreamId],
    ) -> Result<Vec<StreamProgress>> {
        let (consumer, streams) = (consumer.clone(), streams.to_vec());
        self.readers()
            .run(move |db| in_snapshot(db, |db| stream_progress(db, &consumer, &streams)))
            .await
    }

    async fn save(&self, progress: Progress) -> Result<()> {
        self.writer().run(move |transaction| advance(transaction, &progress)).await
    }

    async fn reset(&self, consumer: &ConsumerId) -> Result<()> {
        let consumer = consumer.clone();
        self.writer().run(move |transaction| forget(transaction, &consumer)).await
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<Adopted> {
        if let Some(behind) = self.would_fall_behind(adoption, None).await? {
            return Ok(Adopted::Behind(behind));
        }
        let adoption = adoption.clone();
        self.writer().run(move |transaction| adopt(transaction, &adoption)).await
    }

    async fn dead_letters(
        &self,
        consumer: &ConsumerId,
        query: &DeadLetterQuery,
    ) -> Result<Vec<DeadLetter>> {
        let (consumer, query) = (consumer.clone(), query.clone());
        self.readers()
            .run(move |db| in_snapshot(db, |db| dead_letters::list(db, &consumer, &query)))
            .await
    }

    async fn dead_letter_count(&self, consumer: &ConsumerId) -> Result<DeadLetterCount> {
        let consumer = consumer.clone();
        self.readers().run(move |db| in_snapshot(db, |db| dead_letters::count(db, &consumer))).await
    }

    async fn set_paused(&self, consumer: &ConsumerId, paused: bool) -> Result<()> {
        let consumer = consumer.clone();
        self.writer()
            .run(move |transaction| {
                let mut upsert = transaction.prepare_cached(
                    "INSERT INTO consumers (consumer, first_revision, paused) VALUES (?1, 0, ?2) \
                     ON CONFLICT (consumer) DO UPDATE SET paused = excluded.paused",
                )?;
                upsert.execute(params![consumer.as_str(), paused])?;
                Ok(())
            })
            .await
    }

    async fn is_paused(&self, consumer: &ConsumerId) -> Result<bool> {
        let consumer = consumer.clone();
        self.readers()
            .run(move |db| {
                let mut select = db.prepare_cached(
                    "SELECT 1 FROM consumers WHERE consumer = ?1 AND paused <> 0",
                )?;
                Ok(select.exists([consumer.as_str()])?)
            })
            .await
    }
}

impl SqliteStore {
    /// A first look, so that the writer is not held up by an adoption that comes too early: the look
    /// takes time with the number of streams. What is refused for another reason is left to the writer.
    pub(crate) async fn would_fall_behind(
        &self,
        adoption: &Adoption,
        from_view: Option<&ViewName>,
    ) -> Result<Option<StreamId>> {
        if adoption.backwards {
            return Ok(None);
        }
        let (adoption, from_view) = (adoption.clone(), from_view.cloned());
        let look = move |db: &Connection| {
            for (partition, revision) in &adoption.based_on {
                if position(db, &adoption.from, partition)?.revision != *revision {
                    return Ok(None);
                }
            }
            match from_view {
                Some(view) if !table_exists(db, &view)? => Ok(None),
                _ => first_behind(db, &adoption.from, &adoption.to),
            }
        };
        self.readers().run(move |db| in_snapshot(db, look)).await
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

fn stream_progress(
    db: &Connection,
    consumer: &ConsumerId,
    streams: &[StreamId],
) -> Result<Vec<StreamProgress>, Fault> {
    let any_parked = dead_letters::any(db, consumer)?;
    let progress = |stream| {
        let version = consumed_version(db, consumer, stream)?;
        let parked = match any_parked {
            true => dead_letters::parked_through(db, consumer, stream)?,
            false => Version::ZERO,
        };
        Ok(StreamProgress { version, parked })
    };
    streams.iter().map(progress).collect()
}

/// Saves progress, unless somebody else has since it was loaded.
pub(crate) fn advance(db: &Connection, progress: &Progress) -> Result<(), Fault> {
    let Progress { consumer, advance, streams, dead_letters, .. } = progress;
    check(db, progress)?;
    if let Some(advance) = advance {
        move_on(db, consumer, advance)?;
    }
    let mut reach = db.prepare_cached(
        "INSERT INTO consumed (consumer, stream, version) VALUES (?1, ?2, ?3) \
         ON CONFLICT (consumer, stream) DO UPDATE SET version = excluded.version \
         WHERE excluded.version > version",
    )?;
    for (stream, version) in streams {
        let version = errors::signed(version.get());
        reach.execute(params![consumer.as_str(), stream.as_str(), version])?;
    }
    for change in dead_letters {
        dead_letters::change(db, consumer, change)?;
    }
    Ok(())
}

/// The fence: nobody saved since what the step is based on was read.
fn check(db: &Connection, progress: &Progress) -> Result<(), Fault> {
    let Progress { consumer, advance, based_on, seen, .. } = progress;
    let advance = advance.as_ref().map(|advance| (&advance.partition, &advance.based_on));
    let positions = based_on.iter().map(|(partition, revision)| (partition, revision));
    for (partition, revision) in advance.into_iter().chain(positions) {
        if position(db, consumer, partition)?.revision != *revision {
            return Err(progress.fenced().into());
        }
    }
    let any_parked = dead_letters::any(db, consumer)?;
    for (stream, seen) in seen {
        let parked = match any_parked {
            true => dead_letters::parked_through(db, consumer, stream)?,
            false => Version::ZERO,
        };
        if (seen.version, seen.parked) != (consumed_version(db, consumer, stream)?, parked) {
            return Err(progress.fenced().into());
        }
    }
    Ok(())
}

fn move_on(db: &Connection, consumer: &ConsumerId, advance: &Advance) -> Result<(), Fault> {
    let Advance { partition, based_on, checkpoint } = advance;
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
        errors::signed(based_on.next().get()),
    ])?;
    Ok(())
}

/// Forgets all progress, and the dead letters that are parked.
pub(crate) fn forget(db: &Connection, consumer: &ConsumerId) -> Result<(), Fault> {
    begin_at(db, consumer, unheld_revision(db, consumer)?)?;
    forget_positions(db, consumer)?;
    forget_streams(db, consumer)
}

/// Forgets how far the partitions are, and the dead letters that are parked.
fn forget_positions(db: &Connection, consumer: &ConsumerId) -> Result<(), Fault> {
    for delete in [
        "DELETE FROM checkpoints WHERE consumer = ?1",
        "DELETE FROM dead_letters WHERE consumer = ?1 AND state = 'parked'",
    ] {
        db.prepare_cached(delete)?.execute([consumer.as_str()])?;
    }
    Ok(())
}

/// Forgets how far the streams are.
fn forget_streams(db: &Connection, consumer: &ConsumerId) -> Result<(), Fault> {
    let delete = "DELETE FROM consumed WHERE consumer = ?1";
    db.prepare_cached(delete)?.execute([consumer.as_str()])?;
    Ok(())
}

/// A revision that no worker can hold, also not of a partition that it was about to save in for the
/// first time.
fn unheld_revision(db: &Connection, consumer: &ConsumerId) -> Result<i64, Fault> {
    let highest: i64 = db
        .prepare_cached(
            "SELECT max(coalesce(max(revision), 0), ?2) FROM checkpoints WHERE consumer = ?1",
        )?
        .query_row(params![consumer.as_str(), first_revision(db, consumer)?], |row| row.get(0))?;
    Ok(highest.saturating_add(1))
}

fn begin_at(db: &Connection, consumer: &ConsumerId, revision: i64) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO consumers (consumer, first_revision) VALUES (?1, ?2) \
         ON CONFLICT (consumer) DO UPDATE SET first_revision = excluded.first_revision",
    )?
    .execute(params![consumer.as_str(), revision])?;
    Ok(())
}

/// Gives one consumer's progress to another. The time it takes grows with the number of streams.
pub(crate) fn adopt(db: &Connection, adoption: &Adoption) -> Result<Adopted, Fault> {
    adoption.check()?;
    let Adoption { from, to, based_on, backwards, replaces_dead_letters } = adoption;
    for (partition, revision) in based_on {
        if position(db, from, partition)?.revision != *revision {
            return Err(adoption.fenced().into());
        }
    }
    let parked = dead_letters::count(db, to)?;
    if !replaces_dead_letters && parked.letters > 0 {
        return Ok(Adopted::Parked(parked));
    }
    if !backwards && let Some(stream) = first_behind(db, from, to)? {
        return Ok(Adopted::Behind(stream));
    }
    let left_at = unheld_revision(db, from)?;
    let begin = left_at.max(unheld_revision(db, to)?);
    forget_positions(db, to)?;
    begin_at(db, to, begin)?;
    db.prepare_cached("UPDATE checkpoints SET consumer = ?2, revision = ?3 WHERE consumer = ?1")?
        .execute(params![from.as_str(), to.as_str(), begin])?;
    if *backwards {
        forget_streams(db, to)?;
    }
    hand_over_streams(db, from, to)?;
    db.prepare_cached("UPDATE OR REPLACE dead_letters SET consumer = ?2 WHERE consumer = ?1")?
        .execute([from.as_str(), to.as_str()])?;
    begin_at(db, from, left_at)?;
    Ok(Adopted::Done)
}

/// Gives `to` how far `from` is in each stream, of which `to` knows no others. What it knows already, as most of it
/// when a view was built again, is not written once more.
fn hand_over_streams(db: &Connection, from: &ConsumerId, to: &ConsumerId) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO consumed (consumer, stream, version) \
         SELECT ?2, again.stream, again.version FROM consumed AS again \
         LEFT JOIN consumed AS live ON live.consumer = ?2 AND live.stream = again.stream \
         WHERE again.consumer = ?1 AND again.version IS NOT live.version \
         ON CONFLICT (consumer, stream) DO UPDATE SET version = excluded.version",
    )?
    .execute([from.as_str(), to.as_str()])?;
    forget_streams(db, from)
}

/// The first stream in which `from` is behind `to`.
fn first_behind(
    db: &Connection,
    from: &ConsumerId,
    to: &ConsumerId,
) -> Result<Option<StreamId>, Fault> {
    let stream: Option<String> = db
        .prepare_cached(
            "SELECT live.stream FROM consumed AS live \
             LEFT JOIN consumed AS again ON again.consumer = ?1 AND again.stream = live.stream \
             WHERE live.consumer = ?2 AND live.version > coalesce(again.version, 0) \
             ORDER BY live.stream LIMIT 1",
        )?
        .query_row([from.as_str(), to.as_str()], |row| row.get(0))
        .optional()?;
    let parse = |stream: String| {
        let what = format!("the name of a stream that {to} has seen");
        stream.parse().map_err(|error: Error| Error::Corrupt { what, reason: error.to_string() })
    };
    Ok(stream.map(parse).transpose()?)
}
