//! The queues of rules: what they are called, and whom they let in.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_sqs::types::QueueAttributeName as Name;
use es_core::{Error, QueueName, Result};
use es_routing::Rules;
use serde_json::{Map, Value, json};

use super::target::queue_of;
use crate::bus::EventBridgeBus;

/// A queue as it is in SQS.
pub(super) struct FoundQueue {
    url: String,
    pub(super) arn: String,
    policy: Option<String>,
}

/// The queues of a rule file, and the rules that send to each.
pub(crate) fn senders(rules: &Rules) -> Result<BTreeMap<&QueueName, BTreeSet<&str>>> {
    let mut senders: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for rule in rules {
        for target in rule.targets() {
            let queues = [Some(queue_of(rule, target)?), target.dead_letter_queue()];
            for queue in queues.into_iter().flatten() {
                senders.entry(queue).or_default().insert(rule.name());
            }
        }
    }
    Ok(senders)
}

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

impl EventBridgeBus {
    /// The queues of the rules, which somebody has made.
    pub(super) async fn found_queues(
        &self,
        rules: &Rules,
    ) -> Result<BTreeMap<QueueName, FoundQueue>> {
        let mut found = BTreeMap::new();
        for queue in senders(rules)?.into_keys() {
            found.insert(queue.clone(), self.found_queue(queue).await?);
        }
        Ok(found)
    }

    async fn found_queue(&self, queue: &QueueName) -> Result<FoundQueue> {
        let name = format!("{}{queue}", self.shared.options.name_prefix);
        let what = format!("looking for queue {name}");
        let failed = |error| self.shared.queue_service.failed(&what, error);
        let sqs = &self.shared.sqs;
        let url = sqs.get_queue_url().queue_name(&name).send().await.map_err(failed)?;
        let missing = |said: &str| Error::Backend {
            what: what.clone(),
            source: format!("SQS does not say its {said}").into(),
        };
        let url = url.queue_url.ok_or_else(|| missing("URL"))?;
        let attributes = sqs.get_queue_attributes().queue_url(&url);
        let attributes = attributes.attribute_names(Name::QueueArn).attribute_names(Name::Policy);
        let failed = |error| self.shared.queue_service.failed(&what, error);
        let attributes = attributes.send().await.map_err(failed)?.attributes.unwrap_or_default();
        let arn = attributes.get(&Name::QueueArn).cloned().ok_or_else(|| missing("ARN"))?;
        let policy = attributes.get(&Name::Policy).filter(|policy| !policy.is_empty()).cloned();
        Ok(FoundQueue { url, arn, policy })
    }

    /// Lets these rules send to the queue; what others have said in its policy stays.
    pub(super) async fn let_in(
        &self,
        queue: &QueueName,
        found: &FoundQueue,
        rule_arns: &[String],
    ) -> Result<()> {
        let what = format!("letting rules send to queue {queue}");
        let policy = allowing(found.policy.as_deref(), &found.arn, rule_arns);
        let policy = policy.map_err(|error| Error::Corrupt {
            what: format!("the policy of queue {queue}"),
            reason: error.to_string(),
        })?;
        let Some(policy) = policy else { return Ok(()) };
        let set = self.shared.sqs.set_queue_attributes().queue_url(&found.url);
        let set = set.attributes(Name::Policy, policy).send().await;
        set.map_err(|error| self.shared.queue_service.failed(&what, error))?;
        Ok(())
    }

    /// Whether the queue lets these rules send.
    pub(super) fn lets_in(found: &FoundQueue, rule_arns: &[String]) -> bool {
        matches!(allowing(found.policy.as_deref(), &found.arn, rule_arns), Ok(None))
    }
}

/// The policy with what lets the rules send to the queue; `None` when it does already.
fn allowing(
    policy: Option<&str>,
    queue_arn: &str,
    rule_arns: &[String],
) -> serde_json::Result<Option<String>> {
    let nothing = || json!({ "Version": "2012-10-17", "Statement": [] });
    let policy = policy.map_or_else(|| Ok(nothing()), serde_json::from_str)?;
    let mut policy: Map<String, Value> = serde_json::from_value(policy)?;
    let mut statements = match policy.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(Value::Null) | None => Vec::new(),
        Some(single) => vec![single],
    };
    let before = statements.len();
    for rule_arn in rule_arns {
        let statement = statement(&json!(queue_arn), &json!(rule_arn));
        if !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    if statements.len() == before {
        return Ok(None);
    }
    policy.insert("Statement".to_owned(), Value::Array(statements));
    Ok(Some(Value::Object(policy).to_string()))
}
