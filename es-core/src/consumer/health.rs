use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Serialize, Serializer};

use crate::clock::within;
use crate::dead_letter::DeadLetterCount;
use crate::error::{Error, Result};
use crate::feed::{Checkpoint, FeedPage, PartitionId};

use super::control::{ConsumerState, LastError, Observed};
use super::handler::Handler;
use super::round::Ready;
use super::{Consumer, failure};

/// How long a look takes at the longest. Whoever asks whether a program is well cannot wait for all attempts at a
/// backend that is away.
pub(crate) const HEALTH_TIME_LIMIT: Duration = Duration::from_secs(10);

/// How many partitions are looked at at the same time.
const CONCURRENCY: usize = 16;

/// How a consumer is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The consumer.
    pub consumer: String,
    /// What it does, in this process; paused if it is so anywhere.
    pub state: ConsumerState,
    /// The last error that it met in this process, if any.
    pub last_error: Option<LastError>,
    /// Where it is in each partition of the feed.
    pub partitions: Vec<PartitionHealth>,
    /// The commits that it has not handled, of all categories, where the feed can tell.
    pub lag_commits: Option<u64>,
    /// How long ago the oldest commit that it has not handled was recorded; zero when there is none.
    /// Serialized as seconds, `lag_seconds`.
    #[serde(rename = "lag_seconds", serialize_with = "seconds")]
    pub lag_time: Duration,
    /// The streams that wait in its dead letters.
    pub parked_streams: u64,
    /// The commits that wait in its dead letters.
    pub dead_letters: u64,
}

/// Where a consumer is in a partition.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PartitionHealth {
    /// The partition.
    pub partition: String,
    /// The place behind what was handled.
    pub checkpoint: Checkpoint,
    /// The commits behind it, where the feed can tell.
    pub lag_commits: Option<u64>,
    /// How long ago the first of them was recorded; zero when there is none.
    #[serde(rename = "lag_seconds", serialize_with = "seconds")]
    pub lag_time: Duration,
    /// Why the feed cannot be read there, as when the next commit is damaged, or does not answer in time.
    pub error: Option<String>,
}

/// What is known of a consumer, whatever its place in the partitions is.
struct Whole {
    state: ConsumerState,
    last_error: Option<LastError>,
    dead_letters: DeadLetterCount,
    /// Those of a consumer that has not begun.
    anchors: Option<HashMap<PartitionId, Checkpoint>>,
    partitions: Vec<Ready>,
}

impl Health {
    /// Whether nothing needs an operator: no dead letters, not paused, no failure at hand, the feed can
    /// be read.
    pub fn is_well(&self) -> bool {
        self.dead_letters == 0
            && self.partitions.iter().all(|partition| partition.error.is_none())
            && matches!(self.state, ConsumerState::Idle | ConsumerState::Running)
    }
}

impl<H: Handler> Consumer<H> {
    /// Looks at the consumer from outside: what is stored, whoever works on it, and what this process
    /// knows. Reads one commit of each partition and changes nothing. It takes ten seconds at most.
    ///
    /// A consumer that has not begun has lost nothing, whatever its feed has forgotten: that is in the
    /// history, with which it begins.
    ///
    /// # Errors
    ///
    /// Those of the store, and of the feed when it cannot list its partitions or its
    /// [anchors](crate::Feed::anchors); [`Error::DeadlineExceeded`] when they take too long. That a partition cannot be
    /// read, or not in time, is told in [`PartitionHealth::error`].
    pub async fn health(&self) -> Result<Health> {
        let until = self.clock.monotonic().saturating_add(HEALTH_TIME_LIMIT);
        let Whole { state, last_error, dead_letters, anchors, partitions } =
            self.looked_at(until, self.whole()).await?;
        let partitions: Vec<_> = stream::iter(partitions)
            .map(|partition| self.partition_health(partition, anchors.as_ref(), until))
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(Health {
            consumer: self.id.to_string(),
            state,
            last_error,
            lag_commits: partitions.iter().map(|partition| partition.lag_commits).sum(),
            lag_time: partitions
                .iter()
                .map(|partition| partition.lag_time)
                .max()
                .unwrap_or_default(),
            partitions,
            parked_streams: dead_letters.streams,
            dead_letters: dead_letters.letters,
        })
    }

