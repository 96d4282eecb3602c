use std::ffi::OsString;
use std::path::Path;

use es_examples::aws::ConnectionArguments;
use es_examples::dispensary::backend::{AwsOptions, DynamoDbOptions};
use serde_json::{Value, json};

use super::place::Place;

/// Tables, and a data stream, of their own on the local servers that the environment names.
#[derive(Debug)]
pub struct Aws {
    files: tempfile::TempDir,
    prefix: String,
    dynamodb: String,
    kinesis: String,
}

/// Servers keep the data streams of each region apart.
const REGION: &str = "us-east-1";

impl Aws {
    pub fn new() -> Self {
        Self {
            files: tempfile::tempdir().unwrap(),
            prefix: format!("t{}-", uuid::Uuid::now_v7().simple()),
            dynamodb: server("ES_TEST_ENDPOINT_AWS"),
            kinesis: server("ES_TEST_ENDPOINT_AWS_KINESIS"),
        }
    }

    /// The same, with Kinesis behind a door.
    pub fn with_kinesis_at(self, url: &str) -> Self {
        Self { kinesis: url.to_owned(), ..self }
    }

    /// Where Kinesis answers.
    pub fn kinesis(&self) -> &str {
        &self.kinesis
    }

    pub fn files(&self) -> &Path {
        self.files.path()
    }

    /// The place as the program itself names it.
    pub fn options(&self) -> AwsOptions {
        let tables = DynamoDbOptions {
            table_prefix: self.prefix.clone(),
            connection: local_aws(),
            create_tables: true,
            local: false,
        };
        let kinesis_endpoint_url = Some(self.kinesis.clone());
        AwsOptions { tables, data_stream: None, kinesis_endpoint_url, bucket: None }
    }

    /// Splits the first shard of the data stream in the middle. There are three then: its children, and
    /// the second one.
    pub async fn split_first_shard(&self) {
        let stream = format!("{}events", self.prefix);
        let shards = self.ask("ListShards", json!({ "StreamName": stream })).await;
        let first = &shards["Shards"][0];
        let key = |end: &str| first["HashKeyRange"][end].as_str().unwrap().parse::<u128>().unwrap();
        let (start, end) = (key("StartingHashKey"), key("EndingHashKey"));
        let split = json!({
            "StreamName": stream,
            "ShardToSplit": first["ShardId"],
            "NewStartingHashKey": (start + (end - start) / 2).to_string(),
        });
        self.ask("SplitShard", split).await;
    }

    /// Local servers look at nobody's signature.
    async fn ask(&self, operation: &str, request: Value) -> Value {
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=local/20260301/{REGION}/kinesis/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let asked = reqwest::Client::new()
            .post(&self.kinesis)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .header("x-amz-date", "20260301T000000Z")
            .header("authorization", signature)
            .body(request.to_string());
        let answer = asked.send().await.unwrap();
        assert!(answer.status().is_success(), "{operation}: {answer:?}");
        // Some answers are empty.
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }
}

/// The local server for everything but Kinesis.
pub fn local_aws() -> ConnectionArguments {
    ConnectionArguments {
        endpoint_url: Some(server("ES_TEST_ENDPOINT_AWS")),
        region: Some(REGION.to_owned()),
        profile: None,
    }
}

/// The server that the variable names.
fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} names no server: `cargo xtask test` starts those that this test needs")
    })
}

/// Tables, queues and a topic of their own on the local server that the environment names.
#[derive(Debug)]
pub struct AwsWithQueues {
    prefix: String,
    connection: ConnectionArguments,
}

impl AwsWithQueues {
    pub fn new() -> Self {
        Self {
            prefix: format!("t{}-", uuid::Uuid::now_v7().simple()),
            connection: ConnectionArguments {
                endpoint_url: Some(server("ES_TEST_ENDPOINT_AWS")),
                region: Some(REGION.to_owned()),
                profile: None,
            },
        }
    }

    /// What the names of tables and queues begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub fn connection(&self) -> &ConnectionArguments {
        &self.connection
    }
}

impl AwsWithQueues {
    /// Where the server answers.
    pub fn endpoint(&self) -> &str {
        self.connection.endpoint_url.as_deref().unwrap()
    }

    /// Makes what a CloudFormation template says, and returns when it is there.
    pub async fn deploy(&self, template: &Value) {
        self.deploy_with(template, &[]).await;
    }

