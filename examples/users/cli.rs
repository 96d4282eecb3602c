//! The command line.

mod clean_up;
mod looks;
mod main_job;
mod opened;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::aws::{Place, TemplateArguments, Templates};
use crate::command_line::{self, AnyError, Limit};
use crate::http::ServerArguments;

use super::domain::Status;

/// Users with a balance, event-sourced: one command API, and two read models.
///
/// Without a subcommand: starts the server, sends it a collection of requests, and prints them with their
/// answers.
#[derive(Debug, Parser)]
#[command(name = "users", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON, and nothing else, on standard output
    #[arg(long, global = true)]
    json: bool,
    // Last: its headings in the help go for all that comes behind.
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer HTTP requests on the loopback interface, and bring the read models up to date
    Serve(ServerArguments),
    /// List the users
    List {
        /// Only those at this station: active, deactivated
        #[arg(long)]
        status: Option<Status>,
    },
    /// Show one user
    Show {
        /// The user's id
        user_id: String,
    },
    /// Show the keys, types and times of one user's events
    History {
        /// The user's id
        user_id: String,
        /// Only what came behind this sequence number
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
        #[command(flatten)]
        limit: Limit,
    },
    /// Tell how the projections are; fails when something needs an operator
    Health,
    /// Print the CloudFormation template of the system on AWS
    ///
    /// Its names begin with the name of the stack and a dash, which is then what --table-prefix says.
    Template(TemplateArguments),
    /// Remove all data
    ///
    /// Nothing may be running. A directory goes with the database if nothing else is in it. On AWS the stack of
    /// the template is deleted, then the tables, which it leaves on purpose, and neither is done here.
    CleanUp {
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// What directories and tables are named after unless that is said.
const PROGRAM: &str = "users";
/// The commands that make what is missing.
const MAKERS: &str = "`serve` and the main job";

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
    command_line::run(run(arguments))
}

async fn run(arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { command, json, place } = arguments;
    match command {
        None => main_job::run(&place, json).await,
        Some(Command::Serve(server)) => serve::run(&place, server).await,
        Some(Command::List { status }) => looks::list(&place, status, json).await,
        Some(Command::Show { user_id }) => looks::show(&place, &user_id, json).await,
        Some(Command::History { user_id, after, limit }) => {
            looks::history(&place, &user_id, after, limit, json).await
        }
        Some(Command::Health) => looks::health(&place, json).await,
        Some(Command::Template(which)) => which.print(TEMPLATES),
        Some(Command::CleanUp { yes }) => clean_up::run(&place, yes, json),
    }
}
