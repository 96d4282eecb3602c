//! The way of a request from the SDK to the server and back.

use std::fmt;
use std::io;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::stream::Stream;
use serde_json::Value;

use super::super::faults::{Fault, Faults, Passage};
use super::FakeKinesis;
use super::consumers::Ending;
use super::event_stream;
use super::reading;
use super::refusal::Refusal;
use super::writing::{EntryFailure, Failing};

#[derive(Clone)]
pub(super) struct Connector {
    server: FakeKinesis,
    faults: Faults,
}

impl Connector {
    pub(super) fn new(server: FakeKinesis, faults: Faults) -> Self {
        Self { server, faults }
    }

    /// The whole way, there and back.
    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (operation, asked) = (operation(&request), body(&request));
        let place = self.server.note(&operation, &asked);
        let passage = Passage::begin(&self.faults, &operation);
        // Others may be on their way by now: it shows who goes side by side.
        tokio::task::yield_now().await;
        passage.wait().await;
        self.server.serve_late(self.faults.take_late());
        let answer = self.meet_faults(&passage, &operation, &asked).await?;
        // The server has acted, and the answer is on its way.
        tokio::task::yield_now().await;
        self.server.note_status(place, answer.status().as_u16());
        Ok(answer)
    }

    async fn meet_faults(
        &self,
        passage: &Passage,
        operation: &str,
        asked: &Value,
    ) -> Result<HttpResponse, ConnectorError> {
        let broken = |fault| Err(ConnectorError::io(passage.injection(fault).into()));
        if passage.meets(Fault::LateRequest) {
            passage.make_late(asked);
            return broken(Fault::LateRequest);
        }
        if passage.meets(Fault::LostRequest) {
            return broken(Fault::LostRequest);
        }
        if passage.meets(Fault::Timeout) {
            return Err(ConnectorError::timeout(passage.injection(Fault::Timeout).into()));
        }
        if passage.meets(Fault::Silence) {
            return std::future::pending().await;
        }
        if let Some(refusal) = refusal(passage, operation) {
            return Ok(response(Err(refusal)));
        }
        self.reshape(passage, [Fault::SplitBefore, Fault::MergeBefore], operation, asked);
        let answer = if operation == "SubscribeToShard" {
            subscription(self.server.subscribe(asked, cut(passage)))
        } else {
            let failing = failing_entries(passage, asked);
            response(self.server.answer(operation, asked, &failing))
        };
        self.reshape(passage, [Fault::SplitAfter, Fault::MergeAfter], operation, asked);
        if passage.meets(Fault::LostAnswer) {
            return broken(Fault::LostAnswer);
        }
        if passage.meets(Fault::InternalErrorAfterwards) {
            return Ok(response(Err(Refusal::internal())));
        }
        Ok(answer)
    }

    /// Splits and merges a shard that the request is about, if that is due and can be done.
    fn reshape(
        &self,
        passage: &Passage,
        [split, merge]: [Fault; 2],
        operation: &str,
        asked: &Value,
    ) {
        for (fault, is_split) in [(split, true), (merge, false)] {
            let reshape = || {
                let mut model = self.server.model();
                model.reshape_for(operation, asked, is_split, &mut passage.rng())
            };
            if passage.is_due(fault) && reshape() {
                passage.met(fault);
            }
        }
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.pass(request).await })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// As `PutRecords`, from `Kinesis_20131202.PutRecords`.
fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").expect("Kinesis' requests name a target");
    target.rsplit('.').next().unwrap_or(target).to_owned()
}

fn body(request: &HttpRequest) -> Value {
    let body = request.body().bytes().expect("a body in memory");
    serde_json::from_slice(body).expect("Kinesis' requests are JSON")
}

/// The answer of a server that does nothing, if one is due.
fn refusal(passage: &Passage, operation: &str) -> Option<Refusal> {
    if passage.meets(Fault::ThroughputExceeded) {
        return Some(Refusal::throttled("Rate exceeded for the shard."));
    }
    if passage.meets(Fault::LimitExceeded) {
        return Some(Refusal::exceeds_limit("Rate exceeded for the stream."));
    }
    if passage.meets(Fault::KeyServiceThrottled) {
        let message = "The request was denied due to request throttling by the key service.";
        return Some(Refusal::new("KMSThrottlingException", message));
    }
    if passage.meets(Fault::AccessDenied) {
        let message = format!("User is not authorized to perform kinesis:{operation}.");
        return Some(Refusal::new("AccessDeniedException", message));
    }
    if passage.meets(Fault::InternalError) {
        return Some(Refusal::internal());
    }
    passage.meets(Fault::ExpiredIterator).then(reading::expired)
}

/// The entries of a request that fail, if that is due: at least one, and maybe all.
fn failing_entries(passage: &Passage, asked: &Value) -> Failing {
    if !passage.meets(Fault::PartialFailure) {
        return Failing::new();
    }
    let entries = asked["Records"].as_array().map_or(0, Vec::len);
    let mut rng = passage.rng();
    let count = rng.usize(1..=entries.max(1));
    let failing = rng.choose_multiple(0..entries, count);
    failing.into_iter().map(|index| (index, EntryFailure::diced(&mut rng))).collect()
}

/// After how many events a subscription is cut off, and how, if that is due.
fn cut(passage: &Passage) -> Option<(u64, Ending)> {
    let mut rng = passage.rng();
    let endings = [
        Ending::Broken,
        Ending::Failed("InternalFailureException"),
        Ending::Failed("KMSThrottlingException"),
    ];
    passage.meets(Fault::SubscriptionCut).then(|| (rng.u64(0..=3), endings[rng.usize(..3)]))
}

fn subscription(
    frames: Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Refusal>,
) -> HttpResponse {
    let frames = match frames {
        Ok(frames) => frames,
        Err(refusal) => return response(Err(refusal)),
    };
    let status = StatusCode::try_from(200).expect("a status of HTTP");
    let mut response = HttpResponse::new(status, event_stream::body(frames));
    response.headers_mut().insert("content-type", "application/vnd.amazon.eventstream");
    response
}

fn response(answer: Result<Value, Refusal>) -> HttpResponse {
    let (status, body) = match answer {
        Ok(answer) => (200, answer),
        Err(refusal) => (refusal.status, refusal.body()),
    };
    let status = StatusCode::try_from(status).expect("a status of HTTP");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
    response
}
