//! The SDK's HTTP client, and what happens to a request on its way.

use std::collections::BTreeSet;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

use super::disturbance::Body;
use super::{Fault, Faults, Injection, Late, Sent};

/// The real client, with faults before and behind it.
#[derive(Debug)]
pub(super) struct FaultyClient {
    faults: Faults,
    real: SharedHttpClient,
}

impl FaultyClient {
    pub(super) fn new(faults: Faults, real: SharedHttpClient) -> Self {
        Self { faults, real }
    }
}

impl HttpClient for FaultyClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let real = self.real.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { faults: self.faults.clone(), real })
    }
}

#[derive(Debug, Clone)]
struct FaultyConnector {
    faults: Faults,
    real: SharedHttpConnector,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.pass(request).await })
    }
}

impl FaultyConnector {
    /// The whole way, there and back.
    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut passage = Passage::begin(&self.faults, &request);
        // Others may be on their way by now: it shows who goes side by side.
        tokio::task::yield_now().await;
        let first = self.faults.state().before.remove(&(passage.operation.clone(), passage.nth));
        if let Some(first) = first {
            first.await;
        }
        self.deliver_late_requests().await;
        let answered = self.meet_faults(&mut passage, request).await;
        passage.end(answered.as_ref().ok());
        answered
    }

    async fn meet_faults(
        &self,
        passage: &mut Passage,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        if passage.meets(Fault::LateRequest) {
            self.make_late(request);
            return Err(passage.broken(Fault::LateRequest));
        }
        if passage.meets(Fault::LostRequest) {
            return Err(passage.broken(Fault::LostRequest));
        }
        if passage.meets(Fault::Timeout) {
            return Err(ConnectorError::timeout(passage.injection(Fault::Timeout).into()));
        }
        if passage.meets(Fault::Silence) {
            return std::future::pending().await;
        }
        if let Some(refusal) = passage.refusal() {
            return Ok(refusal);
        }
        let answer = self.disturbed(passage, request).await?;
        if passage.meets(Fault::LostAnswer) {
            return Err(passage.broken(Fault::LostAnswer));
        }
        if passage.meets(Fault::InternalErrorAfterwards) {
            return Ok(internal_error());
        }
        Ok(answer)
    }

    /// The server's answer, to a request that may ask for less, with records that may be shuffled.
    async fn disturbed(
        &self,
        passage: &mut Passage,
        mut request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        if passage.meets(Fault::ShortPage) {
            let most = self.faults.with_rng(|rng| rng.u64(1..=3));
            passage.body.shorten_page(most);
            request = with_body(request, &passage.body.0);
        }
        if passage.meets(Fault::TokenForgotten) {
            passage.body.change_token(self.faults.with_rng(|rng| rng.u64(..)));
            request = with_body(request, &passage.body.0);
        }
        if passage.meets(Fault::Unprocessed) {
            let kept = self.faults.with_rng(|rng| passage.body.hold_back_a_part(rng));
            let answer = self.real.call(with_body(request, &passage.body.0)).await?;
            return change(answer, |body| body.give_back_unprocessed(kept)).await;
        }
        let answer = self.real.call(request).await?;
        if passage.operation != "GetRecords" || !answer.status().is_success() {
            return Ok(answer);
        }
        let reorder = passage.meets(Fault::ReorderedRecords);
        let repeat = passage.meets(Fault::RepeatedRecords);
        change(answer, |body| {
            let history = &mut self.faults.state().history;
            self.faults.with_rng(|rng| history.disturb(body, rng, reorder, repeat));
        })
        .await
    }

    fn make_late(&self, request: HttpRequest) {
        let overtaken_by = self.faults.with_rng(|rng| rng.u32(1..=4));
        let late = Late { request, to: self.real.clone(), overtaken_by };
        self.faults.state().late.push(late);
    }

    /// Sends what is due by now; nobody waits for the answers.
    async fn deliver_late_requests(&self) {
        let due: Vec<_> = {
            let state = &mut *self.faults.state();
            for late in &mut state.late {
                late.overtaken_by = late.overtaken_by.saturating_sub(1);
            }
            let (due, later) = std::mem::take(&mut state.late)
                .into_iter()
                .partition(|late| late.overtaken_by == 0);
            state.late = later;
            due
        };
        for late in due {
            let _ = late.to.call(late.request).await;
        }
    }
}

