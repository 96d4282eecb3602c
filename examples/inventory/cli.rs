//! The command line.

mod looks;
mod main_job;
mod opened;
mod place;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command_line::{self, AnyError};

use super::workflow_states::WorkflowState;

use main_job::Scale;
use place::Place;

/// Orders over a small stock, event-sourced: paid, reserved and sent, or undone.
///
/// Without a subcommand: takes orders, lets payments and programs fail, and prints what became of the orders, with
/// what must hold. Fails when anything of that does not. With the same seed on the same data, a run that was killed
/// goes on.
#[derive(Debug, Parser)]
#[command(name = "inventory", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON, and nothing else, on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    scale: Scale,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the orders
    Orders,
    /// Show where the pieces of each item are
    Stock,
    /// List the workflows
    Workflows {
        /// Only those that are there: running, parked, completed, compensated, partly-compensated
        #[arg(long, value_name = "STATUS")]
        status: Option<WorkflowState>,
    },
    /// Tell the story of one order's workflow
    Workflow {
        /// The order's id
        order: String,
    },
    /// Show the tree of all that came of one order, from the request to the last event, with times
    Trace {
        /// The order's id
        order: String,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    command_line::run(run(arguments))
}

async fn run(arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { command, json, scale, place } = arguments;
    if command.is_some() {
        scale.check_not_given()?;
    }
    match command {
        None => main_job::run(&place, &scale, json).await,
        Some(Command::Orders) => looks::orders(&place, json).await,
        Some(Command::Stock) => looks::stock(&place, json).await,
        Some(Command::Workflows { status }) => looks::workflows(&place, status, json).await,
        Some(Command::Workflow { order }) => looks::workflow(&place, &order, json).await,
        Some(Command::Trace { order }) => looks::trace(&place, &order, json).await,
    }
}
