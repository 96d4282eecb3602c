//! The functions of the system on AWS Lambda: `cargo xtask package orders` makes the program that they run.

use std::process::ExitCode;

use es_core::Consumers;
use es_examples::command_line::{self, AnyError};
use es_examples::orders::functions::{ANNOUNCER, Deployed, LIST, PROCESSOR};

fn main() -> ExitCode {
    command_line::run(run())
}

async fn run() -> Result<(), AnyError> {
    let Deployed { orders, log, backend, dead_records } = Deployed::from_environment().await?;
    let announcers = || Consumers::new().with(orders.intake.clone()).with(orders.notifier.clone());
    let of_log = |consumers| {
        es_lambda::dynamodb(consumers, log).dead_records_to(backend.queues.clone(), dead_records)
    };
    let handler = es_lambda::handler()?;
    match handler.as_str() {
        LIST => of_log(Consumers::from(orders.list)).run().await,
        ANNOUNCER => of_log(announcers()).run().await,
        PROCESSOR => es_lambda::sqs(orders.processor).run().await,
        _ => Err(handler.unknown().into()),
    }
}
