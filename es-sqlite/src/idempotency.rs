//! Idempotency records: what was done already.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use es_core::{
    Begun, Claim, Error, IdempotencyRecord, IdempotencyStore, IdempotentRequest, OwnerToken,
    PayloadHash, Result, Settled, Timestamp, check_result,
};
use rusqlite::{Connection, Row, params};

use crate::errors::Fault;
use crate::store::SqliteStore;

/// How many useless records a begin removes at most: more than it makes, so that they do not pile up,
/// and few enough that nobody waits for it.
const SWEPT_AT_ONCE: i64 = 16;

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        let token = OwnerToken::generate(&**self.entropy());
        let claim = Claim { request: request.clone(), token };
        let clock = self.clock().clone();
        self.writer()
            .run(move |db| {
                let now = clock.now();
                if let Some(stored) = find(db, &claim.request)?
                    && let Some(answer) = stored.answer(&claim.request, now)
                {
                    return Ok(answer);
                }
                sweep(db, now)?;
                put(db, &claim.request, &IdempotencyRecord::in_progress(&claim, hold, now))?;
                Ok(Begun::Started(claim))
            })
            .await
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        check_result(claim, &result)?;
        let (claim, clock) = (claim.clone(), self.clock().clone());
        self.writer()
            .run(move |db| {
                let Some(record) = owned(db, &claim)? else { return Ok(Settled::Lost) };
                if record.result.is_none() {
                    let completed = IdempotencyRecord::completed(&claim, result, keep, clock.now());
                    put(db, &claim.request, &completed)?;
                }
                Ok(Settled::Done)
            })
            .await
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        let claim = claim.clone();
        self.writer()
            .run(move |db| {
                let removed = db
                    .prepare_cached(
                        "DELETE FROM idempotency_records WHERE scope = ?1 AND key = ?2 \
                         AND owner_token = ?3 AND result IS NULL",
                    )?
                    .execute(params![
                        claim.request.scope(),
                        claim.request.key(),
                        claim.token.as_bytes().as_slice()
                    ])?;
                Ok(if removed == 0 { Settled::Lost } else { Settled::Done })
            })
            .await
    }
}

/// The record, if it belongs to the claim.
fn owned(db: &Connection, claim: &Claim) -> Result<Option<IdempotencyRecord>, Fault> {
    Ok(find(db, &claim.request)?.filter(|record| record.token == claim.token))
}

fn find(db: &Connection, request: &IdempotentRequest) -> Result<Option<IdempotencyRecord>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT payload_hash, owner_token, result, expires_at FROM idempotency_records \
         WHERE scope = ?1 AND key = ?2",
    )?;
    let mut rows = select.query([request.scope(), request.key()])?;
    rows.next()?.map(|row| read(request, row)).transpose()
}

fn read(request: &IdempotentRequest, row: &Row<'_>) -> Result<IdempotencyRecord, Fault> {
    let expires_at = Timestamp::from_microsecond(row.get(3)?).map_err(|error| Error::Corrupt {
        what: format!("an idempotency record of {}", request.scope()),
        reason: error.to_string(),
    })?;
    let result: Option<Vec<u8>> = row.get(2)?;
    Ok(IdempotencyRecord {
        payload: PayloadHash::from_stored(row.get(0)?),
        token: OwnerToken::from_stored(row.get(1)?),
        result: result.map(Bytes::from),
        expires_at,
    })
}

fn put(
    db: &Connection,
    request: &IdempotentRequest,
    record: &IdempotencyRecord,
) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO idempotency_records \
         (scope, key, payload_hash, owner_token, result, expires_at, removable_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (scope, key) DO UPDATE SET payload_hash = excluded.payload_hash, \
         owner_token = excluded.owner_token, result = excluded.result, \
         expires_at = excluded.expires_at, removable_at = excluded.removable_at",
    )?
    .execute(params![
        request.scope(),
        request.key(),
        record.payload.as_bytes().as_slice(),
        record.token.as_bytes().as_slice(),
        record.result.as_deref(),
        record.expires_at.as_microsecond(),
        record.removable_at().as_microsecond(),
    ])?;
    Ok(())
}

/// Removes records that are of no use any more.
fn sweep(db: &Connection, now: Timestamp) -> Result<(), Fault> {
    db.prepare_cached(
        "DELETE FROM idempotency_records WHERE id IN \
         (SELECT id FROM idempotency_records WHERE removable_at <= ?1 LIMIT ?2 + 0)",
    )?
    .execute(params![now.as_microsecond(), SWEPT_AT_ONCE])?;
    Ok(())
}
