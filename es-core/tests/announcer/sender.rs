//! Publishing what is in no log.

use std::sync::Arc;
use std::time::Duration;

use es_core::cloud_events::{CloudEvent, Source};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{Error, MessageId, MessageSender, NotSent, TopicName};

use crate::post::{Post, Weather};

fn upload(n: usize) -> CloudEvent {
    let source = Source::new("/ingest").unwrap();
    let event = CloudEvent::new(&format!("upload-{n}"), source, "Uploaded").unwrap();
    event.with_subject(&format!("report:{}", n % 3)).unwrap()
}

struct Scene {
    post: Arc<Post>,
    clock: Arc<VirtualClock>,
}

impl Scene {
    fn new(seed: u64, weather: Weather) -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        Self { post: Arc::new(Post::seeded(seed, weather)), clock }
    }

    fn sender(&self, topic: &str) -> MessageSender {
        MessageSender::to_topic(self.post.clone(), TopicName::new(topic).unwrap())
            .with_clock(self.clock.clone())
            .with_entropy(Arc::new(SeededEntropy::new(1)))
    }
}

/// The places of what was sent, failed, and was behind what failed.
fn sorted(sent: &[Result<MessageId, NotSent>]) -> [Vec<usize>; 3] {
    let mut sorted = [Vec::new(), Vec::new(), Vec::new()];
    for (at, sent) in sent.iter().enumerate() {
        let kind = match sent {
            Ok(_) => 0,
            Err(NotSent::Failed(_)) => 1,
            Err(NotSent::Behind) => 2,
        };
        sorted[kind].push(at);
    }
    sorted
}

#[tokio::test]
async fn it_says_of_each_event_what_became_of_it_in_any_weather() {
    for (topic, kinds) in [("uploads", 2), ("uploads.fifo", 3)] {
        let mut seen = [0; 3];
        for seed in 0..20 {
            let scene = Scene::new(seed, Weather::STORM);
            let events: Vec<_> = (0..40).map(upload).collect();
            let sent = scene.sender(topic).with_attempts(3).send(&events).await.unwrap();
            assert_eq!(sent.len(), 40);
            let there = scene.post.first_occurrences();
            for (event, sent) in events.iter().zip(&sent) {
                let is_there = there.contains(event);
                match sent {
                    Ok(_) => assert!(is_there, "{event:?} is not there"),
                    // Nobody can know.
                    Err(NotSent::Failed(error)) => assert!(error.is_transient()),
                    Err(NotSent::Behind) => assert!(!is_there, "{event:?} is there"),
                }
            }
            let of_each_kind = sorted(&sent).map(|places| places.len());
            seen.iter_mut().zip(of_each_kind).for_each(|(seen, count)| *seen += count);
        }
        assert!(seen[..kinds].iter().all(|count| *count > 0), "{seen:?}");
    }
}

#[tokio::test]
async fn it_tries_as_often_as_it_may_and_waits_in_between() {
    let scene = Scene::new(0, Weather { lost_requests: 1.0, ..Weather::default() });
    let sent = scene.sender("uploads").with_attempts(5).send(&[upload(0)]).await.unwrap();
    let Err(NotSent::Failed(error)) = &sent[0] else { panic!("{sent:?}") };
    assert!(error.is_transient() && error.with_causes().contains("topic uploads"), "{error}");
    assert_eq!(scene.post.requests().len(), 5);
    let slept = scene.clock.slept();
    assert_eq!(slept.len(), 4);
    for (wait, most) in slept.iter().zip([50, 100, 200, 400]) {
        assert!(*wait <= Duration::from_millis(most), "{slept:?}");
    }
}

#[tokio::test]
async fn what_will_never_be_taken_is_not_sent_again_and_nothing_else_waits_for_it() {
    let scene = Scene::new(0, Weather::default());
    scene.post.refuse_for_good(Some("upload-4"));
    let large = upload(7).with_data(&"x".repeat(300_000)).unwrap();
    let mut events: Vec<_> = (0..10).map(upload).collect();
    events[7] = large;

    let sent = scene.sender("uploads").send(&events).await.unwrap();
    assert_eq!(sorted(&sent)[1..], [vec![4, 7], vec![]]);
    for at in [4, 7] {
        let Err(NotSent::Failed(error)) = &sent[at] else { panic!("{sent:?}") };
        assert!(matches!(error, Error::InvalidMessage { .. }), "{error}");
    }
    assert_eq!(scene.post.requests().len(), 1);
    assert_eq!(scene.post.requests()[0].len(), 9, "what cannot be sent is not tried");
}

#[tokio::test]
async fn in_a_group_nothing_goes_before_what_failed() {
    let scene = Scene::new(0, Weather::default());
    // Groups are 0, 3, 6, 9 and 1, 4, 7 and 2, 5, 8.
    scene.post.refuse_for_good(Some("upload-3"));
    let mut events: Vec<_> = (0..10).map(upload).collect();
    events[4] = upload(4).with_data(&"x".repeat(300_000)).unwrap();
    let sent = scene.sender("uploads.fifo").send(&events).await.unwrap();
    assert_eq!(sorted(&sent), [vec![0, 1, 2, 5, 8], vec![3, 4], vec![6, 7, 9]]);
}

#[tokio::test]
async fn no_events_are_no_request() {
    let scene = Scene::new(0, Weather::default());
    assert_eq!(scene.sender("uploads").send(&[]).await.unwrap().len(), 0);
    assert_eq!(scene.post.requests().len(), 0);
}

#[tokio::test]
async fn a_missing_topic_is_an_error_of_the_call() {
    let scene = Scene::new(0, Weather::default());
    scene.post.set_missing(true);
    let refused = scene.sender("uploads").send(&[upload(0)]).await;
    assert!(matches!(refused, Err(Error::NoSuchTopic { .. })), "{refused:?}");
}
