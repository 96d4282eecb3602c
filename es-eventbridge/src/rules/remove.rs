//! Removing rules and bus.

use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use es_core::Result;
use es_routing::Rules;

use crate::bus::EventBridgeBus;
use crate::service;

impl EventBridgeBus {
    /// Removes the rules of the file, and then the bus, unless it is the account's default one. What is not there
    /// is no error. The queues stay, with what their policies say.
    ///
    /// # Errors
    ///
    /// Those of the requests: what was removed before is gone, and a repetition goes on behind it. A bus with other
    /// rules is not removed, and is one.
    pub async fn remove(&self, rules: &Rules) -> Result<()> {
        for rule in rules {
            self.remove_rule(rule.name()).await?;
        }
        let name = self.name();
        if name == "default" {
            return Ok(());
        }
        match self.shared.events.delete_event_bus().name(&name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some_and(service::is_missing) => Ok(()),
            Err(error) => Err(self.shared.service.failed(&format!("removing bus {name}"), error)),
        }
    }

    async fn remove_rule(&self, rule: &str) -> Result<()> {
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
