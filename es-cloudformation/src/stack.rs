//! What is put together.

use std::collections::BTreeSet;
use std::time::Duration;

use es_core::Error;
use serde_json::{Map, Value, json};

use crate::alarms::{self, Alarm};
use crate::bucket::Bucket;
use crate::dashboard;
use crate::function::{Code, Function};
use crate::http_api::HttpApi;
use crate::key::{self, KEY, key_arn};
use crate::names::{self, attribute, with_prefix};
use crate::policy::Policy;

/// A stack that is put together.
#[derive(Debug)]
pub struct Stack {
    title: String,
    parameters: Map<String, Value>,
    conditions: Map<String, Value>,
    rules: Map<String, Value>,
    /// What it makes, by name.
    pub resources: Map<String, Value>,
    outputs: Map<String, Value>,
    /// Who uses the key without being a part of the stack.
    senders: BTreeSet<String>,
    functions: Vec<Function>,
    policies: Vec<Policy>,
    alarms: Vec<Alarm>,
    apis: Vec<String>,
}

impl Stack {
    /// A stack with a key and nothing else. `title` is what the system is called for people, in the key's description
    /// and on the dashboard.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            parameters: Map::new(),
            conditions: Map::new(),
            rules: Map::new(),
            resources: Map::new(),
            outputs: Map::new(),
            senders: BTreeSet::new(),
            functions: Vec::new(),
            policies: Vec::new(),
            alarms: Vec::new(),
            apis: Vec::new(),
        }
    }

    /// Takes over what the template of a backend has, with values for its parameters, and with the key of the stack.
    /// Values may have what CloudFormation puts in, as [`PREFIX`](crate::PREFIX) has.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when the template is none; [`Error::Misuse`] when the stack has a resource of one of its
    /// names.
    pub fn take(&mut self, template: &str, parameters: &[(&str, &str)]) -> Result<(), Error> {
        let template: Value = serde_json::from_str(template).map_err(|error| Error::Corrupt {
            what: "a template".to_owned(),
            reason: error.to_string(),
        })?;
        let found = |part: &str| template.get(part).and_then(Value::as_object).cloned();
        let of_template = found("Parameters").unwrap_or_default();
        let defaults = of_template.iter().filter_map(|(name, parameter)| {
            let default = match &parameter["Default"] {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            Some((name.as_str(), default))
        });
        let defaults: Vec<_> = defaults.collect();
        // What is given comes first, and the first one counts.
        let defaults = defaults.iter().map(|(name, default)| (*name, default.as_str()));
        let parameters: Vec<_> = parameters.iter().copied().chain(defaults).collect();
        let parameters = parameters.as_slice();
        for (name, resource) in found("Resources").into_iter().flatten() {
            self.add(&name, resolved(&resource, parameters))?;
        }
        for (name, value) in found("Outputs").into_iter().flatten() {
            self.outputs.insert(name, resolved(&value, parameters));
        }
        Ok(())
    }

    /// Adds a resource.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when the stack has one of this name.
    pub fn add(&mut self, name: &str, resource: Value) -> Result<(), Error> {
        if self.resources.insert(name.to_owned(), resource).is_some() {
            return Err(Error::Misuse(format!("a stack has one resource {name}")));
        }
        Ok(())
    }

    /// Adds a parameter.
    pub fn parameter(&mut self, name: &str, parameter: Value) {
        self.parameters.insert(name.to_owned(), parameter);
    }

    /// Adds a condition.
    pub fn condition(&mut self, name: &str, condition: Value) {
        self.conditions.insert(name.to_owned(), condition);
    }

    /// Adds an output.
    pub fn output(&mut self, name: &str, value: Value) {
        self.outputs.insert(name.to_owned(), json!({ "Value": value }));
    }

    /// Lets a service of AWS, as `events`, use the key to put messages into the queues of the stack. Topics of the stack
    /// need not be told.
    pub fn sender(&mut self, service: &str) {
        self.senders.insert(service.to_owned());
    }

    /// Lets a part of the system that is no function do what it does.
    pub fn allow(&mut self, policy: Policy) {
        self.policies.push(policy);
    }

    /// Adds a queue for what was given up, which keeps it for 14 days, with an alarm when anything is in it. Returns its
    /// resource. Lambda sends there what a function failed at too often, as a [`Source`](crate::Source) says.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when the stack has its resource.
    pub fn dead_letter_queue(&mut self, name: &str) -> Result<String, Error> {
        let resource = format!("Queue{}", names::resource_name(name));
        let queue = json!({
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "QueueName": with_prefix(name),
                "MessageRetentionPeriod": DEAD_LETTERS_ARE_KEPT.as_secs(),
                "KmsMasterKeyId": key_arn(),
            },
        });
        self.add(&resource, queue)?;
        self.output(&format!("{resource}Url"), json!({ "Ref": resource }));
        self.alarms.push(Alarm::on_dead_letters(&resource));
        Ok(resource)
    }

    /// Adds an alarm when anything is in a queue for dead letters that came from elsewhere, as from a template that was
    /// taken over.
    pub fn alarm_on_dead_letters(&mut self, queue: &str) {
        self.alarms.push(Alarm::on_dead_letters(queue));
    }

    /// Adds a bucket. Returns its resource; its name is the output `RESOURCEName`.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when the stack has its resource, or not the topic that it tells.
    pub fn bucket(&mut self, bucket: &Bucket) -> Result<String, Error> {
        if let Some(topic) = bucket.topic() {
            if self.resources.get(topic).is_none_or(|it| it["Type"] != "AWS::SNS::Topic") {
                return Err(Error::Misuse(format!("the stack has no topic {topic}")));
            }
            self.sender("s3");
        }
        for (name, resource) in bucket.resources() {
            self.add(&name, resource)?;
        }
        let resource = bucket.resource_name();
        self.output(&format!("{resource}Name"), json!({ "Ref": resource }));
        Ok(resource)
    }

    /// Adds functions, all with the same code.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when the stack has one of their resources; when a source, or a queue for what fails, is not in
    /// the stack; when an invocation may take longer than Lambda lets it; and when a queue shows a message again while its function may still work on it.
    pub fn functions(
        &mut self,
        code: &Code,
        functions: impl IntoIterator<Item = Function>,
    ) -> Result<(), Error> {
        self.parameter(
            "Architecture",
            json!({
                "Description": "The processors that the functions run on; the program has to be built for them.",
                "Type": "String",
                "AllowedValues": ["arm64", "x86_64"],
                "Default": "arm64",
            }),
        );
        self.parameter(
            "LogRetentionDays",
            json!({
                "Description": "For how many days logs are kept.",
                "Type": "Number",
                "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653],
                "Default": 30,
            }),
        );
        for function in functions {
            for (name, resource) in
                function.resources(code, &self.resources, &self.parameters, &self.services())?
            {
                self.add(&name, resource)?;
            }
            self.alarms.extend(function.alarms());
            self.functions.push(function);
        }
        Ok(())
    }

    /// Adds an HTTP API in front of a function. Its address is the output `ApiUrl`.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when the stack has one, or not the function.
    pub fn http_api(&mut self, api: &HttpApi) -> Result<(), Error> {
        if !self.functions.iter().any(|function| function.is(api.function())) {
            return Err(Error::Misuse(format!("the stack has no function {}", api.function())));
        }
        for (name, parameter) in api.parameters() {
            self.parameter(name, parameter);
        }
        for (name, condition) in api.conditions() {
            self.condition(name, condition);
        }
        for (name, rule) in api.rules() {
            self.rules.insert(name.to_owned(), rule);
        }
        for (name, resource) in api.resources() {
            self.add(&name, resource)?;
        }
        self.output("ApiId", json!({ "Ref": HttpApi::RESOURCE }));
        self.output("ApiUrl", attribute(HttpApi::RESOURCE, "ApiEndpoint"));
        self.alarms.push(Alarm::on_server_errors_of(HttpApi::RESOURCE));
        self.apis.push(HttpApi::RESOURCE.to_owned());
        Ok(())
    }

    /// The template.
    pub fn render(mut self, description: &str) -> Value {
        let services = self.services();
        for policy in std::mem::take(&mut self.policies) {
            let name = format!("{}Policy", policy.who);
            self.outputs.insert(format!("{name}Arn"), json!({ "Value": { "Ref": name } }));
            let services: Vec<_> = services.iter().map(String::as_str).collect();
            self.resources.insert(name, policy.resource(key::use_through(&services)));
        }
        if !self.alarms.is_empty() {
            self.parameters.insert(alarms::TOPIC.to_owned(), alarms::topic_parameter());
            self.conditions.insert(alarms::HAS_TOPIC.to_owned(), alarms::has_topic());
            for alarm in &self.alarms {
                self.resources.insert(alarm.resource_name(), alarm.resource());
            }
        }
        if !self.functions.is_empty() {
            let dashboard =
                dashboard::resource(&self.title, &self.functions, &self.resources, &self.apis);
            self.resources.insert("Dashboard".to_owned(), dashboard);
        }
        for resource in self.resources.values_mut() {
            // What a first deployment that failed has left behind would be in the way of the next one.
            if resource["DeletionPolicy"] == "Retain" {
                resource["DeletionPolicy"] = json!("RetainExceptOnCreate");
            }
        }
        let senders: Vec<Value> = self.senders().iter().map(|it| json!(it)).collect();
        self.resources.insert(KEY.to_owned(), key::resource(&self.title, &senders));
        self.outputs.insert("KeyArn".to_owned(), json!({ "Value": key_arn() }));
        let mut template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": description,
            "Resources": self.resources,
            "Outputs": self.outputs,
        });
        let parts = [
            ("Parameters", self.parameters),
            ("Rules", self.rules),
            ("Conditions", self.conditions),
        ];
        for (name, part) in parts {
            if !part.is_empty() {
                template[name] = Value::Object(part);
            }
        }
        template
    }

    /// Who puts messages into the queues of the stack.
    fn senders(&self) -> BTreeSet<String> {
        let mut senders = self.senders.clone();
        if self.has("AWS::SNS::Topic") {
            senders.insert("sns".to_owned());
        }
        senders.into_iter().map(|service| format!("{service}.amazonaws.com")).collect()
    }

    /// The services by which the parts of the stack use its key.
    fn services(&self) -> Vec<String> {
        let kinds = [
            ("AWS::DynamoDB::Table", "dynamodb"),
            ("AWS::Kinesis::Stream", "kinesis"),
            ("AWS::S3::Bucket", "s3"),
            ("AWS::SNS::Topic", "sns"),
            ("AWS::SQS::Queue", "sqs"),
        ];
        kinds.iter().filter(|(kind, _)| self.has(kind)).map(|(_, it)| (*it).to_owned()).collect()
    }

    fn has(&self, kind: &str) -> bool {
        self.resources.values().any(|resource| resource["Type"] == kind)
    }
}

