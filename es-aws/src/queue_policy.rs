//! Policies of queues: what they let send to them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::policy_limits::{PolicyLimit, QueuePolicyTooLarge};

/// What lets senders of a service send to one queue, all by their ARNs: topics of `sns.amazonaws.com`, or rules of
/// `events.amazonaws.com`. Their list is one condition, however many they are: SQS takes ten of all statements together.
#[must_use]
pub fn letting_in(service: &str, queue: &Value, senders: &[Value]) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": service },
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": { "ArnEquals": { "aws:SourceArn": senders } },
    })
}

/// A statement that is the library's own: by its id it is found again, and nobody else's has that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnStatement {
    /// The service whose senders it lets in.
    pub service: &'static str,
    /// Letters and digits.
    pub id: String,
}

impl OwnStatement {
    /// The statement that [lets these in](letting_in), with its id.
    #[must_use]
    pub fn letting_in(&self, queue: &Value, senders: &[Value]) -> Value {
        let mut statement = letting_in(self.service, queue, senders);
        statement["Sid"] = json!(self.id);
        statement
    }

    fn is(&self, statement: &Value) -> bool {
        statement["Sid"] == *self.id
    }
}

/// The policy of a queue. Statements of others stay as they are.
#[derive(Debug, Clone)]
pub struct QueuePolicy {
    queue_arn: String,
    document: Map<String, Value>,
    statements: Vec<Value>,
}

impl QueuePolicy {
    /// The policy that a queue has; an empty one when it has none.
    ///
    /// # Errors
    ///
    /// When the policy is no object of JSON.
    pub fn parse(queue_arn: &str, policy: Option<&str>) -> serde_json::Result<Self> {
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

    /// The ARNs of the senders that statements of the [usual form](letting_in) let in, whoever has made these.
    pub fn senders<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a str> {
        self.statements.iter().filter_map(move |it| self.senders_of(service, it)).flatten()
    }

    /// The ARNs of the senders that the own statement names; none of one that somebody has made refuse them.
    #[must_use]
    pub fn own_senders(&self, own: &OwnStatement) -> BTreeSet<String> {
        let own = self.statements.iter().filter(|it| own.is(it) && it["Effect"] == "Allow");
        own.filter_map(named_senders).flatten().map(str::to_owned).collect()
    }

    /// Takes out the statements of the [usual form](letting_in) that have no id and let one sender in, not as a list,
    /// and says whom they let in: the form of own statements before there were lists.
    pub fn take_single_senders(&mut self, service: &str) -> BTreeSet<String> {
        let statements = std::mem::take(&mut self.statements);
        let mut taken = BTreeSet::new();
        for statement in statements {
            match self.single_sender_of(service, &statement) {
                Some(sender) => drop(taken.insert(sender.to_owned())),
                None => self.statements.push(statement),
            }
        }
        taken
    }

    /// Lets these senders in by the own statement, in the place of what it said before, whoever else lets them in: what
    /// others have said they can take back. Whether that changes anything.
    pub fn let_in(&mut self, own: &OwnStatement, senders: &BTreeSet<String>) -> bool {
        let said: Vec<_> = self.statements.iter().filter(|it| own.is(it)).collect();
        let stays = match said[..] {
            [] => senders.is_empty(),
            [single] => {
                let said: Option<BTreeSet<_>> =
                    self.senders_of(own.service, single).map(|said| said.into_iter().collect());
                !senders.is_empty() && said == Some(senders.iter().map(String::as_str).collect())
            }
            _ => false,
        };
        if stays {
            return false;
        }
        self.statements.retain(|it| !own.is(it));
        if !senders.is_empty() {
            let senders: Vec<_> = senders.iter().map(|arn| json!(arn)).collect();
            self.statements.push(own.letting_in(&json!(self.queue_arn), &senders));
        }
        true
    }

    /// Whether SQS takes it, with all that others have said in it, as that of the queue of this name.
    ///
    /// # Errors
    ///
    /// By how much it is too large.
    pub fn within_limits(&self, queue: &str) -> Result<(), QueuePolicyTooLarge> {
        let counted = [
            (PolicyLimit::Statements, self.statements.len()),
            (PolicyLimit::Conditions, self.statements.iter().map(conditions_of).sum()),
            (PolicyLimit::Principals, self.statements.iter().map(principals_of).sum()),
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
    #[must_use]
    pub fn to_json(&self) -> String {
        if self.statements.is_empty() {
            return String::new();
        }
        let mut document = self.document.clone();
        document.insert("Statement".to_owned(), json!(self.statements));
        Value::Object(document).to_string()
    }

    /// The senders that a statement of the usual form lets in, which names one or has a list; `None` for any other.
    fn senders_of<'a>(&self, service: &str, given: &'a Value) -> Option<Vec<&'a str>> {
        let senders = named_senders(given)?;
        let listed: Vec<_> = senders.iter().map(|sender| json!(sender)).collect();
        let mut usual = given.clone();
        usual.as_object_mut()?.remove("Sid");
        usual["Condition"]["ArnEquals"]["aws:SourceArn"] = json!(listed);
        (usual == letting_in(service, &json!(self.queue_arn), &listed)).then_some(senders)
    }

    fn single_sender_of<'a>(&self, service: &str, given: &'a Value) -> Option<&'a str> {
        let sender = given["Condition"]["ArnEquals"]["aws:SourceArn"].as_str()?;
        let is_usual = given["Sid"].is_null() && self.senders_of(service, given).is_some();
        is_usual.then_some(sender)
    }
}

/// What a statement has in the place where those of the usual form name senders.
fn named_senders(statement: &Value) -> Option<Vec<&str>> {
    match &statement["Condition"]["ArnEquals"]["aws:SourceArn"] {
        Value::Array(senders) => senders.iter().map(Value::as_str).collect(),
        single => Some(vec![single.as_str()?]),
    }
}

/// How many conditions a statement has: each operator with each of its keys is one, whatever it compares with.
fn conditions_of(statement: &Value) -> usize {
    let operators = statement["Condition"].as_object();
    let keys = |operator: &Value| operator.as_object().map_or(0, Map::len);
    operators.into_iter().flat_map(Map::values).map(keys).sum()
}

/// How many principals a statement has: everybody is one, and so is each account, user, role and service.
fn principals_of(statement: &Value) -> usize {
    let named = |names: &Value| names.as_array().map_or(1, Vec::len);
    match &statement["Principal"] {
        Value::Null => 0,
        Value::Object(kinds) => kinds.values().map(named).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