    /// The same, with values for parameters.
    pub async fn deploy_with(&self, template: &Value, parameters: &[(&str, &str)]) {
        // More than a request may have; from a bucket it may be a megabyte.
        let bucket = format!("{}templates", self.prefix);
        let url = format!("{}/{bucket}", self.endpoint());
        let client = reqwest::Client::new();
        let template = template.to_string();
        for (url, body) in [(url.clone(), String::new()), (format!("{url}/stack"), template)] {
            let put = client.put(&url).body(body).send().await.unwrap();
            assert!(put.status().is_success(), "{put:?}");
        }
        let stack = self.stack().to_owned();
        let url = format!("{url}/stack");
        let mut request: Vec<(String, &str)> = vec![
            ("Action".into(), "CreateStack"),
            ("StackName".into(), &stack),
            ("TemplateURL".into(), &url),
            ("Capabilities.member.1".into(), "CAPABILITY_IAM"),
        ];
        for (at, (name, value)) in (1..).zip(parameters) {
            request.push((format!("Parameters.member.{at}.ParameterKey"), name));
            request.push((format!("Parameters.member.{at}.ParameterValue"), value));
        }
        let request: Vec<_> = request.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.cloudformation(&request).await;
        super::eventually("the stack is made", async || {
            let described = self.described().await;
            assert!(
                !described.contains("FAILED") && !described.contains("ROLLBACK"),
                "{described}\n{}",
                self.cloudformation(&[("Action", "DescribeStackEvents"), ("StackName", &stack)])
                    .await
            );
            described.contains("CREATE_COMPLETE").then_some(())
        })
        .await;
    }

    /// Asks a service that speaks JSON.
    pub async fn ask(&self, service: &str, operation: &str, request: Value) -> Value {
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=local/20260301/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let asked = reqwest::Client::new()
            .post(self.endpoint())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", operation)
            .header("authorization", signature)
            .body(request.to_string());
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{operation}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The outputs of the stack, by their names.
    pub async fn outputs(&self) -> Value {
        let described = self.described().await;
        let between = |text: &str, tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once(&format!("</{tag}>"))?.0.to_owned())
        };
        let outputs = described.split("<OutputKey>").skip(1).filter_map(|rest| {
            let (key, rest) = rest.split_once("</OutputKey>")?;
            Some((key.to_owned(), Value::String(between(rest, "OutputValue")?)))
        });
        Value::Object(outputs.collect())
    }

    /// Takes down what was made.
    pub async fn delete(&self) {
        self.cloudformation(&[("Action", "DeleteStack"), ("StackName", self.stack())]).await;
    }

    fn stack(&self) -> &str {
        self.prefix.trim_end_matches('-')
    }

    async fn described(&self) -> String {
        self.cloudformation(&[("Action", "DescribeStacks"), ("StackName", self.stack())]).await
    }

    async fn cloudformation(&self, request: &[(&str, &str)]) -> String {
        let version = ("Version", "2010-05-15");
        let form = request.iter().chain([&version]);
        let form = reqwest::Url::parse_with_params("http://form", form).unwrap();
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=local/20260301/{REGION}/cloudformation/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let asked = reqwest::Client::new()
            .post(self.connection.endpoint_url.as_deref().unwrap())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", signature)
            .body(form.query().unwrap().to_owned());
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{text}");
        text
    }
}

impl Place for AwsWithQueues {
    fn arguments(&self) -> Vec<OsString> {
        let endpoint_url = self.connection.endpoint_url.as_deref().unwrap_or_default();
        let place = [
            ("--backend", "aws"),
            ("--region", REGION),
            ("--table-prefix", &self.prefix),
            ("--endpoint-url", endpoint_url),
        ];
        place.iter().flat_map(|(flag, value)| [flag, value]).map(OsString::from).collect()
    }
}

impl Place for Aws {
    fn arguments(&self) -> Vec<OsString> {
        let place = [
            ("--backend", "aws"),
            ("--region", REGION),
            ("--table-prefix", &self.prefix),
            ("--endpoint-url", &self.dynamodb),
            ("--kinesis-endpoint-url", &self.kinesis),
        ];
        let place = place.iter().flat_map(|(flag, value)| [flag, value]).map(OsString::from);
        place.chain(self.files().arguments()).collect()
    }
}
