//! One stream, and short ways to ask for what is in it.

use std::sync::Arc;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::http::HttpResponse;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::operation::put_records::PutRecordsOutput;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    PutRecordsRequestEntry, ShardFilter, ShardFilterType, ShardIteratorType,
};
use es_core::testing::VirtualClock;

use crate::support::fake_kinesis::{FakeKinesis, Options};

pub(crate) const STREAM: &str = "orders";

pub(crate) struct Scene {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) kinesis: FakeKinesis,
    pub(crate) client: Client,
}

impl Scene {
    pub(crate) fn new(shards: u64) -> Self {
        Self::with(shards, Options::default())
    }

    pub(crate) fn with(shards: u64, options: Options) -> Self {
        Self::seeded(7, shards, options)
    }

    /// With one shard.
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self::seeded(seed, 1, Options::default())
    }

    fn seeded(seed: u64, shards: u64, options: Options) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z"));
        let kinesis = FakeKinesis::with_options(clock.clone(), seed, options);
        kinesis.create_stream(STREAM, shards);
        Self { clock, client: kinesis.client(), kinesis }
    }

    pub(crate) fn only_shard(&self) -> String {
        let [only] = <[String; 1]>::try_from(self.kinesis.open_shards(STREAM)).expect("one shard");
        only
    }

    /// Puts `text` under a key that is the same text, and returns the sequence number.
    pub(crate) async fn put(&self, text: &str) -> String {
        let put = self.client.put_record().stream_name(STREAM).partition_key(text);
        let put = put.data(Blob::new(text)).send().await.expect("it is put");
        put.sequence_number
    }

    pub(crate) async fn put_all(&self, texts: &[String]) -> Result<PutRecordsOutput, String> {
        let entries = texts.iter().map(|text| entry(text, text.as_bytes()));
        let put =
            self.client.put_records().stream_name(STREAM).set_records(Some(entries.collect()));
        put.send().await.map_err(|error| code(&error))
    }

    pub(crate) async fn iterator(&self, shard: &str, kind: ShardIteratorType) -> String {
        let asked = self.client.get_shard_iterator().stream_name(STREAM).shard_id(shard);
        let answer = asked.shard_iterator_type(kind).send().await.expect("an iterator");
        answer.shard_iterator.expect("an iterator")
    }

    pub(crate) async fn iterator_at(
        &self,
        shard: &str,
        kind: ShardIteratorType,
        number: &str,
    ) -> Result<String, String> {
        let asked = self.client.get_shard_iterator().stream_name(STREAM).shard_id(shard);
        let asked = asked.shard_iterator_type(kind).starting_sequence_number(number);
        let answer = asked.send().await.map_err(|error| code(&error))?;
        Ok(answer.shard_iterator.expect("an iterator"))
    }

    pub(crate) async fn get(&self, iterator: &str) -> Result<GetRecordsOutput, String> {
        let asked = self.client.get_records().shard_iterator(iterator);
        asked.send().await.map_err(|error| code(&error))
    }

    /// What is in a shard from an iterator on, until its end or its tip.
    pub(crate) async fn texts_from(&self, iterator: String) -> Vec<String> {
        let (mut next, mut texts) = (Some(iterator), Vec::new());
        while let Some(iterator) = next {
            let answer = self.get(&iterator).await.expect("records");
            texts.extend(texts_of(&answer));
            let caught_up = answer.millis_behind_latest == Some(0);
            next = answer.next_shard_iterator.filter(|_| !caught_up);
        }
        texts
    }

    pub(crate) async fn texts(&self, shard: &str) -> Vec<String> {
        self.texts_from(self.iterator(shard, ShardIteratorType::TrimHorizon).await).await
    }

    pub(crate) async fn listed(&self, filter: ShardFilterType) -> Vec<String> {
        let filter = ShardFilter::builder().r#type(filter).build().expect("complete");
        let listed = self.client.list_shards().stream_name(STREAM).shard_filter(filter);
        let listed = listed.send().await.expect("a list");
        listed.shards().iter().map(|shard| shard.shard_id.clone()).collect()
    }
}

pub(crate) fn entry(key: &str, data: &[u8]) -> PutRecordsRequestEntry {
    let entry = PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new(data));
    entry.build().expect("complete")
}

pub(crate) fn texts_of(answer: &GetRecordsOutput) -> Vec<String> {
    let data = answer.records().iter().map(|record| record.data.clone().into_inner());
    data.map(|data| String::from_utf8(data).expect("a text")).collect()
}

pub(crate) fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    error.code().unwrap_or("none").to_owned()
}
