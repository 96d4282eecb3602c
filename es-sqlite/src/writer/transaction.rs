//! The transaction that the writes of a group are part of.

use std::cell::RefCell;

use es_core::{QueueName, StreamId};
use rusqlite::{CachedStatement, Connection, Statement};

use crate::appending::AppendStatements;
use crate::known_heads::KnownHeads;
use crate::log::StreamRow;

/// The transaction that a write is part of.
pub(crate) struct WriteTransaction<'a> {
    db: &'a Connection,
    heads: &'a RefCell<KnownHeads>,
    append: AppendStatements<'a>,
    news: RefCell<News>,
}

/// What others are told when a write is committed.
#[derive(Default)]
pub(super) struct News {
    pub(super) last_position: Option<i64>,
    pub(super) queues: Vec<QueueName>,
}

impl News {
    pub(super) fn extend(&mut self, later: Self) {
        self.last_position = later.last_position.or(self.last_position);
        self.queues.extend(later.queues);
    }
}

impl<'a> WriteTransaction<'a> {
    pub(super) fn new(db: &'a Connection, heads: &'a RefCell<KnownHeads>) -> Self {
        Self { db, heads, append: AppendStatements::new(db), news: RefCell::default() }
    }

    /// What the write that has just run has to tell.
    pub(super) fn take_news(&self) -> News {
        self.news.take()
    }

    pub(crate) fn append_statements(&self) -> &AppendStatements<'a> {
        &self.append
    }

    /// The end of a stream, if it is known without looking.
    pub(crate) fn known_head(&self, stream: &StreamId) -> Option<StreamRow> {
        self.heads.borrow().get(stream)
    }

    /// Keeps the end of a stream for the next append to it.
    pub(crate) fn learn_head(&self, stream: &StreamId, row: StreamRow) {
        self.heads.borrow_mut().insert(stream, row);
    }

    /// Says that the log has a new commit, so that those who follow it are woken.
    pub(crate) fn appended(&self, position: i64) {
        self.news.borrow_mut().last_position = Some(position);
    }

    /// Says that a message may have become visible in the queue, or will earlier than it seemed, so
    /// that those who wait for one are woken.
    pub(crate) fn queue_changed(&self, queue: &QueueName) {
        self.news.borrow_mut().queues.push(queue.clone());
    }
}

impl std::ops::Deref for WriteTransaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.db
    }
}

/// A statement that is looked up once for all writes of a transaction.
pub(crate) struct Prepared<'a> {
    db: &'a Connection,
    sql: &'static str,
    statement: RefCell<Option<CachedStatement<'a>>>,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(db: &'a Connection, sql: &'static str) -> Self {
        Self { db, sql, statement: RefCell::default() }
    }

    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut statement = self.statement.borrow_mut();
        match &mut *statement {
            Some(statement) => work(statement),
            none => work(none.insert(self.db.prepare_cached(self.sql)?)),
        }
    }
}
