//! Reading a stream page by page, so that what is missing is noticed.
//!
//! Rows join each other: each begins where the one before ended, and the last is the head in
//! `streams`. A row that is missing, at the end too, breaks the chain and is an error.

use es_core::{Commit, Direction, Error, Head, ReadStream, Result, StreamId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::commit_rows::{CommitRows, PAGE_BYTES, RowPlace, commit_columns};
use crate::errors::{self, Fault};
use crate::log::StreamRow;

/// The most commits of the first page, and of any.
const FIRST_ROWS: usize = 64;
const MOST_ROWS: usize = 512;

/// How far a read has come.
pub(crate) enum Progress {
    At(Cursor),
    /// There is damage behind the commits that were delivered.
    Failed(Error),
    Ended,
}

/// Rows that were read, before their bytes are looked into.
pub(crate) struct Page {
    rows: CommitRows,
    /// How many of the rows join each other.
    good: usize,
    then: Progress,
}

/// Where the next page begins. No statement stays open between pages, so a slow reader does not
/// keep the write-ahead log from being moved into the file.
#[derive(Clone)]
pub(crate) struct Cursor {
    stream: StreamId,
    direction: Direction,
    page_size: usize,
    /// The most commits of the next page. Pages begin small, so that the caller soon has something to do while
    /// the next one is read.
    rows: usize,
    place: Place,
    /// How many bytes the next page will have, judged by the one before.
    expected_bytes: usize,
}

#[derive(Clone, Copy)]
enum Place {
    /// At the commit that contains this version.
    Containing(u64),
    /// At the stream's begin, or backwards at its end.
    Outermost,
    /// Right at this version: forwards a commit begins there, backwards one ends there.
    Exactly(u64),
}

/// What the rows of a page must be like: each joins the one before.
pub(crate) struct Chain<'a> {
    stream: &'a StreamId,
    head: Head,
    direction: Direction,
    /// The version that the next row must have at its near end; `None` if the row before does not
    /// tell, as there is none.
    next: Option<u64>,
    /// The version that the first row must contain, where the near end is not known.
    inside: Option<u64>,
}

impl Cursor {
    pub(crate) fn new(query: ReadStream) -> Self {
        let place = match query.from {
            Some(version) => Place::Containing(version.get()),
            None => Place::Outermost,
        };
        Self {
            stream: query.stream,
            direction: query.direction,
            page_size: query.page_size.max(1),
            rows: FIRST_ROWS,
            place,
            expected_bytes: 0,
        }
    }

    pub(crate) fn page(self, db: &Connection) -> Result<Page, Fault> {
        let Some(row) = StreamRow::find(db, &self.stream)? else {
            let then = match self.place {
                Place::Exactly(version) => Progress::Failed(missing(&self.stream, version)),
                _ => Progress::Ended,
            };
            return Ok(Page::empty(then));
        };
        match self.direction {
            Direction::Forwards => self.forwards(db, &row),
            Direction::Backwards => self.backwards(db, &row),
        }
    }

    fn forwards(self, db: &Connection, row: &StreamRow) -> Result<Page, Fault> {
        let end = row.head.version().get();
        let (next, inside, start) = match self.place {
            Place::Containing(version) if version > end => {
                check_end(db, &self.stream, row)?;
                return Ok(Page::empty(Progress::Ended));
            }
            Place::Containing(version) if version > 1 => {
                match start_of_commit_at(db, row.id, version)? {
                    Some(start) => (None, Some(version), start),
                    None => {
                        return Ok(Page::empty(Progress::Failed(missing(&self.stream, version))));
                    }
                }
            }
            Place::Containing(_) | Place::Outermost => (Some(1), None, 1),
            Place::Exactly(version) => (Some(version), None, version),
        };
        let chain = self.chain(row, next, inside);
        let select = concat!(
            "SELECT ",
            commit_columns!(),
            " FROM commits WHERE stream = ?1 AND first_version >= ?2 \
             ORDER BY first_version LIMIT ?3 + 0"
        );
        self.select(db, select, row, start, chain)
    }

    fn backwards(self, db: &Connection, row: &StreamRow) -> Result<Page, Fault> {
        let end = row.head.version().get();
        let (next, inside, start) = match self.place {
            Place::Containing(0) => return Ok(Page::empty(Progress::Ended)),
            Place::Containing(version) if version < end => (None, Some(version), version),
            Place::Containing(_) | Place::Outermost => {
                check_end(db, &self.stream, row)?;
                (Some(end), None, end)
            }
            Place::Exactly(version) => (Some(version), None, version),
        };
        let chain = self.chain(row, next, inside);
        let select = concat!(
            "SELECT ",
            commit_columns!(),
            " FROM commits WHERE stream = ?1 AND first_version <= ?2 \
             ORDER BY first_version DESC LIMIT ?3 + 0"
        );
        self.select(db, select, row, start, chain)
    }

