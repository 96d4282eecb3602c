//! Rule files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use es_core::{QueueName, TopicName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::invalid::{InvalidRules, RuleFault};
use super::{Destination, RetryPolicy, Rule, RuleTarget, Rules};
use crate::excerpt::{NAME, REASON, excerpt};
use crate::input::{Input, InvalidInput};

/// Far more than the largest file that can be right.
const MAX_BYTES: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    rules: Vec<RuleForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleForm {
    name: String,
    description: Option<String>,
    event_pattern: Box<RawValue>,
    targets: Vec<TargetForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetForm {
    id: String,
    queue: Option<String>,
    topic: Option<String>,
    function: Option<String>,
    input: Option<Box<RawValue>>,
    input_path: Option<String>,
    input_transformer: Option<TransformerForm>,
    dead_letter_queue: Option<String>,
    retry_policy: Option<RetryForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransformerForm {
    #[serde(default)]
    input_paths_map: BTreeMap<String, String>,
    input_template: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryForm {
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u32>,
}

pub(super) fn parse(json: &str) -> Result<Vec<Rule>, InvalidRules> {
    let of_file = |fault| InvalidRules { rule: None, target: None, fault };
    if json.len() > MAX_BYTES {
        let fault = RuleFault::FileTooLarge { actual: json.len(), limit: MAX_BYTES };
        return Err(of_file(fault));
    }
    let file: FileForm = serde_json::from_str(json).map_err(|error| {
        of_file(RuleFault::Format(excerpt(&error.to_string(), REASON).to_owned()))
    })?;
    if file.rules.len() > Rules::MAX_RULES {
        return Err(of_file(RuleFault::TooManyRules(file.rules.len())));
    }
    let mut names = BTreeSet::new();
    let mut rules = Vec::with_capacity(file.rules.len());
    for (n, form) in file.rules.into_iter().enumerate() {
        let said = said(&form.name, n);
        let in_rule = |(target, fault)| InvalidRules { rule: Some(said.clone()), target, fault };
        if !names.insert(form.name.clone()) {
            return Err(in_rule((None, RuleFault::Twice)));
        }
        rules.push(rule(form).map_err(in_rule)?);
    }
    Ok(rules)
}

/// How a fault names what it is about.
fn said(name: &str, n: usize) -> String {
    if is_name(name) { name.to_owned() } else { format!("#{}", n + 1) }
}

fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=Rule::MAX_NAME_LEN).contains(&name.len()) && name.bytes().all(letter)
}

fn check_name(what: &'static str, name: &str) -> Result<(), RuleFault> {
    match is_name(name) {
        true => Ok(()),
        false => Err(RuleFault::Name { what, value: excerpt(name, NAME).to_owned() }),
    }
}

/// A rule; a fault with the target that it is about.
fn rule(form: RuleForm) -> Result<Rule, (Option<String>, RuleFault)> {
    let of_rule = |fault| (None, fault);
    check_name("name", &form.name).map_err(of_rule)?;
    if let Some(description) = &form.description
        && description.chars().count() > Rule::MAX_DESCRIPTION_LEN
    {
        return Err(of_rule(RuleFault::Description));
    }
    let pattern = form.event_pattern.get().parse();
    let pattern = pattern.map_err(|invalid| of_rule(RuleFault::Pattern(invalid)))?;
    if !(1..=Rule::MAX_TARGETS).contains(&form.targets.len()) {
        return Err(of_rule(RuleFault::Targets(form.targets.len())));
    }
    let mut ids = BTreeSet::new();
    let mut targets = Vec::with_capacity(form.targets.len());
    for (n, form) in form.targets.into_iter().enumerate() {
        let said = said(&form.id, n);
        let of_target = |fault| (Some(said.clone()), fault);
        if !ids.insert(form.id.clone()) {
            return Err(of_target(RuleFault::Twice));
        }
        targets.push(target(form).map_err(of_target)?);
    }
    Ok(Rule { name: form.name, description: form.description, pattern, targets })
}

fn target(form: TargetForm) -> Result<RuleTarget, RuleFault> {
    check_name("id", &form.id)?;
    let destination = match (&form.queue, &form.topic, &form.function) {
        (Some(name), None, None) => Destination::Queue(queue(name)?),
        (None, Some(name), None) => Destination::Topic(topic(name)?),
        (None, None, Some(name)) => {
            check_name("function", name)?;
            Destination::Function(name.clone())
        }
        _ => return Err(RuleFault::Destination),
    };
    let dead_letter_queue = form.dead_letter_queue.as_deref().map(queue).transpose()?;
    let input = match (form.input, form.input_path, form.input_transformer) {
        (None, None, None) => Input::event(),
        (Some(constant), None, None) => Input::constant(&constant)?,
        (None, Some(path), None) => Input::path(&path)?,
        (None, None, Some(it)) => Input::transformed(it.input_paths_map, &it.input_template)?,
        _ => return Err(RuleFault::Input(InvalidInput::Several)),
    };
    let retry_policy = form.retry_policy.map(retry_policy).transpose()?.unwrap_or_default();
    Ok(RuleTarget { id: form.id, destination, input, dead_letter_queue, retry_policy })
}

fn queue(name: &str) -> Result<QueueName, RuleFault> {
    let queue =
        QueueName::new(name).map_err(|error| RuleFault::DestinationName(error.to_string()))?;
    match queue.is_fifo() {
        true => Err(RuleFault::Fifo(format!("queue {queue}"))),
        false => Ok(queue),
    }
}

fn topic(name: &str) -> Result<TopicName, RuleFault> {
    let topic =
        TopicName::new(name).map_err(|error| RuleFault::DestinationName(error.to_string()))?;
    match topic.is_fifo() {
        true => Err(RuleFault::Fifo(format!("topic {topic}"))),
        false => Ok(topic),
    }
}

fn retry_policy(form: RetryForm) -> Result<RetryPolicy, RuleFault> {
    let mut policy = RetryPolicy::default();
    if let Some(retries) = form.maximum_retry_attempts {
        policy.maximum_retry_attempts = retries;
    }
    if let Some(seconds) = form.maximum_event_age_in_seconds {
        if !RetryPolicy::EVENT_AGE_SECONDS.contains(&seconds) {
            return Err(RuleFault::RetryPolicy);
        }
        policy.maximum_event_age = Duration::from_secs(seconds.into());
    }
    match policy.maximum_retry_attempts <= RetryPolicy::MAX_RETRY_ATTEMPTS {
        true => Ok(policy),
        false => Err(RuleFault::RetryPolicy),
    }
}
