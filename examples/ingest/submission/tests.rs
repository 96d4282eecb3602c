use es_core::memory::MemoryQueues;
use es_core::{MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions};

use super::*;

/// What a receiver of this body makes of it.
async fn received(body: &str) -> Result<Option<Submission>, NoSubmission> {
    let (queues, queue) = (MemoryQueues::default(), QueueName::new("q").unwrap());
    queues.configure(&queue, QueueOptions::default()).await.unwrap();
    queues.send(&queue, NewMessage::new(body)).await.unwrap();
    let messages = queues.receive(&queue, ReceiveOptions::default()).await.unwrap();
    Submission::of(&Incoming::of(&messages[0]).unwrap()[0])
}

#[tokio::test]
async fn a_document_arrives_byte_for_byte() {
    let document = r#"{"value":1.50,  "station":"brocken"}"#;
    let raw = RawValue::from_string(document.to_owned()).unwrap();
    let id = EventId::of_content(document.as_bytes());
    let source = Source::new("/ingest/http").unwrap();
    let event = Submission::of_document(&id, &raw, source).unwrap();
    let submission = received(&event.message().unwrap().body).await.unwrap().unwrap();
    let source = "/ingest/http".to_owned();
    assert_eq!(submission.origin(), Origin::Message { source: source.clone() });
    assert_eq!(submission, Submission::Document { source, content: document.to_owned() });
}

#[tokio::test]
async fn word_of_a_file_is_named_by_name_and_content() {
    let event = Submission::of_file("a.json", b"1").unwrap();
    assert_eq!(event, Submission::of_file("a.json", b"1").unwrap());
    for (name, content) in [("b.json", &b"1"[..]), ("a.json", b"2"), ("a.json1", b"")] {
        let other = Submission::of_file(name, content).unwrap();
        assert_ne!(event.id(), other.id(), "{name}");
    }
    let submission = received(&event.message().unwrap().body).await.unwrap().unwrap();
    assert_eq!(submission, Submission::File(File::InDirectory { name: "a.json".to_owned() }));
}

#[tokio::test]
async fn a_bucket_tells_of_new_objects_and_of_others() {
    let notification = |name: &str| {
        format!(
            r#"{{"Records":[{{"eventSource":"aws:s3","eventName":"{name}",
            "eventTime":"2026-03-01T12:00:00.000Z",
            "s3":{{"bucket":{{"name":"inbox"}},"object":{{"key":"a+b.json","size":1}}}}}}]}}"#
        )
    };
    let submission = received(&notification("ObjectCreated:Put")).await.unwrap();
    let (bucket, key) = ("inbox".to_owned(), "a b.json".to_owned());
    assert_eq!(submission, Some(Submission::File(File::InBucket { bucket, key })));
    assert_eq!(received(&notification("ObjectRemoved:Delete")).await.unwrap(), None);
}

#[tokio::test]
async fn what_asks_for_nothing_is_refused_with_a_reason() {
    let refused = async |body: &str| received(body).await.unwrap_err().to_string();
    assert_eq!(refused("hello").await, "the message is no CloudEvent");
    let event = |kind: &str, rest: &str| {
        format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"{kind}"{rest}}}"#)
    };
    let unknown = refused(&event("Order:Placed", "")).await;
    assert_eq!(unknown, "messages of this type are not taken here");
    assert_eq!(refused(&event(SUBMITTED, "")).await, "the message has no document");
    assert_eq!(refused(&event(FILE_PUT, "")).await, "the message names no file");
}
