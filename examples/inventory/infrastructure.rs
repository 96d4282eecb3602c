//! What the system is on AWS, as one CloudFormation template: tables, bus, rules and queues, encrypted with a key of
//! their own, and the functions that work on them.

use std::time::Duration;

use es_cloudformation::{
    Code, Function, PREFIX, Policy, Source, Stack, operating, resource_name, statements,
};
use es_core::{Error, QueueName, QueueOptions, Topology, ViewSchema};
use es_dynamodb::Role as TableRole;
use es_eventbridge::Role as BusRole;
use es_sns_sqs::Role as QueueRole;
use serde_json::{Value, json};

use super::bus;
use super::functions::{CATCH_UP, DEAD_RECORDS, POLICIES, PROCESSORS, SWEEPER, VIEWS};
use super::service::WorkflowStatuses;
use super::views::{OrderSummaries, StockLevels};

/// The template of the whole system. Everything in it is named after the stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template() -> Result<Value, Error> {
    let mut stack = data()?;
    stack.parameter(
        "DeclineRate",
        json!({
            "Description": "The part of the simulated payments that is declined, from 0 to 1: to see what becomes of such orders.",
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
            "MaxValue": 1,
        }),
    );
    let dead_records = stack.dead_letter_queue(DEAD_RECORDS)?;
    for queue in bus::QUEUES {
        let dead = bus::dead_letters_of(queue)?;
        stack.alarm_on_dead_letters(&resource_of(dead.as_str()));
    }
    stack
        .functions(&Code::folder("../../target/lambda/inventory"), all_functions(&dead_records)?)?;
    stack.allow(Policy {
        who: "Clients",
        description: "Inventory: ask for orders, tell of deliveries, see what became of them",
        statements: [
            tables(&[TableRole::Commands, TableRole::Queries, TableRole::Progress])?,
            publishing()?,
        ]
        .concat(),
    });
    stack.allow(Policy {
        who: "Operators",
        description: "Inventory: look into dead letters and send them back, resume workflows",
        statements: [
            tables(&TableRole::ALL)?,
            statements(&es_sns_sqs::iam_policy(&bus::topology()?, "", &[QueueRole::Operate])?)?,
            vec![operating(&dead_records)],
        ]
        .concat(),
    });
    Ok(stack.render(
        "Inventory: log, views, bus, rules, queues, key, and the functions that fulfil orders.",
    ))
}

/// The template of what programs need that run elsewhere, with what they may do. Everything in it is named after the
/// stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template_without_functions() -> Result<Value, Error> {
    let mut stack = data()?;
    let topology = bus::topology()?;
    let workers = [
        es_dynamodb::iam_policy("", &TableRole::ALL)?,
        es_sns_sqs::iam_policy(&topology, "", &QueueRole::ALL)?,
        es_eventbridge::iam_policy(bus::NAME, "", &BusRole::ALL)?,
    ];
    let workers: Result<Vec<_>, Error> = workers.iter().map(|it| statements(it)).collect();
    stack.allow(Policy {
        who: "Workers",
        description: "Inventory: the main job, looks, health and resume",
        statements: workers?.concat(),
    });
    Ok(stack.render("Inventory: log, views, bus, rules, queues, key, and who may use them."))
}

/// What keeps the data, and what brings the events and messages.
fn data() -> Result<Stack, Error> {
    let views = [
        ViewSchema::of::<OrderSummaries>()?,
        ViewSchema::of::<StockLevels>()?,
        ViewSchema::of::<WorkflowStatuses>()?,
    ];
    let (rules, topology) = (bus::rules()?, bus::topology()?);
    let mut stack = Stack::new("Inventory");
    stack.take(&es_dynamodb::cloudformation_template(&views)?, &[("Prefix", PREFIX)])?;
    stack.take(&es_sns_sqs::cloudformation_template(&topology)?, &[("NamePrefix", PREFIX)])?;
    let queues = all_of(&stack, "AWS::SQS::Queue");
    let bus = es_eventbridge::cloudformation_template(bus::NAME, &rules)?;
    stack.take(&bus, &[("NamePrefix", PREFIX)])?;
    // The policies name their queues, which may be of another stack: in one stack, the queues come first.
    for policy in all_of(&stack, "AWS::SQS::QueuePolicy") {
        if let Some(policy) = stack.resources.get_mut(&policy) {
            policy["DependsOn"] = json!(queues);
        }
    }
    stack.sender("events");
    Ok(stack)
}

