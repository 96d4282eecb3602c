//! From rows of `commits` to commits.
//!
//! Replay spends its time here. The texts of a page are gathered in one buffer, which is checked
//! for UTF-8 once, and the commits hold slices of it: nothing is allocated per commit or per event.
//! A commit that is kept keeps its page's buffer alive, about 1 MiB.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use es_core::{
    Commit, CommitId, EncodedEvents, EncodedMetadata, Encoding, Error, Head, NewCommit, StreamId,
    Timestamp, Version,
};
use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::errors::Fault;

/// The columns that [`CommitRows::push`] reads, from the first on.
macro_rules! commit_columns {
    () => {
        "first_version, event_count, commit_id, recorded_at, encoding, manifest, payloads, \
         metadata, checksum"
    };
}
pub(crate) use commit_columns;

/// How many they are.
pub(crate) const COMMIT_COLUMNS: usize = 9;

/// A page has room for one commit more while its bytes are below this.
pub(crate) const PAGE_BYTES: usize = 1024 * 1024;

/// What is stored for the payloads: readable text where it is JSON.
pub(crate) fn payloads_value(events: &EncodedEvents) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match events.payloads_text() {
        Some(text) => ValueRef::Text(text.as_bytes()),
        None => ValueRef::Blob(events.payloads()),
    })
}

/// The rows of one page, gathered.
#[derive(Default)]
pub(crate) struct CommitRows {
    text: Vec<u8>,
    binary: Vec<u8>,
    rows: Vec<CommitRow>,
}

struct CommitRow {
    stream: StreamId,
    place: RowPlace,
    id: CommitId,
    recorded_at: Timestamp,
    checksum: u32,
    encoding: Encoding,
    manifest: Range<usize>,
    payloads: Payloads,
    metadata: Range<usize>,
}

enum Payloads {
    Text(Range<usize>),
    Binary(Range<usize>),
}

/// Where a row is in its stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowPlace {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl RowPlace {
    /// The place of a row that has `first_version` and `event_count` at the columns `at` and
    /// `at + 1`. The table takes only whole numbers from 1 there.
    pub(crate) fn read(row: &Row<'_>, at: usize) -> Result<Self, Fault> {
        let number = |column: usize| -> Result<u64, Fault> {
            let n: i64 = row.get(column)?;
            Ok(u64::try_from(n).unwrap_or(0))
        };
        Ok(Self::of(number(at)?, number(at + 1)?))
    }

    fn of(first: u64, count: u64) -> Self {
        Self { first, last: first.saturating_add(count).saturating_sub(1) }
    }
}

impl CommitRows {
    /// With room for so many rows of so many bytes together.
    pub(crate) fn with_room(rows: usize, bytes: usize) -> Self {
        let (rows, text) = (Vec::with_capacity(rows), Vec::with_capacity(bytes));
        Self { text, binary: Vec::new(), rows }
    }

    /// Takes a row of `stream`, and says where it is there. An error says why it cannot be a commit.
    pub(crate) fn push(&mut self, stream: &StreamId, row: &Row<'_>) -> Result<RowPlace, Error> {
        let number = |column: usize| match row.get_ref(column) {
            Ok(ValueRef::Integer(n)) => u64::try_from(n).unwrap_or(0),
            _ => 0,
        };
        let place = RowPlace::of(number(0), number(1));
        let version = Version::new(place.first);
        let (text, binary) = (self.text.len(), self.binary.len());
        match self.read(stream, place, row) {
            Ok(read) => {
                self.rows.push(read);
                Ok(place)
            }
            Err(reason) => {
                self.text.truncate(text);
                self.binary.truncate(binary);
                Err(damaged(stream, version, reason))
            }
        }
    }

    /// The head that its stream would have if the last row were its end.
    pub(crate) fn last_head(&self) -> Option<Head> {
        let row = self.rows.last()?;
        Some(Head::from_stored(row.id, row.place.first.into(), row.place.last.into()))
    }

