//! A DynamoDB Streams server in memory, for what the local servers cannot do: shards that split and
//! close, records that are trimmed, iterators that expire, answers without records.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};

/// The server. Clones are the same one.
#[derive(Clone)]
pub(crate) struct StreamServer(Arc<Mutex<Model>>);

/// Its records and its moods.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) shards: Vec<Shard>,
    label: u32,
    last_number: u64,
    iterators: HashMap<String, Place>,
    requests: BTreeMap<String, usize>,
    /// The shards that somebody has begun to read, and not read to their end yet.
    unfinished: BTreeSet<String>,
    /// Children that were read while their parent was.
    pub(crate) too_early: Vec<String>,
    /// How many answers without records an iterator gives first.
    pub(crate) empty_answers: usize,
    /// How many shards a page of the list has.
    pub(crate) shards_per_page: usize,
    /// How many of the next requests are refused, and how.
    pub(crate) refuse: usize,
    pub(crate) refusal: &'static str,
}

#[derive(Default)]
pub(crate) struct Shard {
    id: String,
    parent: Option<String>,
    begins: u64,
    records: Vec<(u64, Value)>,
    /// How many of the records are gone.
    trimmed: usize,
    pub(crate) closed: bool,
}

/// Where an iterator is.
#[derive(Clone)]
struct Place {
    shard: String,
    next: usize,
    empty_answers: usize,
}

struct Refusal(&'static str);

impl StreamServer {
    /// With one open shard.
    pub(crate) fn new() -> Self {
        let mut model = Model { shards_per_page: 100, label: 1, ..Model::default() };
        model.open(None);
        Self(Arc::new(Mutex::new(model)))
    }

    pub(crate) fn client(&self) -> aws_sdk_dynamodbstreams::Client {
        let config = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(RetryConfig::disabled())
            .http_client(self.http_client());
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    }

    /// What the SDK takes for its HTTP client.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap()
    }

    /// How many requests of an operation there were.
    pub(crate) fn requests(&self, operation: &str) -> usize {
        self.model().requests.get(operation).copied().unwrap_or_default()
    }

    fn answer(&self, operation: &str, asked: &Value) -> Result<Value, Refusal> {
        let mut model = self.model();
        *model.requests.entry(operation.to_owned()).or_default() += 1;
        if model.refuse > 0 {
            model.refuse -= 1;
            return Err(Refusal(model.refusal));
        }
        match operation {
            "DescribeStream" => Ok(model.describe(asked)),
            "GetShardIterator" => model.iterator(asked),
            "GetRecords" => model.records(asked),
            other => panic!("{other} is not for streams"),
        }
    }
}

impl Model {
    fn open(&mut self, parent: Option<String>) {
        self.last_number += 1;
        let id = format!("shardId-{:020}-{:08x}", self.last_number, self.label);
        self.shards.push(Shard { id, parent, begins: self.last_number, ..Shard::default() });
    }

    /// Closes an open shard and lets `children` follow it.
    pub(crate) fn split(&mut self, at: usize, children: usize) {
        let parent = &mut self.shards[at];
        parent.closed = true;
        let parent = parent.id.clone();
        for _ in 0..children {
            self.open(Some(parent.clone()));
        }
    }

    /// Forgets all records that there are, and the shards that are closed.
    pub(crate) fn trim(&mut self) {
        self.shards.retain(|shard| !shard.closed);
        self.unfinished.clear();
        for shard in &mut self.shards {
            shard.trimmed = shard.records.len();
        }
    }

    /// Lets a day pass: other shards follow the open ones, and all that was before is forgotten.
    pub(crate) fn age(&mut self) {
        for open in self.open_shards() {
            self.split(open, 1);
        }
        self.trim();
    }

    /// Switches the stream off and on: it is another one then.
    pub(crate) fn begin_anew(&mut self) {
        self.label += 1;
        self.shards.clear();
        self.open(None);
    }

    /// Every iterator is expired.
    pub(crate) fn expire(&mut self) {
        self.iterators.clear();
    }

    /// The places of the open shards in the list.
    pub(crate) fn open_shards(&self) -> Vec<usize> {
        (0..self.shards.len()).filter(|&at| !self.shards[at].closed).collect()
    }

    /// Puts an item's record behind the others of a shard.
    pub(crate) fn record(&mut self, shard: usize, item: &HashMap<String, AttributeValue>) {
        let image = as_json(item);
        let keys = json!({ "pk": image["pk"], "sk": image["sk"] });
        self.push(shard, json!({ "Keys": keys, "NewImage": image }), "INSERT");
    }

    /// The same, with the number that it had before.
    pub(crate) fn repeat(
        &mut self,
        shard: usize,
        item: &HashMap<String, AttributeValue>,
        number: u64,
    ) {
        let number = sequence_number(number);
        let change = json!({ "NewImage": as_json(item), "SequenceNumber": number });
        self.push(shard, change, "INSERT");
    }

    /// Puts whatever it is behind the others.
    pub(crate) fn push(&mut self, shard: usize, mut change: Value, event: &str) {
        self.last_number += 1;
        let number = self.last_number;
        if change.get("SequenceNumber").is_none() {
            change["SequenceNumber"] = sequence_number(number).into();
        }
        let record = json!({ "eventName": event, "dynamodb": change });
        self.shards[shard].records.push((number, record));
    }

