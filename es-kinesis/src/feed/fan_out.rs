//! Enhanced fan-out: a shard sends its records, with a throughput of their own for each consumer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::error::ProvideErrorMetadata as _;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types::{ConsumerStatus, StartingPosition, SubscribeToShardEventStream};
use es_core::{Error, Result};
use futures::FutureExt as _;

use super::KinesisFeed;
use super::cursor::{Answer, Source};
use super::feed_shard::FeedShard;
use super::start::{Start, is_gone};

/// A subscription to a shard.
pub(super) struct Subscription {
    events: SubscribeToShardOutput,
    /// Where another one goes on; `None` before the first event.
    continuation: Option<String>,
    /// When Kinesis has ended it, if the connection lives, on the monotonic clock.
    ends_at: Duration,
}

/// What came of a subscription.
pub(super) enum Pushed {
    Answer(Answer),
    /// Nothing yet.
    Nothing,
    /// It is over: another one goes on behind this sequence number, or from the place if there is none.
    Over(Option<String>),
}

/// How long a subscription lasts at most: Kinesis ends it after five minutes.
const LASTS: Duration = Duration::from_secs(310);

/// For how long after its end one is continued: then nothing behind it can have been trimmed.
const CONTINUED_FOR: Duration = Duration::from_secs(3600);

/// How often, and how long apart, the registration of a consumer is looked at until it is complete.
const LOOKS: u32 = 60;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often a subscription that somebody has is asked for again.
const TAKE_OVER: u32 = 6;

impl KinesisFeed {
    /// A subscription; `None` when Kinesis does not know the start, or the shard, or not any more.
    pub(super) async fn subscribe(
        &self,
        shard: FeedShard<'_>,
        consumer: &str,
        start: Start,
    ) -> Result<Option<Source>> {
        let what = format!("subscribing to shard {}", shard.id);
        let start = StartingPosition::builder()
            .r#type(start.kind)
            .set_sequence_number(start.number)
            .set_timestamp(start.time)
            .build()
            .map_err(|source| Error::Backend { what: what.clone(), source: source.into() })?;
        // Those of others who read the shard from other places: there is one at a time.
        self.cursors().end_subscriptions(shard.partition);
        let mut arn = self.consumer_arn(consumer).await?;
        let mut tries = 0;
        loop {
            let request = self.stream().client().subscribe_to_shard();
            let request = request.consumer_arn(&*arn).shard_id(shard.id);
            let error = match request.starting_position(start.clone()).send().await {
                Ok(events) => {
                    let ends_at = self.stream().clock().monotonic() + LASTS;
                    let subscription = Subscription { events, continuation: None, ends_at };
                    return Ok(Some(Source::Subscription(Box::new(subscription))));
                }
                Err(error) => error,
            };
            tries += 1;
            match error.code() {
                // Another one can take the place of a subscription when that is five seconds old.
                Some("ResourceInUseException") if tries <= TAKE_OVER => {
                    self.stream().clock().sleep(LOOK_AGAIN).await;
                }
                // The consumer may be another one now, with the same name.
                Some("ResourceNotFoundException") if tries <= TAKE_OVER => {
                    *self.registered().lock().await = None;
                    let registered = self.consumer_arn(consumer).await?;
                    if registered == arn {
                        return Ok(None);
                    }
                    arn = registered;
                }
                code if is_gone(code) => return Ok(None),
                _ => return Err(self.stream().failed(&what, error)),
            }
        }
    }

    /// The next event, if there is one within `patience`.
    pub(super) async fn pushed(
        &self,
        shard: FeedShard<'_>,
        subscription: &mut Subscription,
        patience: Duration,
    ) -> Pushed {
        let now = self.stream().clock().monotonic();
        let patience = patience.min(subscription.ends_at.saturating_sub(now));
        let receiving = subscription.events.event_stream.recv();
        let received = if patience.is_zero() {
            match receiving.now_or_never() {
                Some(received) => received,
                None => return subscription.silent(now),
            }
        } else {
            tokio::select! {
                biased;
                received = receiving => received,
                () = self.stream().clock().sleep(patience) => return Pushed::Nothing,
            }
        };
        let event = match received {
            Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(event))) => event,
            // Of a later version of the service.
            Ok(Some(_)) => return Pushed::Nothing,
            Ok(None) => return subscription.over(now),
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::debug!(shard = shard.id, cause, "a subscription was broken off");
                return subscription.over(now);
            }
        };
        let number = event.continuation_sequence_number;
        let ended =
            number.is_empty() || event.child_shards.is_some_and(|shards| !shards.is_empty());
        subscription.continuation = Some(number).filter(|number| !number.is_empty());
        let behind = u64::try_from(event.millis_behind_latest).ok().map(Duration::from_millis);
        Pushed::Answer(Answer { records: event.records, behind, ended })
    }

    /// The ARN of a registered consumer; it is registered if it is not.
    async fn consumer_arn(&self, name: &str) -> Result<Arc<str>> {
        let mut registered = self.registered().lock().await;
        if let Some(arn) = &*registered {
            return Ok(Arc::clone(arn));
        }
        let arn: Arc<str> = self.register(name).await?.into();
        *registered = Some(Arc::clone(&arn));
        Ok(arn)
    }

    async fn register(&self, name: &str) -> Result<String> {
        let what = format!("registering consumer {name} of {}", self.stream().name());
        let stream_arn = self.stream().summary().await?.arn.clone();
        for _ in 0..LOOKS {
            let request = self.stream().client().describe_stream_consumer();
            let described = request.stream_arn(&stream_arn).consumer_name(name).send().await;
            match described {
                Ok(described) => match described.consumer_description {
                    Some(known) if known.consumer_status == ConsumerStatus::Active => {
                        return Ok(known.consumer_arn);
                    }
                    _ => self.stream().clock().sleep(LOOK_AGAIN).await,
                },
                Err(error) if error.code() == Some("ResourceNotFoundException") => {
                    let request = self.stream().client().register_stream_consumer();
                    let registered =
                        request.stream_arn(&stream_arn).consumer_name(name).send().await;
                    match registered {
                        Ok(_) => {}
                        // Another worker was faster.
                        Err(error) if error.code() == Some("ResourceInUseException") => {}
                        Err(error) => return Err(self.stream().failed(&what, error)),
                    }
                }
                Err(error) => return Err(self.stream().failed(&what, error)),
            }
        }
        Err(Error::DeadlineExceeded { what, waited: LOOK_AGAIN * LOOKS })
    }
}

impl Subscription {
    /// It has given nothing. When its time is over, the connection is dead.
    fn silent(&self, now: Duration) -> Pushed {
        if now < self.ends_at { Pushed::Nothing } else { self.over(now) }
    }

    fn over(&self, now: Duration) -> Pushed {
        let is_fresh = now.saturating_sub(self.ends_at) < CONTINUED_FOR;
        Pushed::Over(self.continuation.clone().filter(|_| is_fresh))
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("continuation", &self.continuation)
            .finish_non_exhaustive()
    }
}