/// How long queues for dead letters keep them: as long as SQS lets them.
const DEAD_LETTERS_ARE_KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The value with the parameters in it, as of a stack that has a key.
fn resolved(value: &Value, parameters: &[(&str, &str)]) -> Value {
    let value_of = |name: &str| parameters.iter().find(|(parameter, _)| *parameter == name);
    match value {
        Value::Object(fields) => {
            match (fields.get("Ref"), fields.get("Fn::Sub"), fields.get("Fn::If")) {
                (Some(Value::String(name)), ..) if name == "EncryptionKey" => return key_arn(),
                (Some(Value::String(name)), ..) => {
                    if let Some((_, value)) = value_of(name) {
                        return names::text(value);
                    }
                }
                (_, Some(Value::String(text)), _) => return substituted(text, parameters),
                (_, _, Some(Value::Array(branches))) => {
                    if let [Value::String(condition), then, otherwise] = branches.as_slice() {
                        return match condition.as_str() {
                            "HasEncryptionKey" => resolved(then, parameters),
                            "IsOnDemand" if value_of("Shards").is_none_or(|it| it.1 == "0") => {
                                resolved(then, parameters)
                            }
                            _ => resolved(otherwise, parameters),
                        };
                    }
                }
                _ => {}
            }
            let fields = fields.iter().map(|(name, value)| (name, resolved(value, parameters)));
            let given = fields.filter(|(_, value)| *value != json!({ "Ref": "AWS::NoValue" }));
            given.map(|(name, value)| (name.clone(), value)).collect::<Map<_, _>>().into()
        }
        Value::Array(values) => values.iter().map(|value| resolved(value, parameters)).collect(),
        value => value.clone(),
    }
}

/// A text with the parameters in it; what is left to substitute is left to CloudFormation.
fn substituted(text: &str, parameters: &[(&str, &str)]) -> Value {
    let text = parameters
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    names::text(&text)
}
