//! The queues of rules: what they are called, and whom they let in.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use es_aws::QueuePolicy;
use es_core::{Error, QueueName, Result};
use es_routing::Rules;

use super::target::queue_of;
use crate::bus::EventBridgeBus;
use crate::service::is_missing;

/// What policies of queues call EventBridge.
pub(crate) const SERVICE: &str = "events.amazonaws.com";

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
        let name = self.name_of(queue);
        self.look_for(&name).await?.map_err(|missing| {
            self.shared.queue_service.failed(&format!("looking for queue {name}"), missing)
        })
    }

    /// What the queue is called in the account.
    pub(super) fn name_of(&self, queue: &QueueName) -> String {
        format!("{}{queue}", self.shared.options.name_prefix)
    }

    /// The queue of this name in the account; `None` when there is none.
    pub(super) async fn queue_named(&self, name: &str) -> Result<Option<FoundQueue>> {
        Ok(self.look_for(name).await?.ok())
    }

    /// The inner error is that there is none.
    async fn look_for(
        &self,
        name: &str,
    ) -> Result<Result<FoundQueue, SdkError<GetQueueUrlError, HttpResponse>>> {
        let what = format!("looking for queue {name}");
        let sqs = &self.shared.sqs;
        let url = match sqs.get_queue_url().queue_name(name).send().await {
            Ok(url) => url,
            Err(error) if error.code().is_some_and(is_missing) => return Ok(Err(error)),
            Err(error) => return Err(self.shared.queue_service.failed(&what, error)),
        };
        match url.queue_url {
            Some(url) => Ok(Ok(self.described(name, url).await?)),
            None => Err(Error::Backend { what, source: "SQS does not say its URL".into() }),
        }
    }

    /// The queue as it is now.
    async fn described(&self, name: &str, url: String) -> Result<FoundQueue> {
        let what = format!("looking for queue {name}");
        let attributes = self.shared.sqs.get_queue_attributes().queue_url(&url);
        let attributes = attributes.attribute_names(Name::QueueArn).attribute_names(Name::Policy);
        let attributes = match attributes.send().await {
            Ok(attributes) => attributes.attributes.unwrap_or_default(),
            Err(error) => return Err(self.shared.queue_service.failed(&what, error)),
        };
        let Some(arn) = attributes.get(&Name::QueueArn).cloned() else {
            return Err(Error::Backend { what, source: "SQS does not say its ARN".into() });
        };
        let policy = attributes.get(&Name::Policy).filter(|policy| !policy.is_empty()).cloned();
        Ok(FoundQueue { url, arn, policy })
    }

    /// The queues that targets and their dead letters are, by name in the account, if they are still there.
    pub(super) async fn queues_of_targets(
        &self,
        targets: &[Target],
    ) -> Result<BTreeMap<String, FoundQueue>> {
        let dead_letters = |it: &Target| it.dead_letter_config()?.arn().map(str::to_owned);
        let arns = targets.iter().flat_map(|it| [Some(it.arn().to_owned()), dead_letters(it)]);
        let mut found = BTreeMap::new();
        for arn in arns.flatten() {
            let mut parts = arn.splitn(6, ':');
            let (Some("sqs"), Some(name)) = (parts.nth(2), parts.nth(2)) else { continue };
            match self.queue_named(name).await? {
                // Not one of another account or region.
                Some(queue) if queue.arn == arn => drop(found.insert(name.to_owned(), queue)),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Lets these rules send to the queue, and of own rules no others; what others have said in its policy stays. It is
    /// said also of rules that others let in: these could take it back.
    ///
    /// # Errors
    ///
    /// [`QueuePolicyTooLarge`](es_aws::QueuePolicyTooLarge) when SQS would not take it: nothing was sent. Those of the
    /// requests.
    pub(super) async fn let_in(
        &self,
        queue: &str,
        found: &FoundQueue,
        rule_arns: &BTreeSet<String>,
    ) -> Result<()> {
        // What others have said in it since it was found is not overwritten.
        let found = self.described(queue, found.url.clone()).await?;
        let policy = self.policy_letting_in(queue, &found, rule_arns)?;
        self.set_policy(queue, &found, policy).await
    }

    /// Lets these rules send to the queue as well as the own ones that may already. Where the policy has no room for both,
    /// these only.
    ///
    /// # Errors
    ///
    /// Those of [`let_in`](Self::let_in).
    pub(super) async fn let_in_as_well(
        &self,
        queue: &str,
        found: &FoundQueue,
        rule_arns: &BTreeSet<String>,
    ) -> Result<()> {
        let found = self.described(queue, found.url.clone()).await?;
        let mut all = self.policy(queue, &found)?.own_senders(&self.statement());
        all.extend(rule_arns.iter().cloned());
        let policy = self
            .policy_letting_in(queue, &found, &all)
            .or_else(|_| self.policy_letting_in(queue, &found, rule_arns))?;
        self.set_policy(queue, &found, policy).await
    }

    async fn set_policy(
        &self,
        queue: &str,
        found: &FoundQueue,
        policy: Option<String>,
    ) -> Result<()> {
        let Some(policy) = policy else { return Ok(()) };
        let set = self.shared.sqs.set_queue_attributes().queue_url(&found.url);
        let set = set.attributes(Name::Policy, policy).send().await;
        set.map_err(|error| self.shared.queue_service.failed(&letting_in(queue), error))?;
        Ok(())
    }

    /// The policy that lets in what [`let_in`](Self::let_in) would; `None` when that of the queue does.
    pub(super) fn policy_letting_in(
        &self,
        queue: &str,
        found: &FoundQueue,
        rule_arns: &BTreeSet<String>,
    ) -> Result<Option<String>> {
        let mut policy = self.policy(queue, found)?;
        if !policy.let_in(&self.statement(), rule_arns) {
            return Ok(None);
        }
        // What is only taken away cannot be too much.
        if !rule_arns.is_empty() {
            let too_large =
                |error| Error::Backend { what: letting_in(queue), source: Box::new(error) };
            policy.within_limits(queue).map_err(too_large)?;
        }
        Ok(Some(policy.to_json()))
    }

    /// What the policy of the queue says.
    pub(super) fn policy(&self, queue: &str, found: &FoundQueue) -> Result<QueuePolicy> {
        let policy = QueuePolicy::parse(&found.arn, found.policy.as_deref());
        policy.map_err(|error| Error::Corrupt {
            what: format!("the policy of queue {queue}"),
            reason: error.to_string(),
        })
    }
}

/// What is tried, for errors.
fn letting_in(queue: &str) -> String {
    format!("letting rules send to queue {queue}")
}