    /// What `look` comes to, if it does so before that monotonic time.
    async fn looked_at<T>(
        &self,
        until: Duration,
        look: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let found = within(&*self.clock, self.left(until), look).await;
        found.unwrap_or_else(|| {
            let what = format!("a look at how {} is", self.id);
            Err(Error::DeadlineExceeded { what, waited: HEALTH_TIME_LIMIT })
        })
    }

    fn left(&self, until: Duration) -> Duration {
        until.saturating_sub(self.clock.monotonic())
    }

    async fn whole(&self) -> Result<Whole> {
        let checkpoints = self.handler.checkpoints();
        let Observed { mut state, last_error } = self.control.observed();
        if checkpoints.is_paused(&self.id).await? {
            state = ConsumerState::Paused;
        }
        let dead_letters = checkpoints.dead_letter_count(&self.id).await?;
        let anchors = self.anchors_unless_begun().await?;
        let listed = self.feed.partitions().await?;
        let names = listed.iter().map(|partition| partition.id.clone()).collect();
        let partitions = listed.into_iter().map(|partition| Ready::of(partition, &names)).collect();
        Ok(Whole { state, last_error, dead_letters, anchors, partitions })
    }

    /// `anchors` are those of a consumer that has not begun.
    async fn partition_health(
        &self,
        partition: Ready,
        anchors: Option<&HashMap<PartitionId, Checkpoint>>,
        until: Duration,
    ) -> Result<PartitionHealth> {
        let position = self.handler.checkpoints().load(&self.id, &partition.id);
        let position = self.looked_at(until, position).await?;
        let next = async {
            match anchors {
                None => self.next_after(&partition, &position.checkpoint).await,
                Some(anchors) => {
                    let begins = anchors.get(&partition.id).unwrap_or(&position.checkpoint);
                    self.next_of(&partition.id, begins).await
                }
            }
        };
        let (next, error) = match within(&*self.clock, self.left(until), next).await {
            Some(Ok(next)) => (Some(next), None),
            Some(Err(error)) => (None, Some(failure::text_of(&error))),
            None => (None, Some(format!("the feed did not answer within {HEALTH_TIME_LIMIT:?}"))),
        };
        let commits = next.as_ref().map(|next| next.commits.as_slice()).unwrap_or_default();
        let remaining = next.as_ref().and_then(|next| next.remaining);
        let since = |recorded_at| {
            let age = self.clock.now().duration_since(recorded_at);
            // The clocks of two machines differ: not recorded yet is recorded now.
            Duration::try_from(age).unwrap_or_default()
        };
        Ok(PartitionHealth {
            partition: partition.id.to_string(),
            checkpoint: position.checkpoint,
            lag_commits: remaining.map(|remaining| remaining + commits.len() as u64),
            lag_time: commits.first().map(|next| since(next.recorded_at())).unwrap_or_default(),
            error,
        })
    }

    /// A page of one commit, if there is one, for a consumer that has come so far.
    async fn next_after(&self, partition: &Ready, after: &Checkpoint) -> Result<FeedPage> {
        self.check_parents(partition, after).await?;
        self.next_of(&partition.id, after).await
    }

    /// A page of one commit, if there is one.
    async fn next_of(&self, partition: &PartitionId, after: &Checkpoint) -> Result<FeedPage> {
        if after.is_end() {
            let (commits, checkpoint) = (Vec::new(), after.clone());
            return Ok(FeedPage { commits, checkpoint, remaining: Some(0), ended: true });
        }
        self.feed.peek(partition, after).await
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
