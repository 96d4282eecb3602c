//! The command line.

mod clean_up;
mod create;
mod dead_letters;
mod main_job;
mod notifications;
mod opened;
mod orders;
mod place;
mod prompt;
mod stop;
mod until;
mod watch;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::aws::{TemplateArguments, Templates};
use crate::command_line::{self, AnyError};

use super::channels::Subscriber;
use super::domain::Status;

use place::Place;
use until::Until;

/// Orders, event-sourced: accepted, processed, announced.
///
/// Without a subcommand: takes orders, some of them twice and some that keep failing, drives all of them
/// through the system, brings the failed ones back, and prints what became of them.
#[derive(Debug, Parser)]
#[command(name = "orders", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON, and nothing else, on standard output; of live commands one object a line
    #[arg(long, global = true)]
    json: bool,
    /// How many orders the main job takes [default: 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    orders: Option<u32>,
    // Last: its headings in the help go for all that comes behind.
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Process orders and announce them, until it is stopped
    Work {
        /// Let the payment of an order fail, by its id, or of all orders with an item of this name; may be
        /// repeated. Another `work` without it is the repair
        #[arg(long = "fail", value_name = "ORDER|ITEM")]
        broken_for: Vec<String>,
        /// Let every payment take so long
        #[arg(long, value_name = "SECONDS", value_parser = until::seconds)]
        payment_takes: Option<Duration>,
    },
    /// Stop a running `work`, wherever it runs
    ///
    /// It is asked by a message, which one `work` takes, within a minute. Ctrl-C and SIGTERM do the same.
    Stop,
    /// Create an order
    ///
    /// On a terminal, what is not given is asked for.
    Create(create::Arguments),
    /// List the orders that are not expired
    List {
        /// Only those at this station: NEW, PROCESSED
        #[arg(long)]
        status: Option<Status>,
    },
    /// Show one order, with its customer; also one that is expired
    Show {
        /// Its id
        id: String,
    },
    /// Watch orders change
    Watch {
        /// Begin with what happened before
        #[arg(long)]
        from_start: bool,
        #[command(flatten)]
        until: Until,
    },
    /// Watch notifications come in, as one of those who follow the topic
    ///
    /// What is shown is taken out of that one's queue.
    Notifications {
        /// Whose
        #[arg(long = "as", value_enum, default_value_t = Subscriber::Terminal)]
        subscriber: Subscriber,
        #[command(flatten)]
        until: Until,
    },
    /// Look at orders that could not be processed, send them back into the queue, or give them up
    DeadLetters(dead_letters::Arguments),
    /// Print the CloudFormation template of the system on AWS
    ///
    /// Its names begin with the name of the stack and a dash, which is then what --table-prefix says.
    Template(TemplateArguments),
    /// Remove all data
    ///
    /// Nothing may be running. A directory goes with the database if nothing else is in it. On AWS this is
    /// done with the stack of the template, and not here.
    CleanUp {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

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
    // The main job lets orders fail, and tells what became of them.
    let expected: &[&str] =
        if arguments.command.is_none() { &["es_core::queue_consumer"] } else { &[] };
    command_line::run_without(expected, run(arguments))
}

async fn run(arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { command, json, orders, place } = arguments;
    if command.is_some() && orders.is_some() {
        return Err("--orders goes without a subcommand".into());
    }
    match command {
        None => main_job::run(&place, orders.unwrap_or(24), json).await,
        Some(Command::Work { broken_for, payment_takes }) => {
            work::run(&place, broken_for, payment_takes.unwrap_or_default()).await
        }
        Some(Command::Stop) => stop::run(&place, json).await,
        Some(Command::Create(order)) => create::run(&place, order, json).await,
        Some(Command::List { status }) => orders::list(&place, status, json).await,
        Some(Command::Show { id }) => orders::show(&place, &id, json).await,
        Some(Command::Watch { from_start, until }) => {
            watch::run(&place, from_start, until, json).await
        }
        Some(Command::Notifications { subscriber, until }) => {
            notifications::run(&place, subscriber, until, json).await
        }
        Some(Command::DeadLetters(letters)) => dead_letters::run(&place, letters, json).await,
        Some(Command::Template(which)) => which.print(TEMPLATES),
        Some(Command::CleanUp { yes }) => clean_up::run(&place, yes, json),
    }
}
