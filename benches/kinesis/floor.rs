//! What the plain API does.

use std::time::Instant;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, ShardIteratorType};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::relay::{Floor, Measured, client};
use crate::{AnyError, COMMITS};

/// Puts the records in full requests, four at a time, and does not look at what becomes of them.
pub(crate) async fn put(
    floor: &Floor,
    records: &[(String, Vec<u8>)],
) -> Result<Measured, AnyError> {
    let began = Instant::now();
    let requests = records.chunks(500).map(|records| async move {
        let entries = records.iter().map(|(key, data)| {
            PutRecordsRequestEntry::builder()
                .partition_key(key)
                .data(Blob::new(data.as_slice()))
                .build()
                .unwrap()
        });
        let request = floor.client.put_records().stream_name(&floor.stream);
        request.set_records(Some(entries.collect())).send().await.map(drop)
    });
    let count = requests.len() as u64;
    let sending = futures::stream::iter(requests).buffer_unordered(4);
    sending.try_collect::<()>().await?;
    Ok(Measured { commits: records.len() as u64, requests: count, took: began.elapsed() })
}

/// Gets the records of all shards side by side, and does not look at them.
pub(crate) async fn get(stream: &str, endpoint: &str) -> Result<Measured, AnyError> {
    let client = client(endpoint).await;
    let began = Instant::now();
    let shards = client.list_shards().stream_name(stream).send().await?.shards.unwrap_or_default();
    let reading = shards.iter().map(|shard| {
        let client = &client;
        async move {
            let request = client.get_shard_iterator().stream_name(stream).shard_id(&shard.shard_id);
            let first = request.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await?;
            let (mut iterator, mut found, mut requests) = (first.shard_iterator, 0, 1);
            while let Some(next) = iterator {
                let answer = client.get_records().shard_iterator(next).limit(1_000).send().await?;
                requests += 1;
                found += answer.records.len() as u64;
                iterator = answer.next_shard_iterator.filter(|_| !answer.records.is_empty());
            }
            Ok::<_, AnyError>((found, requests))
        }
    });
    let read = futures::future::try_join_all(reading).await?;
    let found: u64 = read.iter().map(|(found, _)| found).sum();
    assert_eq!(found, COMMITS as u64);
    let requests = 1 + read.iter().map(|(_, requests)| requests).sum::<u64>();
    Ok(Measured { commits: found, requests, took: began.elapsed() })
}
