//! The functions of the system on AWS Lambda: `cargo xtask package orders` makes the program that they run.

use std::process::ExitCode;

use es_core::Consumers;
use es_examples::command_line::{self, AnyError};
use es_examples::orders::functions::{ANNOUNCER, CATCH_UP, Deployed, LIST, PROCESSOR};

fn main() -> ExitCode {
    command_line::run(run())
}

async fn run() -> Result<(), AnyError> {
    let handler = es_lambda::handler()?;
    let Deployed { orders, log } = Deployed::for_function(&handler).await?;
    let announcers = || Consumers::new().with(orders.intake.clone()).with(orders.notifier.clone());
    match handler.as_str() {
        LIST => log.function(orders.list).run().await,
        ANNOUNCER => log.function(announcers()).run().await,
        PROCESSOR => es_lambda::sqs(orders.processor).run().await,
        CATCH_UP => es_lambda::catch_up(orders.consumers()).run().await,
        _ => Err(handler.unknown().into()),
    }
}
