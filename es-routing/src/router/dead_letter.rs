//! What cannot be delivered, as it is kept.

use es_core::NewMessage;

use crate::bus_event::BusEvent;
use crate::excerpt::excerpt;

/// What stands beside an event in the dead letters of a target, named and formed as
/// [EventBridge](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html) does it. The body is the
/// event as it came to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterAttribute {
    /// `RULE_ARN`: the rule. In the process account and region are those of the bus.
    RuleArn,
    /// `TARGET_ARN`: what it should have gone to.
    TargetArn,
    /// `ERROR_CODE`: in the process `PERMANENT_FAILURE`, `RETRIES_EXHAUSTED`, or `NO_INPUT` when the event did not
    /// have what the target gets of it; on AWS those of the services.
    ErrorCode,
    /// `ERROR_MESSAGE`: what went wrong, cut after 1,024 bytes.
    ErrorMessage,
    /// `EXHAUSTED_RETRY_CONDITION`: `MaximumRetryAttempts` or `MaximumEventAgeInSeconds`, whichever it was; not
    /// there when it was not tried again.
    ExhaustedRetryCondition,
    /// `RETRY_ATTEMPTS`: how often it was tried again.
    RetryAttempts,
}

impl DeadLetterAttribute {
    /// The name of the message attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RuleArn => "RULE_ARN",
            Self::TargetArn => "TARGET_ARN",
            Self::ErrorCode => "ERROR_CODE",
            Self::ErrorMessage => "ERROR_MESSAGE",
            Self::ExhaustedRetryCondition => "EXHAUSTED_RETRY_CONDITION",
            Self::RetryAttempts => "RETRY_ATTEMPTS",
        }
    }
}

/// The longest error message, in bytes.
pub(super) const MAX_MESSAGE_LEN: usize = 1_024;

/// Which limit of the retry policy was reached.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exhausted {
    MaximumRetryAttempts,
    MaximumEventAgeInSeconds,
}

/// An event that could not be delivered.
pub(super) struct DeadLetter<'a> {
    pub(super) event: &'a BusEvent,
    pub(super) rule_arn: String,
    pub(super) target_arn: String,
    pub(super) code: &'static str,
    pub(super) message: &'a str,
    pub(super) exhausted: Option<Exhausted>,
    pub(super) retries: u32,
}

impl DeadLetter<'_> {
    pub(super) fn message(&self) -> NewMessage {
        let message = NewMessage::new(self.event.to_json())
            .attribute(DeadLetterAttribute::RuleArn.as_str(), &self.rule_arn)
            .attribute(DeadLetterAttribute::TargetArn.as_str(), &self.target_arn)
            .attribute(DeadLetterAttribute::ErrorCode.as_str(), self.code)
            .attribute(DeadLetterAttribute::ErrorMessage.as_str(), writable(self.message))
            .attribute(DeadLetterAttribute::RetryAttempts.as_str(), self.retries.to_string());
        let exhausted = match self.exhausted {
            None => return message,
            Some(Exhausted::MaximumRetryAttempts) => "MaximumRetryAttempts",
            Some(Exhausted::MaximumEventAgeInSeconds) => "MaximumEventAgeInSeconds",
        };
        message.attribute(DeadLetterAttribute::ExhaustedRetryCondition.as_str(), exhausted)
    }
}

/// What an attribute of a message can have.
fn writable(text: &str) -> String {
    let writable = |letter: char| match letter {
        '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        control if control.is_control() => ' ',
        letter => letter,
    };
    let text: String = excerpt(text, MAX_MESSAGE_LEN).chars().map(writable).collect();
    if text.is_empty() { "no more is known".to_owned() } else { text }
}
