//! Bus and rules as a CloudFormation template.

use std::collections::BTreeSet;

use es_aws::letting_in;
use es_core::{Error, QueueName, Result};
use es_routing::{InputForm, Rule, RuleTarget, Rules};
use serde_json::{Map, Value, json};

use crate::options::check_name;
use crate::rules::{SERVICE, queue_of, senders};

/// A bus with these rules as a CloudFormation template in JSON: what
/// [`EventBridgeBus::ensure`](crate::EventBridgeBus::ensure) makes.
///
/// Its parameter `NamePrefix` is what the names of the bus and of the queues begin with, as
/// [`EventBridgeOptions::name_prefix`](crate::EventBridgeOptions::name_prefix) says; empty by default. The queues are
/// those of account and region of the stack; they are in another template, or another stack. The output `BusArn` is
/// the ARN of the bus.
///
/// The template sets the whole policy of each queue: that of a queue which also follows a topic has to be put
/// together by hand. SQS takes [8,192 bytes](crate::PolicyLimit::Bytes) of it, which is not counted here: what account,
/// region and prefix are is said when the stack is made.
///
/// # Errors
///
/// [`Error::InvalidId`] when no bus can have the name, and [`Error::Misuse`] for rules with other targets than
/// queues, for the default bus, and when the names of two rules or queues do not differ in letters and digits:
/// names of resources have nothing else.
///
/// ```
/// use es_eventbridge::cloudformation_template;
///
/// let rules = r#"{"rules": [{
///     "name": "orders", "event_pattern": {"source": ["orders"]},
///     "targets": [{"id": "work", "queue": "orders"}]
/// }]}"#.parse()?;
/// let template = cloudformation_template("shop", &rules)?;
/// assert!(template.contains(r#""Type": "AWS::Events::Rule""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cloudformation_template(bus: &str, rules: &Rules) -> Result<String> {
    check_name(bus)?;
    if bus == "default" {
        return Err(Error::Misuse("a template makes no default bus".to_owned()));
    }
    let mut resources = Map::new();
    let bus_resource =
        json!({ "Type": "AWS::Events::EventBus", "Properties": { "Name": with_prefix(bus) } });
    add(&mut resources, "Bus".to_owned(), bus_resource)?;
    let senders = senders(rules)?;
    for (queue, names) in &senders {
        let policy = policy_resource(queue, names);
        add(&mut resources, policy_name(queue), policy)?;
    }
    for rule in rules {
        add(&mut resources, rule_name(rule.name()), rule_resource(rule)?)?;
    }
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The event bus of an event-sourced application, and its rules.",
        "Parameters": {
            "NamePrefix": {
                "Description": "What the names of bus and queues begin with.",
                "Type": "String",
                "AllowedPattern": "[A-Za-z0-9_-]*",
                "Default": "",
            },
        },
        "Resources": resources,
        "Outputs": { "BusArn": { "Value": { "Fn::GetAtt": ["Bus", "Arn"] } } },
    });
    Ok(format!("{template:#}\n"))
}

fn add(resources: &mut Map<String, Value>, name: String, resource: Value) -> Result<()> {
    match resources.insert(name.clone(), resource) {
        None => Ok(()),
        Some(_) => Err(Error::Misuse(format!(
            "a template has one resource {name}, which two rules or queues would have"
        ))),
    }
}

fn rule_resource(rule: &Rule) -> Result<Value> {
    let targets: Vec<Value> =
        rule.targets().iter().map(|it| target(rule, it)).collect::<Result<_>>()?;
    let pattern: Value = serde_json::from_str(rule.pattern().as_json()).map_err(|error| {
        Error::Encode { what: format!("the pattern of rule {}", rule.name()), source: error.into() }
    })?;
    let mut properties = json!({
        "Name": rule.name(),
        "EventBusName": { "Ref": "Bus" },
        "EventPattern": pattern,
        "State": "ENABLED",
        "Targets": targets,
    });
    if let Some(description) = rule.description() {
        properties["Description"] = json!(description);
    }
    // What a rule sends that is not let in is lost.
    let queues =
        rule.targets().iter().flat_map(|it| [queue_of(rule, it).ok(), it.dead_letter_queue()]);
    let policies: BTreeSet<String> = queues.flatten().map(policy_name).collect();
    Ok(json!({ "Type": "AWS::Events::Rule", "DependsOn": policies, "Properties": properties }))
}

fn target(rule: &Rule, target: &RuleTarget) -> Result<Value> {
    let policy = target.retry_policy();
    let mut properties = json!({
        "Id": target.id(),
        "Arn": arn_of_queue(queue_of(rule, target)?),
        "RetryPolicy": {
            "MaximumRetryAttempts": policy.maximum_retry_attempts,
            "MaximumEventAgeInSeconds": policy.maximum_event_age.as_secs(),
        },
    });
    if let Some(queue) = target.dead_letter_queue() {
        properties["DeadLetterConfig"] = json!({ "Arn": arn_of_queue(queue) });
    }
    match target.input().form() {
        InputForm::Constant(constant) => properties["Input"] = json!(constant),
        InputForm::Path(path) => properties["InputPath"] = json!(path),
        InputForm::Transformed { paths, template } => {
            properties["InputTransformer"] =
                json!({ "InputPathsMap": paths, "InputTemplate": template });
        }
        _ => {}
    }
    Ok(properties)
}

/// What lets the rules send to the queue, and nobody else.
fn policy_resource(queue: &QueueName, rules: &BTreeSet<&str>) -> Value {
    let arn = |rule: &&str| {
        json!({ "Fn::Sub": format!(
            "arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/${{Bus}}/{rule}"
        ) })
    };
    let rules: Vec<_> = rules.iter().map(arn).collect();
    let statement = letting_in(SERVICE, &arn_of_queue(queue), &rules);
    let url = format!(
        "https://sqs.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/${{NamePrefix}}{queue}"
    );
    json!({
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{ "Fn::Sub": url }],
            "PolicyDocument": { "Version": "2012-10-17", "Statement": [statement] },
        },
    })
}

fn arn_of_queue(queue: &QueueName) -> Value {
    let arn = format!(
        "arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{NamePrefix}}{queue}"
    );
    json!({ "Fn::Sub": arn })
}

fn with_prefix(name: &str) -> Value {
    json!({ "Fn::Sub": format!("${{NamePrefix}}{name}") })
}

fn rule_name(rule: &str) -> String {
    format!("Rule{}", camel_case(rule))
}

fn policy_name(queue: &QueueName) -> String {
    format!("PolicyOfQueue{}", camel_case(queue.as_str()))
}

/// As names of resources have letters and digits only: `LargeOrders`.
fn camel_case(name: &str) -> String {
    name.split(|letter: char| !letter.is_ascii_alphanumeric())
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}
