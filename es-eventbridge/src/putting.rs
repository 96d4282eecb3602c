//! Putting events, in as few requests as there can be.

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use es_core::Error;
use es_routing::{EventId, InvalidBusEvent, NewBusEvent, NotPut};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};

use crate::bus::EventBridgeBus;
use crate::service::{entry_failed, is_about_content};
use crate::shared_error::SharedError;
use crate::telemetry;

/// The most entries of a request:
/// [PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
const MAX_ENTRIES: usize = 10;

type Answer = Result<EventId, NotPut>;
/// One request on its way, and what it comes to.
type Request<'a> = BoxFuture<'a, Vec<(Pending, Answer)>>;

/// An event that is to be put, with its place among all.
#[derive(Clone)]
struct Pending {
    place: usize,
    size: usize,
    entry: PutEventsRequestEntry,
}

impl EventBridgeBus {
    /// Says of each event what became of it, whatever happens to others.
    pub(crate) async fn put_all(&self, events: &[NewBusEvent]) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(events.len());
        let mut pending = Vec::with_capacity(events.len());
        for (place, event) in events.iter().enumerate() {
            match self.checked(event) {
                Ok(size) => {
                    pending.push(Pending { place, size, entry: self.entry(event) });
                    answers.push(None);
                }
                Err(invalid) => answers.push(Some(Err(NotPut::Invalid(invalid)))),
            }
        }
        let mut attempt = 1;
        while !pending.is_empty() {
            let put = self.put_once(pending, &mut answers).await;
            if attempt >= self.shared.options.attempts {
                break;
            }
            pending = to_put_again(put, &answers);
            if !pending.is_empty() {
                let options = &self.shared.options;
                options.clock.sleep(options.backoff.delay(attempt, &*options.entropy)).await;
            }
            attempt += 1;
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| self.unanswered())).collect()
    }

    /// The size of an event that the bus can take.
    fn checked(&self, event: &NewBusEvent) -> Result<usize, InvalidBusEvent> {
        let (actual, limit) = (event.size(), self.shared.options.max_event_bytes);
        if actual > limit { Err(InvalidBusEvent::TooLarge { actual, limit }) } else { Ok(actual) }
    }

    fn entry(&self, event: &NewBusEvent) -> PutEventsRequestEntry {
        let time = event.time().map(|time| DateTime::from_secs(time.as_second()));
        PutEventsRequestEntry::builder()
            .event_bus_name(self.name())
            .source(event.source())
            .detail_type(event.detail_type())
            .detail(event.detail_json())
            .set_resources(Some(event.resources().to_vec()))
            .set_time(time)
            .build()
    }

    /// Puts each once, and notes its answer. Returns them all: of those that were not taken, the answer says
    /// whether they may be later.
    async fn put_once(
        &self,
        pending: Vec<Pending>,
        answers: &mut [Option<Answer>],
    ) -> Vec<Pending> {
        let mut requests: Vec<Request<'_>> = Vec::new();
        for entries in self.divided(pending) {
            requests.push(self.request(entries).boxed());
        }
        let in_flight = self.shared.options.requests_in_flight;
        let mut answered = stream::iter(requests).buffer_unordered(in_flight);
        let mut put = Vec::new();
        while let Some(answer) = answered.next().await {
            for (pending, answer) in answer {
                if let Some(place) = answers.get_mut(pending.place) {
                    *place = Some(answer);
                }
                put.push(pending);
            }
        }
        put
    }

    /// The entries of each request.
    fn divided(&self, pending: Vec<Pending>) -> Vec<Vec<Pending>> {
        let mut requests: Vec<Vec<Pending>> = Vec::new();
        let mut bytes = 0_usize;
        for entry in pending {
            bytes = bytes.saturating_add(entry.size);
            match requests.last_mut() {
                Some(request)
                    if request.len() < MAX_ENTRIES
                        && bytes <= self.shared.options.max_request_bytes =>
                {
                    request.push(entry);
                }
                _ => {
                    bytes = entry.size;
                    requests.push(vec![entry]);
                }
            }
        }
        requests
    }

    /// One request; two kinds of failures are not the last word. When nobody knows whether it was taken, all of it
    /// goes again, and may be there twice. When it is refused for what is in it, it is not said for which event: each
    /// goes alone.
    async fn request(&self, pending: Vec<Pending>) -> Vec<(Pending, Answer)> {
        let answers = match self.asked(&pending).await {
            Ok(answers) => answers,
            Err(Failed { about_content: true, .. }) if pending.len() > 1 => {
                let mut answers = Vec::with_capacity(pending.len());
                for one in &pending {
                    let one = std::slice::from_ref(one);
                    answers.extend(self.asked(one).await.unwrap_or_else(|failed| failed.of(one)));
                }
                answers
            }
            Err(failed) => failed.of(&pending),
        };
        pending.into_iter().zip(answers).collect()
    }

    /// The answer for each of the entries.
    async fn asked(&self, pending: &[Pending]) -> Result<Vec<Answer>, Failed> {
        let what = format!("putting events on bus {}", self.name());
        let entries = pending.iter().map(|pending| pending.entry.clone()).collect();
        let sent = self.shared.events.put_events().set_entries(Some(entries)).send().await;
        let answer = sent.map_err(|error| {
            let about_content = is_about_content(&error);
            let error = self.shared.service.failed(&what, error).into();
            Failed { about_content, error }
        })?;
        let mut entries = answer.entries.unwrap_or_default().into_iter();
        Ok(pending.iter().map(|pending| self.answer(pending, entries.next().as_ref())).collect())
    }

    fn answer(&self, pending: &Pending, entry: Option<&PutEventsResultEntry>) -> Answer {
        let bus = || ("bus", self.name());
        let Some(entry) = entry else { return self.unanswered() };
        if let (Some(id), None) = (&entry.event_id, &entry.error_code) {
            metrics::counter!(telemetry::EVENTS_PUT, &[bus()]).increment(1);
            metrics::counter!(telemetry::BYTES_PUT, &[bus()]).increment(pending.size as u64);
            return Ok(EventId::from_bus(id));
        }
        let code = entry.error_code.as_deref().unwrap_or("Unknown");
        let labels = [bus(), ("reason", code.to_owned())];
        metrics::counter!(telemetry::ENTRIES_FAILED, &labels).increment(1);
        let what = format!("putting an event on bus {}", self.name());
        Err(NotPut::Failed(entry_failed(what, code, entry.error_message.as_deref())))
    }

    fn unanswered(&self) -> Answer {
        let what = format!("putting an event on bus {}", self.name());
        let source = "the answer does not mention the event".into();
        Err(NotPut::Failed(Error::Unavailable { what, source }))
    }
}

/// A request that failed as a whole.
struct Failed {
    /// Whether some of its entries may be taken without the others.
    about_content: bool,
    error: SharedError,
}

impl Failed {
    /// What it says of each of them.
    fn of(&self, pending: &[Pending]) -> Vec<Answer> {
        pending.iter().map(|_| Err(NotPut::Failed(self.error.error()))).collect()
    }
}

/// Those that may be taken the next time, in their order.
fn to_put_again(put: Vec<Pending>, answers: &[Option<Answer>]) -> Vec<Pending> {
    let is_transient = |pending: &Pending| {
        let answer = answers.get(pending.place).and_then(Option::as_ref);
        matches!(answer, Some(Err(not_put)) if not_put.is_transient())
    };
    let mut again: Vec<Pending> = put.into_iter().filter(is_transient).collect();
    again.sort_by_key(|pending| pending.place);
    again
}