    pub(crate) fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The most commits of the next page.
    pub(crate) fn page_rows(&self) -> usize {
        self.page_size.min(self.rows)
    }

    /// The version that the first commit of a small page contains; only forwards.
    pub(crate) fn small_start(&self) -> Option<u64> {
        match (self.direction, self.place) {
            (Direction::Forwards, Place::Outermost) => Some(1),
            (Direction::Forwards, Place::Containing(version)) => Some(version.max(1)),
            _ => None,
        }
    }

    /// What the rows of a small page must be like.
    pub(crate) fn small_chain(&self, head: Head) -> Chain<'_> {
        let (next, inside) = match self.small_start() {
            Some(version) if version > 1 => (None, Some(version)),
            _ => (Some(1), None),
        };
        Chain { stream: &self.stream, head, direction: self.direction, next, inside }
    }

    /// A page of those rows. Behind it is, unless it is the last, what is read from where it ends.
    pub(crate) fn page_of(
        &self,
        rows: CommitRows,
        good: usize,
        chain: &Chain<'_>,
        is_last: bool,
    ) -> Page {
        let then = match chain.next.filter(|_| !is_last) {
            Some(version) => Progress::At(self.behind(version, &rows)),
            None => match chain.behind(rows.last_head(), false) {
                Ok(_) => Progress::Ended,
                Err(error) => Progress::Failed(error),
            },
        };
        Page { rows, good, then }
    }

    fn chain(&self, row: &StreamRow, next: Option<u64>, inside: Option<u64>) -> Chain<'_> {
        Chain { stream: &self.stream, head: row.head, direction: self.direction, next, inside }
    }

    fn select(
        &self,
        db: &Connection,
        sql: &str,
        head: &StreamRow,
        start: u64,
        mut chain: Chain<'_>,
    ) -> Result<Page, Fault> {
        let mut select = db.prepare_cached(sql)?;
        let mut rows = select.query(params![head.id, errors::signed(start), self.limit()])?;
        let mut page = CommitRows::with_room(self.expected_rows(), self.expected_bytes);
        let (mut taken, mut damage) = (0, None);
        while let Some(row) = rows.next()? {
            // The bytes of the row are looked at first: the better error is about them.
            if let Err(error) = page.push(&self.stream, row).and_then(|place| chain.join(place)) {
                damage = Some(error);
                break;
            }
            taken += 1;
            if page.is_full() {
                break;
            }
        }
        drop(rows);
        let whole = taken == self.page_rows() || page.is_full();
        let then = match damage {
            Some(error) => Progress::Failed(error),
            None => match chain.behind(page.last_head(), whole) {
                Ok(Some(version)) => Progress::At(self.behind(version, &page)),
                // The limit has ended the statement together with the stream: there may be rows behind.
                Ok(None) if whole => match check_end(db, &self.stream, head) {
                    Ok(()) => Progress::Ended,
                    Err(Fault::Said(error)) => Progress::Failed(error),
                    Err(error) => return Err(error),
                },
                Ok(None) => Progress::Ended,
                Err(error) => Progress::Failed(error),
            },
        };
        Ok(Page { rows: page, good: taken, then })
    }

    fn limit(&self) -> i64 {
        i64::try_from(self.page_rows()).unwrap_or(i64::MAX)
    }

    /// The place behind a page that ended before this version.
    fn behind(&self, version: u64, page: &CommitRows) -> Self {
        Self {
            stream: self.stream.clone(),
            direction: self.direction,
            page_size: self.page_size,
            rows: (self.rows * 2).min(MOST_ROWS),
            place: Place::Exactly(version),
            // A little more than twice what this page took, so that the next one seldom has to be moved.
            expected_bytes: (page.bytes() * 9 / 4).min(PAGE_BYTES),
        }
    }

    fn expected_rows(&self) -> usize {
        self.page_rows().min(if self.expected_bytes == 0 { 16 } else { MOST_ROWS })
    }
}

impl Page {
    /// Of a stream that does not exist.
    pub(crate) fn none() -> Self {
        Self::empty(Progress::Ended)
    }

    fn empty(then: Progress) -> Self {
        Self { rows: CommitRows::default(), good: 0, then }
    }