    /// The bytes of texts and blobs so far.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.binary.len()
    }

    fn read(
        &mut self,
        stream: &StreamId,
        place: RowPlace,
        row: &Row<'_>,
    ) -> Result<CommitRow, String> {
        let value = |column: usize| row.get_ref(column).map_err(|error| error.to_string());
        let number = |column: usize, what: &str| match value(column)? {
            ValueRef::Integer(n) => Ok(n),
            other => Err(wrong_type(what, other)),
        };
        let id = match value(2)? {
            ValueRef::Blob(bytes) => <[u8; 16]>::try_from(bytes)
                .map_err(|_| format!("its id has {} bytes, not 16", bytes.len()))?,
            other => return Err(wrong_type("commit_id", other)),
        };
        let recorded_at = timestamp(number(3, "recorded_at")?)
            .ok_or_else(|| "its recorded_at is out of range".to_owned())?;
        let encoding = match value(4)? {
            ValueRef::Text(b"json") => Encoding::default(),
            ValueRef::Text(name) => String::from_utf8_lossy(name)
                .parse::<Encoding>()
                .map_err(|unknown| unknown.to_string())?,
            other => return Err(wrong_type("encoding", other)),
        };
        let manifest = match value(5)? {
            ValueRef::Text(manifest) => gather(&mut self.text, manifest),
            other => return Err(wrong_type("manifest", other)),
        };
        let payloads = match value(6)? {
            ValueRef::Text(text) if encoding == Encoding::default() => {
                Payloads::Text(gather(&mut self.text, text))
            }
            ValueRef::Blob(bytes) if encoding != Encoding::default() => {
                Payloads::Binary(gather(&mut self.binary, bytes))
            }
            other => return Err(wrong_type("payloads", other)),
        };
        let metadata = match value(7)? {
            ValueRef::Null => 0..0,
            ValueRef::Text(metadata) => gather(&mut self.text, metadata),
            other => return Err(wrong_type("metadata", other)),
        };
        let checksum = u32::try_from(number(8, "checksum")?)
            .map_err(|_| "its checksum is not one".to_owned())?;
        Ok(CommitRow {
            stream: stream.clone(),
            place,
            id: CommitId::from_bytes(id),
            recorded_at,
            checksum,
            encoding,
            manifest,
            payloads,
            metadata,
        })
    }

    /// Whether the page has its about 1 MiB.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes() >= PAGE_BYTES
    }

    /// The commits up to the first damaged one, and the error about that.
    pub(crate) fn into_commits(self) -> (Vec<Commit>, Option<Error>) {
        let buffers = Buffers { text: valid_text(self.text), binary: self.binary.into() };
        let mut commits = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            match buffers.commit(row) {
                Ok(commit) => commits.push(commit),
                Err(error) => return (commits, Some(error)),
            }
        }
        (commits, None)
    }
}

struct Buffers {
    text: ByteString,
    binary: Bytes,
}

impl Buffers {
    fn commit(&self, row: CommitRow) -> Result<Commit, Error> {
        let version = Version::new(row.place.first);
        let not_text = || damaged(&row.stream, version, "it is not UTF-8 text".into());
        let text = |range: &Range<usize>| {
            let part = self.text.get(range.clone()).ok_or_else(not_text)?;
            Ok::<_, Error>(self.text.slice_ref(part))
        };
        let manifest = text(&row.manifest)?;
        let events = match &row.payloads {
            Payloads::Text(range) => EncodedEvents::from_stored_json(manifest, text(range)?),
            Payloads::Binary(range) => {
                let payloads = self.binary.slice(range.clone());
                EncodedEvents::from_stored(row.encoding, manifest, payloads)
            }
        };
        let events = events.map_err(|error| damaged(&row.stream, version, error.to_string()))?;
        let metadata = EncodedMetadata::from_stored(text(&row.metadata)?);
        let commit = NewCommit { id: row.id, recorded_at: row.recorded_at, metadata, events }
            .place(row.stream, version);
        if commit.checksum() != row.checksum {
            return Err(commit.corrupt("its checksum does not match"));
        }
        if commit.last_version().get() != row.place.last {
            return Err(commit.corrupt(format!(
                "its row ends at version {}, its events at {}",
                row.place.last,
                commit.last_version()
            )));
        }
        Ok(commit)
    }
}

/// The time of so many microseconds since 1970. `Timestamp::from_microsecond` refuses those of the last
/// second that there is, though `as_microsecond` gives them.
pub(crate) fn timestamp(microseconds: i64) -> Option<Timestamp> {
    const SECOND: i64 = 1_000_000;
    let nanosecond = i32::try_from(microseconds.rem_euclid(SECOND) * 1_000).ok()?;
    Timestamp::new(microseconds.div_euclid(SECOND), nanosecond).ok()
}

fn damaged(stream: &StreamId, version: Version, reason: String) -> Error {
    Error::CorruptCommit { stream: stream.clone(), version, reason }
}

fn wrong_type(column: &str, found: ValueRef<'_>) -> String {
    format!("its {column} cannot be {}", found.data_type())
}

fn gather(buffer: &mut Vec<u8>, part: &[u8]) -> Range<usize> {
    let start = buffer.len();
    buffer.extend_from_slice(part);
    start..buffer.len()
}

/// The buffer up to the first byte that is not UTF-8: what is cut off is missing for the commit that
/// it belongs to, and that one is reported.
fn valid_text(buffer: Vec<u8>) -> ByteString {
    match String::from_utf8(buffer) {
        Ok(text) => text.into(),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let mut buffer = error.into_bytes();
            buffer.truncate(valid);
            String::from_utf8(buffer).unwrap_or_default().into()
        }
    }
}
