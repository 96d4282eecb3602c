//! One CloudFormation template made of those that the backends render: everything of a system in one stack, encrypted
//! with a key of its own.

use es_core::Error;
use serde_json::{Map, Value, json};

/// A stack that is put together.
#[derive(Debug)]
pub struct Stack {
    /// What it makes.
    pub resources: Map<String, Value>,
    outputs: Map<String, Value>,
    /// Its parts ask the key for what they do, as `sqs.REGION.amazonaws.com`.
    services: &'static [&'static str],
}

/// The name of the key that everything is encrypted with.
pub const KEY: &str = "Key";

/// The ARN of the key of the stack.
pub fn key_arn() -> Value {
    json!({ "Fn::GetAtt": [KEY, "Arn"] })
}

/// What a part of the system may do.
#[derive(Debug)]
pub struct Policy {
    /// Which part.
    pub who: &'static str,
    /// What it does.
    pub description: &'static str,
    /// What it may do, without the key.
    pub statements: Vec<Value>,
}

impl Stack {
    /// A stack with a key, which `key` describes, for `services`. `sender` is who puts messages into queues from
    /// outside, as `sns`.
    pub fn new(key: &str, services: &'static [&'static str], sender: &str) -> Self {
        let resources = [(KEY.to_owned(), key_resource(key, sender))].into_iter().collect();
        Self { resources, outputs: Map::new(), services }
    }

    /// Takes over what a template has, with values for its parameters, and the key of the stack.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when the template is none.
    pub fn take(&mut self, template: &str, parameters: &[(&str, &str)]) -> Result<(), Error> {
        let template: Value = serde_json::from_str(template).map_err(|error| Error::Corrupt {
            what: "a template".to_owned(),
            reason: error.to_string(),
        })?;
        for (part, all) in [("Resources", &mut self.resources), ("Outputs", &mut self.outputs)] {
            let found = template.get(part).and_then(Value::as_object).into_iter().flatten();
            all.extend(found.map(|(name, value)| (name.clone(), resolved(value, parameters))));
        }
        Ok(())
    }

    /// Lets a part of the system do what it does.
    pub fn allow(&mut self, policy: Policy) {
        let name = format!("{}Policy", policy.who);
        self.outputs.insert(format!("{name}Arn"), json!({ "Value": { "Ref": name } }));
        let resource = policy.resource(self.services);
        self.resources.insert(name, resource);
    }

    /// The template.
    pub fn render(mut self, description: &str) -> Value {
        self.outputs.insert("KeyArn".to_owned(), json!({ "Value": key_arn() }));
        json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": description,
            "Resources": self.resources,
            "Outputs": self.outputs,
        })
    }
}

/// The value with the parameters in it, as of a stack that has a key.
fn resolved(value: &Value, parameters: &[(&str, &str)]) -> Value {
    let value_of = |name: &str| parameters.iter().find(|(parameter, _)| *parameter == name);
    match value {
        Value::Object(fields) => {
            match (fields.get("Ref"), fields.get("Fn::Sub"), fields.get("Fn::If")) {
                (Some(Value::String(name)), ..) if name == "EncryptionKey" => return key_arn(),
                (Some(Value::String(name)), ..) => {
                    if let Some((_, value)) = value_of(name) {
                        return json!(value);
                    }
                }
                (_, Some(Value::String(text)), _) => return substituted(text, parameters),
                (_, _, Some(Value::Array(branches))) => {
                    // There is one condition: that there is a key.
                    if let [_, then, _] = branches.as_slice() {
                        return resolved(then, parameters);
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
    if text.contains("${") { json!({ "Fn::Sub": text }) } else { json!(text) }
}

/// A key that rotates, which the account administers and the sender may use to send to the queues.
fn key_resource(description: &str, sender: &str) -> Value {
    json!({
        "Type": "AWS::KMS::Key",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": { "Fn::Sub": format!("{description} of the stack ${{AWS::StackName}}") },
            "EnableKeyRotation": true,
            "KeyPolicy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "Account",
                        "Effect": "Allow",
                        "Principal": { "AWS": { "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" } },
                        "Action": "kms:*",
                        // In a key's policy: this key.
                        "Resource": "*",
                    },
                    {
                        "Sid": "SendersToQueues",
                        "Effect": "Allow",
                        "Principal": { "Service": format!("{sender}.amazonaws.com") },
                        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                        "Resource": "*",
                        "Condition": {
                            "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } },
                        },
                    },
                ],
            },
        },
    })
}

impl Policy {
    fn resource(self, services: &[&str]) -> Value {
        let mut statements = self.statements;
        let services: Vec<Value> = services
            .iter()
            .map(
                |service| json!({ "Fn::Sub": format!("{service}.${{AWS::Region}}.amazonaws.com") }),
            )
            .collect();
        statements.push(json!({
            "Sid": "Key",
            "Effect": "Allow",
            "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
            "Resource": key_arn(),
            "Condition": { "StringEquals": { "kms:ViaService": services } },
        }));
        json!({
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Description": self.description,
                "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
            },
        })
    }
}

/// The statements of an IAM policy.
///
/// # Errors
///
/// [`Error::Corrupt`] when it is none.
pub fn statements(policy: &str) -> Result<Vec<Value>, Error> {
    let policy: Value = serde_json::from_str(policy).map_err(|error| Error::Corrupt {
        what: "a policy".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(policy["Statement"].as_array().cloned().unwrap_or_default())
}
