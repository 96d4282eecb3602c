//! The options of a queue as attributes in SQS:
//! [all of them](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html).

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use es_core::QueueOptions;
use serde_json::{Value, json};

use super::seconds;

/// What SQS says about a queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueueAttributes(HashMap<Name, String>);

/// Where dead letters go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetterTarget {
    pub(crate) arn: String,
    pub(crate) max_receive_count: u32,
}

impl QueueAttributes {
    pub(super) fn from_map(attributes: HashMap<Name, String>) -> Self {
        Self(attributes)
    }

    /// Those of a queue with these options, whose dead letters go to the queue with this ARN.
    pub(super) fn of_options(options: &QueueOptions, dead_letter_arn: Option<&str>) -> Self {
        let redrive_policy = options.redrive_policy.as_ref().zip(dead_letter_arn);
        let redrive_policy = redrive_policy.map_or_else(String::new, |(policy, arn)| {
            let count = policy.max_receive_count;
            json!({ "deadLetterTargetArn": arn, "maxReceiveCount": count }).to_string()
        });
        Self(HashMap::from([
            (Name::VisibilityTimeout, seconds(options.visibility_timeout).to_string()),
            (Name::MessageRetentionPeriod, seconds(options.retention).to_string()),
            (Name::DelaySeconds, seconds(options.delay).to_string()),
            (Name::MaximumMessageSize, options.max_message_size.to_string()),
            (Name::RedrivePolicy, redrive_policy),
        ]))
    }

    /// Encrypted with a key of KMS.
    pub(super) fn encrypted_with(mut self, key: &str) -> Self {
        self.0.insert(Name::KmsMasterKeyId, key.to_owned());
        self
    }

    /// Encrypted with a key of the service.
    pub(super) fn encrypted_by_the_service(mut self) -> Self {
        self.0.insert(Name::SqsManagedSseEnabled, "true".to_owned());
        self
    }

    pub(super) fn is_encrypted(&self) -> bool {
        let has_key = self.0.get(&Name::KmsMasterKeyId).is_some_and(|key| !key.is_empty());
        has_key || self.0.get(&Name::SqsManagedSseEnabled).is_some_and(|it| it == "true")
    }

    /// Those of `wanted` that are not so yet.
    pub(super) fn missing_of(&self, wanted: &Self) -> Self {
        let is_missing = |name: &Name, value: &String| match name {
            Name::RedrivePolicy => self.dead_letter_target() != wanted.dead_letter_target(),
            _ => self.0.get(name) != Some(value),
        };
        let missing = wanted.0.iter().filter(|(name, value)| is_missing(name, value));
        Self(missing.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// With `changes` made.
    pub(super) fn changed(&self, changes: Self) -> Self {
        let mut changed = self.0.clone();
        changed.extend(changes.0);
        Self(changed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the SDK takes them, to be set.
    pub(super) fn into_map(self) -> HashMap<Name, String> {
        self.0
    }

    /// As the SDK takes them, for a queue that is made: what it does not have is left out.
    pub(super) fn into_map_of_new(mut self, is_fifo: bool) -> HashMap<Name, String> {
        self.0.retain(|_, value| !value.is_empty());
        if is_fifo {
            self.0.insert(Name::FifoQueue, "true".to_owned());
        }
        self.0
    }

    pub(crate) fn arn(&self) -> Option<&str> {
        self.0.get(&Name::QueueArn).map(String::as_str)
    }

    pub(crate) fn policy(&self) -> Option<&str> {
        self.0.get(&Name::Policy).map(String::as_str).filter(|policy| !policy.is_empty())
    }

    pub(super) fn dead_letter_target(&self) -> Option<DeadLetterTarget> {
        let policy: Value = serde_json::from_str(self.0.get(&Name::RedrivePolicy)?).ok()?;
        let arn = policy.get("deadLetterTargetArn")?.as_str()?.to_owned();
        // Written as a number or as a text, by who set it.
        let count = policy.get("maxReceiveCount")?;
        let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
        Some(DeadLetterTarget { arn, max_receive_count: u32::try_from(count).ok()? })
    }

    /// The options, but for the redrive policy, which names a queue.
    pub(super) fn options(&self) -> QueueOptions {
        let default = QueueOptions::default();
        let time = |name, default| self.number(name).map_or(default, Duration::from_secs);
        QueueOptions {
            visibility_timeout: time(&Name::VisibilityTimeout, default.visibility_timeout),
            retention: time(&Name::MessageRetentionPeriod, default.retention),
            delay: time(&Name::DelaySeconds, default.delay),
            max_message_size: self
                .number(&Name::MaximumMessageSize)
                .and_then(|bytes| bytes.try_into().ok())
                .unwrap_or(default.max_message_size),
            redrive_policy: None,
        }
    }

    pub(super) fn number(&self, name: &Name) -> Option<u64> {
        self.0.get(name)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_core::QueueName;

    fn attributes(pairs: &[(Name, &str)]) -> QueueAttributes {
        let pairs = pairs.iter().map(|(name, value)| (name.clone(), (*value).to_owned()));
        QueueAttributes::from_map(pairs.collect())
    }

    #[test]
    fn only_what_differs_is_set() {
        let found = attributes(&[
            (Name::VisibilityTimeout, "30"),
            (Name::MessageRetentionPeriod, "60"),
            (Name::DelaySeconds, "0"),
            (Name::MaximumMessageSize, "262144"),
            (Name::RedrivePolicy, r#"{"maxReceiveCount":"3","deadLetterTargetArn":"arn:dead"}"#),
        ]);
        let options = QueueOptions::default().dead_letters(QueueName::new("dead").unwrap(), 3);
        let missing = found.missing_of(&QueueAttributes::of_options(&options, Some("arn:dead")));
        let expected = HashMap::from([(Name::MessageRetentionPeriod, "345600".to_owned())]);
        assert_eq!(missing.into_map(), expected);

        let missing =
            found.missing_of(&QueueAttributes::of_options(&QueueOptions::default(), None));
        assert_eq!(missing.into_map().get(&Name::RedrivePolicy).map(String::as_str), Some(""));
    }

    #[test]
    fn durations_are_rounded_up_to_seconds() {
        let options = QueueOptions::default().visibility_timeout(Duration::from_millis(1_001));
        let kept = QueueAttributes::of_options(&options, None).options();
        assert_eq!(kept.visibility_timeout, Duration::from_secs(2));
    }

    #[test]
    fn a_queue_without_a_key_and_without_encryption_is_not_encrypted() {
        for (found, is_encrypted) in [
            (attributes(&[]), false),
            (
                attributes(&[(Name::KmsMasterKeyId, ""), (Name::SqsManagedSseEnabled, "false")]),
                false,
            ),
            (attributes(&[(Name::KmsMasterKeyId, "alias/a")]), true),
            (attributes(&[(Name::SqsManagedSseEnabled, "true")]), true),
        ] {
            assert_eq!(found.is_encrypted(), is_encrypted, "{found:?}");
        }
    }
}