    fn describe(&self, asked: &Value) -> Value {
        let after = asked["ExclusiveStartShardId"].as_str();
        let listed = self.shards.iter().skip_while(|shard| after.is_some_and(|id| shard.id != id));
        let mut listed = listed.skip(usize::from(after.is_some())).peekable();
        let page: Vec<_> = listed.by_ref().take(self.shards_per_page).collect();
        let last = listed.peek().and(page.last()).map(|shard| &shard.id);
        let shards: Vec<_> = page.iter().map(|shard| shard.description()).collect();
        json!({ "StreamDescription": {
            "StreamLabel": format!("2026-01-01T00:00:00.{:03}", self.label),
            "Shards": shards,
            "LastEvaluatedShardId": last,
        }})
    }

    fn iterator(&mut self, asked: &Value) -> Result<Value, Refusal> {
        let id = text(&asked["ShardId"]);
        let shard = self.shard(&id)?;
        let number = || asked["SequenceNumber"].as_str().unwrap().parse::<u64>().unwrap();
        let first_behind = |number: u64| shard.records.iter().filter(|(n, _)| *n <= number).count();
        let (next, needs) = match asked["ShardIteratorType"].as_str().unwrap() {
            "TRIM_HORIZON" => (shard.trimmed, shard.trimmed),
            "AT_SEQUENCE_NUMBER" => {
                let next = first_behind(number() - 1);
                (next, next)
            }
            // The record itself must still be there.
            "AFTER_SEQUENCE_NUMBER" => {
                let next = first_behind(number());
                (next, next.saturating_sub(1))
            }
            other => panic!("nobody asks for {other}"),
        };
        if needs < shard.trimmed {
            return Err(Refusal("TrimmedDataAccessException"));
        }
        let place = Place { shard: id, next, empty_answers: self.empty_answers };
        Ok(json!({ "ShardIterator": self.named(place) }))
    }

    fn records(&mut self, asked: &Value) -> Result<Value, Refusal> {
        let iterator = text(&asked["ShardIterator"]);
        let place = self.iterators.get(&iterator).cloned();
        let Some(mut place) = place else { return Err(Refusal("ExpiredIteratorException")) };
        let shard = self.shard(&place.shard)?;
        if place.next < shard.trimmed {
            return Err(Refusal("TrimmedDataAccessException"));
        }
        let early = shard.parent.as_ref().is_some_and(|parent| self.unfinished.contains(parent));
        let limit = usize::try_from(asked["Limit"].as_u64().unwrap()).unwrap();
        assert!((1..=1000).contains(&limit), "{limit} records are asked for");
        let records: Vec<Value> = match place.empty_answers {
            0 => shard.records[place.next..].iter().take(limit).map(|(_, r)| r.clone()).collect(),
            _ => Vec::new(),
        };
        place.empty_answers = place.empty_answers.saturating_sub(1);
        place.next += records.len();
        let ended = shard.closed && place.next == shard.records.len() && place.empty_answers == 0;
        if early && !records.is_empty() {
            self.too_early.push(place.shard.clone());
        }
        if !records.is_empty() {
            place.empty_answers = self.empty_answers;
        }
        let next = match ended {
            true => {
                self.unfinished.remove(&place.shard);
                None
            }
            false => {
                self.unfinished.insert(place.shard.clone());
                Some(self.named(place))
            }
        };
        Ok(json!({ "Records": records, "NextShardIterator": next }))
    }

    fn shard(&self, id: &str) -> Result<&Shard, Refusal> {
        let shard = self.shards.iter().find(|shard| shard.id == id);
        shard.ok_or(Refusal("ResourceNotFoundException"))
    }

    fn named(&mut self, place: Place) -> String {
        let name = format!("iterator-{}", self.requests.values().sum::<usize>());
        self.iterators.insert(name.clone(), place);
        name
    }
}

impl Shard {
    fn description(&self) -> Value {
        let ends = self.closed.then(|| {
            sequence_number(self.records.last().map_or(self.begins, |(number, _)| *number))
        });
        json!({
            "ShardId": self.id,
            "ParentShardId": self.parent,
            "SequenceNumberRange": {
                "StartingSequenceNumber": sequence_number(self.begins),
                "EndingSequenceNumber": ends,
            },
        })
    }
}

impl HttpConnector for StreamServer {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap();
        let asked = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (status, body) = match self.answer(operation, &asked) {
            Ok(answer) => (200, answer),
            Err(Refusal(code)) => (400, json!({ "__type": code, "message": "refused" })),
        };
        let status = StatusCode::try_from(status).unwrap();
        let body = SdkBody::from(body.to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, body)))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// As long as those of DynamoDB.
fn sequence_number(number: u64) -> String {
    format!("{number:021}")
}

fn as_json(item: &HashMap<String, AttributeValue>) -> Value {
    let fields = item.iter().map(|(name, value)| (name.clone(), value_as_json(value)));
    Value::Object(fields.collect())
}

fn value_as_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::B(bytes) => json!({ "B": base64::encode(bytes.as_ref()) }),
        other => panic!("the log has no {other:?}"),
    }
}

impl fmt::Debug for StreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamServer")
            .field("requests", &self.model().requests)
            .finish_non_exhaustive()
    }
}
