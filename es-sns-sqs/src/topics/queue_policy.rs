//! The policy of a queue that lets topics send to it.

use serde_json::{Map, Value, json};

/// What lets one topic send to one queue.
pub(crate) fn statement(queue: &Value, topic: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "sns.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
    })
}

/// A policy of these statements.
pub(crate) fn of_statements(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The policy with what lets the topics send to the queue; `None` when it does already.
///
/// # Errors
///
/// When the policy is no object of JSON.
pub(super) fn allowing(
    policy: Option<&str>,
    queue_arn: &str,
    topic_arns: &[String],
) -> serde_json::Result<Option<String>> {
    let nothing = || of_statements(Vec::new());
    let policy = policy.map_or_else(|| Ok(nothing()), serde_json::from_str)?;
    let mut policy: Map<String, Value> = serde_json::from_value(policy)?;
    let mut statements = match policy.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(Value::Null) | None => Vec::new(),
        Some(single) => vec![single],
    };
    let before = statements.len();
    for topic_arn in topic_arns {
        let statement = statement(&json!(queue_arn), &json!(topic_arn));
        if !statements.iter().any(|known| without_sid(known) == statement) {
            statements.push(statement);
        }
    }
    if statements.len() == before {
        return Ok(None);
    }
    policy.insert("Statement".to_owned(), Value::Array(statements));
    Ok(Some(Value::Object(policy).to_string()))
}

fn without_sid(statement: &Value) -> Value {
    let mut statement = statement.clone();
    if let Some(fields) = statement.as_object_mut() {
        fields.remove("Sid");
    }
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:billing";

    fn topic(name: &str) -> String {
        format!("arn:aws:sns:eu-central-1:123456789012:{name}")
    }

    #[test]
    fn a_topic_is_allowed_once_and_beside_others() {
        let orders = allowing(None, QUEUE, &[topic("orders")]).unwrap().unwrap();
        assert_eq!(allowing(Some(&orders), QUEUE, &[topic("orders")]).unwrap(), None);
        let both = allowing(Some(&orders), QUEUE, &[topic("returns")]).unwrap().unwrap();
        let both: Value = serde_json::from_str(&both).unwrap();
        let expected =
            ["orders", "returns"].map(|name| statement(&json!(QUEUE), &json!(topic(name))));
        assert_eq!(both["Statement"], json!(expected));
    }

    #[test]
    fn what_others_have_said_stays() {
        let theirs =
            json!({ "Sid": "theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:*" });
        for statements in [theirs.clone(), json!([theirs])] {
            let policy = json!({ "Version": "2012-10-17", "Id": "p", "Statement": statements });
            let allowed = allowing(Some(&policy.to_string()), QUEUE, &[topic("orders")]);
            let allowed: Value = serde_json::from_str(&allowed.unwrap().unwrap()).unwrap();
            assert_eq!((&allowed["Id"], &allowed["Statement"][0]), (&json!("p"), &theirs));
            assert_eq!(allowed["Statement"].as_array().unwrap().len(), 2);
        }
    }

    #[test]
    fn what_is_no_policy_is_an_error() {
        for policy in ["{", "[]", "\"allow\"", "1"] {
            assert!(allowing(Some(policy), QUEUE, &[topic("orders")]).is_err(), "{policy}");
        }
    }
}
