//! The first page of a read, small and in one statement.
//!
//! It has a bounded number of commits and bytes, so that it can be read on the thread of a task. What is large or
//! not plainly in order is left to the [page](crate::stream_pages) that is read in a thread of its own, and that
//! says what is wrong.

use rusqlite::{Connection, params};

use crate::commit_rows::{COMMIT_COLUMNS, CommitRows, commit_columns};
use crate::errors::{self, Fault};
use crate::log::{StreamRow, read_head};
use crate::readers::{SMALL, is_too_large};
use crate::stream_pages::{Cursor, Page};

/// The commits of a stream with its head beside each, from the one on that contains a version.
macro_rules! select {
    ($start:literal) => {
        concat!(
            "SELECT ",
            commit_columns!(),
            ", \
             head_commit_id, head_first_version, head_last_version \
             FROM streams CROSS JOIN commits ON commits.stream = streams.id \
             WHERE category = ?1 AND aggregate_id = ?2 AND first_version >= ",
            $start,
            " ORDER BY first_version LIMIT ?4 + 0"
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
        let (version, commits) = (errors::signed(version), limit as i64 + 1);
        let mut rows = select.query(params![stream.category(), stream.id(), version, commits])?;
        let Some(mut row) = rows.next()? else {
            drop(rows);
            // A stream that is not there now was not there before.
            let exists = StreamRow::find(db, stream)?.is_some();
            return Ok((!exists).then(Page::none));
        };
        let Some(head) = read_head(row, COMMIT_COLUMNS)? else {
            return Ok(None);
        };
        let mut chain = self.small_chain(head);
        let mut page = CommitRows::with_room(limit.min(16), 0);
        let mut good = 0;
        let mut is_last = false;
        while good < limit && page.bytes() < SMALL {
            let taken = page.push(stream, row);
            if !taken.is_ok_and(|place| chain.join(place).is_ok()) {
                break;
            }
            good += 1;
            match rows.next() {
                Ok(Some(next)) => row = next,
                Ok(None) => {
                    is_last = true;
                    break;
                }
                // It begins the next page.
                Err(error) if is_too_large(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        drop(rows);
        Ok((good > 0).then(|| self.page_of(page, good, &chain, is_last)))
    }
}
