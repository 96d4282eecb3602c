//! Topics and their ARNs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use es_core::{Error, Result, TopicName};

use super::SnsTopics;

#[derive(Default)]
pub(super) struct KnownTopics(Mutex<HashMap<TopicName, String>>);

impl KnownTopics {
    pub(super) fn forget(&self, topic: &TopicName) {
        self.lock().remove(topic);
    }

    fn get(&self, topic: &TopicName) -> Option<String> {
        self.lock().get(topic).cloned()
    }

    fn remember(&self, topic: TopicName, arn: String) {
        self.lock().insert(topic, arn);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TopicName, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SnsTopics {
    pub(super) async fn create(&self, topic: &TopicName) -> Result<()> {
        const DOING: &str = "making";
        let request = self.shared.client.create_topic().name(self.checked_name(topic)?);
        // As with queues, only what was sent with an id is compared.
        let request = if topic.is_fifo() {
            request.attributes("FifoTopic", "true").attributes("ContentBasedDeduplication", "false")
        } else {
            request
        };
        let made = request.send().await;
        let made =
            made.map_err(|error| self.shared.service.failed(&self.attempt(DOING, topic), error))?;
        let arn = made.topic_arn.ok_or_else(|| Error::Backend {
            what: self.attempt(DOING, topic),
            source: "SNS does not say its ARN".into(),
        })?;
        self.encrypt(topic, &arn).await?;
        self.shared.known.remember(topic.clone(), arn);
        Ok(())
    }

    /// Sets the key, if there is to be one and it is another one.
    async fn encrypt(&self, topic: &TopicName, arn: &str) -> Result<()> {
        const KEY: &str = "KmsMasterKeyId";
        let Some(key) = &self.shared.options.encryption_key else { return Ok(()) };
        let found = self.shared.client.get_topic_attributes().topic_arn(arn).send().await;
        let found = found.map_err(|error| self.failed("describing", topic, error))?.attributes;
        if found.is_some_and(|attributes| attributes.get(KEY) == Some(key)) {
            return Ok(());
        }
        let request = self.shared.client.set_topic_attributes().topic_arn(arn);
        let set = request.attribute_name(KEY).attribute_value(key).send().await;
        set.map(drop).map_err(|error| self.failed("encrypting", topic, error))
    }

    /// The ARN of the topic, for what is set up beside it: a bucket that tells it of new objects, an alarm. It
    /// may be that of a topic that is not there, when the [account](crate::SnsOptions::account) was given.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTopic`] when it was looked for and is not there, [`Error::InvalidId`] when its name is
    /// too long with the prefix, [`Error::Unavailable`].
    pub async fn topic_arn(&self, topic: &TopicName) -> Result<String> {
        self.arn(topic).await
    }

    /// The ARN, which may be that of a topic that is not there.
    pub(super) async fn arn(&self, topic: &TopicName) -> Result<String> {
        if let Some(arn) = self.shared.known.get(topic) {
            return Ok(arn);
        }
        let arn = match self.arn_in_account(topic)? {
            Some(arn) => arn,
            None => self.look_for(topic).await?,
        };
        self.shared.known.remember(topic.clone(), arn.clone());
        Ok(arn)
    }

    fn arn_in_account(&self, topic: &TopicName) -> Result<Option<String>> {
        let (Some(account), Some(region)) =
            (&self.shared.options.account, &self.shared.service.region)
        else {
            return Ok(None);
        };
        let partition = match region.as_ref() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let name = self.checked_name(topic)?;
        Ok(Some(format!("arn:{partition}:sns:{region}:{account}:{name}")))
    }

    async fn look_for(&self, topic: &TopicName) -> Result<String> {
        let end = format!(":{}", self.checked_name(topic)?);
        let mut pages = self.shared.client.list_topics().into_paginator().send();
        while let Some(page) = pages.next().await {
            let what = || self.attempt("looking for", topic);
            let page = page.map_err(|error| self.shared.service.failed(&what(), error))?;
            let arns = page.topics.unwrap_or_default().into_iter().filter_map(|it| it.topic_arn);
            if let Some(arn) = arns.into_iter().find(|arn| arn.ends_with(&end)) {
                return Ok(arn);
            }
        }
        Err(self.missing(topic))
    }

    /// The full name, if it is not too long with its prefix.
    fn checked_name(&self, topic: &TopicName) -> Result<String> {
        let name = self.full_name(topic);
        TopicName::new(&name)?;
        Ok(name)
    }
}
