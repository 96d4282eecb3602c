//! Snapshots: the newest of each stream.

use async_trait::async_trait;
use bytes::Bytes;
use es_core::{
    Codec, Compression, Encoding, Error, Head, Result, SnapshotStore, StoredSnapshot, StreamId,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, params};

use crate::errors::{self, Fault};
use crate::log::read_head;
use crate::store::SqliteStore;

/// The most bytes of a state. SQLite itself takes a thousand million.
const MAX_STATE_LEN: usize = 256 * 1024 * 1024;

#[async_trait]
impl SnapshotStore for SqliteStore {
    async fn load(&self, stream: &StreamId) -> Result<Option<StoredSnapshot>> {
        let (small, large) = (stream.clone(), stream.clone());
        let small = move |db: &Connection| load(db, &small).map(Some);
        self.readers().run_small(small, move |db| load(db, &large)).await
    }

    async fn save(&self, snapshot: StoredSnapshot) -> Result<()> {
        if snapshot.state.len() > MAX_STATE_LEN {
            return Err(Error::LimitExceeded {
                what: "the size in bytes of a snapshot",
                stream: snapshot.stream,
                actual: snapshot.state.len() as u64,
                limit: MAX_STATE_LEN as u64,
            });
        }
        self.writer().run(move |transaction| save(transaction, &snapshot)).await
    }

    async fn delete(&self, stream: &StreamId) -> Result<()> {
        let stream = stream.clone();
        self.writer()
            .run(move |transaction| {
                transaction
                    .prepare_cached(
                        "DELETE FROM snapshots WHERE category = ?1 AND aggregate_id = ?2",
                    )?
                    .execute(params![stream.category(), stream.id()])?;
                Ok(())
            })
            .await
    }
}

fn load(db: &Connection, stream: &StreamId) -> Result<Option<StoredSnapshot>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT head_commit_id, head_first_version, head_last_version, schema_version, codec, \
         state, checksum FROM snapshots WHERE category = ?1 AND aggregate_id = ?2",
    )?;
    let mut rows = select.query(params![stream.category(), stream.id()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let damaged = |reason: &str| Error::Corrupt {
        what: format!("the snapshot of {stream}"),
        reason: reason.to_owned(),
    };
    let (snapshot, stored) = read(stream, row)?.map_err(damaged)?;
    if checksum(&snapshot) != stored {
        return Err(damaged("its checksum does not match").into());
    }
    Ok(Some(snapshot))
}

type Read = (StoredSnapshot, u32);

fn read(stream: &StreamId, row: &Row<'_>) -> Result<Result<Read, &'static str>, Fault> {
    let Some(head) = read_head(row, 0)? else {
        return Ok(Err("its head cannot be read"));
    };
    let (version, stored): (i64, i64) = (row.get(3)?, row.get(6)?);
    let (Ok(schema_version), Ok(stored)) = (u32::try_from(version), u32::try_from(stored)) else {
        return Ok(Err("a number is out of range"));
    };
    let Some(codec) = read_codec(row.get_ref(4)?) else {
        return Ok(Err("its codec is unknown"));
    };
    let state = match row.get_ref(5)? {
        ValueRef::Text(state) | ValueRef::Blob(state) => Bytes::copy_from_slice(state),
        _ => return Ok(Err("its state has a wrong type")),
    };
    let stream = stream.clone();
    Ok(Ok((StoredSnapshot { stream, head, schema_version, codec, state }, stored)))
}

fn read_codec(stored: ValueRef<'_>) -> Option<Codec> {
    let encoding: Encoding = stored.as_str().ok()?.parse().ok()?;
    (encoding.compression == Compression::None).then_some(encoding.codec)
}

/// Codecs and encodings share their names.
fn codec_name(codec: Codec) -> &'static str {
    Encoding { codec, compression: Compression::None }.as_str()
}

fn save(db: &Connection, snapshot: &StoredSnapshot) -> Result<(), Fault> {
    let StoredSnapshot { stream, head, schema_version, codec, state } = snapshot;
    // JSON is kept as text for people; bytes that only claim to be JSON are kept all the same.
    let value = ToSqlOutput::Borrowed(match codec {
        Codec::Json if std::str::from_utf8(state).is_ok() => ValueRef::Text(state),
        _ => ValueRef::Blob(state),
    });
    db.prepare_cached(
        "INSERT INTO snapshots (category, aggregate_id, head_commit_id, head_first_version, \
         head_last_version, schema_version, codec, state, checksum) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (category, aggregate_id) DO UPDATE SET \
         head_commit_id = excluded.head_commit_id, \
         head_first_version = excluded.head_first_version, \
         head_last_version = excluded.head_last_version, \
         schema_version = excluded.schema_version, codec = excluded.codec, \
         state = excluded.state, checksum = excluded.checksum \
         WHERE excluded.schema_version <> schema_version \
         OR excluded.head_last_version > head_last_version",
    )?
    .execute(params![
        stream.category(),
        stream.id(),
        head.commit_id().as_bytes().as_slice(),
        errors::signed(head.commit_start().get()),
        errors::signed(head.version().get()),
        schema_version,
        codec_name(*codec),
        value,
        checksum(snapshot),
    ])?;
    Ok(())
}

/// The CRC-32 of everything in the snapshot. Only the last two parts vary in length, and the name of
/// the codec ends with a zero.
fn checksum(snapshot: &StoredSnapshot) -> u32 {
    let StoredSnapshot { stream, head, schema_version, codec, state } = snapshot;
    let mut crc = crc32fast::Hasher::new();
    update_head(&mut crc, head);
    crc.update(&schema_version.to_le_bytes());
    for part in [stream.as_str(), codec_name(*codec)] {
        crc.update(part.as_bytes());
        crc.update(&[0]);
    }
    crc.update(state);
    crc.finalize()
}

fn update_head(crc: &mut crc32fast::Hasher, head: &Head) {
    crc.update(head.commit_id().as_bytes());
    crc.update(&head.commit_start().get().to_le_bytes());
    crc.update(&head.version().get().to_le_bytes());
}
