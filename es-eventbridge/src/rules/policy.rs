//! Policies of queues: which rules they let in.

use serde_json::{Map, Value, json};

/// What lets one rule send to one queue, both by their ARNs.
pub(crate) fn statement(queue: &Value, rule: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": { "ArnEquals": { "aws:SourceArn": rule } },
    })
}

/// The policy of a queue. Statements of others stay as they are.
pub(super) struct QueuePolicy {
    queue_arn: String,
    document: Map<String, Value>,
    statements: Vec<Value>,
}

impl QueuePolicy {
    pub(super) fn parse(queue_arn: &str, policy: Option<&str>) -> serde_json::Result<Self> {
        let mut document: Map<String, Value> = match policy {
            Some(policy) => serde_json::from_str(policy)?,
            None => [("Version".to_owned(), json!("2012-10-17"))].into_iter().collect(),
        };
        let statements = match document.remove("Statement") {
            Some(Value::Array(statements)) => statements,
            Some(Value::Null) | None => Vec::new(),
            Some(single) => vec![single],
        };
        Ok(Self { queue_arn: queue_arn.to_owned(), document, statements })
    }

    /// The ARNs of the rules that statements of the usual form let in, whoever has made these.
    pub(super) fn rules(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().filter_map(|it| self.rule_of(it))
    }

    pub(super) fn lets_in(&self, rule_arn: &str) -> bool {
        self.rules().any(|it| it == rule_arn)
    }

    /// Lets these rules in, by statements with these ids, and takes away own statements for others. Whether that
    /// changes anything.
    pub(super) fn change(
        &mut self,
        wanted: &[(String, &str)],
        is_own: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let stays = |statement: &Value| match (statement["Sid"].as_str(), self.rule_of(statement)) {
            (Some(id), Some(rule)) => {
                wanted.iter().any(|(_, arn)| *arn == rule) || !is_own(id, rule)
            }
            _ => true,
        };
        let mut statements: Vec<_> =
            self.statements.iter().filter(|it| stays(it)).cloned().collect();
        for (id, rule_arn) in wanted {
            if !self.lets_in(rule_arn) {
                let mut statement = statement(&json!(self.queue_arn), &json!(rule_arn));
                statement["Sid"] = json!(id);
                statements.push(statement);
            }
        }
        let changes = statements != self.statements;
        self.statements = statements;
        changes
    }

    /// As SQS takes it: no statements are no policy, which is an empty text.
    pub(super) fn to_json(&self) -> String {
        if self.statements.is_empty() {
            return String::new();
        }
        let mut document = self.document.clone();
        document.insert("Statement".to_owned(), json!(self.statements));
        Value::Object(document).to_string()
    }

    fn rule_of<'a>(&self, given: &'a Value) -> Option<&'a str> {
        let rule_arn = given["Condition"]["ArnEquals"]["aws:SourceArn"].as_str()?;
        let mut without_id = given.clone();
        without_id.as_object_mut()?.remove("Sid");
        (without_id == statement(&json!(self.queue_arn), &json!(rule_arn))).then_some(rule_arn)
    }
}
