//! Asking a shard for records.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_kinesis::error::ProvideErrorMetadata as _;
use aws_sdk_kinesis::types::ShardIteratorType;
use aws_smithy_types::DateTime;
use es_core::{Checkpoint, Result};

use super::KinesisFeed;
use super::cursor::{Answer, Source};
use super::shard_place::{RecordPlace, ShardPlace, trimmed};

/// How long to wait between two requests for the records of a shard: Kinesis answers five per second, to
/// all readers together.
const PACE: Duration = Duration::from_millis(200);

/// Keeps requests about a shard apart, for all readers of a feed.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<HashMap<String, Duration>>);

/// The answer to a request for records.
pub(super) enum Polled {
    Answer(Answer, Source),
    /// The iterator is too old.
    Expired,
}

impl KinesisFeed {
    /// An iterator from the place on.
    pub(super) async fn iterator(&self, shard: &str, place: &ShardPlace) -> Result<Source> {
        let (kind, number, time) = start_of(place);
        if let Some(iterator) = self.iterator_at(shard, kind.clone(), number, time).await? {
            return Ok(Source::Iterator(iterator));
        }
        // A time that is still to come for Kinesis, as when the clocks differ: nothing is between.
        let latest = match kind {
            ShardIteratorType::AtTimestamp => {
                self.iterator_at(shard, ShardIteratorType::Latest, None, None).await?
            }
            _ => None,
        };
        latest.map(Source::Iterator).ok_or_else(|| trimmed(shard, &place.checkpoint()))
    }

    /// An iterator; `None` when Kinesis does not know the place, or not any more.
    async fn iterator_at(
        &self,
        shard: &str,
        kind: ShardIteratorType,
        number: Option<String>,
        time: Option<DateTime>,
    ) -> Result<Option<String>> {
        let request = self.stream().client().get_shard_iterator();
        let answer = request
            .stream_name(self.stream().name())
            .shard_id(shard)
            .shard_iterator_type(kind)
            .set_starting_sequence_number(number)
            .set_timestamp(time)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.shard_iterator),
            Err(error) if is_gone(error.code()) => Ok(None),
            Err(error) => Err(self.stream().failed(&format!("reading shard {shard}"), error)),
        }
    }

    /// The next records.
    pub(super) async fn poll(
        &self,
        shard: &str,
        iterator: &str,
        after: &Checkpoint,
    ) -> Result<Polled> {
        self.keep_pace(shard).await;
        let request = self.stream().client().get_records().shard_iterator(iterator);
        let limit = i32::try_from(self.options().records_per_request).unwrap_or(i32::MAX);
        let error = match request.limit(limit).send().await {
            Ok(answer) => {
                let behind =
                    answer.millis_behind_latest.and_then(|millis| u64::try_from(millis).ok());
                let ended = answer.next_shard_iterator.is_none();
                let behind = behind.map(Duration::from_millis);
                let source = answer.next_shard_iterator.map_or(Source::Ended, Source::Iterator);
                return Ok(Polled::Answer(
                    Answer { records: answer.records, behind, ended },
                    source,
                ));
            }
            Err(error) => error,
        };
        match error.code() {
            Some("ExpiredIteratorException") => Ok(Polled::Expired),
            code if is_gone(code) => Err(trimmed(shard, after)),
            _ => Err(self.stream().failed(&format!("reading shard {shard}"), error)),
        }
    }

    /// Returns when the shard may be asked again.
    async fn keep_pace(&self, shard: &str) {
        let clock = self.stream().clock();
        let now = clock.monotonic();
        let turn = {
            let mut next = self.pace().0.lock().unwrap_or_else(PoisonError::into_inner);
            let next = next.entry(shard.to_owned()).or_default();
            let turn = (*next).max(now);
            *next = turn + PACE;
            turn
        };
        if turn > now {
            clock.sleep(turn - now).await;
        }
    }
}

/// What Kinesis is told to begin at.
///
/// Behind a record reading begins at it: so it is seen whether the record is still there, or was trimmed,
/// and perhaps others behind it.
pub(super) fn start_of(
    place: &ShardPlace,
) -> (ShardIteratorType, Option<String>, Option<DateTime>) {
    match (&place.record, place.read_until) {
        (Some(RecordPlace { number, .. }), _) => {
            (ShardIteratorType::AtSequenceNumber, Some(number.clone()), None)
        }
        (None, Some(seconds)) => {
            (ShardIteratorType::AtTimestamp, None, Some(DateTime::from_secs(seconds)))
        }
        (None, None) => (ShardIteratorType::TrimHorizon, None, None),
    }
}

/// Whether a refusal says that the place, or the whole shard, is not there, or not any more.
pub(super) fn is_gone(code: Option<&str>) -> bool {
    matches!(code, Some("InvalidArgumentException" | "ResourceNotFoundException"))
}
