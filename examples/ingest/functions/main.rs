//! The functions of the system on AWS Lambda: `cargo xtask package ingest` makes the program that they run.

use es_core::Consumers;
use es_examples::command_line::{self, AnyError};
use es_examples::ingest::functions::{ANNOUNCER, API, CONFIRMER, Deployed, PROCESSOR, RECORDS};
use std::process::ExitCode;

fn main() -> ExitCode {
    command_line::run(run())
}

async fn run() -> Result<(), AnyError> {
    let handler = es_lambda::handler()?;
    let deployed = Deployed::for_function(&handler).await?;
    let router = deployed.router();
    let Deployed { ingest, log, queues, dead_records } = deployed;
    let of_log = |consumer: Consumers| {
        es_lambda::dynamodb(consumer, log).dead_records_to(queues, dead_records)
    };
    match handler.as_str() {
        API => es_lambda::http(router).run().await,
        PROCESSOR => es_lambda::sqs(ingest.processor.clone()).run().await,
        CONFIRMER => es_lambda::sqs(ingest.confirmer.clone()).run().await,
        ANNOUNCER => of_log(ingest.announcer.clone().into()).run().await,
        RECORDS => of_log(ingest.records.clone().into()).run().await,
        _ => Err(handler.unknown().into()),
    }
}
