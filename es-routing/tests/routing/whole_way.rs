//! From a commit by way of a bus to a consumer, with queues in a file that is opened again.

use std::sync::Arc;

use es_core::cloud_events::{CloudEvent, Source};
use es_core::{
    Codec, CommitId, EncodedEvents, Event, Incoming, MessageQueue as _, Metadata, NewCommit,
    QueueOptions, ReceiveOptions, StreamId, SystemEntropy, Timestamp, Version,
};
use es_routing::{BusEvent, EventBus as _, LocalBus, NewBusEvent, Rules};
use es_sqlite::SqliteStore;
use serde_json::json;

use crate::scene::{queue, rules};

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Order")]
enum OrderEvent {
    Created { order_id: String, total: u32 },
    Cancelled,
}

fn shop() -> Rules {
    rules(json!([
        {
            "name": "large",
            "event_pattern": { "source": ["orders"], "detail": { "total": [{ "numeric": [">", 100] }] } },
            "targets": [{ "id": "review", "queue": "reviews" }, { "id": "audit", "queue": "audit" }],
        },
        {
            "name": "cancelled",
            "event_pattern": { "detail-type": [{ "suffix": ":Cancelled" }], "detail": { "cloudevent": { "streamversion": [2] } } },
            "targets": [{ "id": "audit", "queue": "audit" }],
        },
    ]))
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The events of one commit, as they are announced.
fn announced() -> Vec<CloudEvent> {
    let created = OrderEvent::Created { order_id: "o-1".into(), total: 120 };
    let events = EncodedEvents::encode(
        &[created, OrderEvent::Cancelled],
        Codec::Json,
        Default::default(),
        0,
    );
    let mut metadata = Metadata::new();
    metadata.correlation_id = Some("journey-1".into());
    metadata.causation_id = Some("request-1".into());
    metadata.traceparent = Some(TRACEPARENT.into());
    let now: Timestamp = "2026-03-01T12:00:00.123456Z".parse().unwrap();
    let id = CommitId::generate(now, &SystemEntropy);
    let commit = NewCommit::new(id, now, metadata.encode().unwrap(), events.unwrap());
    let commit = commit.place(StreamId::new("order", "o-1").unwrap(), Version::FIRST);
    CloudEvent::from_commit(&commit, &Source::new("orders").unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_known_of_an_event_survives_the_bus_and_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.db");
    let announced = announced();
    let store = Arc::new(SqliteStore::open(&path).await.unwrap());
    for queue in shop().queues() {
        store.configure(queue, QueueOptions::default()).await.unwrap();
    }
    let bus = LocalBus::new(shop(), |router| router.queues(store.clone())).unwrap();
    let events: Vec<_> =
        announced.iter().map(|event| NewBusEvent::from_cloud_event(event).unwrap()).collect();
    for put in bus.put_events(&events).await.unwrap() {
        put.unwrap();
    }
    drop(bus);
    store.close().await.unwrap();

    let store = SqliteStore::open(&path).await.unwrap();
    let mut arrived = Vec::new();
    for message in store.receive(&queue("audit"), ReceiveOptions::up_to(10)).await.unwrap() {
        let event: BusEvent = message.body.parse().unwrap();
        assert_eq!(event.resources, ["order:o-1"]);
        assert_eq!(event.time.to_string(), "2026-03-01T12:00:00Z");
        let [incoming] = Incoming::of(&message).unwrap().try_into().expect("one event");
        let cloud_event = incoming.as_cloud_event().expect("a CloudEvent").clone();
        assert_eq!(event.cloud_event(), Some(Ok(cloud_event.clone())));
        arrived.push(cloud_event);
    }
    arrived.sort_by_key(CloudEvent::stream_version);
    assert_eq!(arrived, announced);
    let [created, cancelled] = arrived.as_slice() else { panic!("two events") };
    assert_eq!(
        created.event::<OrderEvent>().unwrap(),
        OrderEvent::Created { order_id: "o-1".into(), total: 120 }
    );
    assert_eq!(cancelled.event::<OrderEvent>().unwrap(), OrderEvent::Cancelled);
    assert_eq!(created.traceparent(), Some(TRACEPARENT));
    assert_eq!(created.correlation_id(), Some("journey-1"));
    assert_eq!(created.causation_id(), Some("request-1"));
    assert_eq!(store.counts(&queue("reviews")).await.unwrap().visible, 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_put_twice_has_one_id_for_its_handlers() {
    let queues = Arc::new(es_core::memory::MemoryQueues::default());
    for queue in shop().queues() {
        queues.configure(queue, QueueOptions::default()).await.unwrap();
    }
    let bus = LocalBus::new(shop(), |router| router.queues(queues.clone())).unwrap();
    let event = NewBusEvent::from_cloud_event(&announced()[0]).unwrap();
    let ids = [bus.put_event(&event).await.unwrap(), bus.put_event(&event).await.unwrap()];
    assert_ne!(ids[0], ids[1]);
    let received = queues.receive(&queue("reviews"), ReceiveOptions::up_to(10)).await.unwrap();
    let keys: Vec<_> =
        received.iter().map(|it| Incoming::of(it).unwrap()[0].id().to_owned()).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn cloud_events_of_every_form_come_back_as_they_were() {
    let source = || Source::new("/shop").unwrap();
    let new = || CloudEvent::new("e-1", source(), "Said").unwrap();
    let foreign = |json: serde_json::Value| CloudEvent::parse(json.to_string().as_bytes()).unwrap();
    for event in [
        new(),
        new().with_data(&json!({})).unwrap(),
        new().with_data(&json!({ "data": 1, "deep": [{}] })).unwrap(),
        new().with_data(&json!(null)).unwrap(),
        new().with_data(&json!("text")).unwrap(),
        new().with_data(&json!([1, 2])).unwrap().with_subject("a").unwrap(),
        new().with_extension("tenant", "t-1").unwrap().with_time(Timestamp::UNIX_EPOCH),
        foreign(json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t",
            "datacontenttype": "text/plain", "data": "x" })),
        foreign(
            json!({ "specversion": "1.0", "id": "1", "source": "s", "type": "t", "data_base64": "AAEC" }),
        ),
    ] {
        let put = NewBusEvent::from_cloud_event(&event).unwrap();
        let id = es_routing::EventId::from_bus("e");
        let accepted = put.accepted(id, "000000000000", "local", Timestamp::UNIX_EPOCH);
        let back: BusEvent = accepted.to_json().parse().unwrap();
        assert_eq!(back.cloud_event(), Some(Ok(event.clone())), "{event:?}");
    }
    let taken = new().with_data(&json!({ "cloudevent": 1 })).unwrap();
    assert!(NewBusEvent::from_cloud_event(&taken).is_err());
    let other = crate::scene::event(json!({ "cloudevent": { "id": "1" } }));
    assert_eq!(other.cloud_event(), None);
    let broken = crate::scene::event(json!({ "cloudevent": { "specversion": "1.0" } }));
    assert!(matches!(broken.cloud_event(), Some(Err(_))));
}
