use std::ops::RangeInclusive;

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Where a partition key is among the shards.
pub(crate) fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key.as_bytes()).into())
}

pub(super) fn parse(text: &str) -> Result<u128, Refusal> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let key = text.parse().ok().filter(|_| digits);
    key.ok_or_else(|| {
        Refusal::invalid(format!("Invalid hash key {text}. It must be a 128-bit integer"))
    })
}

/// All hash keys, in so many parts of the same size; the last one has the rest.
pub(super) fn parts(count: u64) -> Vec<RangeInclusive<u128>> {
    let count = u128::from(count);
    let width = u128::MAX / count;
    (0..count)
        .map(|part| {
            let end = if part + 1 == count { u128::MAX } else { (part + 1) * width - 1 };
            part * width..=end
        })
        .collect()
}

pub(super) fn middle(range: &RangeInclusive<u128>) -> u128 {
    range.start() + (range.end() - range.start()) / 2 + 1
}

pub(super) fn description(range: &RangeInclusive<u128>) -> Value {
    json!({
        "StartingHashKey": range.start().to_string(),
        "EndingHashKey": range.end().to_string(),
    })
}
