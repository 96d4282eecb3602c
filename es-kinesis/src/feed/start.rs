//! What Kinesis is told to begin at.

use aws_sdk_kinesis::types::ShardIteratorType;
use aws_smithy_types::DateTime;
use es_core::Result;

use super::KinesisFeed;
use super::cursor::Source;
use super::feed_shard::FeedShard;
use super::shard_place::{Behind, RecordPlace, ShardPlace};

/// Where a source begins.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) kind: ShardIteratorType,
    pub(super) number: Option<String>,
    pub(super) time: Option<DateTime>,
}

impl Start {
    fn with(kind: ShardIteratorType) -> Self {
        Self { kind, number: None, time: None }
    }

    fn at_time(seconds: i64) -> Self {
        let time = Some(DateTime::from_secs(seconds));
        Self { time, ..Self::with(ShardIteratorType::AtTimestamp) }
    }

    pub(super) fn after(number: String) -> Self {
        Self { number: Some(number), ..Self::with(ShardIteratorType::AfterSequenceNumber) }
    }

    /// Those that a place can be begun at, the best first.
    fn of(place: &ShardPlace) -> Vec<Self> {
        match (&place.behind, place.read_until) {
            // At the record, not behind it: so it is seen whether it is still there, or was trimmed, and
            // perhaps others behind it. Kinesis may refuse one that was: then by the time.
            (Behind::Record(RecordPlace { number, .. }), read_until) => {
                let number = Some(number.clone());
                let at = Self { number, ..Self::with(ShardIteratorType::AtSequenceNumber) };
                [at].into_iter().chain(read_until.map(Self::at_time)).collect()
            }
            // A time that is still to come for Kinesis, as when the clocks differ, is refused: nothing is
            // between.
            (Behind::Time, Some(seconds)) => {
                vec![Self::at_time(seconds), Self::with(ShardIteratorType::Latest)]
            }
            (Behind::Nothing | Behind::Time, _) => vec![Self::with(ShardIteratorType::TrimHorizon)],
        }
    }
}

impl KinesisFeed {
    /// A source of what comes behind the place.
    pub(super) async fn source(&self, shard: FeedShard<'_>, place: &ShardPlace) -> Result<Source> {
        for start in Start::of(place) {
            if let Some(source) = self.source_at(shard, start).await? {
                return Ok(source);
            }
        }
        Err(shard.trimmed(&place.checkpoint()))
    }

    /// A source; `None` when Kinesis does not know the start, or the shard, or not any more.
    pub(super) async fn source_at(
        &self,
        shard: FeedShard<'_>,
        start: Start,
    ) -> Result<Option<Source>> {
        match &self.options().fan_out {
            Some(consumer) => self.subscribe(shard, consumer, start).await,
            None => self.iterator(shard, start).await,
        }
    }
}

/// Whether a refusal says that the place, or the whole shard, is not there, or not any more.
pub(super) fn is_gone(code: Option<&str>) -> bool {
    matches!(code, Some("InvalidArgumentException" | "ResourceNotFoundException"))
}
