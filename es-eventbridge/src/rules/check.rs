//! Comparing what is deployed with the rule file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_eventbridge::types::{Rule as DeployedRule, RuleState, Target};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use es_core::{QueueName, Result};
use es_routing::{EventPattern, Rule, Rules};

use super::queues::{SERVICE, senders};
use super::target::deployed;
use crate::bus::EventBridgeBus;
use crate::service;

/// In what a bus differs from a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleDifference {
    /// There is no such bus.
    NoBus,
    /// The bus does not have the rule.
    MissingRule {
        /// The rule.
        rule: String,
    },
    /// The bus has a rule that is not in the file, and is somebody else's.
    OtherRule {
        /// The rule.
        rule: String,
    },
    /// The bus has a rule that [`ensure`](EventBridgeBus::ensure) has made of an earlier file, and that is not in this
    /// one. It removes such a rule.
    StaleRule {
        /// The rule.
        rule: String,
    },
    /// The rule is not enabled.
    Disabled {
        /// The rule.
        rule: String,
    },
    /// The rule has another pattern.
    Pattern {
        /// The rule.
        rule: String,
    },
    /// A target of the rule is missing, is another one, or is not in the file.
    Target {
        /// The rule.
        rule: String,
        /// The target's id.
        target: String,
    },
    /// A queue of the file lets a rule send that does not send to it, and that others do not have either. `ensure`
    /// takes that back if it has said so.
    OtherSender {
        /// The queue.
        queue: QueueName,
        /// The rule, which may not be there.
        rule: String,
    },
    /// A queue does not let all of its rules send, and their events would be lost.
    Policy {
        /// The queue.
        queue: QueueName,
    },
}

impl fmt::Display for RuleDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBus => f.write_str("there is no such bus"),
            Self::MissingRule { rule } => write!(f, "rule {rule} is missing"),
            Self::OtherRule { rule } => write!(f, "rule {rule} is not in the file"),
            Self::StaleRule { rule } => write!(f, "rule {rule} is not in the file any more"),
            Self::OtherSender { queue, rule } => {
                write!(f, "queue {queue} lets rule {rule} send, which does not send to it")
            }
            Self::Disabled { rule } => write!(f, "rule {rule} is disabled"),
            Self::Pattern { rule } => write!(f, "rule {rule} has another pattern"),
            Self::Target { rule, target } => write!(f, "target {target} of rule {rule} differs"),
            Self::Policy { queue } => write!(f, "queue {queue} does not let its rules send"),
        }
    }
}

impl EventBridgeBus {
    /// In what the bus differs from the rule file; nothing when it is as [`ensure`](Self::ensure) makes it.
    /// Nothing is changed. For the start of a program whose bus comes from a template: a rule may send to a queue, whoever
    /// has let it in.
    ///
    /// # Errors
    ///
    /// Those of the requests, also that a queue of the rules is missing.
    pub async fn check(&self, rules: &Rules) -> Result<Vec<RuleDifference>> {
        let senders = senders(rules)?;
        let queues = self.found_queues(rules).await?;
        let arns: BTreeMap<_, _> =
            queues.iter().map(|(queue, found)| (queue.clone(), found.arn.clone())).collect();
        let Some(mut found) = self.rules().await? else { return Ok(vec![RuleDifference::NoBus]) };
        let (mut differences, mut rule_arns) = (Vec::new(), BTreeMap::new());
        for rule in rules {
            let name = rule.name().to_owned();
            let Some(there) = found.remove(&name) else {
                differences.push(RuleDifference::MissingRule { rule: name });
                continue;
            };
            rule_arns.extend(there.arn().map(|arn| (rule.name(), arn.to_owned())));
            differences.extend(of_rule(rule, &there));
            let targets = self.targets(&name).await?.unwrap_or_default();
            differences.extend(of_targets(rule, &targets, &arns)?);
        }
        for (queue, there) in &queues {
            let policy = self.policy(queue.as_str(), there)?;
            let senders = senders.get(queue);
            let mut arns = senders.into_iter().flatten().filter_map(|&name| rule_arns.get(name));
            let let_in: BTreeSet<_> = policy.senders(SERVICE).collect();
            if arns.any(|arn| !let_in.contains(&**arn)) {
                differences.push(RuleDifference::Policy { queue: queue.clone() });
            }
            let of_bus: BTreeSet<_> =
                let_in.into_iter().filter_map(|it| self.rule_of_arn(it)).collect();
            let is_other = |name: &&str| {
                // A rule that is on the bus, and not in the file, is told of by itself.
                !found.contains_key(*name) && senders.is_none_or(|names| !names.contains(name))
            };
            let other = |rule: &str| RuleDifference::OtherSender {
                queue: queue.clone(),
                rule: rule.to_owned(),
            };
            differences.extend(of_bus.into_iter().filter(is_other).map(other));
        }
        for (rule, there) in found {
            differences.push(match self.owns(there.arn().unwrap_or_default()).await? {
                true => RuleDifference::StaleRule { rule },
                false => RuleDifference::OtherRule { rule },
            });
        }
        Ok(differences)
    }

    /// The rules of the bus by name; `None` when there is no such bus.
    pub(super) async fn rules(&self) -> Result<Option<BTreeMap<String, DeployedRule>>> {
        let what = format!("listing the rules of bus {}", self.name());
        let (mut rules, mut next) = (BTreeMap::new(), None);
        loop {
            let page = self.shared.events.list_rules().event_bus_name(self.name());
            let page = match page.set_next_token(next).send().await {
                Ok(page) => page,
                Err(error) if error.code().is_some_and(service::is_missing) => return Ok(None),
                Err(error) => return Err(self.shared.service.failed(&what, error)),
            };
            let named = |rule: DeployedRule| rule.name.clone().map(|name| (name, rule));
            rules.extend(page.rules.unwrap_or_default().into_iter().filter_map(named));
            next = page.next_token;
            if next.is_none() {
                return Ok(Some(rules));
            }
        }
    }
}

fn of_rule(rule: &Rule, there: &DeployedRule) -> Vec<RuleDifference> {
    let mut differences = Vec::new();
    let name = || rule.name().to_owned();
    if there.state() != Some(&RuleState::Enabled) {
        differences.push(RuleDifference::Disabled { rule: name() });
    }
    // However it is written there.
    let pattern = there.event_pattern().and_then(|pattern| pattern.parse::<EventPattern>().ok());
    if pattern.as_ref() != Some(rule.pattern()) {
        differences.push(RuleDifference::Pattern { rule: name() });
    }
    differences
}

fn of_targets(
    rule: &Rule,
    there: &[Target],
    arns: &BTreeMap<QueueName, String>,
) -> Result<Vec<RuleDifference>> {
    let mut found: BTreeMap<&str, &Target> = there.iter().map(|it| (it.id(), it)).collect();
    let mut differing = BTreeSet::new();
    for target in rule.targets() {
        let wanted = deployed(rule, target, arns)?;
        if found.remove(target.id()) != Some(&wanted) {
            differing.insert(target.id());
        }
    }
    differing.extend(found.into_keys());
    let name = || rule.name().to_owned();
    let difference =
        |target: &str| RuleDifference::Target { rule: name(), target: target.to_owned() };
    Ok(differing.into_iter().map(difference).collect())
}
