//! Making bus and rules.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eventbridge::types::{RuleState, Target};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use es_core::{Error, Result};
use es_routing::{Rule, Rules};

use super::queues::senders;
use super::target::deployed;
use crate::bus::EventBridgeBus;
use crate::service::{self, entry_failed};

impl EventBridgeBus {
    /// Makes sure that there is the bus, with these rules, and that the queues let them send. The queues are made
    /// before, by who owns them. Calling it again changes nothing.
    ///
    /// # What it removes
    ///
    /// What an earlier file had, and this one has not: rules, targets of rules, and in the policies of their queues the
    /// statements that let them send. Of rules it removes its own only, which have the tag `es-eventbridge:owner`
    /// with the name of the [owner](crate::EventBridgeOptions::owner); of statements the one whose id, `EsEventBridge…`,
    /// is made of owner and bus, and which lists their rules, also those that other statements let in. Rules of others, as
    /// of a CloudFormation stack, stay as they are, and so do other statements. A rule of the file that is there without
    /// the tag becomes an own one.
    ///
    /// A queue's policy is read and written: two programs that do this to the same queue at the same moment can
    /// overwrite each other's statement; repeat it then. A statement stays in a queue that the file does not name any
    /// more when somebody else has removed the rule before, or when a target that keeps its id goes to another queue and
    /// the deployment is stopped behind that.
    ///
    /// # Events meanwhile
    ///
    /// What is put while rules or targets are replaced goes where the earlier file says, or where this one says, or to both:
    /// new rules have their targets before others change, and old ones may send until then. Outside of this are events
    /// that two rules exchange by their patterns, as EventBridge changes rules one by one; a queue whose policy has no
    /// room for the rules of both files; and the time until SQS heeds a new policy, which Amazon gives as up to a minute.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for rules with other targets than queues, and for one that another owner has deployed:
    /// nothing was made. [`Error::Backend`] whose source is a [`QueuePolicyTooLarge`](crate::QueuePolicyTooLarge) when
    /// SQS would not take the policy of a queue: nothing was made either. Those of the requests: what was made before
    /// stays, and a repetition goes on behind it.
    pub async fn ensure(&self, rules: &Rules) -> Result<()> {
        let senders = senders(rules)?;
        let queues = self.found_queues(rules).await?;
        let arns: BTreeMap<_, _> =
            queues.iter().map(|(queue, found)| (queue.clone(), found.arn.clone())).collect();
        let let_in: Vec<_> = queues
            .iter()
            .map(|(queue, found)| {
                let names = senders.get(queue).into_iter().flatten();
                let arns: BTreeSet<_> =
                    names.map(|name| self.arn_of_rule(&found.arn, name)).collect();
                (self.name_of(queue), found, arns)
            })
            .collect();
        // Rather than that SQS refuses it when half of the rules are there.
        for (name, found, arns) in &let_in {
            self.policy_letting_in(name, found, arns)?;
        }
        let there = self.rules_there(rules).await?;
        self.create_bus().await?;
        // New rules have their targets before the others change: they may take over what those leave.
        let (known, new): (Vec<_>, Vec<_>) =
            rules.iter().partition(|rule| there.of_file.contains_key(rule.name()));
        for rule in &new {
            self.put_rule(rule, None).await?;
        }
        let old = rules.iter().map(Rule::name).chain(there.stale.iter().map(String::as_str));
        let mut left = self.queues_of_targets(&self.all_targets(old).await?).await?;
        // What a rule may not send is lost: new rules may send before they have targets, and old ones until then.
        for (name, found, arns) in &let_in {
            self.let_in_as_well(name, found, arns).await?;
            left.remove(name);
        }
        let mut left_targets = Vec::new();
        for rule in new.into_iter().chain(known) {
            if let Some(there) = there.of_file.get(rule.name()) {
                self.put_rule(rule, Some(*there)).await?;
            }
            let targets = rule.targets().iter().map(|target| deployed(rule, target, &arns));
            let others = self.put_targets(rule.name(), targets.collect::<Result<_>>()?).await?;
            left_targets.push((rule.name(), others));
        }
        // Before old targets are gone: who is stopped in between finds by them which queues these are.
        for (name, found, arns) in &let_in {
            self.let_in(name, found, arns).await?;
        }
        for (name, found) in &left {
            self.let_in(name, found, &BTreeSet::new()).await?;
        }
        for (rule, targets) in left_targets {
            self.remove_targets(rule, targets).await?;
        }
        for rule in &there.stale {
            self.remove_rule(rule).await?;
        }
        Ok(())
    }

