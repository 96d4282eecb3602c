//! Removing rules and bus.

use std::collections::BTreeSet;

use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use es_core::Result;
use es_routing::Rules;

use crate::bus::EventBridgeBus;
use crate::service;

impl EventBridgeBus {
    /// Removes what [`ensure`](Self::ensure) has made for this [owner](crate::EventBridgeOptions::owner): all of its
    /// rules, also those that the file does not have any more; the statements that let them send, in the queues of the
    /// file and of these rules; and then the bus, if it is an own one. What is not there is no error. The queues stay,
    /// and so does what others have made.
    ///
    /// # Errors
    ///
    /// Those of the requests: what was removed before is gone, and a repetition goes on behind it. An own bus with
    /// rules of others is not removed, and is one.
    pub async fn remove(&self, rules: &Rules) -> Result<()> {
        let mut own = Vec::new();
        for (name, rule) in self.rules().await?.unwrap_or_default() {
            if self.owns(rule.arn().unwrap_or_default()).await? {
                own.push(name);
            }
        }
        // Before the targets, which say what queues these are.
        let targets = self.all_targets(own.iter().map(String::as_str)).await?;
        let mut queues = self.queues_of_targets(&targets).await?;
        for queue in rules.queues() {
            let name = self.name_of(queue);
            if let Some(found) = self.queue_named(&name).await? {
                queues.insert(name, found);
            }
        }
        for (name, found) in &queues {
            self.let_in(name, found, &BTreeSet::new()).await?;
        }
        for rule in &own {
            self.remove_rule(rule).await?;
        }
        self.remove_bus().await
    }

    async fn remove_bus(&self) -> Result<()> {
        let name = self.name();
        if name == "default" {
            return Ok(());
        }
        let failed = |what: &str| format!("{what} bus {name}");
        let described = match self.shared.events.describe_event_bus().name(&name).send().await {
            Ok(described) => described,
            Err(error) if error.code().is_some_and(service::is_missing) => return Ok(()),
            Err(error) => return Err(self.shared.service.failed(&failed("looking for"), error)),
        };
        if !self.owns(described.arn().unwrap_or_default()).await? {
            return Ok(());
        }
        match self.shared.events.delete_event_bus().name(&name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some_and(service::is_missing) => Ok(()),
            Err(error) => Err(self.shared.service.failed(&failed("removing"), error)),
        }
    }

    pub(super) async fn remove_rule(&self, rule: &str) -> Result<()> {
        let Some(targets) = self.targets(rule).await? else { return Ok(()) };
        let ids = targets.into_iter().map(|target| target.id).collect();
        self.remove_targets(rule, ids).await?;
        let removed = self.shared.events.delete_rule().name(rule).event_bus_name(self.name());
        match removed.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some_and(service::is_missing) => Ok(()),
            Err(error) => {
                let what = format!("removing rule {rule} on bus {}", self.name());
                Err(self.shared.service.failed(&what, error))
            }
        }
    }
}
