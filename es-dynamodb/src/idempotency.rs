//! Idempotency records: what was done already.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure};
use bytes::Bytes;
use es_core::{
    Begun, Claim, Error, IdempotencyRecord, IdempotencyStore, IdempotentRequest, OwnerToken,
    PayloadHash, Result, Settled, Timestamp, check_result,
};
use sha2::{Digest as _, Sha256};

use crate::item::{Damage, Item, TakeAttribute as _, binary, number, text};
use crate::store::DynamoStore;
use crate::tables::{EXPIRES_AT, PARTITION_KEY, SORT_KEY};

const PAYLOAD_HASH: &str = "payloadHash";
const OWNER_TOKEN: &str = "ownerToken";
/// There once the request is completed.
const RESULT: &str = "taskResult";
/// When the request can be begun again: microseconds since 1970. Time to live, in whole seconds and some
/// time late, only removes what is of no use any more.
const AGAIN_AT: &str = "againAt";

#[async_trait]
impl IdempotencyStore for DynamoStore {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> Result<Begun> {
        let table = &self.tables().state;
        let what = a_request_of(request, "beginning");
        let now = self.options().clock.now();
        let token = OwnerToken::generate(&*self.options().entropy);
        let claim = Claim { request: request.clone(), token };
        let record = IdempotencyRecord::in_progress(&claim, hold, now);
        let put = self
            .dynamodb()
            .put_item()
            .table_name(table)
            .set_item(Some(to_item(request, &record)))
            .condition_expression(format!("attribute_not_exists(pk) OR {AGAIN_AT} <= :now"))
            .expression_attribute_values(":now", number(now.as_microsecond()))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let error = match put {
            Ok(_) => return Ok(Begun::Started(claim)),
            Err(error) => error,
        };
        let Some(PutItemError::ConditionalCheckFailedException(refusal)) = error.as_service_error()
        else {
            return Err(self.failed(&what, table, error));
        };
        let Some(stored) = refusal.item.clone() else {
            return Err(self.failed(&what, table, error));
        };
        let stored = from_item(request, stored)?;
        // The SDK sends a request again whose answer was lost: then this is the record that it made.
        if stored.token == claim.token {
            return Ok(Begun::Started(claim));
        }
        // The condition was about the same moment, so there is an answer.
        let until = stored.expires_at;
        Ok(stored.answer(request, now).unwrap_or(Begun::InProgress { until }))
    }

    async fn complete(&self, claim: &Claim, result: Bytes, keep: Duration) -> Result<Settled> {
        check_result(claim, &result)?;
        let table = &self.tables().state;
        let what = a_request_of(&claim.request, "completing");
        let now = self.options().clock.now();
        let record = IdempotencyRecord::completed(claim, result, keep, now);
        let result = record.result.as_deref().unwrap_or_default();
        let completed = self
            .dynamodb()
            .update_item()
            .table_name(table)
            .set_key(Some(key(&claim.request)))
            .update_expression(format!(
                "SET {RESULT} = :result, {AGAIN_AT} = :again_at, {EXPIRES_AT} = :expires_at"
            ))
            .condition_expression(in_progress_by_owner())
            .expression_attribute_values(":result", binary(result))
            .expression_attribute_values(":again_at", number(record.expires_at.as_microsecond()))
            .expression_attribute_values(":expires_at", time_to_live(&record))
            .expression_attribute_values(":owner", owner(claim))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let error = match completed {
            Ok(_) => return Ok(Settled::Done),
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(refusal)) =
            error.as_service_error()
        else {
            return Err(self.failed(&what, table, error));
        };
        let Some(stored) = refusal.item.clone() else { return Ok(Settled::Lost) };
        // Completed on this claim before.
        let is_ours = from_item(&claim.request, stored)?.token == claim.token;
        Ok(if is_ours { Settled::Done } else { Settled::Lost })
    }

