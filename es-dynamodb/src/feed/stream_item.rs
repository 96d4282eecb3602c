//! Items as the stream's client has them, and as the table's has them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodbstreams::types::AttributeValue as Streamed;

use crate::item::{Damage, Item};

/// The same item, moved.
pub(super) fn into_item(streamed: HashMap<String, Streamed>) -> Result<Item, Damage> {
    streamed.into_iter().map(|(name, value)| Ok((name, into_value(value)?))).collect()
}

fn into_value(streamed: Streamed) -> Result<AttributeValue, Damage> {
    Ok(match streamed {
        Streamed::S(text) => AttributeValue::S(text),
        Streamed::N(digits) => AttributeValue::N(digits),
        Streamed::B(bytes) => AttributeValue::B(bytes),
        Streamed::Bool(value) => AttributeValue::Bool(value),
        Streamed::Null(value) => AttributeValue::Null(value),
        Streamed::Ss(texts) => AttributeValue::Ss(texts),
        Streamed::Ns(numbers) => AttributeValue::Ns(numbers),
        Streamed::Bs(blobs) => AttributeValue::Bs(blobs),
        Streamed::L(values) => {
            AttributeValue::L(values.into_iter().map(into_value).collect::<Result<_, _>>()?)
        }
        Streamed::M(values) => AttributeValue::M(into_item(values)?),
        _ => return Err("it has an attribute of a kind that is not known".to_owned()),
    })
}
