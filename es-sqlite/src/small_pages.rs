//! The first page of a read, small and in one statement.
//!
//! It has a bounded number of commits and bytes, so that it can be read on the thread of a task. Whatever is
//! not plainly in order is left to the [page](crate::stream_pages) that is read in a thread of its own, and that
//! says what is wrong.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use crate::commit_rows::{COMMIT_COLUMNS, CommitRows};
use crate::errors::{self, Fault};
use crate::log::{StreamRow, read_head};
use crate::stream_pages::{Cursor, Page};

/// The columns of which one is left out of every commit that is too large.
const MANIFEST_AND_PAYLOADS: [usize; 2] = [5, 6];

/// The most bytes of each part of a commit that is taken; and a page has room for one more while it has fewer.
const BYTES: usize = 32 * 1024;

/// Whether the payloads of a commit are not too large, and the metadata that lie behind them. What lies behind a large
/// part cannot be had without reading through it, while the lengths are in front.
macro_rules! is_small {
    () => {
        "octet_length(payloads) <= ?4 AND (metadata IS NULL OR octet_length(metadata) <= ?4)"
    };
}

/// The commits of a stream with its head beside each, from the one on that contains a version. Of one with a larger
/// part that is left out, and the payloads, which no commit lacks, are left out with the metadata.
///
/// Each length is asked for as seldom as that allows: to ask takes as long as to read a column.
macro_rules! select {
    ($start:literal) => {
        concat!(
            "SELECT first_version, event_count, commit_id, recorded_at, encoding, \
             CASE WHEN octet_length(manifest) <= ?4 THEN manifest END, \
             CASE WHEN ",
            is_small!(),
            " THEN payloads END, \
             CASE WHEN metadata IS NOT NULL AND ",
            is_small!(),
            " THEN metadata END, \
             CASE WHEN ",
            is_small!(),
            " THEN checksum END, \
             head_commit_id, head_first_version, head_last_version \
             FROM streams CROSS JOIN commits ON commits.stream = streams.id \
             WHERE category = ?1 AND aggregate_id = ?2 AND first_version >= ",
            $start,
            " ORDER BY first_version LIMIT ?5 + 0"
        )
    };
}

const FROM_THE_BEGIN: &str = select!("?3");

const FROM_A_VERSION: &str = select!(
    "coalesce((SELECT max(first_version) FROM commits AS c \
     WHERE c.stream = streams.id AND c.first_version <= ?3), ?3)"
);

impl Cursor {
    /// The first page of a read forwards, if a page this small has any.
    pub(crate) fn small_page(&self, db: &Connection) -> Result<Option<Page>, Fault> {
        let Some(version) = self.small_start() else {
            return Ok(None);
        };
        let sql = if version > 1 { FROM_A_VERSION } else { FROM_THE_BEGIN };
        let mut select = db.prepare_cached(sql)?;
        let stream = self.stream();
        let limit = self.page_rows();
        // One more says whether there is more.
        let (version, bytes, commits) = (errors::signed(version), BYTES as i64, limit as i64 + 1);
        let mut rows =
            select.query(params![stream.category(), stream.id(), version, bytes, commits])?;
        let Some(mut row) = rows.next()? else {
            drop(rows);
            // A stream that is not there now was not there before.
            let exists = StreamRow::find(db, stream)?.is_some();
            return Ok((!exists).then(Page::none));
        };
        let Some(head) = read_head(row, COMMIT_COLUMNS)? else {
            return Ok(None);
        };
        for column in MANIFEST_AND_PAYLOADS {
            if row.get_ref(column)? == ValueRef::Null {
                return Ok(None);
            }
        }
        let mut chain = self.small_chain(head);
        let mut page = CommitRows::with_room(limit.min(16), 0);
        let mut good = 0;
        let mut is_last = false;
        while good < limit && page.bytes() < BYTES {
            let taken = page.push(stream, row);
            if !taken.is_ok_and(|place| chain.join(place).is_ok()) {
                break;
            }
            good += 1;
            match rows.next()? {
                Some(next) => row = next,
                None => {
                    is_last = true;
                    break;
                }
            }
        }
        drop(rows);
        Ok((good > 0).then(|| self.page_of(page, good, &chain, is_last)))
    }
}
