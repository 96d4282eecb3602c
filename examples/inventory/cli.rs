//! The command line.

mod clean_up;
mod health;
mod looks;
mod main_job;
mod opened;
mod resume;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::aws::{Place, TemplateArguments, Templates};
use crate::command_line::{self, AnyError};

use super::workflow_states::WorkflowState;

use main_job::Scale;

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
    // Last: its headings in the help go for all that comes behind.
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
    /// Have everything of one order's workflow tried again that waits for an operator
    ///
    /// It waits because the payment provider refuses a refund, and who asks for this has talked to the provider.
    Resume {
        /// The order's id
        order: String,
    },
    /// Show the tree of all that came of one order, from the request to the last event, with times
    Trace {
        /// The order's id
        order: String,
    },
    /// Tell how those are who follow the log, those who work on the queues, and the workflows; fails when something
    /// needs an operator
    Health,
    /// Print the CloudFormation template of the system on AWS
    ///
    /// Its names begin with the name of the stack and a dash, which is then what --table-prefix says.
    Template(TemplateArguments),
    /// Remove all data
    ///
    /// Nothing may be running. A directory goes with the database if nothing else is in it. On AWS the stack of the
    /// template is deleted, then what it leaves on purpose, tables, queues and key, and neither is done here.
    CleanUp {
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// What directories and tables are named after unless that is said.
const PROGRAM: &str = "inventory";
/// The commands that make what is missing.
const MAKERS: &str = "the main job";

/// What the system needs on AWS.
#[cfg(feature = "aws")]
const TEMPLATES: Option<Templates> = Some(Templates {
    whole: super::infrastructure::template,
    without_functions: super::infrastructure::template_without_functions,
});
#[cfg(not(feature = "aws"))]
const TEMPLATES: Option<Templates> = None;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The main job lets commands fail, and tells what became of the orders.
    let expected: &[&str] =
        if arguments.command.is_none() { &["es_core::process_manager"] } else { &[] };
    command_line::run_without(expected, run(arguments))
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
        Some(Command::Resume { order }) => resume::run(&place, &order, json).await,
        Some(Command::Health) => health::run(&place, json).await,
        Some(Command::Template(which)) => which.print(TEMPLATES),
        Some(Command::CleanUp { yes }) => clean_up::run(&place, yes, json),
        Some(Command::Trace { order }) => looks::trace(&place, &order, json).await,
    }
}
