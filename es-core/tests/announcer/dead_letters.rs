//! What will never be taken.

use es_core::announcer::AnnouncerOptions;
use es_core::{
    Codec, CommitId, DeadLetterFilter, EncodedEvents, Error, EventStore, Expected, NewCommit,
    StreamId, Timestamp,
};

use crate::patient::{PatientEvent, Stored};
use crate::scene::{Scene, letters};

/// The second commit of stream `large` is so: between two small events it has one of 10,000 bytes.
async fn scene(scene: Scene) -> Scene {
    scene.append("large", 1).await;
    scene.append("other", 1).await;
    let moved = |ward: String| Stored::Now(PatientEvent::Moved { ward });
    let events = [moved("a".into()), moved("x".repeat(10_000)), moved("b".into())];
    scene.append_stored("large", &events, Codec::Json).await;
    scene.append("large", 1).await;
    scene.append("other", 1).await;
    scene
}

fn small(options: AnnouncerOptions) -> AnnouncerOptions {
    options.with_all_data().request_bytes(5_000)
}

#[tokio::test]
async fn a_commit_with_an_event_that_is_too_large_is_parked_with_what_comes_behind_it() {
    for start in [Scene::standard(), Scene::fifo()] {
        let scene = scene(start).await;
        let announcer = scene.announcer_with(small);
        let caught_up = announcer.catch_up().await.unwrap();
        assert_eq!((caught_up.applied, caught_up.parked), (3, 2));
        let letters = letters(&announcer).await;
        let failure = letters[0].failure.as_ref().unwrap();
        assert!(failure.error.contains("5000"), "the limit: {}", failure.error);
        assert!(!failure.error.contains("xxx"), "{}", failure.error);
        assert_eq!(letters[1].failure, None, "it waits");
        assert_eq!(scene.post.taken().len(), 3, "nothing of the commit was sent");

        let again = announcer.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
        assert_eq!((again.handled, again.failed.len()), (0, 1), "it is still too large");
        let raised = scene.announcer_with(AnnouncerOptions::with_all_data);
        let again = raised.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
        assert_eq!(again.handled, 2);
        scene.assert_announced(7);
        assert_eq!(scene.post.taken().len(), 7, "nothing twice");
    }
}

#[tokio::test]
async fn what_the_topic_refuses_for_good_is_parked_in_its_order() {
    let scene = scene(Scene::fifo()).await;
    scene.post.refuse_for_good(Some("xxx"));
    let announcer = scene.announcer_with(AnnouncerOptions::with_all_data);
    let caught_up = announcer.catch_up().await.unwrap();
    assert_eq!((caught_up.applied, caught_up.parked), (3, 2));

    scene.post.refuse_for_good(None);
    announcer.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    scene.assert_announced(7);
}

#[tokio::test]
async fn a_name_that_no_message_can_carry_makes_a_dead_letter() {
    let scene = Scene::standard();
    let events = |name: &str| {
        let manifest = format!("{name} 1 2").into();
        EncodedEvents::from_stored("json".parse().unwrap(), manifest, "{}".into()).unwrap()
    };
    for (n, name) in ["Patient:\u{FFFF}", "Patient:Moved"].into_iter().enumerate() {
        let id = CommitId::from_bytes([n as u8 + 1; 16]);
        let new = NewCommit::new(id, Timestamp::UNIX_EPOCH, Default::default(), events(name));
        let stream = StreamId::new("patient", &format!("p-{n}")).unwrap();
        scene.store.append(&stream, Expected::Any, new).await.unwrap();
    }
    let announcer = scene.announcer();
    let caught_up = announcer.catch_up().await.unwrap();
    assert_eq!((caught_up.applied, caught_up.parked), (1, 1));
    let failure = letters(&announcer).await.remove(0).failure.unwrap();
    assert!(failure.error.contains("XML"), "{}", failure.error);
}

#[tokio::test]
async fn data_that_their_type_cannot_read_make_a_dead_letter_that_does_not_say_them() {
    let scene = Scene::standard();
    let manifest = "Patient:Moved 1 15".into();
    let secret = r#"{"ward":777777}"#.into();
    let events = EncodedEvents::from_stored("json".parse().unwrap(), manifest, secret).unwrap();
    let id = CommitId::from_bytes([1; 16]);
    let new = NewCommit::new(id, Timestamp::UNIX_EPOCH, Default::default(), events);
    let stream = StreamId::new("patient", "p-1").unwrap();
    scene.store.append(&stream, Expected::Any, new).await.unwrap();
    scene.append("p-2", 1).await;

    let announcer = scene.announcer_with(AnnouncerOptions::with_data_of::<PatientEvent>);
    let caught_up = announcer.catch_up().await.unwrap();
    assert_eq!((caught_up.applied, caught_up.parked), (1, 1));
    let failure = letters(&announcer).await.remove(0).failure.unwrap();
    assert!(failure.error.contains("Patient:Moved"), "{}", failure.error);
    assert!(!failure.error.contains("777777"), "{}", failure.error);
}

#[tokio::test]
async fn a_redaction_that_fails_or_panics_concerns_one_stream() {
    type Redact =
        fn(es_core::cloud_events::CloudEvent) -> es_core::Result<es_core::cloud_events::CloudEvent>;
    let fails: Redact = |event| match event.subject() {
        Some("patient:p-1") => Err(Error::Misuse("not this one".to_owned())),
        _ => Ok(event),
    };
    let panics: Redact = |event| {
        assert_ne!(event.subject(), Some("patient:p-1"), "not this one");
        Ok(event)
    };
    for redact in [fails, panics] {
        let scene = Scene::standard();
        scene.append_commits(6, 3).await;
        let announcer = scene.announcer_with(|options| options.redact(redact));
        let caught_up = announcer.catch_up().await.unwrap();
        assert_eq!((caught_up.applied, caught_up.parked), (4, 2));
        let failure = letters(&announcer).await.remove(0).failure.unwrap();
        assert!(failure.error.contains("not this one"), "{}", failure.error);
    }
}

#[tokio::test]
async fn a_stream_that_a_redaction_put_behind_another_one_is_not_lost_with_it() {
    let scene = Scene::fifo();
    scene.append("bad", 1).await;
    scene.append("good", 2).await;
    scene.post.refuse_for_good(Some("bad 0"));
    // All streams of the clinic are one group.
    let announcer = scene.announcer_with(|options| {
        options.with_all_data().redact(|event| event.with_subject("clinic"))
    });
    let behind = announcer.catch_up().await.unwrap_err();
    assert!(behind.is_transient(), "{behind:?}");
    assert_eq!(announcer.catch_up().await.unwrap().applied, 1);
    assert_eq!(letters(&announcer).await.len(), 1);
    let wards = |message: &es_core::NewMessage| message.body.matches("good").count();
    let announced: usize = scene.post.taken().iter().map(wards).sum();
    assert_eq!(announced, 2, "both events of the other stream");
}
