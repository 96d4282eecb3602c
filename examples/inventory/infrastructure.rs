//! What the system needs on AWS, as one CloudFormation template: tables, bus, rules and queues, encrypted with a key of
//! their own, and what who runs it may do with them.

use es_core::{Error, ViewSchema};
use es_dynamodb::Role as TableRole;
use es_eventbridge::Role as BusRole;
use es_sns_sqs::Role as QueueRole;
use serde_json::{Value, json};

use super::bus;
use super::service::WorkflowStatuses;
use super::views::{OrderSummaries, StockLevels};
use crate::aws::stack::{Policy, Stack, statements};

/// The template for the system whose tables, bus and queues begin with `prefix`.
///
/// # Errors
///
/// [`Error::InvalidId`] when there can be no tables, bus or queues of these names.
pub fn template(prefix: &str) -> Result<Value, Error> {
    let views = [
        ViewSchema::of::<OrderSummaries>()?,
        ViewSchema::of::<StockLevels>()?,
        ViewSchema::of::<WorkflowStatuses>()?,
    ];
    let (rules, topology) = (bus::rules()?, bus::topology()?);
    let mut stack = Stack::new("Inventory", &["dynamodb", "sqs"], "events");
    stack.take(&es_dynamodb::cloudformation_template(&views)?, &[("Prefix", prefix)])?;
    stack.take(&es_sns_sqs::cloudformation_template(&topology)?, &[("NamePrefix", prefix)])?;
    let queues = all_of(&stack, "AWS::SQS::Queue");
    let bus = es_eventbridge::cloudformation_template(bus::NAME, &rules)?;
    stack.take(&bus, &[("NamePrefix", prefix)])?;
    // The policies name their queues, which may be of another stack: in one stack, the queues come first.
    for policy in all_of(&stack, "AWS::SQS::QueuePolicy") {
        if let Some(policy) = stack.resources.get_mut(&policy) {
            policy["DependsOn"] = json!(queues);
        }
    }
    let workers = [
        es_dynamodb::iam_policy(prefix, &TableRole::ALL)?,
        es_sns_sqs::iam_policy(&topology, prefix, &QueueRole::ALL)?,
        es_eventbridge::iam_policy(bus::NAME, prefix, &BusRole::ALL)?,
    ];
    let workers: Result<Vec<_>, Error> = workers.iter().map(|it| statements(it)).collect();
    stack.allow(Policy {
        who: "Workers",
        description: "Inventory: the main job, looks, health and resume",
        statements: workers?.concat(),
    });
    Ok(stack.render("Inventory: log, views, bus, rules, queues, key, and who may use them."))
}

/// The names of the resources of a type.
fn all_of(stack: &Stack, kind: &str) -> Vec<String> {
    let of_kind = stack.resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests;
