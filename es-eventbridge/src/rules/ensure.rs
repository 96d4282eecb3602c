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
    /// A rule gets the targets of the file and loses others. Other rules of the bus stay as they are, and so do
    /// other statements of the queues' policies. A queue's policy is read and written: two programs that do this to
    /// the same queue at the same moment can overwrite each other's statement; repeat it then.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for rules with other targets than queues: nothing was made. Those of the requests: what
    /// was made before stays, and a repetition goes on behind it.
    pub async fn ensure(&self, rules: &Rules) -> Result<()> {
        let senders = senders(rules)?;
        let queues = self.found_queues(rules).await?;
        let arns: BTreeMap<_, _> =
            queues.iter().map(|(queue, found)| (queue.clone(), found.arn.clone())).collect();
        self.create_bus().await?;
        let mut rule_arns = BTreeMap::new();
        for rule in rules {
            rule_arns.insert(rule.name(), self.put_rule(rule).await?);
        }
        // Before there are targets: what a rule may not send is lost.
        for (queue, found) in &queues {
            let names = senders.get(queue).into_iter().flatten();
            let arns: Vec<_> = names.filter_map(|name| rule_arns.get(name).cloned()).collect();
            self.let_in(queue, found, &arns).await?;
        }
        for rule in rules {
            let targets = rule.targets().iter().map(|target| deployed(rule, target, &arns));
            self.put_targets(rule.name(), targets.collect::<Result<_>>()?).await?;
        }
        Ok(())
    }

    async fn create_bus(&self) -> Result<()> {
        let name = self.name();
        if name == "default" {
            return Ok(());
        }
        match self.shared.events.create_event_bus().name(&name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => Ok(()),
            Err(error) => Err(self.shared.service.failed(&format!("making bus {name}"), error)),
        }
    }

    /// Puts the rule, and returns its ARN.
    async fn put_rule(&self, rule: &Rule) -> Result<String> {
        let what = format!("putting rule {} on bus {}", rule.name(), self.name());
        let put = self
            .shared
            .events
            .put_rule()
            .name(rule.name())
            .event_bus_name(self.name())
            .set_description(rule.description().map(str::to_owned))
            .event_pattern(rule.pattern().as_json())
            .state(RuleState::Enabled);
        let put = put.send().await.map_err(|error| self.shared.service.failed(&what, error))?;
        put.rule_arn.ok_or_else(|| Error::Backend {
            what,
            source: "EventBridge does not say the rule's ARN".into(),
        })
    }

    async fn put_targets(&self, rule: &str, targets: Vec<Target>) -> Result<()> {
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
        self.remove_targets(rule, others).await
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
