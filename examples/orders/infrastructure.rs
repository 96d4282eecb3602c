//! What the system needs on AWS, as one CloudFormation template: tables, queues and topic, all encrypted
//! with a key of its own, what each part of the system may do with them, and the system itself as functions.

use std::time::Duration;

use es_cloudformation::{Code, Function, PREFIX, Policy, Source, Stack, operating, statements};
use es_core::{Error, Topology, ViewSchema};
use es_dynamodb::Role as TableRole;
use es_sns_sqs::Role as QueueRole;
use serde_json::{Value, json};

use super::channels::Channels;
use super::functions;
use super::views::OrderList;

/// The template of the whole system. Everything in it is named after the stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template() -> Result<Value, Error> {
    let channels = Channels::new("", None)?;
    let mut stack = data(&channels)?;
    stack.parameter(
        "TtlDays",
        json!({
            "Description": "For how many days orders are in the list; in the log they stay.",
            "Type": "Number",
            "Default": 7,
            "MinValue": 1,
            "MaxValue": 3650,
        }),
    );
    stack.parameter(
        "BrokenFor",
        json!({
            "Description": "Items that the simulated payments fail for, with commas between: to see what becomes of such orders.",
            "Type": "String",
            "Default": "",
        }),
    );
    let dead_records = stack.dead_letter_queue(functions::DEAD_RECORDS)?;
    stack.allow(operators(&channels, [operating(&dead_records)])?);
    for queue in ["QueueDeadLetters", "QueueUndelivered", UNDELIVERED] {
        stack.alarm_on_dead_letters(queue);
    }
    let code = Code::folder("../../target/lambda/orders");
    stack.functions(&code, all_functions(&channels, &dead_records)?)?;
    Ok(stack
        .render("Orders: log, list, queues, topic, key, and the functions that process orders."))
}

/// The template of what programs need that run elsewhere, with what they may do. Everything in it is named after the
/// stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template_without_functions() -> Result<Value, Error> {
    let channels = Channels::new("", None)?;
    let mut stack = data(&channels)?;
    stack.allow(operators(&channels, [])?);
    Ok(stack.render("Orders: log, list, queues, topic, key, and who may do what with them."))
}

/// What keeps the data and the messages, and what people and other systems may do with them.
fn data(channels: &Channels) -> Result<Stack, Error> {
    let list = es_dynamodb::cloudformation_template(&[ViewSchema::of::<OrderList>()?])?;
    let messages = es_sns_sqs::cloudformation_template(&channels.topology()?)?;
    let mut stack = Stack::new("Orders");
    stack.take(&list, &[("Prefix", PREFIX)])?;
    stack.take(&messages, &[("NamePrefix", PREFIX)])?;
    stack.parameter(
        "SecondsPerAttempt",
        json!({
            "Description": "How long an order that is worked on is kept from others, and so waits for its next attempt when the function dies. Six times as long as a function may take, as Lambda asks for.",
            "Type": "Number",
            "Default": 6 * Channels::VISIBILITY_TIMEOUT.as_secs(),
            "MinValue": Channels::VISIBILITY_TIMEOUT.as_secs(),
            "MaxValue": 43200,
        }),
    );
    if let Some(queue) = stack.resources.get_mut("QueueCreated") {
        queue["Properties"]["VisibilityTimeout"] = json!({ "Ref": "SecondsPerAttempt" });
    }
    let inside = channels.topology_inside()?;
    stack.allow(Policy {
        who: "Workers",
        description: "Orders: create, work, list, show, watch, stop, and catching up beside the functions",
        statements: [
            tables(&TableRole::ALL)?,
            messaging(&inside, &[QueueRole::Publish, QueueRole::Consume])?,
        ]
        .concat(),
    });
    stack.allow(Policy {
        who: "Subscribers",
        description: "Orders: take notifications",
        statements: messaging(&channels.topology_outside()?, &[QueueRole::Consume])?,
    });
    stack.allow(Policy {
        who: "Clients",
        description: "Orders: create, list, show",
        statements: tables(&[TableRole::Commands, TableRole::Queries])?,
    });
    Ok(stack)
}

/// What operators do with dead letters, and with records that could not be read, where functions read them.
fn operators(
    channels: &Channels,
    dead_records: impl IntoIterator<Item = Value>,
) -> Result<Policy, Error> {
    let letters = messaging(&channels.topology_inside()?, &[QueueRole::Operate])?;
    let statements = tables(&[TableRole::Queries])?.into_iter().chain(letters);
    let statements = statements.chain([operating(UNDELIVERED)]).chain(dead_records);
    Ok(Policy {
        who: "Operators",
        description: "Orders: look into dead letters and records that could not be read, and send letters back",
        statements: statements.collect(),
    })
}

/// What the topic could not bring to those who follow it.
const UNDELIVERED: &str = "UndeliveredOfTopicNotifications";

fn all_functions(channels: &Channels, dead_records: &str) -> Result<[Function; 4], Error> {
    let inside = channels.topology_inside()?;
    // What was written, not what expired.
    let commits = || Source::table_stream("EventsTable").only(json!({ "eventName": ["INSERT"] }));
    let function = |name: &str, description: &str| {
        Function::new(name, description)
            .environment("TABLE_NAME", PREFIX)
            .environment_value("TOPIC_ARN", json!({ "Ref": "TopicNotifications" }))
            .environment_value("TTL_DAYS", json!({ "Ref": "TtlDays" }))
            .environment_value("BROKEN_FOR", json!({ "Ref": "BrokenFor" }))
    };
    Ok([
        // Two readers of the table's stream are as many as it has room for.
        function(functions::LIST, "Keeps the list of orders")
            .timeout(Duration::from_secs(60))
            .may(tables(&[TableRole::Functions])?)
            .dead_records_to(dead_records)
            .behind(commits()),
        function(
            functions::ANNOUNCER,
            "Puts new orders into the queue, and tells others of those that are paid for",
        )
        .timeout(Duration::from_secs(60))
        .may(tables(&[TableRole::Reactions])?)
        .may(messaging(&inside, &[QueueRole::Publish])?)
        .dead_records_to(dead_records)
        .behind(commits()),
        function(functions::PROCESSOR, "Has orders paid for")
            .timeout(Channels::VISIBILITY_TIMEOUT)
            .may(tables(&[TableRole::Commands])?)
            .may(messaging(&inside, &[QueueRole::Consume])?)
            .behind(Source::queue("QueueCreated").batch(10)),
        function(functions::CATCH_UP, "Brings list, queue and topic what was never pushed")
            .catching_up()
            .may(tables(&[TableRole::Projections])?)
            .may(messaging(&inside, &[QueueRole::Publish])?),
    ])
}

fn tables(roles: &[TableRole]) -> Result<Vec<Value>, Error> {
    statements(&es_dynamodb::iam_policy("", roles)?)
}

/// What may be done with queues and topic, but for listing the topics of the account: `TOPIC_ARN` says which one it is.
fn messaging(topology: &Topology, roles: &[QueueRole]) -> Result<Vec<Value>, Error> {
    let statements = statements(&es_sns_sqs::iam_policy(topology, "", roles)?)?.into_iter();
    Ok(statements.filter(|it| it["Action"] != json!(["sns:ListTopics"])).collect())
}

#[cfg(test)]
mod tests;
