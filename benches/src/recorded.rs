//! A DynamoDB in memory that answers a query for the second time with what it has answered before.
//!
//! What a library pays for its reads, and not what a server does, is measured on it: no network takes part, and
//! from the second time on no database either. Answers are those of a local server to what the library has
//! written itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::driver::Failure;

/// The database, and the answers that are recorded. Clones are the same one.
#[derive(Clone)]
pub struct Recorded(Arc<Mutex<State>>);

struct State {
    database: Database,
    /// Answers to queries, by what was asked. A write may change each of them.
    answers: HashMap<String, Arc<[u8]>>,
    /// Requests that no recorded answer was there for.
    reached: u64,
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Recorded").field("answers", &state.answers.len()).finish_non_exhaustive()
    }
}

impl Recorded {
    /// A database without tables.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new() -> Result<Self, Failure> {
        let (database, answers) = (Database::memory()?, HashMap::new());
        Ok(Self(Arc::new(Mutex::new(State { database, answers, reached: 0 }))))
    }

    /// A client whose requests come here.
    pub fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url("http://recorded")
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    /// Creates a table by the key of its streams, a text, and that of what is in a stream, a number.
    ///
    /// # Errors
    ///
    /// When it exists.
    pub async fn create_table(
        &self,
        name: &str,
        stream: &str,
        number: Option<&str>,
    ) -> Result<(), Failure> {
        let mut request =
            self.client().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        let keys = [
            (Some(stream), ScalarAttributeType::S, KeyType::Hash),
            (number, ScalarAttributeType::N, KeyType::Range),
        ];
        for (name, kind, role) in keys {
            let Some(name) = name else { continue };
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let key = KeySchemaElement::builder().attribute_name(name);
            request = request
                .attribute_definitions(attribute.attribute_type(kind).build()?)
                .key_schema(key.key_type(role).build()?);
        }
        request.send().await?;
        Ok(())
    }

    /// How many requests have reached the database: those that a recorded answer was there for did not.
    pub fn reached(&self) -> u64 {
        self.state().reached
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client of DynamoDB Streams, which no read asks.
pub fn no_streams() -> aws_sdk_dynamodbstreams::Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(aws_sdk_dynamodbstreams::config::BehaviorVersion::latest())
        .region(Region::new("eu-central-1"));
    aws_sdk_dynamodbstreams::Client::from_conf(config.build())
}

impl State {
    fn answer(&mut self, request: &HttpRequest) -> Result<(u16, SdkBody), Failure> {
        let target = request.headers().get("x-amz-target").ok_or("no operation is asked for")?;
        let body = request.body().bytes().ok_or("the request is not in memory")?;
        if target.ends_with(".Query") {
            return self.query(body);
        }
        let operation = target.rsplit('.').next().unwrap_or_default();
        if matches!(operation, "PutItem" | "TransactWriteItems") {
            self.answers.clear();
        }
        self.reached += 1;
        let db = &self.database;
        let (status, answer) = match operation {
            "BatchGetItem" => call(body, |it| db.batch_get_item(it))?,
            "CreateTable" => call(body, |it| db.create_table(it))?,
            "DescribeTable" => call(body, |it| db.describe_table(it))?,
            "UpdateTimeToLive" => call(body, |it| db.update_time_to_live(it))?,
            "DescribeTimeToLive" => call(body, |it| db.describe_time_to_live(it))?,
            "PutItem" => call(body, |it| db.put_item(it))?,
            "TransactWriteItems" => call(body, |it| db.transact_write_items(it))?,
            // What else tables are asked for has no effect on reads.
            _ => (400, r#"{"__type":"UnknownOperationException"}"#.to_owned()),
        };
        Ok((status, SdkBody::from(answer)))
    }

    fn query(&mut self, body: &[u8]) -> Result<(u16, SdkBody), Failure> {
        let asked = sorted(body)?;
        if let Some(answer) = self.answers.get(&asked) {
            return Ok((200, SdkBody::from(answer.to_vec())));
        }
        self.reached += 1;
        let (status, answer) = call(body, |it| self.database.query(it))?;
        if status == 200 {
            self.answers.insert(asked, answer.as_bytes().into());
        }
        Ok((status, SdkBody::from(answer)))
    }
}

/// The SDK writes the members of a map in another order each time.
fn sorted(body: &[u8]) -> Result<String, Failure> {
    let mut request: Value = serde_json::from_slice(body)?;
    request.sort_all_objects();
    Ok(request.to_string())
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<(u16, String), Failure> {
    Ok(match act(serde_json::from_slice(body)?) {
        Ok(answer) => (200, serde_json::to_string(&answer)?),
        Err(refusal) => (refusal.status_code(), refusal.to_json()),
    })
}

impl HttpConnector for Recorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answered = self.state().answer(&request).and_then(|(status, body)| {
            let mut answer = HttpResponse::new(StatusCode::try_from(status)?, body);
            answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(answer)
        });
        HttpConnectorFuture::ready(answered.map_err(ConnectorError::user))
    }
}

#[cfg(test)]
mod tests;
