//! An EventBridge in memory, reached through the SDK without a network. It keeps what it is told, decides as
//! [`es_routing`] does, and sends to the queues of a [`FakeMessaging`] that let it.

mod delivering;
mod deploying;
mod putting;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use es_core::testing::VirtualClock;
use es_sns_sqs::SqsQueues;
use serde_json::{Map, Value, json};

use super::fake_messaging::FakeMessaging;

pub(crate) use putting::Outcome;

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

/// The server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct FakeEvents(Arc<Shared>);

struct Shared {
    messaging: FakeMessaging,
    queues: SqsQueues,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The rules of each bus by name.
    buses: BTreeMap<String, BTreeMap<String, Rule>>,
    requests: Vec<(String, Value)>,
    script: VecDeque<Outcome>,
    /// The tags of each rule and bus by its ARN.
    tags: BTreeMap<String, Map<String, Value>>,
    /// How many of the other requests are answered before one breaks.
    breaks_after: Option<usize>,
    events_taken: u64,
    /// The details of what was taken, in their order.
    taken: Vec<String>,
    /// The details of what was taken, and answered for.
    told: Vec<String>,
    /// The most bytes of a request; no limit when there is none.
    max_request_bytes: Option<usize>,
}

#[derive(Default, Clone)]
struct Rule {
    description: Value,
    pattern: String,
    state: String,
    targets: BTreeMap<String, Value>,
}

type Answer = Result<Value, (&'static str, String)>;

impl FakeEvents {
    pub(crate) fn new(messaging: FakeMessaging, clock: Arc<VirtualClock>) -> Self {
        // What is in a target is a name in the account.
        let queues = SqsQueues::builder().clock(clock);
        let queues = queues.with_client(messaging.sqs()).expect("no prefix");
        Self(Arc::new(Shared { messaging, queues, state: Mutex::default() }))
    }

    /// A client that asks once.
    pub(crate) fn client(&self) -> aws_sdk_eventbridge::Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::for_tests())
            .timeout_config(TimeoutConfig::disabled())
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()));
        aws_sdk_eventbridge::Client::from_conf(config.build())
    }

    /// Breaks the connection once, after so many requests that put no events.
    pub(crate) fn break_after(&self, requests: usize) {
        self.state().breaks_after = Some(requests);
    }

    /// The names of the rules of a bus.
    pub(crate) fn rules_of(&self, bus: &str) -> Vec<String> {
        let state = self.state();
        state.buses.get(bus).into_iter().flat_map(|rules| rules.keys().cloned()).collect()
    }

    pub(crate) fn has_bus(&self, bus: &str) -> bool {
        self.state().buses.contains_key(bus)
    }

    /// Takes the tags of a rule, as if a stack had made it.
    pub(crate) fn forget_owner(&self, bus: &str, rule: &str) {
        self.state().tags.remove(&rule_arn(bus, rule));
    }

    /// Removes a rule behind everybody's back.
    pub(crate) fn lose_rule(&self, bus: &str, rule: &str) {
        self.state().buses.get_mut(bus).expect("a bus").remove(rule);
    }

    /// What becomes of the next requests to put events.
    pub(crate) fn plan(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.state().script.extend(outcomes);
    }

    /// Refuses requests that are larger, as a whole.
    pub(crate) fn limit_requests(&self, bytes: usize) {
        self.state().max_request_bytes = Some(bytes);
    }

    /// The details of the events that were taken, as often as they were.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.state().taken.clone()
    }

    /// The details of the events that were taken, and that somebody was told so of.
    pub(crate) fn told(&self) -> Vec<String> {
        self.state().told.clone()
    }

    /// The bodies of all requests of an operation, in their order.
    pub(crate) fn requests(&self, operation: &str) -> Vec<Value> {
        let state = self.state();
        let of_operation = state.requests.iter().filter(|(name, _)| name == operation);
        of_operation.map(|(_, body)| body.clone()).collect()
    }

    /// How many requests there were that change something.
    pub(crate) fn changes(&self) -> usize {
        let changes = |name: &str| name.starts_with("Remove") || name.starts_with("Delete");
        self.state().requests.iter().filter(|(name, _)| changes(name)).count()
    }

    /// Changes a rule behind everybody's back.
    pub(crate) fn disable(&self, rule: &str) {
        let mut state = self.state();
        let rules = state.buses.values_mut();
        let rule = rules.filter_map(|rules| rules.get_mut(rule)).next().expect("the rule is there");
        rule.state = "DISABLED".to_owned();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").expect("a request in JSON");
        let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
        let body = request.body().bytes().expect("a body in memory");
        let body: Value = serde_json::from_slice(body).expect("EventBridge is asked in JSON");
        self.state().requests.push((operation.clone(), body.clone()));
        let answer = match operation.as_str() {
            "PutEvents" => match self.put_events(&body).await {
                Some(answer) => answer,
                None => return Err(ConnectorError::io("the answer is lost".into())),
            },
            other => {
                let breaks = {
                    let mut state = self.state();
                    let breaks = state.breaks_after == Some(0);
                    state.breaks_after = state.breaks_after.and_then(|left| left.checked_sub(1));
                    breaks
                };
                if breaks {
                    return Err(ConnectorError::io("the connection breaks".into()));
                }
                self.change(other, &body)
            }
        };
        Ok(response(answer))
    }
}

impl HttpConnector for FakeEvents {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let server = self.clone();
        HttpConnectorFuture::new(async move { server.pass(request).await })
    }
}

impl fmt::Debug for FakeEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeEvents").finish_non_exhaustive()
    }
}

fn response(answer: Answer) -> HttpResponse {
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err((code, message)) => (400, json!({ "__type": code, "message": message })),
    };
    let status = StatusCode::try_from(status).expect("a status of HTTP");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
    response
}

fn bus_arn(bus: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}")
}

fn rule_arn(bus: &str, rule: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{bus}/{rule}")
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