    /// The place of the next page, if there is one, to be read before this one is looked into.
    pub(crate) fn take_next(&mut self) -> Option<Cursor> {
        match std::mem::replace(&mut self.then, Progress::Ended) {
            Progress::At(cursor) => Some(cursor),
            then => {
                self.then = then;
                None
            }
        }
    }

    /// The commits up to the first damaged one, and the damage.
    pub(crate) fn into_commits(self) -> (Vec<Commit>, Option<Error>) {
        let (mut commits, broken) = self.rows.into_commits();
        if broken.is_some() {
            return (commits, broken);
        }
        commits.truncate(self.good);
        match self.then {
            Progress::Failed(error) => (commits, Some(error)),
            _ => (commits, None),
        }
    }
}

impl Chain<'_> {
    /// Takes the next row, if it joins the one before and does not pass the head.
    pub(crate) fn join(&mut self, row: RowPlace) -> Result<()> {
        if row.last > self.head.version().get() {
            return Err(behind_the_head(self.stream, row.first));
        }
        let near = match self.direction {
            Direction::Forwards => row.first,
            Direction::Backwards => row.last,
        };
        if let Some(next) = self.next.filter(|next| *next != near) {
            return Err(missing(self.stream, next));
        }
        if let Some(version) = self.inside.take().filter(|version| *version > row.last) {
            return Err(missing(self.stream, version));
        }
        self.next = Some(match self.direction {
            Direction::Forwards => row.last.saturating_add(1),
            Direction::Backwards => row.first - 1,
        });
        Ok(())
    }

    /// Where the next page begins, if this one is not the last. `more` says that there may be more
    /// rows than were taken.
    fn behind(&self, last: Option<Head>, more: bool) -> Result<Option<u64>> {
        let next = self.next.or(self.inside).unwrap_or(1);
        match self.direction {
            Direction::Forwards if next > self.head.version().get() => match last {
                Some(last) if last != self.head => {
                    Err(not_the_head(self.stream, last.commit_start().get()))
                }
                _ => Ok(None),
            },
            Direction::Backwards if next == 0 => Ok(None),
            _ if more => Ok(Some(next)),
            _ => Err(missing(self.stream, next)),
        }
    }
}

/// Compares the head of the stream with its last row. A stream that does not end where its head says
/// is not extended: that would cover up what is missing.
pub(crate) fn check_end(db: &Connection, stream: &StreamId, row: &StreamRow) -> Result<(), Fault> {
    let mut select = db.prepare_cached(
        "SELECT first_version, event_count, commit_id FROM commits \
         WHERE stream = ?1 ORDER BY first_version DESC LIMIT 1",
    )?;
    let mut rows = select.query([row.id])?;
    let Some(last) = rows.next()? else {
        return Err(missing(stream, 1).into());
    };
    let place = RowPlace::read(last, 0)?;
    let end = row.head.version().get();
    if place.last < end {
        return Err(missing(stream, place.last + 1).into());
    }
    if place.last > end {
        return Err(behind_the_head(stream, place.first).into());
    }
    let is_head = place.first == row.head.commit_start().get()
        && last.get_ref(2)? == ValueRef::Blob(row.head.commit_id().as_bytes());
    if is_head { Ok(()) } else { Err(not_the_head(stream, place.first).into()) }
}

fn start_of_commit_at(db: &Connection, stream_id: i64, version: u64) -> Result<Option<u64>, Fault> {
    let start: Option<i64> = db
        .prepare_cached(
            "SELECT first_version FROM commits WHERE stream = ?1 AND first_version <= ?2 \
             ORDER BY first_version DESC LIMIT 1",
        )?
        .query_row(params![stream_id, errors::signed(version)], |row| row.get(0))
        .optional()?;
    Ok(start.and_then(|start| u64::try_from(start).ok()))
}

fn behind_the_head(stream: &StreamId, version: u64) -> Error {
    Error::CorruptCommit {
        stream: stream.clone(),
        version: version.into(),
        reason: "the head of the stream is before it".to_owned(),
    }
}

fn not_the_head(stream: &StreamId, version: u64) -> Error {
    Error::CorruptCommit {
        stream: stream.clone(),
        version: version.into(),
        reason: "it is the last, but the head of the stream is another commit".to_owned(),
    }
}

fn missing(stream: &StreamId, version: u64) -> Error {
    Error::CorruptCommit {
        stream: stream.clone(),
        version: version.into(),
        reason: "it is missing, and the stream goes on behind it".to_owned(),
    }
}
