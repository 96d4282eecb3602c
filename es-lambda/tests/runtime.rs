//! A function in a process of its own, on the interface that Lambda's runtimes have.
#![cfg(feature = "sqs")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use es_core::memory::MemoryQueues;
use es_core::{Incoming, MessageError, MessageHandler, QueueConsumer, QueueName, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Says where the interface is, to the process that is the function.
const INTERFACE: &str = "AWS_LAMBDA_RUNTIME_API";

struct Picky;

#[async_trait]
impl MessageHandler for Picky {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        match message.body() {
            "fail" => Err(MessageError::transient("not now")),
            _ => Ok(()),
        }
    }
}

/// What a `main` has in it.
async fn function() {
    let queues = Arc::new(MemoryQueues::default());
    let consumer = QueueConsumer::new("picky", queues, QueueName::new("q").unwrap(), Picky);
    let handler = es_lambda::handler().unwrap();
    match handler.as_str() {
        "picky" => es_lambda::sqs(consumer.unwrap()).run().await.unwrap(),
        _ => panic!("{}", handler.unknown()),
    }
}

/// The events, and where the answers go.
#[derive(Clone)]
struct Interface {
    events: Arc<Vec<Value>>,
    given: Arc<AtomicUsize>,
    answers: UnboundedSender<(String, Value)>,
}

async fn next(State(interface): State<Interface>) -> Response {
    let number = interface.given.fetch_add(1, Ordering::SeqCst);
    let Some(event) = interface.events.get(number) else { return std::future::pending().await };
    let end = (Timestamp::now().as_millisecond() + 3_600_000).to_string();
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:picky".to_owned();
    let headers = AppendHeaders([
        ("lambda-runtime-aws-request-id", number.to_string()),
        ("lambda-runtime-deadline-ms", end),
        ("lambda-runtime-invoked-function-arn", arn),
    ]);
    (headers, event.to_string()).into_response()
}

async fn answered(
    State(interface): State<Interface>,
    Path((_, kind)): Path<(String, String)>,
    body: String,
) {
    interface.answers.send((kind, serde_json::from_str(&body).unwrap())).unwrap();
}

#[tokio::test]
async fn a_function_in_a_process_of_its_own_answers_what_the_runtime_interface_gives_it() {
    if std::env::var_os(INTERFACE).is_some() {
        return function().await;
    }
    let mut batch: Value = serde_json::from_str(include_str!("events/sqs.json")).unwrap();
    batch["Records"][0]["body"] = json!("fail");
    let (answers, mut answer) = unbounded_channel();
    let events = Arc::new(vec![batch, json!({ "Records": 7 })]);
    let interface = Interface { events, given: Arc::default(), answers };
    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered))
        .with_state(interface);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let this_test =
        "a_function_in_a_process_of_its_own_answers_what_the_runtime_interface_gives_it";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", this_test])
        .env(INTERFACE, address)
        .env("_HANDLER", "picky")
        .env("AWS_LAMBDA_FUNCTION_NAME", "picky")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut both = Vec::new();
    while both.len() < 2 {
        tokio::select! {
            Some(answer) = answer.recv() => both.push(answer),
            ended = child.wait() => panic!("the function has ended: {ended:?}"),
        }
    }
    let failure = json!({ "itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830a7d" });
    assert_eq!(both[0], ("response".to_owned(), json!({ "batchItemFailures": [failure] })));
    assert_eq!((&*both[1].0, &both[1].1["errorType"]), ("error", &json!("NotTheEvent")));
}
