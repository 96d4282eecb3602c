//! What programs and people may do with what is in a stack.

use es_core::Error;
use serde_json::{Value, json};

use crate::names::{arn_in_stack, attribute};

/// What a part of the system may do that is no function: a program that runs elsewhere, or an operator. It becomes a
/// managed policy, which is attached to a role or a user by who administers the account.
#[derive(Debug)]
pub struct Policy {
    /// Which part, as `Operators`.
    pub who: &'static str,
    /// What it does.
    pub description: &'static str,
    /// What it may do, without the key.
    pub statements: Vec<Value>,
}

impl Policy {
    pub(crate) fn resource(self, key: [Value; 2]) -> Value {
        let statements: Vec<_> = self.statements.into_iter().chain(key).collect();
        json!({
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Description": self.description,
                "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
            },
        })
    }
}

/// What an operator does with a queue for dead letters of the stack, by the name of its resource: looks into it, and
/// deletes what is done with.
pub fn operating(queue: &str) -> Value {
    json!({
        "Sid": format!("Operate{queue}"),
        "Effect": "Allow",
        "Action": [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:PurgeQueue",
            "sqs:ReceiveMessage",
        ],
        "Resource": attribute(queue, "Arn"),
    })
}

/// The statements of an IAM policy, as the backends' `iam_policy` makes them for an empty prefix: what is allowed in all
/// regions of an account there is allowed for what this stack has, and nothing else.
///
/// # Errors
///
/// [`Error::Corrupt`] when it is none.
pub fn statements(policy: &str) -> Result<Vec<Value>, Error> {
    let policy: Value = serde_json::from_str(policy).map_err(|error| Error::Corrupt {
        what: "a policy".to_owned(),
        reason: error.to_string(),
    })?;
    let mut statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    for statement in &mut statements {
        match &mut statement["Resource"] {
            Value::String(arn) => statement["Resource"] = arn_in_stack(&arn.clone()),
            Value::Array(arns) => {
                for arn in arns {
                    *arn = arn.as_str().map_or_else(|| arn.clone(), arn_in_stack);
                }
            }
            _ => {}
        }
    }
    Ok(statements)
}
