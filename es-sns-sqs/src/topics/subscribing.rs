//! Which queues follow a topic.

use std::collections::HashMap;

use es_core::{Error, FilterPolicy, QueueName, Result, Subscription, TopicName};

use super::{SnsTopics, filter, is_not_found};

const PROTOCOL: &str = "sqs";
const FILTER: &str = "FilterPolicy";
const RAW: &str = "RawMessageDelivery";
/// What a filter looks at: attributes, unless somebody has said the body.
const FILTER_SCOPE: &str = "FilterPolicyScope";
const ATTRIBUTES: &str = "MessageAttributes";

/// A queue that follows a topic.
struct Follower {
    queue_arn: String,
    subscription_arn: String,
}

impl SnsTopics {
    pub(super) async fn subscribe_queue(
        &self,
        topic: &TopicName,
        queue: &QueueName,
        wanted: &FilterPolicy,
    ) -> Result<()> {
        let topic_arn = self.arn(topic).await?;
        // In one program one goes after the other: the second one reads the policy that the first one has written, and
        // no topic is taken out whose queue begins to follow it.
        let mut let_in = self.shared.let_in.lock().await;
        let followers = self.followers(topic, &topic_arn).await?;
        let queue_arn = self.let_in(queue, &topic_arn, &mut let_in).await?;
        if let Some(follower) = followers.into_iter().find(|it| it.queue_arn == queue_arn)
            && self.change(topic, &follower, wanted).await?
        {
            return Ok(());
        }
        self.follow(topic, &topic_arn, &queue_arn, wanted).await
    }

    async fn follow(
        &self,
        topic: &TopicName,
        topic_arn: &str,
        queue_arn: &str,
        wanted: &FilterPolicy,
    ) -> Result<()> {
        let mut attributes = HashMap::from([(RAW.to_owned(), "true".to_owned())]);
        if *wanted != FilterPolicy::everything() {
            attributes.insert(FILTER.to_owned(), filter::for_sns(wanted).to_string());
        }
        let request = self.shared.client.subscribe().topic_arn(topic_arn).protocol(PROTOCOL);
        let request = request.endpoint(queue_arn).set_attributes(Some(attributes));
        let error = match request.return_subscription_arn(true).send().await {
            Ok(_) => return Ok(()),
            Err(error) => self.failed("subscribing to", topic, error),
        };
        // Another program was faster, and with another filter.
        let followers = self.followers(topic, topic_arn).await?;
        if let Some(follower) = followers.into_iter().find(|it| it.queue_arn == queue_arn)
            && self.change(topic, &follower, wanted).await?
        {
            return Ok(());
        }
        Err(error)
    }

    /// Sets what is not as it is to be; `false` for a subscription that has ended since it was listed.
    async fn change(
        &self,
        topic: &TopicName,
        follower: &Follower,
        wanted: &FilterPolicy,
    ) -> Result<bool> {
        let Some(found) = self.attributes_of(topic, follower).await? else { return Ok(false) };
        let is_raw = found.get(RAW).is_some_and(|raw| raw.eq_ignore_ascii_case("true"));
        let looks_at_attributes = found.get(FILTER_SCOPE).is_none_or(|scope| scope == ATTRIBUTES);
        let has_filter = filter::read(found.get(FILTER).map(String::as_str));
        for (is_so, name, value) in [
            (is_raw, RAW, "true".to_owned()),
            (looks_at_attributes, FILTER_SCOPE, ATTRIBUTES.to_owned()),
            (
                has_filter.is_ok_and(|filter| filter == *wanted),
                FILTER,
                filter::for_sns(wanted).to_string(),
            ),
        ] {
            if !is_so {
                let request = self.shared.client.set_subscription_attributes();
                let request = request.subscription_arn(&follower.subscription_arn);
                match request.attribute_name(name).attribute_value(value).send().await {
                    Err(error) if is_not_found(&error) => return Ok(false),
                    set => set
                        .map_err(|error| self.failed("changing a subscription to", topic, error))?,
                };
            }
        }
        Ok(true)
    }

    pub(super) async fn unsubscribe_queue(
        &self,
        topic: &TopicName,
        queue: &QueueName,
    ) -> Result<()> {
        let topic_arn = self.arn(topic).await?;
        let mut let_in = self.shared.let_in.lock().await;
        for follower in self.followers(topic, &topic_arn).await? {
            if self.queues().named_by(&follower.queue_arn).as_ref() == Some(queue) {
                let request = self.shared.client.unsubscribe();
                match request.subscription_arn(&follower.subscription_arn).send().await {
                    // Somebody else was faster.
                    Err(error) if is_not_found(&error) => {}
                    ended => {
                        drop(ended.map_err(|error| {
                            self.failed("ending a subscription to", topic, error)
                        })?)
                    }
                }
            }
        }
        // Also when no subscription was there: who was stopped before this goes on here.
        self.let_in_no_more(queue, &topic_arn, &mut let_in).await
    }

    pub(super) async fn list_subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        let topic_arn = self.arn(topic).await?;
        let mut subscriptions = Vec::new();
        for follower in self.followers(topic, &topic_arn).await? {
            let Some(queue) = self.queues().named_by(&follower.queue_arn) else { continue };
            let Some(attributes) = self.attributes_of(topic, &follower).await? else { continue };
            let filter = filter::read(attributes.get(FILTER).map(String::as_str));
            let filter = filter.map_err(|error| Error::Corrupt {
                what: format!("the filter of queue {queue} at topic {topic}"),
                reason: error.to_string(),
            })?;
            subscriptions.push(Subscription { queue, filter });
        }
        subscriptions.sort_by(|one, other| one.queue.cmp(&other.queue));
        Ok(subscriptions)
    }

    /// The queues that follow a topic, whatever they are called.
    async fn followers(&self, topic: &TopicName, topic_arn: &str) -> Result<Vec<Follower>> {
        let mut followers = Vec::new();
        let request = self.shared.client.list_subscriptions_by_topic().topic_arn(topic_arn);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("describing", topic, error))?;
            for found in page.subscriptions.unwrap_or_default() {
                let (queue_arn, subscription_arn) = (found.endpoint, found.subscription_arn);
                if let (Some(PROTOCOL), Some(queue_arn), Some(subscription_arn)) =
                    (found.protocol.as_deref(), queue_arn, subscription_arn)
                    // Others are "PendingConfirmation" or "Deleted".
                    && subscription_arn.starts_with("arn:")
                {
                    followers.push(Follower { queue_arn, subscription_arn });
                }
            }
        }
        Ok(followers)
    }

    /// `None` for a subscription that has ended since it was listed.
    async fn attributes_of(
        &self,
        topic: &TopicName,
        follower: &Follower,
    ) -> Result<Option<HashMap<String, String>>> {
        let request = self.shared.client.get_subscription_attributes();
        let found = request.subscription_arn(&follower.subscription_arn).send().await;
        match found {
            Err(error) if is_not_found(&error) => Ok(None),
            found => found
                .map(|found| Some(found.attributes.unwrap_or_default()))
                .map_err(|error| self.failed("describing a subscription to", topic, error)),
        }
    }
}
