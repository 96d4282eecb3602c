//! The functions of the system on AWS Lambda: `cargo xtask package users` makes the program that they run.

use std::process::ExitCode;

use es_examples::command_line::{self, AnyError};
use es_examples::users::functions::{API, CATCH_UP, Deployed, PROJECTOR};

fn main() -> ExitCode {
    command_line::run(run())
}

async fn run() -> Result<(), AnyError> {
    let handler = es_lambda::handler()?;
    let deployed = Deployed::for_function(&handler).await?;
    match handler.as_str() {
        API => es_lambda::http(deployed.router()).run().await,
        PROJECTOR => deployed.log.function(deployed.users.consumers()).run().await,
        CATCH_UP => es_lambda::catch_up(deployed.users.consumers()).run().await,
        _ => Err(handler.unknown().into()),
    }
}
