use std::sync::Mutex;

use es_core::testing::{SeededEntropy, VirtualClock};

use super::*;

/// What there is to be found.
type Answer = fn() -> Result<Option<Status>, Error>;

/// Gives these answers one after the other, and the last one for ever.
#[derive(Debug)]
struct Answers {
    script: Vec<Answer>,
    asked: Mutex<usize>,
}

impl Answers {
    fn new(script: impl Into<Vec<Answer>>) -> Self {
        Self { script: script.into(), asked: Mutex::default() }
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

#[async_trait]
impl Results for Answers {
    async fn find(&self, id: &EventId) -> Result<Option<Record>, Error> {
        let mut asked = self.asked.lock().unwrap();
        let answer = self.script[(*asked).min(self.script.len() - 1)];
        *asked += 1;
        Ok(answer()?.map(|status| record(id, status)))
    }
}

fn record(id: &EventId, status: Status) -> Record {
    Record {
        id: id.to_string(),
        status,
        origin: None,
        reading: None,
        digest: None,
        measurement: None,
        failed_attempts: 0,
        reason: None,
        received_at: es_core::Timestamp::UNIX_EPOCH,
        processed_at: None,
        confirmed_at: None,
        expires_at: None,
    }
}

fn unavailable() -> Result<Option<Status>, Error> {
    Err(Error::Unavailable { what: "the view".to_owned(), source: "no answer".into() })
}

fn damaged() -> Result<Option<Status>, Error> {
    Err(Error::Corrupt { what: "the view".to_owned(), reason: "torn".to_owned() })
}

fn event() -> EventId {
    "e-1".parse().unwrap()
}

fn patience(deadline: Duration) -> (Patience, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
    let entropy = Arc::new(SeededEntropy::new(7));
    (Patience { clock: clock.clone(), entropy, ..Patience::of(deadline) }, clock)
}

const HALF_A_MINUTE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_client_asks_until_the_result_is_final() {
    for last in [Status::Confirmed, Status::Failed] {
        let confirmed = || Ok(Some(Status::Confirmed));
        let failed = || Ok(Some(Status::Failed));
        let end = if last == Status::Failed { failed } else { confirmed };
        let results = Answers::new([
            || Ok(None),
            || Ok(Some(Status::Retrying)),
            || Ok(Some(Status::Processed)),
            end as Answer,
        ]);
        let (patience, clock) = patience(HALF_A_MINUTE);
        let record = patience.wait_for(&event(), &results).await.unwrap();
        assert_eq!((record.status, results.asked()), (last, 4));
        assert_eq!(clock.slept().len(), 3);
    }
}

#[tokio::test]
async fn the_waits_get_longer_up_to_a_limit() {
    let results = Answers::new([(|| Ok(None)) as Answer]);
    let (patience, clock) = patience(Duration::from_secs(600));
    patience.wait_for(&event(), &results).await.unwrap_err();
    let slept = clock.slept();
    let Backoff { base, max } = patience.backoff;
    for (n, wait) in slept.iter().enumerate() {
        assert!(*wait <= max.min(base * (1 << n.min(20))), "wait {n} is {wait:?}");
    }
    // Far fewer questions than with the first wait: this many at most on the average.
    assert!(results.asked() < 1_000, "{} questions in ten minutes", results.asked());
}

#[tokio::test]
async fn when_its_time_is_over_the_client_is_told_how_far_the_event_is() {
    let status = |status: Answer| Answers::new([status]);
    for (results, expected) in [
        (status(|| Ok(None)), "there is no result of e-1 after 30s: nothing is known of it"),
        (
            status(|| Ok(Some(Status::Retrying))),
            "there is no result of e-1 after 30s: it is retrying now",
        ),
    ] {
        let (patience, clock) = patience(HALF_A_MINUTE);
        let none = patience.wait_for(&event(), &results).await.unwrap_err();
        assert!(matches!(none, NoResult::Deadline { .. }));
        assert_eq!(none.to_string(), expected);
        assert_eq!(clock.slept().iter().sum::<Duration>(), HALF_A_MINUTE, "not a moment longer");
    }
}

#[tokio::test]
async fn a_result_that_comes_with_the_deadline_is_a_result() {
    let results = Answers::new([|| Ok(None), (|| Ok(Some(Status::Confirmed))) as Answer]);
    let (mut patience, _) = patience(Duration::from_nanos(1));
    patience.backoff.base = HALF_A_MINUTE;
    assert!(patience.wait_for(&event(), &results).await.is_ok());
    let (patience, _) = self::patience(Duration::ZERO);
    let results = Answers::new([(|| Ok(Some(Status::Confirmed))) as Answer]);
    assert!(patience.wait_for(&event(), &results).await.is_ok(), "without waiting, too");
}

#[tokio::test]
async fn what_does_not_answer_is_asked_again_and_what_is_broken_is_not() {
    let results = Answers::new([unavailable, || Ok(Some(Status::Confirmed))]);
    let (patience, _) = patience(HALF_A_MINUTE);
    assert!(patience.wait_for(&event(), &results).await.is_ok());

    let results = Answers::new([damaged as Answer]);
    let broken = patience.wait_for(&event(), &results).await.unwrap_err();
    assert!(matches!(broken, NoResult::Store(Error::Corrupt { .. })));
    assert_eq!(results.asked(), 1);

    let results = Answers::new([unavailable as Answer]);
    let away = patience.wait_for(&event(), &results).await.unwrap_err();
    assert!(matches!(away, NoResult::Store(Error::Unavailable { .. })));
}