/// A request on its way, until it is answered or given up.
struct Passage {
    faults: Faults,
    operation: String,
    nth: u64,
    due: BTreeSet<Fault>,
    body: Body,
    /// Where it is in the list of all that was sent.
    index: usize,
}

impl Passage {
    fn begin(faults: &Faults, request: &HttpRequest) -> Self {
        let operation = operation(request);
        let body: Value = request
            .body()
            .bytes()
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .expect("DynamoDB's requests are JSON");
        let (nth, due) = faults.decide(&operation);
        let state = &mut *faults.state();
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        let index = state.sent.len();
        state.sent.push(Sent { operation: operation.clone(), body: body.clone(), status: None });
        let body = Body(body);
        Self { faults: faults.clone(), operation, nth, due, body, index }
    }

    /// Whether the fault is due; if so it counts as injected, and the caller sees to it.
    fn meets(&self, fault: Fault) -> bool {
        let due = self.due.contains(&fault);
        if due {
            self.faults.inject(self.injection(fault));
        }
        due
    }

    fn injection(&self, fault: Fault) -> Injection<Fault> {
        Injection { operation: self.operation.clone(), nth: self.nth, fault }
    }

    fn broken(&self, fault: Fault) -> ConnectorError {
        ConnectorError::io(self.injection(fault).into())
    }

    /// The answer of a server that does nothing, if one is due.
    fn refusal(&self) -> Option<HttpResponse> {
        if self.meets(Fault::Throttled) {
            let text = "The level of configured provisioned throughput for the table was exceeded.";
            return Some(error(400, "ProvisionedThroughputExceededException", json!(text)));
        }
        if self.meets(Fault::InternalError) {
            return Some(internal_error());
        }
        if self.meets(Fault::ItemThrottled) {
            return Some(self.cancelled("ProvisionedThroughputExceeded"));
        }
        if self.meets(Fault::TransactionConflict) {
            if self.operation == "TransactWriteItems" {
                return Some(self.cancelled("TransactionConflict"));
            }
            let text = "Transaction is ongoing for the item";
            return Some(error(400, "TransactionConflictException", json!(text)));
        }
        None
    }

    /// A transaction that is cancelled because of its first item.
    fn cancelled(&self, code: &str) -> HttpResponse {
        let items = self.body.0["TransactItems"].as_array().map_or(0, Vec::len);
        let reasons: Vec<_> = (0..items)
            .map(|item| {
                if item == 0 {
                    json!({ "Code": code, "Message": "injected" })
                } else {
                    json!({ "Code": "None" })
                }
            })
            .collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{code}]"
        );
        refusal(
            400,
            &json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": message,
                "CancellationReasons": reasons,
            }),
        )
    }

    fn end(self, answer: Option<&HttpResponse>) {
        let status = answer.map(|answer| answer.status().as_u16());
        self.faults.state().sent[self.index].status = status;
    }
}

impl Drop for Passage {
    /// Also when the SDK does not wait for the answer.
    fn drop(&mut self) {
        self.faults.state().in_flight -= 1;
    }
}

/// As `PutItem`, from `DynamoDB_20120810.PutItem`.
fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").expect("DynamoDB's requests name a target");
    target.rsplit('.').next().unwrap_or(target).to_owned()
}

fn internal_error() -> HttpResponse {
    error(500, "InternalServerError", json!("The request could not be processed"))
}

fn error(status: u16, code: &str, message: Value) -> HttpResponse {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    refusal(status, &json!({ "__type": code, "message": message }))
}

fn refusal(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status of HTTP");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

/// The request with another body. Its signature does not fit any more, which local servers overlook.
fn with_body(mut request: HttpRequest, body: &Value) -> HttpRequest {
    let text = body.to_string();
    request.headers_mut().insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
    request
}

/// The answer with a body that is changed, unless it is a refusal.
async fn change(
    mut answer: HttpResponse,
    change: impl FnOnce(&mut Body),
) -> Result<HttpResponse, ConnectorError> {
    if !answer.status().is_success() {
        return Ok(answer);
    }
    let body = ByteStream::new(answer.take_body()).collect().await;
    let bytes = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let body = serde_json::from_slice(&bytes).expect("DynamoDB's answers are JSON");
    let mut body = Body(body);
    change(&mut body);
    let text = body.0.to_string();
    // Both are of the body that was.
    answer.headers_mut().remove("x-amz-crc32");
    answer.headers_mut().insert("content-length", text.len().to_string());
    *answer.body_mut() = SdkBody::from(text);
    Ok(answer)
}
