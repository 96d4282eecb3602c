//! The functions of the system on AWS Lambda: `cargo xtask package inventory` makes the program that they run.

use std::process::ExitCode;

use es_examples::command_line::{self, AnyError};
use es_examples::inventory::functions::{CATCH_UP, Deployed, POLICIES, PROCESSORS, SWEEPER, VIEWS};

fn main() -> ExitCode {
    command_line::run(run())
}

async fn run() -> Result<(), AnyError> {
    let handler = es_lambda::handler()?;
    let Deployed { inventory, log } = Deployed::for_function(&handler).await?;
    let of_queue = PROCESSORS.iter().find(|(processor, _)| *processor == handler.as_str());
    match (handler.as_str(), of_queue) {
        (VIEWS, _) => log.function(inventory.views()).run().await,
        (POLICIES, _) => log.function(inventory.policies()).run().await,
        (SWEEPER, _) => es_lambda::schedule(inventory.sweeper()).run().await,
        (CATCH_UP, _) => es_lambda::catch_up(inventory.consumers()).run().await,
        (_, Some((_, queue))) => es_lambda::sqs(inventory.processor_of(queue)?).run().await,
        _ => Err(handler.unknown().into()),
    }
}
