//! What the system needs on AWS, as one CloudFormation template: tables, queues and topic, all encrypted
//! with a key of its own, and what each part of the system may do with them.

use es_core::{Error, Topology, ViewSchema};
use es_dynamodb::Role as TableRole;
use es_sns_sqs::Role as QueueRole;
use serde_json::{Value, json};

use super::channels::Channels;
use super::views::OrderList;
use crate::aws::stack::{self, Policy, Stack};

/// The template for the system whose tables begin with `table_prefix`.
///
/// # Errors
///
/// [`Error::InvalidId`] when there can be no tables of these names, [`Error::Misuse`] when two queues would
/// have the same resource.
pub fn template(table_prefix: &str, channels: &Channels) -> Result<Value, Error> {
    let tables = es_dynamodb::cloudformation_template(&[ViewSchema::of::<OrderList>()?])?;
    let messaging = es_sns_sqs::cloudformation_template(&channels.topology()?)?;
    let mut stack = Stack::new("Orders", &["dynamodb", "sns", "sqs"], "sns");
    stack.take(&tables, &[("Prefix", table_prefix)])?;
    stack.take(&messaging, &[("NamePrefix", "")])?;
    for policy in policies(table_prefix, channels)? {
        stack.allow(policy);
    }
    Ok(stack.render("Orders: log, views, queues, topic, key, and who may do what with them."))
}

fn policies(table_prefix: &str, channels: &Channels) -> Result<[Policy; 3], Error> {
    let tables = |roles: &[TableRole]| statements(&es_dynamodb::iam_policy(table_prefix, roles)?);
    let messaging = |topology: &Topology, roles: &[QueueRole]| {
        statements(&es_sns_sqs::iam_policy(topology, "", roles)?)
    };
    let (inside, outside) = (channels.topology_inside()?, channels.topology_outside()?);
    Ok([
        Policy {
            who: "Workers",
            description: "Orders: create, work, list, show, watch, stop",
            statements: [
                tables(&TableRole::ALL)?,
                messaging(&inside, &[QueueRole::Publish, QueueRole::Consume])?,
            ]
            .concat(),
        },
        Policy {
            who: "Subscribers",
            description: "Orders: take notifications",
            statements: messaging(&outside, &[QueueRole::Consume])?,
        },
        Policy {
            who: "Operators",
            description: "Orders: look into dead letters, and send them back",
            statements: [
                tables(&[TableRole::Queries])?,
                messaging(&inside, &[QueueRole::Operate])?,
            ]
            .concat(),
        },
    ])
}

/// The statements of a policy, but for listing the topics of the account: `TOPIC_ARN` says which one it is.
fn statements(policy: &str) -> Result<Vec<Value>, Error> {
    let statements = stack::statements(policy)?.into_iter();
    Ok(statements.filter(|it| it["Action"] != json!(["sns:ListTopics"])).collect())
}

#[cfg(test)]
mod tests;