    async fn abandon(&self, claim: &Claim) -> Result<Settled> {
        let table = &self.tables().state;
        let abandoned = self
            .dynamodb()
            .delete_item()
            .table_name(table)
            .set_key(Some(key(&claim.request)))
            .condition_expression(in_progress_by_owner())
            .expression_attribute_values(":owner", owner(claim))
            .send()
            .await;
        match abandoned {
            Ok(_) => Ok(Settled::Done),
            Err(error) if error.as_service_error().is_some_and(is_refused) => Ok(Settled::Lost),
            Err(error) => {
                Err(self.failed(&a_request_of(&claim.request, "abandoning"), table, error))
            }
        }
    }
}

fn is_refused(error: &DeleteItemError) -> bool {
    error.is_conditional_check_failed_exception()
}

/// What an error is about. Keys of requests may be personal, so it does not say them.
fn a_request_of(request: &IdempotentRequest, what: &str) -> String {
    format!("{what} a request of {}", request.scope())
}

fn in_progress_by_owner() -> String {
    format!("{OWNER_TOKEN} = :owner AND attribute_not_exists({RESULT})")
}

fn owner(claim: &Claim) -> AttributeValue {
    binary(claim.token.as_bytes().as_slice())
}

fn key(request: &IdempotentRequest) -> Item {
    HashMap::from([
        (PARTITION_KEY.to_owned(), text(format!("idempotency#{}", request.scope()))),
        (SORT_KEY.to_owned(), text(sort_key(request.key()))),
    ])
}

/// The key itself, or its hash if it is longer than a sort key can be. A key that looks like such a hash is
/// hashed, too, so that two keys never share an item.
fn sort_key(key: &str) -> String {
    const MAX_LEN: usize = 1024;
    const HASHED: &str = "sha256#";
    if key.len() <= MAX_LEN && !key.starts_with(HASHED) {
        return key.to_owned();
    }
    format!("{HASHED}{}", hex::encode(Sha256::digest(key)))
}

fn time_to_live(record: &IdempotencyRecord) -> AttributeValue {
    // Rounded up: it is not removed early.
    number(record.removable_at().as_second() + 1)
}

fn to_item(request: &IdempotentRequest, record: &IdempotencyRecord) -> Item {
    let mut item = key(request);
    let mut put = |name: &str, value| drop(item.insert(name.to_owned(), value));
    put(PAYLOAD_HASH, binary(record.payload.as_bytes().as_slice()));
    put(OWNER_TOKEN, binary(record.token.as_bytes().as_slice()));
    put(AGAIN_AT, number(record.expires_at.as_microsecond()));
    put(EXPIRES_AT, time_to_live(record));
    if let Some(result) = &record.result {
        put(RESULT, binary(result.as_ref()));
    }
    item
}

fn from_item(request: &IdempotentRequest, item: Item) -> Result<IdempotencyRecord> {
    read(item).map_err(|reason| Error::Corrupt {
        what: format!("an idempotency record of {}", request.scope()),
        reason,
    })
}

fn read(mut item: Item) -> Result<IdempotencyRecord, Damage> {
    let result = item.contains_key(RESULT).then(|| item.take_binary(RESULT)).transpose()?;
    let expires_at: i64 = item.take_number(AGAIN_AT)?;
    Ok(IdempotencyRecord {
        payload: PayloadHash::from_stored(take_bytes(&mut item, PAYLOAD_HASH)?),
        token: OwnerToken::from_stored(take_bytes(&mut item, OWNER_TOKEN)?),
        result: result.map(Bytes::from),
        expires_at: Timestamp::from_microsecond(expires_at).map_err(|error| error.to_string())?,
    })
}

fn take_bytes<const N: usize>(item: &mut Item, attribute: &str) -> Result<[u8; N], Damage> {
    let bytes = item.take_binary(attribute)?;
    let found = bytes.len();
    bytes.try_into().map_err(|_| format!("its attribute {attribute} has {found} bytes, not {N}"))
}
