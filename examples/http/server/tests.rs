use std::sync::Arc;

use axum::body::Bytes;
use axum::routing::post;
use es_core::memory::MemoryQueues;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Incoming, MessageError, MessageHandler, MessageQueue as _, QueueConsumer, QueueName,
    QueueOptions,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const LONG: Duration = Duration::from_secs(60 * 60);
const SHORT: Duration = Duration::from_millis(20);
const PATIENT: Limits = Limits { head: LONG, request: LONG, drain: LONG };

/// A server that wants to read a body, and a client of it.
async fn server(limits: Limits) -> (Server, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (Server { listener, limits }, client)
}

fn reading_bodies() -> Router {
    Router::new().route("/", post(async |_: Bytes| "read"))
}

/// What the server says until it hangs up.
async fn talk(limits: Limits, request: &str) -> String {
    let (server, mut client) = server(limits).await;
    client.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    tokio::select! {
        () = server.answer(reading_bodies(), std::future::pending()) => {}
        read = client.read_to_string(&mut said) => drop(read.unwrap()),
    }
    said
}

#[tokio::test]
async fn a_body_that_does_not_come_is_waited_for_no_longer_than_that() {
    let limits = Limits { request: SHORT, ..PATIENT };
    let said = talk(limits, "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nhalf").await;
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("/problems/too-slow"), "{said}");
}

#[tokio::test]
async fn a_head_that_does_not_come_is_waited_for_no_longer_than_that() {
    let limits = Limits { head: SHORT, ..PATIENT };
    let said = talk(limits, "POST / HT").await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
}

/// Sends half a request, and returns when the server waits for the rest.
async fn keep_waiting(client: &mut TcpStream) {
    let half = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    client.write_all(half.as_bytes()).await.unwrap();
    let mut answer = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    client.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 100 "));
}

#[tokio::test]
async fn the_end_comes_with_or_without_a_slow_client() {
    let (server, mut client) = server(Limits { drain: SHORT, ..PATIENT }).await;
    let stop = async { keep_waiting(&mut client).await };
    server.answer(reading_bodies(), stop).await;
    let mut said = Vec::new();
    // How a connection ends that is hung up on is a matter of the system.
    let _ = client.read_to_end(&mut said).await;
    assert!(said.is_empty(), "no answer: {said:?}");
}

#[tokio::test]
async fn a_request_at_hand_is_answered_before_the_end() {
    let (server, mut client) = server(PATIENT).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut said = String::new();
    let client = async {
        keep_waiting(&mut client).await;
        drop(stop);
        client.write_all(b"the rest.").await.unwrap();
        client.read_to_string(&mut said).await.unwrap();
    };
    tokio::join!(server.answer(reading_bodies(), dropped(stopped)), client);
    assert!(said.starts_with("HTTP/1.1 200 ") && said.ends_with("read"), "{said}");
}

#[derive(Debug)]
struct Nothing;

#[async_trait::async_trait]
impl MessageHandler for Nothing {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        Ok(())
    }
}

#[tokio::test]
async fn workers_end_while_a_slow_client_is_waited_for() {
    let queues = MemoryQueues::new(
        Arc::new(VirtualClock::at("2026-03-01T12:00:00Z")),
        Arc::new(SeededEntropy::new(1)),
    );
    let queue = QueueName::new("queue").unwrap();
    queues.configure(&queue, QueueOptions::default()).await.unwrap();
    let worker = QueueConsumer::new("worker", Arc::new(queues), queue, Nothing).unwrap();
    let worker = Arc::new(worker);
    let mut workers = Workers::new();
    workers.start_queue(worker.clone());
    assert_eq!(Arc::strong_count(&worker), 2);

    let (server, mut client) = server(PATIENT).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = async {
        keep_waiting(&mut client).await;
        drop(stop);
        while Arc::strong_count(&worker) > 1 {
            tokio::task::yield_now().await;
        }
    };
    let (beside, stopped) = (std::future::pending(), dropped(stopped));
    let running = server.run_until(reading_bodies(), workers, beside, stopped);
    tokio::select! {
        _ = running => panic!("there is a client to be waited for"),
        () = ended => {}
    }
}
