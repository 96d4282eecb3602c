//! The functions of the system on AWS Lambda: `cargo xtask package ingest` makes the program that they run.

use std::process::ExitCode;

use es_examples::command_line::{self, AnyError};
use es_examples::ingest::functions::{
    ANNOUNCER, API, CATCH_UP, CONFIRMER, Deployed, PROCESSOR, RECORDS,
};

fn main() -> ExitCode {
    command_line::run(run())
}

async fn run() -> Result<(), AnyError> {
    let handler = es_lambda::handler()?;
    let deployed = Deployed::for_function(&handler).await?;
    let router = deployed.router();
    let Deployed { ingest, log } = deployed;
    match handler.as_str() {
        API => es_lambda::http(router).run().await,
        PROCESSOR => es_lambda::sqs(ingest.processor.clone()).run().await,
        CONFIRMER => es_lambda::sqs(ingest.confirmer.clone()).run().await,
        ANNOUNCER => log.function(ingest.announcer.clone()).run().await,
        RECORDS => log.function(ingest.records.clone()).run().await,
        CATCH_UP => es_lambda::catch_up(ingest.consumers()).run().await,
        _ => Err(handler.unknown().into()),
    }
}
