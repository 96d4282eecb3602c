//! `PutRecord` and `PutRecords`.

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use serde_json::{Value, json};

use super::asked::Asked;
use super::hash_key;
use super::model::Model;
use super::moment::Moment;
use super::refusal::Refusal;
use super::sequence_number::SequenceNumber;
use super::shard::NewRecord;
use super::stream::ACCOUNT;

const MOST_RECORDS: usize = 500;
const MOST_KEY_CHARACTERS: usize = 256;

/// The entries of a request that fail, whatever is in them, and with which code.
pub(super) type Failing = BTreeMap<usize, EntryFailure>;

/// Why an entry fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryFailure {
    ThroughputExceeded,
    InternalFailure,
}

impl EntryFailure {
    pub(super) fn diced(rng: &mut fastrand::Rng) -> Self {
        if rng.bool() { Self::ThroughputExceeded } else { Self::InternalFailure }
    }
}

impl Model {
    pub(super) fn put_record(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let record = self.new_record(asked, 1)?;
        if let Some(number) = asked.optional_text("SequenceNumberForOrdering") {
            // Numbers grow along a shard, so the new one is greater than any that there is.
            SequenceNumber::parse(number).ok_or_else(|| {
                Refusal::invalid(format!("SequenceNumberForOrdering {number} is invalid"))
            })?;
        }
        self.stream_mut(asked.stream()?, now)?;
        match self.store(asked.stream()?, record, None, now)? {
            Ok((shard, number)) => {
                Ok(json!({ "ShardId": shard, "SequenceNumber": number, "EncryptionType": "NONE" }))
            }
            Err((_, message)) => Err(Refusal::throttled(message)),
        }
    }

    pub(super) fn put_records(
        &mut self,
        asked: Asked<'_>,
        failing: &Failing,
        now: Moment,
    ) -> Result<Value, Refusal> {
        let entries = asked.list("Records")?;
        if !(1..=MOST_RECORDS).contains(&entries.len()) {
            return Err(Refusal::malformed(format!(
                "1 validation error detected: Value at 'records' failed to satisfy constraint: Member \
                 must have length less than or equal to {MOST_RECORDS}, and at least 1"
            )));
        }
        let records = entries.iter().enumerate();
        let records = records.map(|(index, entry)| self.new_record(Asked(entry), index + 1));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let size: usize = records.iter().map(NewRecord::size).sum();
        if size > self.options.max_request_bytes {
            let most = self.options.max_request_bytes;
            return Err(Refusal::invalid(format!("Records size exceeds {most} bytes limit")));
        }
        self.stream_mut(asked.stream()?, now)?;
        let mut answers = Vec::new();
        let mut failed = 0;
        for (index, record) in records.into_iter().enumerate() {
            let always = self.options.failing_keys.contains(&record.partition_key);
            let always = always.then_some(EntryFailure::InternalFailure);
            let failure = failing.get(&index).copied().or(always);
            // One after the other: of any two records it can be said which came first.
            let now = self.now();
            answers.push(match self.store(asked.stream()?, record, failure, now)? {
                Ok((shard, number)) => json!({ "ShardId": shard, "SequenceNumber": number }),
                Err((code, message)) => {
                    failed += 1;
                    json!({ "ErrorCode": code, "ErrorMessage": message })
                }
            });
        }
        Ok(json!({ "FailedRecordCount": failed, "Records": answers, "EncryptionType": "NONE" }))
    }

    /// The shard and the number of a record that is stored, or the code and the message of why it is not.
    #[expect(clippy::type_complexity, reason = "two pairs that are taken apart at once")]
    fn store(
        &mut self,
        stream: &str,
        record: NewRecord,
        failure: Option<EntryFailure>,
        now: Moment,
    ) -> Result<Result<(String, String), (&'static str, String)>, Refusal> {
        let limited = self.options.write_limits;
        let rng = &mut self.rng;
        let stream = self.streams.get_mut(stream).ok_or_else(Refusal::internal)?;
        let name = stream.name.clone();
        let shard = stream.shard_of(record.hash_key());
        let id = shard.id();
        let takes = !limited || shard.throughput.takes(record.size(), now.millis);
        if failure == Some(EntryFailure::InternalFailure) {
            return Ok(Err(("InternalFailure", "Internal service failure.".to_owned())));
        }
        if failure.is_some() || !takes {
            let message =
                format!("Rate exceeded for shard {id} in stream {name} under account {ACCOUNT}.");
            return Ok(Err(("ProvisionedThroughputExceededException", message)));
        }
        let number = shard.put(record, now, rng);
        Ok(Ok((id, number.to_string())))
    }

    fn new_record(&self, entry: Asked<'_>, nth: usize) -> Result<NewRecord, Refusal> {
        let partition_key = entry.text("PartitionKey")?.to_owned();
        if !(1..=MOST_KEY_CHARACTERS).contains(&partition_key.chars().count()) {
            return Err(Refusal::malformed(format!(
                "1 validation error detected: Value at 'records.{nth}.member.partitionKey' failed to \
                 satisfy constraint: Member must have length less than or equal to \
                 {MOST_KEY_CHARACTERS}, and at least 1"
            )));
        }
        let explicit = entry.optional_text("ExplicitHashKey");
        let explicit_hash_key = explicit.map(hash_key::parse).transpose()?;
        let data = base64::decode(entry.text("Data")?);
        let data = data.map_err(|_| Refusal::malformed("Data is not base64"))?.into();
        let record = NewRecord { partition_key, explicit_hash_key, data };
        let most = self.options.max_record_bytes;
        if record.size() > most {
            return Err(Refusal::malformed(format!(
                "1 validation error detected: Value at 'records.{nth}.member.data' failed to satisfy \
                 constraint: Member must have length less than or equal to {most}"
            )));
        }
        Ok(record)
    }
}
