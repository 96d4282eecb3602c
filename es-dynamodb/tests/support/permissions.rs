//! Permissions at the client, as IAM has them at the service: a request that no statement allows is not
//! sent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use es_dynamodb::{DynamoOptions, DynamoStore, Role, iam_policy};
use serde_json::Value;

use super::Server;

/// What a program with these roles may do. Clones remember together what was done.
#[derive(Debug, Clone)]
pub(crate) struct Permissions {
    /// Actions with the patterns of their resources.
    allowed: Arc<BTreeSet<(String, String)>>,
    used: Arc<Mutex<BTreeSet<(String, String)>>>,
    may_set_up: bool,
}

/// What making tables needs, which is no role's.
const SETTING_UP: [&str; 6] = [
    "CreateTable",
    "DescribeTable",
    "DescribeTimeToLive",
    "UpdateContinuousBackups",
    "UpdateTable",
    "UpdateTimeToLive",
];

impl Permissions {
    pub(crate) fn new(prefix: &str, roles: &[Role]) -> Self {
        let policy = iam_policy(prefix, roles).expect("a valid prefix");
        let policy: Value = serde_json::from_str(&policy).expect("a policy is JSON");
        let mut allowed = BTreeSet::new();
        for statement in policy["Statement"].as_array().expect("statements") {
            assert_eq!(statement["Effect"], "Allow");
            let resource = statement["Resource"].as_str().expect("a resource");
            let table = resource.strip_prefix("arn:aws:dynamodb:*:*:table/").expect("a table");
            for action in statement["Action"].as_array().expect("actions") {
                let action = action.as_str().expect("an action");
                let action = action.strip_prefix("dynamodb:").expect("an action of DynamoDB");
                allowed.insert((action.to_owned(), table.to_owned()));
            }
        }
        Self { allowed: Arc::new(allowed), used: Arc::default(), may_set_up: false }
    }

    /// Allows to make tables, too.
    pub(crate) fn with_set_up(self) -> Self {
        Self { may_set_up: true, ..self }
    }

    /// A store on a server whose tables are there, with these permissions.
    pub(crate) fn store(&self, server: &Server, options: DynamoOptions) -> DynamoStore {
        let dynamodb = server.dynamodb().config().to_builder().interceptor(self.clone()).build();
        let streams = server.streams().config().to_builder().interceptor(self.clone()).build();
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb);
        let streams = aws_sdk_dynamodbstreams::Client::from_conf(streams);
        options.with_clients(dynamodb, streams).expect("valid options")
    }

    /// All that is allowed: actions, and the patterns of what they are allowed on.
    pub(crate) fn allowed(&self) -> &BTreeSet<(String, String)> {
        &self.allowed
    }

    /// What is allowed and was never needed.
    pub(crate) fn take_unused(&self) -> Vec<(String, String)> {
        let used = std::mem::take(&mut *self.used());
        self.allowed.difference(&used).cloned().collect()
    }

    fn used(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, action: &str, on: Option<&str>) -> Result<(), BoxError> {
        let fits = |(allowed, pattern): &&(String, String)| {
            allowed == action && on.is_none_or(|on| matches(pattern, on))
        };
        let fitting: Vec<_> = self.allowed.iter().filter(fits).cloned().collect();
        let is_set_up = self.may_set_up && SETTING_UP.contains(&action);
        if fitting.is_empty() && !is_set_up {
            return Err(format!("no role allows dynamodb:{action} on {on:?}").into());
        }
        self.used().extend(fitting);
        Ok(())
    }
}

/// Whether a pattern of IAM, in which `*` is any characters, is one of the text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let behind = text.strip_prefix(begin);
    behind.is_some_and(|behind| {
        behind.char_indices().any(|(at, _)| matches(rest, &behind[at..])) || matches(rest, "")
    })
}

#[dyn_dispatch_hint]
impl Intercept for Permissions {
    fn name(&self) -> &'static str {
        "Permissions"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").expect("an operation");
        let operation = target.split('.').nth(1).expect("an operation behind its version");
        let body = request.body().bytes().expect("a body in memory");
        let body: Value = serde_json::from_slice(body)?;
        needed(operation, &body)
            .iter()
            .try_for_each(|(action, on)| self.check(action, on.as_deref()))
    }
}

/// The actions that a request needs to be allowed, and what on, if it says so.
fn needed(operation: &str, body: &Value) -> Vec<(String, Option<String>)> {
    let table = |of: &Value| match of["TableName"].as_str() {
        Some(table) => table.to_owned(),
        None => panic!("{operation} names no table: {body}"),
    };
    let alone = |on: Option<String>| vec![(operation.to_owned(), on)];
    match operation {
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().expect("items of tables");
            tables.keys().map(|table| (operation.to_owned(), Some(table.clone()))).collect()
        }
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().expect("items");
            let item = |item: &Value| {
                let (kind, item) = item.as_object().expect("an item").iter().next().expect("one");
                let action = match kind.as_str() {
                    "ConditionCheck" => "ConditionCheckItem".to_owned(),
                    kind => format!("{kind}Item"),
                };
                (action, Some(table(item)))
            };
            items.iter().map(item).collect()
        }
        "DescribeStream" | "GetShardIterator" => {
            let arn = body["StreamArn"].as_str().expect("a stream");
            alone(Some(arn.split_once(":table/").expect("the stream of a table").1.to_owned()))
        }
        // By an iterator, whose stream it does not say.
        "GetRecords" => alone(None),
        _ => match body["IndexName"].as_str() {
            Some(index) => alone(Some(format!("{}/index/{index}", table(body)))),
            None => alone(Some(table(body))),
        },
    }
}
