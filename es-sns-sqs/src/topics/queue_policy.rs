//! Which topics the policy of a queue lets send to it.

use std::collections::BTreeSet;

use es_aws::{OwnStatement, QueuePolicy};
use es_core::{Error, QueueName, Result};

use super::SnsTopics;
use super::let_in::LetIn;
use crate::queues::known_queues::KnownQueue;

/// What policies of queues call SNS.
const SERVICE: &str = "sns.amazonaws.com";

/// The one statement of a queue that lets topics send, whichever program has subscribed the queue to them.
pub(crate) fn statement() -> OwnStatement {
    OwnStatement { service: SERVICE, id: "EsSnsSqsTopics".to_owned() }
}

impl SnsTopics {
    /// Lets the topic send to the queue, and returns the queue's ARN. What others have said in its policy stays.
    ///
    /// # Errors
    ///
    /// [`Error::Backend`] whose source is a [`QueuePolicyTooLarge`](es_aws::QueuePolicyTooLarge) when SQS would not take
    /// the policy: it was not sent. Those of the requests.
    pub(super) async fn let_in(
        &self,
        queue: &QueueName,
        topic_arn: &str,
        let_in: &mut LetIn,
    ) -> Result<String> {
        // Right before it is written: what other programs have said in it since is not overwritten.
        let found = self.queues().read(queue).await?;
        let arn = self.queues().arn_of(queue, &found)?;
        let now = self.queues().options().clock.monotonic();
        let mut policy = self.policy(queue, &arn, &found)?;
        let mut topics = let_in.lately(&arn, now);
        topics.insert(topic_arn.to_owned());
        if add(&mut policy, topics) {
            let too_large = |error| Error::Backend {
                what: self.queues().attempt("letting topics send to", queue),
                source: Box::new(error),
            };
            policy.within_limits(&self.queues().full_name(queue)).map_err(too_large)?;
            self.queues().set_policy(queue, &found, policy.to_json()).await?;
            let_in.note(&arn, topic_arn, now);
        }
        Ok(arn)
    }

    /// Does not let the topic send to the queue any more, if that is there.
    ///
    /// # Errors
    ///
    /// Those of the requests.
    pub(super) async fn let_in_no_more(
        &self,
        queue: &QueueName,
        topic_arn: &str,
        let_in: &mut LetIn,
    ) -> Result<()> {
        let found = match self.queues().read(queue).await {
            Err(Error::NoSuchQueue { .. }) => return Ok(()),
            found => found?,
        };
        let arn = self.queues().arn_of(queue, &found)?;
        let_in.forget(&arn, topic_arn);
        let mut policy = self.policy(queue, &arn, &found)?;
        if take_out(&mut policy, topic_arn) {
            // What is only taken away cannot be too much.
            self.queues().set_policy(queue, &found, policy.to_json()).await?;
        }
        Ok(())
    }

    /// What the policy of the queue says.
    fn policy(&self, queue: &QueueName, arn: &str, found: &KnownQueue) -> Result<QueuePolicy> {
        QueuePolicy::parse(arn, found.attributes.policy()).map_err(|error| Error::Corrupt {
            what: format!("the policy of queue {}", self.queues().full_name(queue)),
            reason: error.to_string(),
        })
    }
}

/// Lets these topics in as well, and folds the statements that versions without lists have made, one for each topic.
/// Whether that changes anything.
fn add(policy: &mut QueuePolicy, topics: BTreeSet<String>) -> bool {
    let own = statement();
    let single = policy.take_single_senders(SERVICE);
    let is_folded = !single.is_empty();
    let mut all = policy.own_senders(&own);
    all.extend(single);
    all.extend(topics);
    policy.let_in(&own, &all) || is_folded
}

/// Takes the topic out of the own statement, and out of those of older versions. Whether it was there.
fn take_out(policy: &mut QueuePolicy, topic: &str) -> bool {
    let own = statement();
    let mut all = policy.take_single_senders(SERVICE);
    all.extend(policy.own_senders(&own));
    let was_there = all.remove(topic);
    policy.let_in(&own, &all);
    was_there
}

#[cfg(test)]
mod tests;
