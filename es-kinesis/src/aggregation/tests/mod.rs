mod cases;
mod golden;
mod properties;

use bytes::Bytes;

use super::{Deaggregated, MAGIC, RecordAggregator, UserRecord, deaggregate, digest};

fn record(partition_key: &str, explicit_hash_key: Option<u128>, data: &[u8]) -> UserRecord {
    UserRecord {
        partition_key: partition_key.into(),
        explicit_hash_key,
        data: Bytes::copy_from_slice(data),
    }
}

fn aggregated(records: &[UserRecord]) -> Bytes {
    let mut aggregator = RecordAggregator::new();
    records.iter().for_each(|record| aggregator.add(record));
    aggregator.finish()
}

/// A message with what goes around it, whether it is one or not.
fn sealed(message: &[u8]) -> Bytes {
    [&MAGIC[..], message, &digest(message)].concat().into()
}

#[track_caller]
fn assert_plain(data: Bytes) {
    assert_eq!(deaggregate(data.clone()), Ok(Deaggregated::Plain(data)));
}
