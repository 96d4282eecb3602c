//! Leases: who works on which partition.

use std::collections::BTreeSet;

use async_trait::async_trait;
use es_core::{
    Checkpoint, ConsumerId, Error, HashRange, Lease, LeaseChange, LeaseOutcome, LeaseProgress,
    LeaseStore, NewLease, PartitionId, Result, WorkerId,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::errors::{Fault, signed, unsigned};
use crate::store::SqliteStore;

#[async_trait]
impl LeaseStore for SqliteStore {
    async fn create(&self, consumer: &ConsumerId, lease: NewLease) -> Result<bool> {
        let consumer = consumer.clone();
        self.writer().run(move |db| insert(db, &consumer, &lease.into_free())).await
    }

    async fn leases(&self, consumer: &ConsumerId) -> Result<Vec<Lease>> {
        let consumer = consumer.clone();
        self.readers().run(move |db| list(db, &consumer)).await
    }

    async fn change(&self, consumer: &ConsumerId, change: LeaseChange) -> Result<Option<Lease>> {
        let consumer = consumer.clone();
        self.writer()
            .run(move |db| {
                let Some(stored) = find(db, &consumer, &change.partition)? else { return Ok(None) };
                Ok(match change.outcome(stored) {
                    LeaseOutcome::Due(changed) => {
                        update(db, &consumer, &changed)?;
                        Some(changed)
                    }
                    LeaseOutcome::Made(stored) => Some(stored),
                    LeaseOutcome::Lost => None,
                })
            })
            .await
    }

    async fn delete(&self, consumer: &ConsumerId, seen: &Lease) -> Result<bool> {
        let (consumer, seen) = (consumer.clone(), seen.clone());
        self.writer()
            .run(move |db| {
                let stored = find(db, &consumer, &seen.partition)?;
                if stored.is_some_and(|stored| stored.counter != seen.counter) {
                    return Ok(false);
                }
                db.prepare_cached("DELETE FROM leases WHERE consumer = ?1 AND partition = ?2")?
                    .execute([consumer.as_str(), seen.partition.as_str()])?;
                Ok(true)
            })
            .await
    }
}

/// The columns of a lease, as [`read`] takes them.
const COLUMNS: &str = "partition, owner, counter, checkpoint, sub_sequence, owner_switches, \
                       parents, children, starting_hash_key, ending_hash_key";

fn list(db: &Connection, consumer: &ConsumerId) -> Result<Vec<Lease>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM leases WHERE consumer = ?1 ORDER BY partition");
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query([consumer.as_str()])?;
    let mut leases = Vec::new();
    while let Some(row) = rows.next()? {
        leases.push(read(consumer, row)?);
    }
    Ok(leases)
}

fn find(
    db: &Connection,
    consumer: &ConsumerId,
    partition: &PartitionId,
) -> Result<Option<Lease>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM leases WHERE consumer = ?1 AND partition = ?2");
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query([consumer.as_str(), partition.as_str()])?;
    rows.next()?.map(|row| read(consumer, row)).transpose()
}

/// Says whether there was none before.
fn insert(db: &Connection, consumer: &ConsumerId, lease: &Lease) -> Result<bool, Fault> {
    let [start, end] = hash_keys(lease.hash_range);
    let inserted = db
        .prepare_cached(
            "INSERT INTO leases (consumer, partition, owner, counter, checkpoint, sub_sequence, \
             owner_switches, parents, children, starting_hash_key, ending_hash_key) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (consumer, partition) DO NOTHING RETURNING 1",
        )?
        .query_row(
            params![
                consumer.as_str(),
                lease.partition.as_str(),
                lease.owner.as_ref().map(WorkerId::as_str),
                signed(lease.counter),
                lease.progress.checkpoint.as_str(),
                signed(lease.progress.sub_sequence),
                signed(lease.owner_switches),
                names(&lease.parents)?,
                names(&lease.progress.children)?,
                start,
                end,
            ],
            |_| Ok(()),
        )
        .optional()?;
    Ok(inserted.is_some())
}

/// Writes what a change can change.
fn update(db: &Connection, consumer: &ConsumerId, lease: &Lease) -> Result<(), Fault> {
    db.prepare_cached(
        "UPDATE leases SET owner = ?3, counter = ?4, checkpoint = ?5, sub_sequence = ?6, \
         owner_switches = ?7, children = ?8 WHERE consumer = ?1 AND partition = ?2",
    )?
    .execute(params![
        consumer.as_str(),
        lease.partition.as_str(),
        lease.owner.as_ref().map(WorkerId::as_str),
        signed(lease.counter),
        lease.progress.checkpoint.as_str(),
        signed(lease.progress.sub_sequence),
        signed(lease.owner_switches),
        names(&lease.progress.children)?,
    ])?;
    Ok(())
}

fn read(consumer: &ConsumerId, row: &Row<'_>) -> Result<Lease, Fault> {
    let partition: String = row.get(0)?;
    let what = format!("the lease of {consumer} for partition {partition}");
    let damaged = |reason: &str| {
        Fault::from(Error::Corrupt { what: what.clone(), reason: reason.to_owned() })
    };
    let names = |column| {
        parse_names(row.get_ref(column)?.as_str().unwrap_or_default())
            .ok_or_else(|| damaged("a list of partitions cannot be read"))
    };
    let owner: Option<String> = row.get(1)?;
    let owner = owner.map(|owner| WorkerId::new(&owner)).transpose();
    let checkpoint: String = row.get(3)?;
    let hash_keys: [Option<String>; 2] = [row.get(8)?, row.get(9)?];
    Ok(Lease {
        partition: PartitionId::new(&partition)
            .map_err(|_| damaged("its partition is not valid"))?,
        owner: owner.map_err(|_| damaged("its owner is not valid"))?,
        counter: unsigned(&what, row.get(2)?)?,
        progress: LeaseProgress {
            checkpoint: Checkpoint::from_stored(checkpoint),
            sub_sequence: unsigned(&what, row.get(4)?)?,
            children: names(7)?,
        },
        owner_switches: unsigned(&what, row.get(5)?)?,
        parents: names(6)?,
        hash_range: parse_hash_range(&hash_keys)
            .ok_or_else(|| damaged("its hash keys are no numbers"))?,
    })
}

/// Names as a JSON array.
fn names(partitions: &BTreeSet<PartitionId>) -> Result<String, Fault> {
    let names: Vec<&str> = partitions.iter().map(PartitionId::as_str).collect();
    serde_json::to_string(&names).map_err(|error| {
        Error::Encode { what: "names of partitions".to_owned(), source: error.into() }.into()
    })
}

fn parse_names(json: &str) -> Option<BTreeSet<PartitionId>> {
    let names: Vec<String> = serde_json::from_str(json).ok()?;
    names.iter().map(|name| PartitionId::new(name).ok()).collect()
}

fn hash_keys(range: Option<HashRange>) -> [Option<String>; 2] {
    [range.map(|range| range.start.to_string()), range.map(|range| range.end.to_string())]
}

/// `None` when a key is no number.
fn parse_hash_range(keys: &[Option<String>; 2]) -> Option<Option<HashRange>> {
    let [Some(start), Some(end)] = keys else { return Some(None) };
    Some(Some(HashRange { start: start.parse().ok()?, end: end.parse().ok()? }))
}
