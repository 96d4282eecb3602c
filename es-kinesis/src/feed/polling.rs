//! Asking a shard for records.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_kinesis::error::ProvideErrorMetadata as _;
use es_core::Result;

use super::KinesisFeed;
use super::cursor::{Answer, Source};
use super::feed_shard::FeedShard;
use super::shard_place::ShardPlace;
use super::start::{Start, is_gone};

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
    /// An iterator; `None` when Kinesis does not know the start, or the shard, or not any more.
    pub(super) async fn iterator(
        &self,
        shard: FeedShard<'_>,
        start: Start,
    ) -> Result<Option<Source>> {
        let request = self.stream().client().get_shard_iterator();
        let answer = request
            .stream_name(self.stream().name())
            .shard_id(shard.id)
            .shard_iterator_type(start.kind)
            .set_starting_sequence_number(start.number)
            .set_timestamp(start.time)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.shard_iterator.map(Source::Iterator)),
            Err(error) if is_gone(error.code()) => Ok(None),
            Err(error) => Err(self.stream().failed(&format!("reading shard {}", shard.id), error)),
        }
    }

    /// The next records.
    pub(super) async fn poll(
        &self,
        shard: FeedShard<'_>,
        iterator: &str,
        place: &ShardPlace,
    ) -> Result<Polled> {
        self.keep_pace(shard.id).await;
        let request = self.stream().client().get_records().shard_iterator(iterator);
        let limit = i32::try_from(self.options().records_per_request).unwrap_or(i32::MAX);
        let error = match request.limit(limit).send().await {
            Ok(answer) => {
                let behind =
                    answer.millis_behind_latest.and_then(|millis| u64::try_from(millis).ok());
                let ended = answer.next_shard_iterator.is_none();
                let behind = behind.map(Duration::from_millis);
                let source = answer.next_shard_iterator.map_or(Source::Ended, Source::Iterator);
                let answer = Answer { records: answer.records, behind, ended };
                return Ok(Polled::Answer(answer, source));
            }
            Err(error) => error,
        };
        match error.code() {
            Some("ExpiredIteratorException") => Ok(Polled::Expired),
            code if is_gone(code) => Err(shard.trimmed(&place.checkpoint())),
            _ => Err(self.stream().failed(&format!("reading shard {}", shard.id), error)),
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
