use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::{Projection, Projector, ViewQuery};
use es_dynamodb::DynamoStore;
use es_examples::aws::ConnectionArguments;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::AwsWithQueues;
use super::program::executable;

/// A system in its own stack on the local server, as its template makes it. It is taken down when it ends well; of one
/// that failed everything is left to look at.
#[derive(Debug)]
pub struct Deployed {
    aws: AwsWithQueues,
    client: reqwest::Client,
    outputs: Value,
}

impl Deployed {
    /// Deploys `examples/NAME/template.json`, with the values for its parameters.
    ///
    /// The template is as it is checked in, but for the folder with the program: in its place is the bucket that deploying
    /// puts it into. What is put there starts the program where cargo has built it.
    pub async fn system(name: &str, parameters: &[(&str, &str)]) -> Self {
        let aws = AwsWithQueues::new();
        let client = reqwest::Client::new();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name).join("template.json");
        let template = std::fs::read_to_string(&path).unwrap();
        let mut template: Value = serde_json::from_str(&template).unwrap();

        let bucket = format!("{}code", aws.prefix());
        let put = async |path: &str, body: Vec<u8>| {
            let url = format!("{}/{path}", aws.endpoint());
            // Local servers look at nobody's signature.
            let answer = client.put(url).body(body).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {answer:?}");
        };
        put(&bucket, Vec::new()).await;
        put(&format!("{bucket}/code.zip"), launcher(&format!("{name}-functions"))).await;
        let mut functions = 0;
        for resource in template["Resources"].as_object_mut().unwrap().values_mut() {
            if resource["Type"] == "AWS::Lambda::Function" {
                let folder = format!("../../target/lambda/{name}");
                assert_eq!(resource["Properties"]["Code"], folder);
                resource["Properties"]["Code"] = json!({ "S3Bucket": bucket, "S3Key": "code.zip" });
                functions += 1;
            }
        }
        assert!(functions > 0, "the template has no functions");
        // Who may ask has to be said, where there is an API.
        let access = template["Parameters"]["Access"].is_object().then_some(("Access", "Open"));
        let given = [("Architecture", architecture())].into_iter().chain(access);
        let parameters: Vec<_> = given.chain(parameters.iter().copied()).collect();
        aws.deploy_with(&template, &parameters).await;
        let outputs = aws.outputs().await;
        Self { aws, client, outputs }
    }

    /// What the names of everything in the stack begin with.
    pub fn prefix(&self) -> &str {
        self.aws.prefix()
    }

    /// The place of its data, for the system's program.
    pub fn place(&self) -> &AwsWithQueues {
        &self.aws
    }

    pub fn connection(&self) -> &ConnectionArguments {
        self.aws.connection()
    }

    /// What the stack says of itself.
    pub fn output(&self, name: &str) -> &str {
        self.outputs[name].as_str().unwrap_or_else(|| panic!("no output {name}: {}", self.outputs))
    }

    /// Where its HTTP API answers: the server has it below a path of its own.
    pub fn api(&self) -> String {
        format!("{}/_aws/execute-api/{}/$default", self.aws.endpoint(), self.output("ApiId"))
    }

    /// For requests to it.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The tables of the system, for this process.
    pub async fn store(&self) -> Arc<DynamoStore> {
        let connection = self.connection().connection();
        Arc::new(
            DynamoStore::builder(self.prefix()).connection(connection).connect().await.unwrap(),
        )
    }

    /// Puts something into the table of the log that is no commit, and takes it out again by `cure`.
    pub async fn poison(&self) {
        let item =
            json!({ "pk": { "S": "order/poison" }, "sk": { "N": "1" }, "x": { "S": "poison" } });
        self.ask_log("PutItem", json!({ "Item": item })).await;
    }

    /// What an operator does about it, who has seen that it is nothing.
    pub async fn cure(&self) {
        let key = json!({ "pk": { "S": "order/poison" }, "sk": { "N": "1" } });
        self.ask_log("DeleteItem", json!({ "Key": key })).await;
    }

    async fn ask_log(&self, operation: &str, mut request: Value) {
        request["TableName"] = json!(format!("{}events", self.prefix()));
        self.aws.ask("dynamodb", &format!("DynamoDB_20120810.{operation}"), request).await;
    }

    /// Lets a function rest that is behind one source: nothing invokes it any more.
    pub async fn rest(&self, function: &str) {
        let url = format!("{}/2015-03-31/event-source-mappings/", self.aws.endpoint());
        let of_function = format!("{url}?FunctionName={}{function}", self.prefix());
        let mappings: Value =
            self.client.get(of_function).send().await.unwrap().json().await.unwrap();
        let Some([mapping]) = mappings["EventSourceMappings"].as_array().map(Vec::as_slice) else {
            panic!("{function} is not behind one source: {mappings}");
        };
        let url = format!("{url}{}", mapping["UUID"].as_str().unwrap());
        let change = json!({ "Enabled": false }).to_string();
        let changed = self.client.put(url).body(change).send().await.unwrap();
        assert!(changed.status().is_success(), "{changed:?}");
    }

    /// Ends a function's schedule, and invokes the function once as EventBridge does: it waits for no answer.
    pub async fn invoke_on_schedule(&self, function: &str) {
        let (region, account) = ("us-east-1", "000000000000");
        let name = format!("{}{function}", self.prefix());
        let arn = format!("arn:aws:lambda:{region}:{account}:function:{name}");
        let ask = async |operation: &str, request: Value| {
            self.aws.ask("events", &format!("AWSEvents.{operation}"), request).await
        };
        let rules = ask("ListRuleNamesByTarget", json!({ "TargetArn": arn })).await;
        let Some([rule]) = rules["RuleNames"].as_array().map(Vec::as_slice) else {
            panic!("{function} has not one schedule: {rules}");
        };
        ask("DisableRule", json!({ "Name": rule })).await;
        let event = json!({
            "version": "0",
            "id": uuid::Uuid::now_v7(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account,
            "time": "2026-03-01T12:00:00Z",
            "region": region,
            "resources": [format!("arn:aws:events:{region}:{account}:rule/{}", rule.as_str().unwrap())],
            "detail": {},
        });
        let url = format!("{}/2015-03-31/functions/{name}/invocations", self.aws.endpoint());
        let invoke = self.client.post(url).header("x-amz-invocation-type", "Event");
        let invoked = invoke.body(event.to_string()).send().await.unwrap();
        assert_eq!(invoked.status(), 202, "{invoked:?}");
    }

    /// That what functions keep as a view is what a fold of the whole log gives.
    pub async fn assert_view_is_the_fold<P>(&self, projector: impl Fn() -> P)
    where
        P: Projector,
        P::View: serde::Serialize + Send + Sync,
    {
        let store = self.store().await;
        let kept = Projection::new(projector(), store.clone(), store.clone(), store.clone());
        let kept = documents(&kept.unwrap()).await;
        let memory = Arc::new(MemoryStore::new());
        // The table as it is: its stream still has what an operator has taken out.
        let log = Arc::new(store.history());
        let folded = Projection::new(projector(), log, store, memory).unwrap();
        folded.catch_up().await.unwrap();
        let folded = documents(&folded).await;
        assert!(!folded.is_empty(), "nothing was folded");
        assert_eq!(kept, folded);
    }

    /// Has a function invoked, as by its schedule, and returns its answer.
    pub async fn invoke(&self, function: &str) -> Value {
        let name = format!("functions/{}{function}/invocations", self.prefix());
        let answer = self.client.post(self.lambda(&name)).body("{}").send().await.unwrap();
        assert!(!answer.headers().contains_key("x-amz-function-error"), "{answer:?}");
        answer.json().await.unwrap()
    }

    /// Stops what pushes to a function, or lets it go on.
    pub async fn push_to(&self, function: &str, enabled: bool) {
        let of = format!("event-source-mappings/?FunctionName={}{function}", self.prefix());
        let found = self.client.get(self.lambda(&of)).send().await.unwrap();
        let found: Value = found.json().await.unwrap();
        let mappings = found["EventSourceMappings"].as_array().unwrap();
        assert!(!mappings.is_empty(), "nothing pushes to {function}");
        for mapping in mappings {
            let id = mapping["UUID"].as_str().unwrap();
            let one = self.lambda(&format!("event-source-mappings/{id}"));
            let change = json!({ "Enabled": enabled }).to_string();
            let changed = self.client.put(one).body(change).send().await.unwrap();
            assert!(changed.status().is_success(), "{changed:?}");
        }
    }

    fn lambda(&self, path: &str) -> String {
        format!("{}/2015-03-31/{path}", self.aws.endpoint())
    }

    /// Takes it down.
    pub async fn delete(self) {
        self.aws.delete().await;
    }
}

async fn documents<P>(projection: &Projection<P>) -> BTreeMap<String, Value>
where
    P: Projector,
    P::View: serde::Serialize + Send + Sync,
{
    let all: Vec<_> = projection.view().all(ViewQuery::default()).try_collect().await.unwrap();
    let as_json = all.into_iter().map(|(key, it)| (key, serde_json::to_value(it).unwrap()));
    as_json.collect()
}

/// An archive with a program that becomes the one that cargo has built.
fn launcher(name: &str) -> Vec<u8> {
    let program = executable(name);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .unix_permissions(0o755);
    archive.start_file("bootstrap", options).unwrap();
    write!(archive, "#!/bin/sh\nexec '{}'\n", program.display()).unwrap();
    archive.finish().unwrap().into_inner()
}

/// Of this machine, in Lambda's words.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}