    /// The rules of the bus that are in the file, and own ones that are not.
    async fn rules_there(&self, rules: &Rules) -> Result<RulesThere> {
        let mut there = RulesThere::default();
        let names: BTreeSet<_> = rules.iter().map(Rule::name).collect();
        for (name, rule) in self.rules().await?.unwrap_or_default() {
            let arn = rule.arn().unwrap_or_default();
            if names.contains(&*name) {
                let owned = self.owns_to_change(&name, arn).await?;
                there.of_file.insert(name, There { owned });
            } else if self.owns(arn).await? {
                there.stale.push(name);
            }
        }
        Ok(there)
    }

    /// The targets that these rules have.
    pub(super) async fn all_targets(
        &self,
        rules: impl Iterator<Item = &str>,
    ) -> Result<Vec<Target>> {
        let mut all = Vec::new();
        for rule in rules {
            all.extend(self.targets(rule).await?.unwrap_or_default());
        }
        Ok(all)
    }

    async fn create_bus(&self) -> Result<()> {
        let name = self.name();
        if name == "default" {
            return Ok(());
        }
        let create = self.shared.events.create_event_bus().name(&name).tags(self.tag()?);
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => Ok(()),
            Err(error) => Err(self.shared.service.failed(&format!("making bus {name}"), error)),
        }
    }

    async fn put_rule(&self, rule: &Rule, there: Option<There>) -> Result<()> {
        let what = format!("putting rule {} on bus {}", rule.name(), self.name());
        // EventBridge takes tags for a new rule only.
        let tags = if there.is_none() { Some(vec![self.tag()?]) } else { None };
        let put = self
            .shared
            .events
            .put_rule()
            .name(rule.name())
            .event_bus_name(self.name())
            .set_description(rule.description().map(str::to_owned))
            .event_pattern(rule.pattern().as_json())
            .state(RuleState::Enabled)
            .set_tags(tags);
        let put = put.send().await.map_err(|error| self.shared.service.failed(&what, error))?;
        let arn = put.rule_arn.ok_or_else(|| Error::Backend {
            what,
            source: "EventBridge does not say the rule's ARN".into(),
        })?;
        if there.is_some_and(|there| !there.owned) {
            self.claim(&arn).await?;
        }
        Ok(())
    }

    /// Puts the targets, and returns the ids of others that the rule has.
    async fn put_targets(&self, rule: &str, targets: Vec<Target>) -> Result<Vec<String>> {
        let wanted: BTreeSet<_> = targets.iter().map(|target| target.id().to_owned()).collect();
        let found = self.targets(rule).await?.unwrap_or_default();
        let others: Vec<_> =
            found.iter().map(|it| it.id().to_owned()).filter(|id| !wanted.contains(id)).collect();
        let what = format!("putting the targets of rule {rule} on bus {}", self.name());
        let put = self.shared.events.put_targets().rule(rule).event_bus_name(self.name());
        let put = put.set_targets(Some(targets)).send().await;
        let put = put.map_err(|error| self.shared.service.failed(&what, error))?;
        if let Some(failed) = put.failed_entries().first() {
            let code = failed.error_code().unwrap_or("Unknown");
            return Err(entry_failed(what, code, failed.error_message()));
        }
        Ok(others)
    }

    pub(super) async fn remove_targets(&self, rule: &str, ids: Vec<String>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let what = format!("removing targets of rule {rule} on bus {}", self.name());
        let removed = self.shared.events.remove_targets().rule(rule).event_bus_name(self.name());
        let removed = removed.set_ids(Some(ids)).send().await;
        let removed = removed.map_err(|error| self.shared.service.failed(&what, error))?;
        match removed.failed_entries().first() {
            Some(failed) => {
                let code = failed.error_code().unwrap_or("Unknown");
                Err(entry_failed(what, code, failed.error_message()))
            }
            None => Ok(()),
        }
    }

    /// The targets of a rule; `None` when there is no such rule.
    pub(super) async fn targets(&self, rule: &str) -> Result<Option<Vec<Target>>> {
        let what = format!("listing the targets of rule {rule} on bus {}", self.name());
        let (mut targets, mut next) = (Vec::new(), None);
        loop {
            let page = self.shared.events.list_targets_by_rule().rule(rule);
            let page = page.event_bus_name(self.name()).set_next_token(next).send().await;
            let page = match page {
                Ok(page) => page,
                Err(error) if error.code().is_some_and(service::is_missing) => return Ok(None),
                Err(error) => return Err(self.shared.service.failed(&what, error)),
            };
            targets.extend(page.targets.unwrap_or_default());
            next = page.next_token;
            if next.is_none() {
                return Ok(Some(targets));
            }
        }
    }
}

/// What is on the bus before.
#[derive(Default)]
struct RulesThere {
    of_file: BTreeMap<String, There>,
    /// Own rules that the file does not have.
    stale: Vec<String>,
}

/// A rule that is there.
#[derive(Clone, Copy)]
struct There {
    owned: bool,
}
