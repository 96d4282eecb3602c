//! `SubscribeToShard`: the server sends what comes into a shard, for five minutes.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::FakeKinesis;
use super::asked::Asked;
use super::consumers::Ending;
use super::event_stream;
use super::model::Model;
use super::moment::Moment;
use super::reading::{Start, batch, is_end, millis_behind};
use super::refusal::Refusal;
use super::shard::{Position, Record};

/// How long a subscription lasts.
const LASTS_MILLIS: i64 = 300_000;

/// A subscription until it is over.
pub(super) struct Subscription {
    server: FakeKinesis,
    /// Says that something may have come.
    changes: watch::Receiver<()>,
    what: Subscribed,
    /// When the last event was sent.
    sent: Option<i64>,
    /// How it is cut off, after so many more events.
    cut: Option<(u64, Ending)>,
    is_over: bool,
}

/// What is subscribed to.
#[derive(Debug, Clone)]
pub(super) struct Subscribed {
    stream: String,
    consumer: String,
    shard: String,
    position: Position,
    began: Moment,
}

/// What a subscription does next.
enum Step {
    Send(Value),
    SendLast(Value),
    End(Ending),
    /// For something to come, or until this time.
    Wait(i64),
}

impl Subscription {
    pub(super) fn new(
        server: FakeKinesis,
        changes: watch::Receiver<()>,
        what: Subscribed,
        cut: Option<(u64, Ending)>,
    ) -> Self {
        Self { server, changes, what, sent: None, cut, is_over: false }
    }

    /// The frames, as they come.
    pub(super) fn frames(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let began = stream::iter([Ok(event_stream::initial_response())]);
        let events = stream::unfold(self, |mut subscription| async {
            subscription.next().await.map(|frame| (frame, subscription))
        });
        stream::StreamExt::chain(began, events)
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while !self.is_over {
            self.changes.borrow_and_update();
            match self.step() {
                Step::Send(event) => return Some(Ok(event_stream::event(&event))),
                Step::SendLast(event) => {
                    self.is_over = true;
                    return Some(Ok(event_stream::event(&event)));
                }
                Step::End(ending) => {
                    self.is_over = true;
                    return last_frame(ending);
                }
                Step::Wait(until) => self.wait(until).await,
            }
        }
        None
    }

    fn step(&mut self) -> Step {
        let server = self.server.clone();
        let mut model = server.model();
        let now = model.now();
        if let Some((0, ending)) = self.cut {
            return Step::End(ending);
        }
        let step = model.step(&mut self.what, self.sent, now);
        if matches!(step, Step::Send(_) | Step::SendLast(_)) {
            self.sent = Some(now.millis);
            self.cut = self.cut.map(|(events, ending)| (events - 1, ending));
        }
        step
    }

    async fn wait(&mut self, until: i64) {
        let (clock, sleeps) =
            (self.server.clock(), self.server.model().options.subscriptions_sleep);
        let left = u64::try_from(until - clock.now().as_millisecond()).unwrap_or_default();
        let sleep = async {
            match sleeps {
                true => clock.sleep(Duration::from_millis(left)).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            // The server lives in `self`, so there can be more changes.
            _ = self.changes.changed() => {}
            () = sleep => {}
        }
    }
}

impl Model {
    pub(super) fn subscribe_to_shard(&mut self, asked: &Value) -> Result<Subscribed, Refusal> {
        let (asked, now) = (Asked(asked), self.now());
        let (stream, shard) = (asked.stream_of_consumer()?, asked.text("ShardId")?);
        let start = asked.optional_object("StartingPosition");
        let start = start.ok_or_else(|| Refusal::malformed("StartingPosition must not be null"))?;
        let start = Start {
            kind: start.text("Type")?,
            number: start.optional_text("SequenceNumber"),
            millis: start.optional_millis("Timestamp"),
        };
        let position = self.position(stream, shard, &start, now)?;
        let consumer = asked.text("ConsumerARN")?.to_owned();
        self.stream_mut(stream, now)?.consumers.find(asked)?.subscribe(shard, now)?;
        let (stream, shard) = (stream.to_owned(), shard.to_owned());
        Ok(Subscribed { stream, consumer, shard, position, began: now })
    }

    fn step(&mut self, what: &mut Subscribed, sent: Option<i64>, now: Moment) -> Step {
        let options = self.options.clone();
        let Ok(stream) = self.stream_mut(&what.stream, now) else {
            return Step::End(Ending::Failed("ResourceNotFoundException"));
        };
        if let Some(ending) = stream.consumers.ending(&what.consumer, &what.shard, what.began) {
            return Step::End(ending);
        }
        let until = what.began.millis + LASTS_MILLIS;
        if now.millis >= until {
            return Step::End(Ending::Over);
        }
        let Ok(shard) = stream.shard(&what.shard, now) else {
            return Step::End(Ending::Failed("ResourceNotFoundException"));
        };
        let (most_records, most_bytes) = (options.records_per_answer, options.bytes_per_answer);
        let records = batch(shard, &what.position, most_records, most_bytes);
        if let Some(last) = records.last() {
            what.position = Position::After(last.sequence_number.clone());
        }
        let has_ended = is_end(shard, &what.position);
        let mut event = json!({
            "Records": records.iter().map(Record::description).collect::<Vec<_>>(),
            "MillisBehindLatest": millis_behind(shard, &what.position, now),
        });
        if has_ended && (records.is_empty() || !options.end_comes_alone) {
            event["ChildShards"] = stream.children_of(&what.shard);
            return Step::SendLast(event);
        }
        event["ContinuationSequenceNumber"] = what.position.number().as_str().into();
        let pulse = options.heartbeat.and_then(|it| i64::try_from(it.as_millis()).ok());
        let pulse = sent.zip(pulse).map(|(sent, pulse)| sent + pulse);
        let is_due = sent.is_none() || pulse.is_some_and(|pulse| pulse <= now.millis);
        if records.is_empty() && !is_due {
            return Step::Wait(pulse.map_or(until, |pulse| pulse.min(until)));
        }
        Step::Send(event)
    }
}

fn last_frame(ending: Ending) -> Option<io::Result<Bytes>> {
    match ending {
        Ending::Over => None,
        Ending::Broken => Some(Err(io::ErrorKind::ConnectionReset.into())),
        Ending::Failed(code) => {
            Some(Ok(event_stream::exception(&Refusal::new(code, "The subscription has ended."))))
        }
    }
}
