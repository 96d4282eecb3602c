//! An EventBridge in memory, reached through the SDK without a network. It keeps what it is told, decides as
//! [`es_routing`] does, and sends to the queues of a [`FakeMessaging`] that let it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
use es_core::{MAX_BATCH, MessageError, MessageQueue as _, NewMessage, QueueName, Timestamp};
use es_routing::{Delivery, Destination, EventId, NewBusEvent, Router, Rules, Target};
use es_sns_sqs::SqsQueues;
use serde_json::{Map, Value, json};

use super::fake_messaging::FakeMessaging;

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

/// What becomes of a request to put events.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// Entries fail with these codes, the others are taken.
    Entries(Vec<Option<&'static str>>),
    /// All are taken, and the connection breaks before the answer is there.
    LostAnswer,
    /// None is taken, and the request is refused with this code.
    Refused(&'static str),
    /// All are taken, and the answer leaves out the last.
    EntryLeftOut,
}

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

    fn change(&self, operation: &str, body: &Value) -> Answer {
        let mut state = self.state();
        let bus = text(body, if operation.ends_with("EventBus") { "Name" } else { "EventBusName" });
        if operation == "CreateEventBus" {
            if state.buses.contains_key(&bus) {
                return Err(("ResourceAlreadyExistsException", format!("there is {bus}")));
            }
            state.tags.insert(bus_arn(&bus), tags(body));
            state.buses.insert(bus, BTreeMap::new());
            return Ok(json!({}));
        }
        if operation == "ListTagsForResource" {
            let tags = state.tags.get(&text(body, "ResourceARN")).cloned().unwrap_or_default();
            let tag = |(key, value): (&String, &Value)| json!({ "Key": key, "Value": value });
            return Ok(json!({ "Tags": tags.iter().map(tag).collect::<Vec<_>>() }));
        }
        if operation == "TagResource" {
            state.tags.entry(text(body, "ResourceARN")).or_default().extend(tags(body));
            return Ok(json!({}));
        }
        let missing = |what: &str| ("ResourceNotFoundException", format!("there is no {what}"));
        let state = &mut *state;
        let rules = state.buses.get_mut(&bus).ok_or_else(|| missing(&bus))?;
        let name = text(
            body,
            if operation.ends_with("Rule") && operation != "ListTargetsByRule" {
                "Name"
            } else {
                "Rule"
            },
        );
        match operation {
            "DeleteEventBus" if !rules.is_empty() => {
                return Err(("ValidationException", "it has rules".to_owned()));
            }
            "DescribeEventBus" => return Ok(json!({ "Name": bus, "Arn": bus_arn(&bus) })),
            "DeleteEventBus" => {
                state.tags.remove(&bus_arn(&bus));
                state.buses.remove(&bus);
            }
            "ListRules" => {
                let described = rules.iter().map(|(name, rule)| {
                    json!({ "Name": name, "Arn": rule_arn(&bus, name), "EventPattern": rule.pattern,
                        "State": rule.state, "Description": rule.description })
                });
                return Ok(json!({ "Rules": described.collect::<Vec<_>>() }));
            }
            "PutRule" => {
                // Tags of a rule that is there are ignored.
                let is_new = !rules.contains_key(&name);
                if is_new {
                    state.tags.insert(rule_arn(&bus, &name), tags(body));
                }
                let rule = rules.entry(name.clone()).or_default();
                rule.pattern = text(body, "EventPattern");
                rule.state = text(body, "State");
                rule.description = body["Description"].clone();
                return Ok(json!({ "RuleArn": rule_arn(&bus, &name) }));
            }
            _ => {
                let rule = rules.get_mut(&name).ok_or_else(|| missing(&name))?;
                match operation {
                    "PutTargets" => {
                        for target in body["Targets"].as_array().expect("targets") {
                            rule.targets.insert(text(target, "Id"), target.clone());
                        }
                    }
                    "RemoveTargets" => {
                        for id in body["Ids"].as_array().expect("ids") {
                            rule.targets.remove(id.as_str().expect("an id"));
                        }
                    }
                    "ListTargetsByRule" => {
                        let targets: Vec<_> = rule.targets.values().cloned().collect();
                        return Ok(json!({ "Targets": targets }));
                    }
                    "DeleteRule" if !rule.targets.is_empty() => {
                        return Err(("ValidationException", "it has targets".to_owned()));
                    }
                    "DeleteRule" => {
                        state.tags.remove(&rule_arn(&bus, &name));
                        rules.remove(&name);
                    }
                    other => panic!("{other} is not known"),
                }
            }
        }
        Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
    }

    /// `None` when the answer is lost.
    async fn put_events(&self, body: &Value) -> Option<Answer> {
        let entries = body["Entries"].as_array().expect("entries");
        assert!((1..=10).contains(&entries.len()), "{} entries", entries.len());
        let (outcome, limit) = {
            let mut state = self.state();
            (state.script.pop_front(), state.max_request_bytes.unwrap_or(usize::MAX))
        };
        if entries.iter().map(size).sum::<usize>() > limit {
            let message = "Total size of the entries in the request is over the limit.";
            return Some(Err(("ValidationException", message.to_owned())));
        }
        if let Some(Outcome::Refused(code)) = outcome {
            return Some(Err((code, "not now".to_owned())));
        }
        let outbox = Arc::new(Outbox::default());
        let routers = self.routers(entries, &outbox);
        let mut answers = Vec::new();
        for (n, entry) in entries.iter().enumerate() {
            let code = match &outcome {
                Some(Outcome::Entries(codes)) => codes.get(n).copied().flatten(),
                _ => None,
            };
            match code {
                Some(code) => answers.push(json!({ "ErrorCode": code, "ErrorMessage": "no" })),
                None => answers.push(json!({ "EventId": self.take(entry, &routers).await })),
            }
        }
        self.send(&outbox).await;
        match outcome {
            Some(Outcome::LostAnswer) => return None,
            Some(Outcome::EntryLeftOut) => drop(answers.pop()),
            _ => {}
        }
        let taken = entries.iter().zip(&answers).filter(|(_, it)| it["EventId"].is_string());
        self.state().told.extend(taken.map(|(entry, _)| text(entry, "Detail")));
        Some(Ok(json!({ "Entries": answers })))
    }

    /// Takes an event, and delivers it where the rules say.
    async fn take(&self, entry: &Value, routers: &BTreeMap<String, Router>) -> String {
        let id = {
            let mut state = self.state();
            state.events_taken += 1;
            state.taken.push(text(entry, "Detail"));
            format!("event-{}", state.events_taken)
        };
        let detail: Value = serde_json::from_str(&text(entry, "Detail")).expect("detail in JSON");
        let event = NewBusEvent::new(text(entry, "Source"), text(entry, "DetailType"), detail);
        let event = event.expect("an event that EventBridge takes");
        let time = entry["Time"].as_f64().map_or(Timestamp::UNIX_EPOCH, |seconds| {
            Timestamp::from_second(seconds as i64).expect("a time")
        });
        let event = event.accepted(EventId::from_bus(&id), ACCOUNT, REGION, time);
        if let Some(router) = routers.get(&text(entry, "EventBusName")) {
            router.route(event).await.expect("queues that are there");
        }
        id
    }

    /// What routes the events of each bus, into the outbox.
    fn routers(&self, entries: &[Value], outbox: &Arc<Outbox>) -> BTreeMap<String, Router> {
        let buses: BTreeSet<_> = entries.iter().map(|entry| text(entry, "EventBusName")).collect();
        let router = |bus: String| {
            let rules = self.rules(&bus)?;
            let queues: Vec<_> = rules.queues().into_iter().cloned().collect();
            let router = queues.into_iter().fold(Router::builder(rules), |router, queue| {
                let target = ToOutbox { queue: queue.clone(), outbox: outbox.clone() };
                router.target(Destination::Queue(queue), Arc::new(target))
            });
            Some((bus, router.build().expect("queues only")))
        };
        buses.into_iter().filter_map(router).collect()
    }

    /// Sends what is in the outbox, by tens.
    async fn send(&self, outbox: &Outbox) {
        let outgoing = std::mem::take(&mut *outbox.0.lock().expect("nobody panicked"));
        for (queue, messages) in outgoing {
            for batch in messages.chunks(MAX_BATCH) {
                let sent = self.0.queues.send_batch(&queue, batch.to_vec()).await;
                assert!(sent.expect("a queue").iter().all(Result::is_ok));
            }
        }
    }

    /// The rules of the bus as a rule file, without targets that the queues do not let in.
    fn rules(&self, bus: &str) -> Option<Rules> {
        let rules = self.state().buses.get(bus).cloned()?;
        let file =
            rules.iter().filter(|(_, rule)| rule.state == "ENABLED").filter_map(|(name, rule)| {
                let targets: Vec<_> =
                    rule.targets.values().filter_map(|it| self.target(bus, name, it)).collect();
                let pattern: Value = serde_json::from_str(&rule.pattern).expect("a pattern");
                (!targets.is_empty())
                    .then(|| json!({ "name": name, "event_pattern": pattern, "targets": targets }))
            });
        let file = json!({ "rules": file.collect::<Vec<_>>() }).to_string();
        Some(file.parse().expect("rules that were deployed"))
    }

    fn target(&self, bus: &str, rule: &str, target: &Value) -> Option<Value> {
        let queue = text(target, "Arn").rsplit(':').next()?.to_owned();
        let policy = self.0.messaging.attributes(&queue).get("Policy").cloned().unwrap_or_default();
        if !policy.contains(&format!("{:?}", rule_arn(bus, rule))) {
            return None;
        }
        let mut form = Map::from_iter([
            ("id".to_owned(), target["Id"].clone()),
            ("queue".to_owned(), json!(queue)),
        ]);
        if let Some(input) = target["Input"].as_str() {
            form.insert("input".to_owned(), serde_json::from_str(input).expect("JSON"));
        }
        if target["InputPath"].is_string() {
            form.insert("input_path".to_owned(), target["InputPath"].clone());
        }
        if let Some(transformer) = target["InputTransformer"].as_object() {
            let transformer = json!({
                "input_paths_map": transformer.get("InputPathsMap").cloned().unwrap_or(json!({})),
                "input_template": transformer["InputTemplate"],
            });
            form.insert("input_transformer".to_owned(), transformer);
        }
        Some(Value::Object(form))
    }
}

/// What is to be sent to queues when a request is done.
#[derive(Debug, Default)]
struct Outbox(Mutex<BTreeMap<QueueName, Vec<NewMessage>>>);

#[derive(Debug)]
struct ToOutbox {
    queue: QueueName,
    outbox: Arc<Outbox>,
}

#[async_trait::async_trait]
impl Target for ToOutbox {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), MessageError> {
        let mut outbox = self.outbox.0.lock().expect("nobody panicked");
        let message = NewMessage::new(delivery.input.as_str());
        outbox.entry(self.queue.clone()).or_default().push(message);
        Ok(())
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

fn tags(body: &Value) -> Map<String, Value> {
    let tags = body["Tags"].as_array().into_iter().flatten();
    tags.map(|tag| (text(tag, "Key"), tag["Value"].clone())).collect()
}

fn rule_arn(bus: &str, rule: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{bus}/{rule}")
}

/// The bytes of an entry without time and resources.
fn size(entry: &Value) -> usize {
    ["Source", "DetailType", "Detail"].map(|field| text(entry, field).len()).iter().sum()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
