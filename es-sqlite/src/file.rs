//! The file: opening connections to it, for the writer and for readers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use es_core::{Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::errors::{self, Fault};
use crate::options::{SqliteOptions, Synchronous};
use crate::schema;

/// Statements kept prepared per connection; more than there are in this crate, with room for those
/// of some dozen views.
const STATEMENT_CACHE: usize = 128;

/// Where the database is, and how to connect to it.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseFile {
    path: Arc<Path>,
    synchronous: Synchronous,
    busy_timeout: Duration,
    max_file_size: Option<u64>,
}

impl DatabaseFile {
    pub(crate) fn new(options: &SqliteOptions) -> Result<Self> {
        // An absolute path still leads to the file when the process changes its directory, and is
        // never taken for one of SQLite's `file:` URIs.
        let path = std::path::absolute(&options.path).map_err(|source| {
            errors::cannot_open(&options.path, "which has no absolute path", source)
        })?;
        Ok(Self {
            path: path.into(),
            synchronous: options.synchronous,
            busy_timeout: options.busy_timeout,
            max_file_size: options.max_file_size,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        self.busy_timeout
    }

    /// The connection that writes. Creates or migrates the file when needed.
    pub(crate) fn open_writer(&self) -> Result<Connection> {
        if let Some(obstacle) = errors::obstacle(&self.path) {
            return Err(errors::cannot_open(&self.path, &obstacle, "it cannot hold a database"));
        }
        self.connect_writer().map_err(|fault| match fault {
            Fault::Sqlite(source) | Fault::HalfDone(source) => errors::on_open(&self.path, source),
            Fault::Said(error) => error,
        })
    }

    fn connect_writer(&self) -> Result<Connection, Fault> {
        let mut db = self.connect(OpenFlags::SQLITE_OPEN_CREATE)?;
        // SQLite opens a file that may not be written for reading, without a word.
        if db.is_readonly("main")? {
            let obstacle = "which this process may not write";
            return Err(errors::cannot_open(&self.path, obstacle, "the file is read-only").into());
        }
        schema::check(&db, &self.path)?;
        self.write_ahead(&db)?;
        db.pragma_update(None, "synchronous", self.synchronous.as_sql())?;
        // 16 MiB: the upper pages of the indexes of some million commits.
        db.pragma_update(None, "cache_size", -16 * 1024)?;
        // After a checkpoint a write-ahead log that once grew large is cut to this.
        db.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        if let Some(bytes) = self.max_file_size {
            let page: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = (errors::signed(bytes) / page.max(1)).max(1);
            db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        schema::migrate(&mut db, &self.path)?;
        // People may have made SQL views on the tables of views. SQLite looks at all of them when a
        // table is renamed, and finds that the table which is to be replaced is gone: no view could
        // take its place any more.
        db.pragma_update(None, "legacy_alter_table", true)?;
        Ok(db)
    }

    /// A connection that reads beside the writer.
    pub(crate) fn open_reader(&self) -> Result<Connection, Fault> {
        // It is opened for writing, as readers of a write-ahead log take part in its index.
        let db = self.connect(OpenFlags::empty())?;
        db.pragma_update(None, "query_only", true)?;
        Ok(db)
    }

    fn connect(&self, extra: OpenFlags) -> Result<Connection, Fault> {
        // A connection is in one thread at a time, so SQLite need not lock it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
        let db = Connection::open_with_flags(&self.path, flags)?;
        db.busy_timeout(self.busy_timeout)?;
        db.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        Ok(db)
    }

    /// Turns the write-ahead log on. SQLite does not wait for the locks of this switch by itself,
    /// and two processes may be opening a new file.
    fn write_ahead(&self, db: &Connection) -> Result<(), Fault> {
        let started = Instant::now();
        let mode = loop {
            let switched: rusqlite::Result<String> =
                db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
            match switched {
                Err(error)
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && started.elapsed() < self.busy_timeout =>
                {
                    std::thread::sleep(Duration::from_millis(2));
                }
                switched => break switched?,
            }
        };
        if mode == "wal" {
            return Ok(());
        }
        Err(Error::Backend {
            what: format!("switching the database {} to a write-ahead log", self.path.display()),
            source: format!("its journal mode stays {mode}").into(),
        }
        .into())
    }
}
