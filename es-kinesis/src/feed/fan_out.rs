//! Enhanced fan-out: a shard sends its records, with a throughput of their own for each consumer.

use std::fmt;
use std::time::Duration;

use aws_sdk_kinesis::error::ProvideErrorMetadata as _;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types::{
    ConsumerStatus, ShardIteratorType, StartingPosition, SubscribeToShardEventStream,
};
use es_core::{Error, Result};
use futures::FutureExt as _;

use super::KinesisFeed;
use super::cursor::{Answer, Source};
use super::polling::{is_gone, start_of};
use super::shard_place::{ShardPlace, trimmed};

/// A subscription to a shard. Kinesis ends it after five minutes.
pub(super) struct Subscription {
    events: SubscribeToShardOutput,
    /// Where another one goes on; `None` before the first event.
    continuation: Option<String>,
}

/// What came of a subscription.
pub(super) enum Pushed {
    Answer(Answer),
    /// Nothing yet.
    Nothing,
    /// It is over: another one goes on behind this sequence number, or from the place if there is none.
    Over(Option<String>),
}

/// How often, and how long apart, the registration of a consumer is looked at until it is complete.
const LOOKS: u32 = 60;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often a subscription that somebody has is asked for again.
const TAKE_OVER: u32 = 6;

impl KinesisFeed {
    /// A subscription from the place on, or behind the sequence number where another one has ended.
    pub(super) async fn subscribe(
        &self,
        shard: &str,
        consumer: &str,
        place: &ShardPlace,
        continuation: Option<String>,
    ) -> Result<Source> {
        let arn = self.consumer_arn(consumer).await?;
        let (kind, number, time) = match continuation {
            Some(number) => (ShardIteratorType::AfterSequenceNumber, Some(number), None),
            None => start_of(place),
        };
        let start = StartingPosition::builder()
            .r#type(kind)
            .set_sequence_number(number)
            .set_timestamp(time)
            .build()
            .map_err(|source| Error::Backend {
                what: format!("subscribing to shard {shard}"),
                source: source.into(),
            })?;
        // Those of others who read the shard from other places: there is one at a time.
        self.cursors().end_subscriptions(shard);
        let mut tries = 0;
        loop {
            let request = self.stream().client().subscribe_to_shard();
            let request = request.consumer_arn(arn).shard_id(shard);
            let error = match request.starting_position(start.clone()).send().await {
                Ok(events) => {
                    let subscription = Subscription { events, continuation: None };
                    return Ok(Source::Subscription(Box::new(subscription)));
                }
                Err(error) => error,
            };
            tries += 1;
            match error.code() {
                // Another one can take the place of a subscription when that is five seconds old.
                Some("ResourceInUseException") if tries <= TAKE_OVER => {
                    self.stream().clock().sleep(LOOK_AGAIN).await;
                }
                code if is_gone(code) => return Err(trimmed(shard, &place.checkpoint())),
                _ => {
                    let what = format!("subscribing to shard {shard}");
                    return Err(self.stream().failed(&what, error));
                }
            }
        }
    }

    /// The next event, if there is one within `patience`.
    pub(super) async fn pushed(
        &self,
        shard: &str,
        subscription: &mut Subscription,
        patience: Duration,
    ) -> Result<Pushed> {
        let receiving = subscription.events.event_stream.recv();
        let received = if patience.is_zero() {
            match receiving.now_or_never() {
                Some(received) => received,
                None => return Ok(Pushed::Nothing),
            }
        } else {
            tokio::select! {
                biased;
                received = receiving => received,
                () = self.stream().clock().sleep(patience) => return Ok(Pushed::Nothing),
            }
        };
        let event = match received {
            Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(event))) => event,
            // Of a later version of the service.
            Ok(Some(_)) => return Ok(Pushed::Nothing),
            Ok(None) => return Ok(Pushed::Over(subscription.continuation.take())),
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::debug!(shard, cause, "a subscription was broken off");
                return Ok(Pushed::Over(subscription.continuation.take()));
            }
        };
        let number = event.continuation_sequence_number;
        let ended =
            number.is_empty() || event.child_shards.is_some_and(|shards| !shards.is_empty());
        subscription.continuation = Some(number).filter(|number| !number.is_empty());
        let behind = u64::try_from(event.millis_behind_latest).ok().map(Duration::from_millis);
        Ok(Pushed::Answer(Answer { records: event.records, behind, ended }))
    }

    /// The ARN of a registered consumer; it is registered if it is not.
    async fn consumer_arn(&self, name: &str) -> Result<&str> {
        let arn = self.registered().get_or_try_init(|| self.register(name)).await?;
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

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("continuation", &self.continuation)
            .finish_non_exhaustive()
    }
}
