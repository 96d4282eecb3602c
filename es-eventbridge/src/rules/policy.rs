//! Policies of queues: which rules they let in.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::policy_limits::{PolicyLimit, QueuePolicyTooLarge};

/// What lets rules send to one queue, all by their ARNs. Its list of rules is one condition, however many there are:
/// SQS takes ten of all statements together.
pub(crate) fn statement(queue: &Value, rules: &[Value]) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": { "ArnEquals": { "aws:SourceArn": rules } },
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
        self.statements.iter().filter_map(|it| self.rules_of(it)).flatten()
    }

    /// The ARNs of the rules that the statement with this id lets in.
    pub(super) fn rules_of_statement(&self, id: &str) -> Vec<String> {
        let own = self.statements.iter().filter(|statement| statement["Sid"] == id);
        own.filter_map(|it| self.rules_of(it)).flatten().map(str::to_owned).collect()
    }

    pub(super) fn lets_in(&self, rule_arn: &str) -> bool {
        self.rules().any(|it| it == rule_arn)
    }

    /// Lets these rules in by one statement, which has this id, in the place of what it said before. Those that
    /// others let in are not said again. Whether that changes anything.
    pub(super) fn change(&mut self, id: &str, rule_arns: &[String]) -> bool {
        let (own, others): (Vec<_>, Vec<_>) =
            self.statements.iter().partition(|statement| statement["Sid"] == id);
        let rules = |of: &[&Value]| -> BTreeSet<String> {
            let rules = of.iter().filter_map(|it| self.rules_of(it)).flatten();
            rules.map(str::to_owned).collect()
        };
        let (of_own, of_others) = (rules(&own), rules(&others));
        let is_said = |arn: &&String| of_own.contains(*arn) || !of_others.contains(*arn);
        let wanted: BTreeSet<_> = rule_arns.iter().filter(is_said).cloned().collect();
        let stays = match own[..] {
            [] => wanted.is_empty(),
            [single] => !wanted.is_empty() && self.rules_of(single).is_some() && of_own == wanted,
            _ => false,
        };
        if stays {
            return false;
        }
        let mut statements: Vec<_> = others.into_iter().cloned().collect();
        if !wanted.is_empty() {
            let rules: Vec<_> = wanted.into_iter().map(Value::String).collect();
            let mut statement = statement(&json!(self.queue_arn), &rules);
            statement["Sid"] = json!(id);
            statements.push(statement);
        }
        self.statements = statements;
        true
    }

    /// Whether SQS takes it, with all that others have said in it, as that of the queue of this name.
    ///
    /// # Errors
    ///
    /// By how much it is too large.
    pub(super) fn within_limits(&self, queue: &str) -> Result<(), QueuePolicyTooLarge> {
        let counted = [
            (PolicyLimit::Statements, self.statements.len()),
            (PolicyLimit::Conditions, self.statements.iter().map(conditions_of).sum()),
            (PolicyLimit::Bytes, self.to_json().len()),
        ];
        match counted.into_iter().find(|(limit, actual)| *actual > limit.most()) {
            Some((limit, actual)) => {
                Err(QueuePolicyTooLarge { queue: queue.to_owned(), limit, actual })
            }
            None => Ok(()),
        }
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

    /// The rules that a statement of the usual form lets in, which names one or has a list; `None` for any other.
    fn rules_of<'a>(&self, given: &'a Value) -> Option<Vec<&'a str>> {
        let rules = match &given["Condition"]["ArnEquals"]["aws:SourceArn"] {
            Value::Array(rules) => rules.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?,
            single => vec![single.as_str()?],
        };
        let listed: Vec<_> = rules.iter().map(|rule| json!(rule)).collect();
        let mut usual = given.clone();
        usual.as_object_mut()?.remove("Sid");
        usual["Condition"]["ArnEquals"]["aws:SourceArn"] = json!(listed);
        (usual == statement(&json!(self.queue_arn), &listed)).then_some(rules)
    }
}

/// How many conditions a statement has: each operator with each of its keys is one, whatever it compares with.
fn conditions_of(statement: &Value) -> usize {
    let operators = statement["Condition"].as_object();
    let keys = |operator: &Value| operator.as_object().map_or(0, Map::len);
    operators.into_iter().flat_map(Map::values).map(keys).sum()
}
