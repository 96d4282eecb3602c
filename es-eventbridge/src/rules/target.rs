//! A target of a rule file as EventBridge has it.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types::{DeadLetterConfig, InputTransformer, RetryPolicy, Target};
use es_core::{Error, QueueName, Result};
use es_routing::{Destination, InputForm, Rule, RuleTarget};

/// The queue that a target is.
///
/// # Errors
///
/// [`Error::Misuse`] for what is deployed by somebody else.
pub(crate) fn queue_of<'a>(rule: &Rule, target: &'a RuleTarget) -> Result<&'a QueueName> {
    match target.destination() {
        Destination::Queue(queue) => Ok(queue),
        other => Err(Error::Misuse(format!(
            "target {} of rule {} is {other}: rules are deployed with queues for targets, and topics and \
             functions can read from those",
            target.id(),
            rule.name()
        ))),
    }
}

/// The target, with the ARNs of its queues.
pub(crate) fn deployed(
    rule: &Rule,
    target: &RuleTarget,
    arns: &BTreeMap<QueueName, String>,
) -> Result<Target> {
    let arn = |queue: &QueueName| {
        arns.get(queue).cloned().ok_or_else(|| Error::NoSuchQueue { queue: queue.clone() })
    };
    let dead_letters = match target.dead_letter_queue() {
        Some(queue) => Some(DeadLetterConfig::builder().arn(arn(queue)?).build()),
        None => None,
    };
    let policy = target.retry_policy();
    let retry_policy = RetryPolicy::builder()
        .maximum_retry_attempts(i32::try_from(policy.maximum_retry_attempts).unwrap_or(i32::MAX))
        .maximum_event_age_in_seconds(
            i32::try_from(policy.maximum_event_age.as_secs()).unwrap_or(i32::MAX),
        )
        .build();
    let builder = Target::builder()
        .id(target.id())
        .arn(arn(queue_of(rule, target)?)?)
        .set_dead_letter_config(dead_letters)
        .retry_policy(retry_policy);
    let not_built = |error: aws_smithy_types::error::operation::BuildError| Error::Backend {
        what: format!("describing target {} of rule {}", target.id(), rule.name()),
        source: error.into(),
    };
    let builder = match target.input().form() {
        InputForm::Constant(json) => builder.input(json),
        InputForm::Path(path) => builder.input_path(path),
        InputForm::Transformed { paths, template } => {
            let owned = |(name, path): (&str, &str)| (name.to_owned(), path.to_owned());
            let transformer = InputTransformer::builder()
                .set_input_paths_map(Some(paths.into_iter().map(owned).collect()))
                .input_template(template)
                .build()
                .map_err(not_built)?;
            builder.input_transformer(transformer)
        }
        _ => builder,
    };
    builder.build().map_err(not_built)
}
