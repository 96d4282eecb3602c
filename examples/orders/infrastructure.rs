//! What the system needs on AWS, as one CloudFormation template: tables, queues and topic, all encrypted
//! with a key of its own, and what each part of the system may do with them.

use es_core::{Error, Topology, ViewSchema};
use es_dynamodb::Role as TableRole;
use es_sns_sqs::Role as QueueRole;
use serde_json::{Map, Value, json};

use super::channels::Channels;
use super::views::OrderList;

/// The template for the system whose tables begin with `table_prefix`.
///
/// # Errors
///
/// [`Error::InvalidId`] when there can be no tables of these names, [`Error::Misuse`] when two queues would
/// have the same resource.
pub fn template(table_prefix: &str, channels: &Channels) -> Result<Value, Error> {
    let tables = es_dynamodb::cloudformation_template(&[ViewSchema::of::<OrderList>()?])?;
    let messaging = es_sns_sqs::cloudformation_template(&channels.topology()?)?;
    let mut stack = Stack::default();
    stack.take(&tables, &[("Prefix", table_prefix)])?;
    stack.take(&messaging, &[("NamePrefix", "")])?;
    stack.resources.insert(KEY.to_owned(), key());
    for policy in policies(table_prefix, channels)? {
        let name = format!("{}Policy", policy.who);
        stack.outputs.insert(format!("{name}Arn"), json!({ "Value": { "Ref": name } }));
        stack.resources.insert(name, policy.resource());
    }
    let key_arn = json!({ "Value": key_arn() });
    stack.outputs.insert("KeyArn".to_owned(), key_arn);
    Ok(json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Orders: log, views, queues, topic, key, and who may do what with them.",
        "Resources": stack.resources,
        "Outputs": stack.outputs,
    }))
}

/// The key that everything is encrypted with.
const KEY: &str = "Key";

fn key_arn() -> Value {
    json!({ "Fn::GetAtt": [KEY, "Arn"] })
}

#[derive(Default)]
struct Stack {
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl Stack {
    /// Takes over what a template has, with values for its parameters, and the key of the stack.
    fn take(&mut self, template: &str, parameters: &[(&str, &str)]) -> Result<(), Error> {
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

/// A key that rotates, which the account administers and SNS may use to send to the queues.
fn key() -> Value {
    json!({
        "Type": "AWS::KMS::Key",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": { "Fn::Sub": "Orders of the stack ${AWS::StackName}" },
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
                        "Sid": "TopicsToQueues",
                        "Effect": "Allow",
                        "Principal": { "Service": "sns.amazonaws.com" },
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

/// What a part of the system may do.
struct Policy {
    who: &'static str,
    description: &'static str,
    statements: Vec<Value>,
}

impl Policy {
    fn resource(self) -> Value {
        let mut statements = self.statements;
        let services = ["dynamodb", "sns", "sqs"].map(
            |service| json!({ "Fn::Sub": format!("{service}.${{AWS::Region}}.amazonaws.com") }),
        );
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

fn policies(table_prefix: &str, channels: &Channels) -> Result<[Policy; 3], Error> {
    let tables = |roles: &[TableRole]| statements(&es_dynamodb::iam_policy(table_prefix, roles)?);
    let messaging = |topology: &Topology, roles: &[QueueRole]| {
        statements(&es_sns_sqs::iam_policy(topology, "", roles)?)
    };
    let (inside, outside) = (channels.topology_inside()?, channels.topology_outside()?);
    Ok([
        Policy {
            who: "Workers",
            description: "Orders: create, work, list, show, watch, stop",
            statements: [
                tables(&TableRole::ALL)?,
                messaging(&inside, &[QueueRole::Publish, QueueRole::Consume])?,
            ]
            .concat(),
        },
        Policy {
            who: "Subscribers",
            description: "Orders: take notifications",
            statements: messaging(&outside, &[QueueRole::Consume])?,
        },
        Policy {
            who: "Operators",
            description: "Orders: look into dead letters, and send them back",
            statements: [
                tables(&[TableRole::Queries])?,
                messaging(&inside, &[QueueRole::Operate])?,
            ]
            .concat(),
        },
    ])
}

/// The statements of a policy, but for listing the topics of the account: `TOPIC_ARN` says which one it is.
fn statements(policy: &str) -> Result<Vec<Value>, Error> {
    let policy: Value = serde_json::from_str(policy).map_err(|error| Error::Corrupt {
        what: "a policy".to_owned(),
        reason: error.to_string(),
    })?;
    let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    Ok(statements.into_iter().filter(|it| it["Action"] != json!(["sns:ListTopics"])).collect())
}

#[cfg(test)]
mod tests;
