//! How SQLite's errors become the framework's.
//!
//! The question that decides is whether the same call can succeed later:
//!
//! | SQLite | becomes |
//! |---|---|
//! | `BUSY`, `LOCKED`, `PROTOCOL` after the busy timeout | [`Error::Unavailable`] |
//! | `FULL` | [`Error::Unavailable`]: space can be freed beside the program, and a projection should wait for it, not park its events |
//! | `IOERR`, `NOMEM`, `CANTOPEN` while running | [`Error::Unavailable`]; after a failed commit it is not known what the disk has |
//! | `CORRUPT`, `NOTADB`, a value of a wrong type | [`Error::Corrupt`] |
//! | `READONLY`, `PERM`, and all the rest | [`Error::Backend`] |

use std::path::Path;

use es_core::Error;
use rusqlite::ErrorCode;

/// What can go wrong while a connection is in hand: SQLite's error, which learns the file's name
/// further out, or one that is said already.
#[derive(Debug)]
pub(crate) enum Fault {
    Sqlite(rusqlite::Error),
    Said(Error),
    /// SQLite's error in the middle of a write that [undoes itself](crate::writer::Writer::run_whole), and
    /// could not: the whole transaction is lost.
    HalfDone(rusqlite::Error),
}

impl Fault {
    pub(crate) fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Sqlite(source) | Self::HalfDone(source) => from_sqlite(path, source),
            Self::Said(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

/// An error met while working with an open database.
pub(crate) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Error {
    let path = path.display();
    let Some(code) = source.sqlite_error_code() else {
        return match source {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => corrupt(path, &source),
            source => Error::Backend {
                what: format!("an operation on the database {path}"),
                source: source.into(),
            },
        };
    };
    let unavailable = |what: &str, source: rusqlite::Error| Error::Unavailable {
        what: format!("{what} the database {path}"),
        source: source.into(),
    };
    let refused =
        |what: String, source: rusqlite::Error| Error::Backend { what, source: source.into() };
    match code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => unavailable("the lock on", source),
        ErrorCode::DiskFull => unavailable("disk space for", source),
        ErrorCode::OutOfMemory => unavailable("memory for", source),
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::OperationInterrupted => {
            unavailable("the file of", source)
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => corrupt(path, &source),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            refused(format!("writing to the database {path}, which is read-only,"), source)
        }
        _ => refused(format!("an operation on the database {path}"), source),
    }
}

fn corrupt(path: std::path::Display<'_>, source: &rusqlite::Error) -> Error {
    Error::Corrupt { what: format!("the database {path}"), reason: source.to_string() }
}

/// An error met while opening a database. What keeps a file from being opened stays until somebody
/// changes it, so only a lock and the machine's shortages count as passing.
pub(crate) fn on_open(path: &Path, source: rusqlite::Error) -> Error {
    match source.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            let obstacle = obstacle(path).unwrap_or_else(|| {
                "which this process may not read and write together with its directory".to_owned()
            });
            cannot_open(path, &obstacle, source)
        }
        Some(ErrorCode::NotADatabase) => Error::Corrupt {
            what: format!("the database {}", path.display()),
            reason: "the file is not an SQLite database, or its header is damaged".to_owned(),
        },
        _ => from_sqlite(path, source),
    }
}

pub(crate) fn cannot_open(
    path: &Path,
    obstacle: &str,
    source: impl Into<es_core::BoxError>,
) -> Error {
    Error::Backend {
        what: format!("opening the database {}, {obstacle},", path.display()),
        source: source.into(),
    }
}

/// Why no database can be at this path, as far as the file system tells.
pub(crate) fn obstacle(path: &Path) -> Option<String> {
    if path.is_dir() {
        return Some("which is a directory".to_owned());
    }
    let directory = path.parent()?;
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => Some(format!("whose parent {} is not a directory", directory.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Some(format!("whose directory {} does not exist", directory.display()))
        }
        Err(error) => {
            Some(format!("whose directory {} cannot be read ({error})", directory.display()))
        }
    }
}

/// The store was used after it was closed.
pub(crate) fn closed(path: &Path) -> Error {
    Error::Misuse(format!("the database {} was used after it was closed", path.display()))
}

/// The writing thread is gone though nobody closed the store, or it left without an answer.
pub(crate) fn writer_gone(path: &Path) -> Error {
    Error::Unavailable {
        what: format!("the writer of the database {}", path.display()),
        source: "its thread has ended".into(),
    }
}

/// A number that SQLite keeps, which is signed, as one that is not.
pub(crate) fn unsigned(what: &str, n: i64) -> Result<u64, Error> {
    u64::try_from(n)
        .map_err(|_| Error::Corrupt { what: what.to_owned(), reason: format!("{n} is negative") })
}

/// A number as SQLite keeps it. Everything counted here stays far below 2⁶³; what is not was made
/// up, and compares as the largest.
pub(crate) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
