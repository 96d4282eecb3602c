//! An HTTP client that answers from memory.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Requests go to a database in memory until [`replay`](Self::replay): from then on the answers to queries that
/// were recorded come again, in turn.
#[derive(Debug, Clone)]
pub(crate) struct Recorded(Arc<Mutex<State>>);

struct State {
    database: Database,
    phase: Phase,
    answers: Vec<Arc<[u8]>>,
    next: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Filling,
    Recording,
    Replaying,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        let database = Database::memory().unwrap();
        let (phase, answers) = (Phase::Filling, Vec::new());
        Self(Arc::new(Mutex::new(State { database, phase, answers, next: 0 })))
    }

    /// Keeps the answers to queries from now on.
    pub(crate) fn record(&self) {
        self.0.lock().unwrap().phase = Phase::Recording;
    }

    /// Answers with what was recorded, from now on.
    pub(crate) fn replay(&self) {
        self.0.lock().unwrap().phase = Phase::Replaying;
    }

    /// A client whose requests come here.
    pub(crate) fn client(&self) -> aws_sdk_dynamodb::Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url("http://recorded")
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }
}

/// A client of DynamoDB Streams, which no read asks.
pub(crate) fn no_streams() -> aws_sdk_dynamodbstreams::Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(aws_sdk_dynamodbstreams::config::BehaviorVersion::latest())
        .region(Region::new("eu-central-1"));
    aws_sdk_dynamodbstreams::Client::from_conf(config.build())
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

impl State {
    fn answer(&mut self, request: &HttpRequest) -> (u16, SdkBody) {
        let target = request.headers().get("x-amz-target").unwrap();
        if self.phase == Phase::Replaying {
            assert!(target.ends_with(".Query"), "a replay asked for {target}");
            let answer = &self.answers[self.next];
            self.next = (self.next + 1) % self.answers.len();
            return (200, SdkBody::from(answer.to_vec()));
        }
        let (body, db) = (request.body().bytes().unwrap(), &self.database);
        let (status, answer) = match target.rsplit('.').next().unwrap() {
            "CreateTable" => call(body, |it| db.create_table(it)),
            "DescribeTable" => call(body, |it| db.describe_table(it)),
            "UpdateTimeToLive" => call(body, |it| db.update_time_to_live(it)),
            "DescribeTimeToLive" => call(body, |it| db.describe_time_to_live(it)),
            "PutItem" => call(body, |it| db.put_item(it)),
            "TransactWriteItems" => call(body, |it| db.transact_write_items(it)),
            "Query" => {
                let (status, answer) = call(body, |it| db.query(it));
                if self.phase == Phase::Recording {
                    self.answers.push(answer.as_bytes().into());
                }
                (status, answer)
            }
            // What else tables are asked for has no effect on reads.
            _ => (400, r#"{"__type":"UnknownOperationException"}"#.to_owned()),
        };
        (status, SdkBody::from(answer))
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> (u16, String) {
    match act(serde_json::from_slice(body).unwrap()) {
        Ok(answer) => (200, serde_json::to_string(&answer).unwrap()),
        Err(refusal) => (refusal.status_code(), refusal.to_json()),
    }
}

impl HttpConnector for Recorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = self.0.lock().unwrap().answer(&request);
        let mut answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), body);
        answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(answer))
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("answers", &self.answers.len()).finish_non_exhaustive()
    }
}
