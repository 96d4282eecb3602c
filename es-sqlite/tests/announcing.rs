//! One file that is log, feed, checkpoints, queue and topic, and an announcer between them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;

use es_core::announcer::{Announcer, Announcing};
use es_core::cloud_events::{CloudEvent, Source};
use es_core::{
    Codec, CommitId, EncodedEvents, Event, EventStore as _, Expected, MessageQueue as _, NewCommit,
    QueueName, QueueOptions, ReceiveOptions, StreamId, SystemEntropy, Timestamp, Topic as _,
    TopicName,
};
use es_sqlite::SqliteStore;
use support::Place;

#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Order")]
enum OrderEvent {
    Placed {
        #[event(personal)]
        customer: String,
        total: u32,
    },
}

async fn append(store: &SqliteStore, stream: &str, total: u32) {
    let placed = OrderEvent::Placed { customer: "Ada".to_owned(), total };
    let events = EncodedEvents::encode(&[placed], Codec::Json, Default::default(), 0).unwrap();
    let now = Timestamp::now();
    let new =
        NewCommit::new(CommitId::generate(now, &SystemEntropy), now, Default::default(), events);
    let stream = StreamId::new("order", stream).unwrap();
    store.append(&stream, Expected::Any, new).await.unwrap();
}

async fn subscribed(store: &SqliteStore, topic: &TopicName, queue: &QueueName) {
    store.create_topic(topic).await.unwrap();
    store.configure(queue, QueueOptions::default()).await.unwrap();
    let filter = r#"{"category":["order"],"type":[{"prefix":"Order:"}]}"#.parse().unwrap();
    store.subscribe(topic, queue, filter).await.unwrap();
}

fn announcer(store: &Arc<SqliteStore>, topic: &TopicName) -> Announcer {
    let source = Source::new("/shop").unwrap();
    let announcing = Announcing::to_topic(store.clone(), topic.clone(), source);
    announcing.with_data_of::<OrderEvent>().on(store.clone()).unwrap()
}

/// All events of the queue.
async fn received(store: &SqliteStore, queue: &QueueName) -> Vec<CloudEvent> {
    let mut events = Vec::new();
    loop {
        let messages = store.receive(queue, ReceiveOptions::default()).await.unwrap();
        if messages.is_empty() {
            return events;
        }
        for message in messages {
            events.push(CloudEvent::parse(message.body.as_bytes()).unwrap());
            store.acknowledge(queue, &message.receipt).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_appended_comes_out_of_the_queue_in_order_and_once() {
    for suffix in ["", ".fifo"] {
        let place = Place::new();
        let store = Arc::new(place.open().await);
        let topic = TopicName::new(&format!("orders{suffix}")).unwrap();
        let queue = QueueName::new(&format!("shipping{suffix}")).unwrap();
        subscribed(&store, &topic, &queue).await;
        for total in 0..45 {
            append(&store, &format!("o-{}", total % 4), total).await;
        }
        announcer(&store, &topic).catch_up().await.unwrap();
        append(&store, "o-0", 45).await;
        // As a process that is started again.
        announcer(&store, &topic).catch_up().await.unwrap();

        let events = received(&store, &queue).await;
        assert_eq!(events.len(), 46);
        assert!(events.iter().all(|event| !event.to_json().unwrap().contains("Ada")));
        for n in 0..4 {
            let subject = format!("order:o-{n}");
            let of_stream = events.iter().filter(|event| event.subject() == Some(&subject));
            let versions: Vec<_> = of_stream.filter_map(|it| it.stream_version()).collect();
            let in_order = versions.windows(2).all(|two| two[0].next() == two[1]);
            assert!(in_order && versions.len() >= 11, "{subject}: {versions:?}");
        }
    }
}
