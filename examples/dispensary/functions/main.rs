//! The functions of the dispensary on AWS Lambda: `cargo xtask package dispensary` makes the program that they run.

use std::process::ExitCode;

use es_examples::command_line::{self, AnyError};
use es_examples::dispensary::functions::{
    ANALYST, API, CATCH_UP, DETAILS, Deployed, LIST, PUBLISHER,
};

fn main() -> ExitCode {
    command_line::run(run())
}

async fn run() -> Result<(), AnyError> {
    let handler = es_lambda::handler()?;
    let deployed = Deployed::for_function(&handler).await?;
    match handler.as_str() {
        API => es_lambda::http(deployed.router()).run().await,
        PUBLISHER => deployed.publisher().run().await,
        LIST => deployed.list().run().await,
        DETAILS => deployed.details().run().await,
        ANALYST => deployed.analyst().run().await,
        CATCH_UP => deployed.catch_up().run().await,
        _ => Err(handler.unknown().into()),
    }
}
