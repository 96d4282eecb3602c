//! The way of a request from the SDK to the servers and back.

use std::fmt;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::faults::{Fault, Passage};
use super::query::Parameters;
use super::refusal::Refusal;
use super::{FakeMessaging, Request};

#[derive(Clone)]
pub(super) struct Connector {
    server: FakeMessaging,
}

/// A request, in the protocol of its service.
enum Asked {
    Sqs(Value),
    Sns(Parameters),
}

impl Connector {
    pub(super) fn new(server: FakeMessaging) -> Self {
        Self { server }
    }

    /// The whole way, there and back.
    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (operation, asked) = read(&request);
        self.server.note(&operation, &asked);
        let passage = Passage::begin(self.server.faults(), &operation);
        // Others may be on their way by now: it shows who goes side by side.
        tokio::task::yield_now().await;
        if passage.meets(Fault::LostRequest) {
            return Err(broken("the request is lost"));
        }
        let answer = match (refusal(&passage, &operation), &asked) {
            (Some(refusal), Asked::Sqs(_)) => json_response(Err(refusal)),
            (Some(refusal), Asked::Sns(_)) => xml_response(Err(refusal)),
            (None, Asked::Sqs(body)) => {
                json_response(self.server.answer_sqs(&operation, body, &passage).await)
            }
            (None, Asked::Sns(parameters)) => {
                xml_response(self.server.answer_sns(&operation, parameters, &passage).await)
            }
        };
        tokio::task::yield_now().await;
        if passage.meets(Fault::LostAnswer) {
            return Err(broken("the answer is lost"));
        }
        Ok(answer)
    }
}

impl FakeMessaging {
    fn note(&self, operation: &str, asked: &Asked) {
        let body = match asked {
            Asked::Sqs(body) => body.clone(),
            Asked::Sns(parameters) => parameters.json(),
        };
        self.state().requests.push(Request { operation: operation.to_owned(), body });
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

fn read(request: &HttpRequest) -> (String, Asked) {
    let body = request.body().bytes().expect("a body in memory");
    match request.headers().get("x-amz-target") {
        Some(target) => {
            let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
            (operation, Asked::Sqs(serde_json::from_slice(body).expect("SQS is asked in JSON")))
        }
        None => {
            let form = std::str::from_utf8(body).expect("SNS is asked in forms");
            let parameters = Parameters::parse(form);
            (parameters.text("Action").to_owned(), Asked::Sns(parameters))
        }
    }
}

/// The answer of a server that does nothing, if one is due.
fn refusal(passage: &Passage, operation: &str) -> Option<Refusal> {
    if passage.meets(Fault::Throttled) {
        return Some(Refusal::throttled());
    }
    if passage.meets(Fault::AccessDenied) {
        return Some(Refusal::denied(operation));
    }
    if passage.meets(Fault::NotSeenYet) {
        return Some(Refusal::no_queue());
    }
    if passage.meets(Fault::Ended) {
        return Some(Refusal::no_subscription());
    }
    passage.meets(Fault::InternalError).then(Refusal::internal)
}

fn broken(how: &'static str) -> ConnectorError {
    ConnectorError::io(how.into())
}

fn json_response(answer: Result<Value, Refusal>) -> HttpResponse {
    let (status, body) = match &answer {
        Ok(answer) => (200, answer.to_string()),
        Err(refusal) => (refusal.status, refusal.json().to_string()),
    };
    let mut response = response(status, body, "application/x-amz-json-1.0");
    if let Err(refusal) = answer {
        response.headers_mut().insert("x-amzn-query-error", format!("{};Sender", refusal.code));
    }
    response
}

fn xml_response(answer: Result<String, Refusal>) -> HttpResponse {
    let (status, body) = match answer {
        Ok(answer) => (200, answer),
        Err(refusal) => (refusal.status, refusal.xml()),
    };
    response(status, body, "text/xml")
}

fn response(status: u16, body: String, content_type: &'static str) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status of HTTP");
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", content_type);
    response.headers_mut().insert("x-amzn-requestid", "R1");
    response
}