/// The names of the resources of a type.
fn all_of(stack: &Stack, kind: &str) -> Vec<String> {
    let of_kind = stack.resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, _)| name.clone()).collect()
}

fn resource_of(queue: &str) -> String {
    format!("Queue{}", resource_name(queue))
}

/// How long an invocation may work on messages: as often in the visibility timeout as
/// [Lambda asks for](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
const PROCESSING: Duration = Duration::from_secs(bus::VISIBILITY_TIMEOUT.as_secs() / 6);

fn function(name: &str, description: &str) -> Function {
    Function::new(name, description)
        .environment("TABLE_PREFIX", PREFIX)
        .environment_value("DECLINE_RATE", json!({ "Ref": "DeclineRate" }))
}

fn all_functions(dead_records: &str) -> Result<Vec<Function>, Error> {
    // Two readers of the table's stream are as many as it has room for.
    let of_log = |name: &str, description: &str, role| -> Result<Function, Error> {
        let new = json!({ "eventName": ["INSERT"] });
        let source = Source::table_stream("EventsTable").only(new);
        Ok(function(name, description)
            .timeout(Duration::from_secs(60))
            .may(tables(&[role])?)
            .dead_records_to(dead_records)
            .behind(source))
    };
    let mut functions = vec![
        of_log(
            VIEWS,
            "Keeps the read models of orders, stock and workflows",
            TableRole::Functions,
        )?,
        of_log(
            POLICIES,
            "Tells the bus, has payments made, goes on with workflows",
            TableRole::Reactions,
        )?
        .may(publishing()?),
        // It is over before the next one begins; where a retry meets it, a deadline that fires twice has one effect.
        // Room that is reserved for one at a time is more than a new account has.
        function(SWEEPER, "Fires the deadlines of workflows")
            .timeout(Duration::from_secs(60))
            .may(tables(&[TableRole::Reactions])?)
            .behind(Source::schedule(Duration::from_secs(60))),
        function(CATCH_UP, "Brings views and policies what was never pushed")
            .catching_up()
            .may(tables(&[TableRole::Commands, TableRole::Projections])?)
            .may(publishing()?),
    ];
    for (processor, queue) in PROCESSORS {
        let processing = function(processor, &format!("Works on the queue {queue} of the bus"))
            .timeout(PROCESSING)
            .may(consuming(queue)?)
            .behind(Source::queue(&resource_of(queue)));
        functions.push(match queue {
            // What happens to orders it tells the bus, and nobody else.
            bus::ORDERS => processing.may(publishing()?),
            _ => processing.may(tables(&[TableRole::Commands])?),
        });
    }
    Ok(functions)
}

fn tables(roles: &[TableRole]) -> Result<Vec<Value>, Error> {
    statements(&es_dynamodb::iam_policy("", roles)?)
}

fn publishing() -> Result<Vec<Value>, Error> {
    statements(&es_eventbridge::iam_policy(bus::NAME, "", &[BusRole::Publish])?)
}

/// What one queue needs, and its dead letters.
fn consuming(queue: &str) -> Result<Vec<Value>, Error> {
    let topology = Topology::builder()
        .queue(&QueueName::new(queue)?, QueueOptions::default())
        .dead_letter_queue(&bus::dead_letters_of(queue)?, QueueOptions::for_dead_letters())
        .build()?;
    statements(&es_sns_sqs::iam_policy(&topology, "", &[QueueRole::Consume])?)
}

#[cfg(test)]
mod tests;
