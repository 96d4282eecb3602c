//! A topic that keeps a record of its requests, and fails as it is told.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use es_core::cloud_events::CloudEvent;
use es_core::{
    Error, FilterPolicy, InvalidMessage, MAX_BATCH, MessageId, NewMessage, QueueName, Result,
    Subscription, Topic, TopicName,
};

/// What goes wrong, each with a probability from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    pub lost_requests: f64,
    pub lost_answers: f64,
    /// Of the entries of a request that is taken.
    pub refused_entries: f64,
    /// Of the requests that are taken: the results end early.
    pub short_answers: f64,
}

impl Weather {
    pub(crate) const STORM: Self =
        Self { lost_requests: 0.2, lost_answers: 0.2, refused_entries: 0.2, short_answers: 0.1 };
}

#[derive(Debug)]
pub(crate) struct Post(Mutex<State>);

#[derive(Debug)]
struct State {
    rng: fastrand::Rng,
    weather: Weather,
    is_missing: bool,
    /// Entries with this in their body are refused: for now, or for good.
    refuses_for_now: Option<String>,
    refuses_for_good: Option<String>,
    requests: Vec<Vec<NewMessage>>,
    taken: Vec<NewMessage>,
    in_flight: usize,
    most_in_flight: usize,
}

impl Post {
    pub(crate) fn seeded(seed: u64, weather: Weather) -> Self {
        Self(Mutex::new(State {
            rng: fastrand::Rng::with_seed(seed),
            weather,
            is_missing: false,
            refuses_for_now: None,
            refuses_for_good: None,
            requests: Vec::new(),
            taken: Vec::new(),
            in_flight: 0,
            most_in_flight: 0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    pub(crate) fn set_missing(&self, is_missing: bool) {
        self.state().is_missing = is_missing;
    }

    pub(crate) fn refuse_for_now(&self, body_with: Option<&str>) {
        self.state().refuses_for_now = body_with.map(str::to_owned);
    }

    pub(crate) fn refuse_for_good(&self, body_with: Option<&str>) {
        self.state().refuses_for_good = body_with.map(str::to_owned);
    }

    /// What was in each request.
    pub(crate) fn requests(&self) -> Vec<Vec<NewMessage>> {
        self.state().requests.clone()
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.state().most_in_flight
    }

    /// The messages that were taken, as often as they were.
    pub(crate) fn taken(&self) -> Vec<NewMessage> {
        self.state().taken.clone()
    }

    /// The events that were taken, as often as they were.
    pub(crate) fn events(&self) -> Vec<CloudEvent> {
        let taken = self.taken();
        taken.iter().map(|it| CloudEvent::parse(it.body.as_bytes()).unwrap()).collect()
    }

    /// The events that were taken, each where it came first. Whenever one comes again it is the same.
    pub(crate) fn first_occurrences(&self) -> Vec<CloudEvent> {
        let mut known: HashMap<String, CloudEvent> = HashMap::new();
        let mut first = Vec::new();
        for event in self.events() {
            match known.get(event.id()) {
                Some(same) => assert_eq!(*same, event),
                None => {
                    known.insert(event.id().to_owned(), event.clone());
                    first.push(event);
                }
            }
        }
        first
    }

    /// In suspensions.
    fn way_back(&self) -> u32 {
        self.state().rng.u32(1..4)
    }

    fn arrive(&self, topic: &TopicName, messages: Vec<NewMessage>) -> Result<Answer> {
        assert!((1..=MAX_BATCH).contains(&messages.len()), "{} in a request", messages.len());
        let ids: HashSet<_> = messages.iter().filter_map(|it| it.group.as_ref()).collect();
        assert!(!topic.is_fifo() || ids.len() == messages.len(), "a group twice in a request");
        let mut state = self.state();
        if state.is_missing {
            return Err(Error::NoSuchTopic { topic: topic.clone() });
        }
        state.requests.push(messages.clone());
        if state.meets(|weather| weather.lost_requests) {
            return Ok(Answer::Lost);
        }
        let mut results: Vec<_> =
            messages.into_iter().map(|message| state.take(topic, message)).collect();
        if state.meets(|weather| weather.lost_answers) {
            return Ok(Answer::Lost);
        }
        if state.meets(|weather| weather.short_answers) {
            results.pop();
        }
        Ok(Answer::Results(results))
    }
}

enum Answer {
    Lost,
    Results(Vec<Result<MessageId>>),
}

impl State {
    fn meets(&mut self, rate: impl Fn(&Weather) -> f64) -> bool {
        self.rng.f64() < rate(&self.weather)
    }

    fn take(&mut self, topic: &TopicName, message: NewMessage) -> Result<MessageId> {
        topic.check_message(&message)?;
        let has = |text: &Option<String>| text.as_ref().is_some_and(|it| message.body.contains(it));
        if has(&self.refuses_for_good) {
            let source = InvalidMessage::TooLarge { actual: message.size(), limit: 1 };
            return Err(Error::InvalidMessage { destination: format!("topic {topic}"), source });
        }
        if has(&self.refuses_for_now) || self.meets(|weather| weather.refused_entries) {
            return Err(not_available("an entry"));
        }
        self.taken.push(message);
        Ok(MessageId::from_stored(&format!("m-{}", self.taken.len())))
    }
}

fn not_available(what: &str) -> Error {
    Error::Unavailable { what: what.to_owned(), source: "a storm".into() }
}

/// Counts itself while it lives, however it ends.
struct InFlight<'a>(&'a Post);

impl<'a> InFlight<'a> {
    fn begin(post: &'a Post) -> Self {
        let mut state = post.state();
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        Self(post)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

#[async_trait]
impl Topic for Post {
    async fn create_topic(&self, _: &TopicName) -> Result<()> {
        Ok(())
    }

    async fn subscribe(&self, _: &TopicName, _: &QueueName, _: FilterPolicy) -> Result<()> {
        Err(Error::Misuse("nobody listens here".to_owned()))
    }

    async fn unsubscribe(&self, _: &TopicName, _: &QueueName) -> Result<()> {
        Ok(())
    }

    async fn subscriptions(&self, _: &TopicName) -> Result<Vec<Subscription>> {
        Ok(Vec::new())
    }

    /// Suspends on the way there and on the way back.
    async fn publish_batch(
        &self,
        topic: &TopicName,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Result<MessageId>>> {
        let _in_flight = InFlight::begin(self);
        tokio::task::yield_now().await;
        let answer = self.arrive(topic, messages)?;
        // Later requests may be answered earlier.
        for _ in 0..self.way_back() {
            tokio::task::yield_now().await;
        }
        match answer {
            Answer::Lost => Err(not_available("a request")),
            Answer::Results(results) => Ok(results),
        }
    }
}
