//! What the system needs on AWS, as one CloudFormation template: the tables of the log, of the progress and of the two read
//! models, encrypted with a key of their own, and the system itself as functions behind an HTTP API.

use std::time::Duration;

use es_cloudformation::{
    Code, Function, HttpApi, PREFIX, Policy, Source, Stack, operating, statements,
};
use es_core::{Error, ViewSchema};
use es_dynamodb::Role;
use serde_json::{Value, json};

use super::functions;
use super::views::{UserDetails, UserSummaries};

/// The template of the whole system. Everything in it is named after the stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template() -> Result<Value, Error> {
    let mut stack = data()?;
    let dead_records = stack.dead_letter_queue(functions::DEAD_RECORDS)?;
    let code = Code::folder("../../target/lambda/users");
    stack.functions(&code, all_functions(&dead_records)?)?;
    stack.http_api(&HttpApi::to(functions::API).open("GET /health"))?;
    stack.allow(Policy {
        who: "Operators",
        description: "Users: health, read models, dead letters, and records that could not be read",
        statements: [tables(&[Role::Queries, Role::Progress])?, vec![operating(&dead_records)]]
            .concat(),
    });
    Ok(stack.render("Users: log, read models, key, and the functions behind the API."))
}

/// The template of what programs need that run elsewhere, with what they may do. Everything in it is named after the
/// stack.
///
/// # Errors
///
/// None: its parts fit together.
pub fn template_without_functions() -> Result<Value, Error> {
    Ok(data()?.render("Users: log, read models, key, and who may use them."))
}

/// What keeps the data, and what those may do who look at it.
fn data() -> Result<Stack, Error> {
    let views = [ViewSchema::of::<UserSummaries>()?, ViewSchema::of::<UserDetails>()?];
    let mut stack = Stack::new("Users");
    stack.take(&es_dynamodb::cloudformation_template(&views)?, &[("Prefix", PREFIX)])?;
    stack.allow(Policy {
        who: "Workers",
        description: "Users: the main job, serve, looks, and catching up beside the functions",
        statements: tables(&Role::ALL)?,
    });
    Ok(stack)
}

fn all_functions(dead_records: &str) -> Result<[Function; 3], Error> {
    let function = |name: &str, description: &str| {
        Function::new(name, description).environment("TABLE_PREFIX", PREFIX)
    };
    // The log removes nothing, and who does it by hand does not change what happened.
    let commits =
        Source::table_stream("EventsTable").only(json!({ "eventName": ["INSERT", "MODIFY"] }));
    Ok([
        // As long as an HTTP API waits; queries that wait for a read model are answered in 20 seconds.
        function(functions::API, "Answers requests")
            .timeout(Duration::from_secs(30))
            .may(tables(&[Role::Commands, Role::Queries, Role::Progress])?),
        function(functions::PROJECTOR, "Keeps both read models")
            .timeout(Duration::from_secs(60))
            .may(tables(&[Role::Functions])?)
            .dead_records_to(dead_records)
            .behind(commits),
        function(functions::CATCH_UP, "Brings both read models what was never pushed")
            .catching_up()
            .may(tables(&[Role::Projections])?),
    ])
}

fn tables(roles: &[Role]) -> Result<Vec<Value>, Error> {
    statements(&es_dynamodb::iam_policy("", roles)?)
}

#[cfg(test)]
mod tests;
