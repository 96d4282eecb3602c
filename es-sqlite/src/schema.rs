//! The tables of the file, and how an older file becomes a newer one.
//!
//! The tables are described on the front page of the crate (`schema.md`) and in `schema/*.sql`. The
//! file carries [`APPLICATION_ID`] and in `user_version` the number of the last migration.

use std::path::Path;

use es_core::Error;
use rusqlite::{Connection, TransactionBehavior};

use crate::errors::Fault;
use crate::readers::in_snapshot;

/// Marks the file as one of this crate: "ESDB".
pub(crate) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"ESDB");

/// Each brings a file from its index to the next version. An entry is never changed once it was
/// released; what changes is appended.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
    include_str!("schema/v4.sql"),
    include_str!("schema/v5.sql"),
];

const NEWEST: i64 = MIGRATIONS.len() as i64;

/// What a file says about itself.
enum Identity {
    /// An empty file, or one that was never more than created.
    New,
    /// Ours, of this version.
    Ours(i64),
}

/// Refuses a file that is not ours or too new, before anything in it is touched.
pub(crate) fn check(db: &Connection, path: &Path) -> Result<(), Fault> {
    in_snapshot(db, |db| identify(db, path)).map(drop)
}

/// Brings the file to the newest version, in one transaction.
pub(crate) fn migrate(db: &mut Connection, path: &Path) -> Result<(), Fault> {
    if matches!(in_snapshot(db, |db| identify(db, path))?, Identity::Ours(NEWEST)) {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Looked at again under the lock: another process may have been faster.
    let version = match identify(&transaction, path)? {
        Identity::New => 0,
        Identity::Ours(version) => version,
    };
    let done = usize::try_from(version).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()?;
    if version < NEWEST {
        tracing::debug!(path = %path.display(), from = version, to = NEWEST, "sqlite.migrated");
    }
    Ok(())
}

/// Reads several things that belong together: call it in a transaction.
fn identify(db: &Connection, path: &Path) -> Result<Identity, Fault> {
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let objects: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let path = path.display();
    match application {
        APPLICATION_ID if version > NEWEST => Err(Error::UnsupportedFormat {
            what: format!("the database {path}"),
            found: version.to_string(),
            supported: NEWEST.to_string(),
        }
        .into()),
        APPLICATION_ID if version >= 1 && objects > 0 => Ok(Identity::Ours(version)),
        APPLICATION_ID => Err(Error::Corrupt {
            what: format!("the database {path}"),
            reason: format!("it says format {version} and has {objects} tables and indexes"),
        }
        .into()),
        0 if version == 0 && objects == 0 => Ok(Identity::New),
        _ => Err(Error::Misuse(format!(
            "{path} is the database of another application (application_id {application:#010x}, \
             user_version {version}): choose another path"
        ))
        .into()),
    }
}
