//! What is in the requests, and how many there are.

use std::sync::Arc;

use es_core::announcer::Announcing;
use es_core::cloud_events::{CloudEvent, Source};
use es_core::memory::{MemoryQueues, MemoryStore};
use es_core::{
    Error, MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions, Topic, TopicName,
};

use crate::patient::{PatientEvent, Stored};
use crate::scene::Scene;

#[tokio::test]
async fn a_thousand_events_are_a_hundred_requests() {
    for streams in [1, 7, 1_000] {
        let scene = Scene::standard();
        for n in 0..1_000 {
            scene.append(&format!("p-{}", n % streams), 1).await;
        }
        let caught_up = scene.announcer().catch_up().await.unwrap();
        assert_eq!(caught_up.applied, 1_000);
        assert_eq!(scene.post.requests().len(), 100, "of {streams} streams");
        scene.assert_announced(1_000);
        assert_eq!(scene.post.taken().len(), 1_000, "each once");
    }
}

#[tokio::test]
async fn a_commit_of_many_events_is_several_requests() {
    let scene = Scene::standard();
    scene.append("p-1", 25).await;
    scene.announcer().catch_up().await.unwrap();
    let sizes: Vec<_> = scene.post.requests().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
    scene.assert_announced(25);
}

#[tokio::test]
async fn to_a_fifo_topic_a_request_has_one_event_of_each_stream() {
    let scene = Scene::fifo();
    for n in 0..1_000 {
        scene.append(&format!("p-{}", n % 20), 1).await;
    }
    scene.announcer().catch_up().await.unwrap();
    let requests = scene.post.requests();
    for request in &requests {
        let mut groups: Vec<_> = request.iter().map(|message| &message.group).collect();
        groups.sort();
        groups.dedup();
        assert_eq!(groups.len(), request.len());
    }
    assert_eq!(requests.len(), 100);
    scene.assert_announced(1_000);
}

#[tokio::test]
async fn a_fifo_message_has_the_stream_as_its_group_and_the_event_as_its_deduplication_id() {
    let scene = Scene::fifo();
    scene.append("p-1", 2).await;
    scene.append("Ada Lovelace", 1).await;
    scene.announcer().catch_up().await.unwrap();
    for (message, event) in scene.post.taken().iter().zip(scene.post.events()) {
        assert_eq!(message.deduplication_id.as_deref(), Some(event.id()));
        match event.subject() {
            Some("patient:p-1") => assert_eq!(message.group.as_deref(), Some("patient:p-1")),
            // With a space it is no group.
            _ => assert_eq!(message.group.as_ref().unwrap().len(), 64),
        }
    }
}

#[tokio::test]
async fn no_request_is_over_its_bytes() {
    let scene = Scene::standard();
    for n in 0..40 {
        let ward = "x".repeat(100 + n * 97 % 500);
        let moved = Stored::Now(PatientEvent::Moved { ward });
        scene.append_stored(&format!("p-{n}"), &[moved], Default::default()).await;
    }
    let limit = 3_000;
    let announcer = scene.announcer_with(|options| options.with_all_data().request_bytes(limit));
    announcer.catch_up().await.unwrap();
    let requests = scene.post.requests();
    let sizes: Vec<usize> =
        requests.iter().map(|it| it.iter().map(NewMessage::size).sum()).collect();
    assert!(sizes.iter().all(|size| *size <= limit), "{sizes:?}");
    assert!(requests.len() < 30, "they are filled: {sizes:?}");
    scene.assert_announced(40);
}

#[tokio::test]
async fn so_many_requests_as_are_asked_for_are_on_their_way() {
    for in_flight in [1, 4] {
        let scene = Scene::standard();
        scene.append_commits(150, 150).await;
        let announcer = scene.announcer_with(|options| options.requests_in_flight(in_flight));
        announcer.catch_up().await.unwrap();
        assert_eq!(scene.post.most_in_flight(), in_flight);
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_announced() {
    let scene = Scene::standard();
    let note = Stored::Now(PatientEvent::NoteTaken { text: "n".to_owned() });
    scene.append("p-1", 1).await;
    scene.append_stored("p-1", &[note], Default::default()).await;
    scene.append("p-1", 1).await;

    let others = scene.announcer_with(|options| options.named("others").categories(["order"]));
    others.catch_up().await.unwrap();
    assert_eq!(scene.post.requests().len(), 0, "nothing is no request");
    let notes = scene.announcer_with(|options| options.types(["Patient:NoteTaken"]));
    let caught_up = notes.catch_up().await.unwrap();
    assert_eq!(caught_up.applied, 3, "the others are passed over");
    let events = scene.post.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event_type(), "Patient:NoteTaken");
    assert_eq!(scene.post.taken()[0].attributes["category"], "patient");
}

#[tokio::test]
async fn a_queue_behind_a_fifo_topic_has_them_in_order_and_once() {
    let scene = Scene::fifo();
    scene.append_commits(6, 1).await;
    let queues = Arc::new(MemoryQueues::new(scene.clock.clone(), Arc::new(es_core::SystemEntropy)));
    let (topic, queue) =
        (TopicName::new("patients.fifo").unwrap(), QueueName::new("wards.fifo").unwrap());
    queues.create_topic(&topic).await.unwrap();
    queues.configure(&queue, QueueOptions::default()).await.unwrap();
    queues.subscribe(&topic, &queue, Default::default()).await.unwrap();
    let source = Source::new("/clinic").unwrap();
    for name in ["one", "another"] {
        let announcer = Announcing::to_topic(queues.clone(), topic.clone(), source.clone())
            .named(name)
            .on(scene.store.clone())
            .unwrap();
        announcer.catch_up().await.unwrap();
    }
    let mut versions = Vec::new();
    loop {
        let received = queues.receive(&queue, ReceiveOptions::default()).await.unwrap();
        if received.is_empty() {
            break;
        }
        for message in received {
            let event = CloudEvent::parse(message.body.as_bytes()).unwrap();
            versions.push(event.stream_version().unwrap().get());
            queues.acknowledge(&queue, &message.receipt).await.unwrap();
        }
    }
    assert_eq!(versions, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_queue_can_be_announced_to_without_a_topic() {
    let scene = Scene::standard();
    scene.append_commits(6, 3).await;
    let queues = Arc::new(MemoryQueues::default());
    let queue = QueueName::new("wards").unwrap();
    let source = Source::new("/clinic").unwrap();
    let announcer = || {
        let announcing = Announcing::to_queue(queues.clone(), queue.clone(), source.clone());
        announcing.on::<MemoryStore>(scene.store.clone()).unwrap()
    };
    let refused = announcer().catch_up().await;
    assert!(matches!(refused, Err(Error::NoSuchQueue { .. })), "{refused:?}");
    queues.configure(&queue, QueueOptions::default()).await.unwrap();
    announcer().catch_up().await.unwrap();
    assert_eq!(queues.counts(&queue).await.unwrap().visible, 12);
}
