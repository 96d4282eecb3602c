//! The command line.

mod bar;
mod consumers;
mod dead_letters;
mod dispenses;
mod export;
mod import;
mod main_job;
mod opened;
mod place;
mod rebuild;
mod roles;
mod serve;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::aws::{TemplateArguments, Templates};
use crate::command_line::{self, AnyError};

use super::domain::Status;

use place::Place;

/// Dispense prescriptions, event-sourced.
///
/// Without a subcommand: takes the prescriptions of a directory, drives each through its life, and
/// prints what became of them.
#[derive(Debug, Parser)]
#[command(name = "dispensary", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON, and nothing else, on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Take the .txt files of this directory [default: the shipped prescriptions]
    #[arg(long, value_name = "DIR")]
    prescriptions: Option<PathBuf>,
    // Last: its headings in the help go for all that comes behind.
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer HTTP requests on the loopback interface, and do what they lead to
    ///
    /// With `--roles` other processes do a part of it: `publish`, `project`, or another `serve`. All of
    /// them name the same data. On another machine, those that answer requests and those that analyze
    /// prescriptions need the same files in their `--data-dir`.
    Serve(serve::Arguments),
    /// Publish the log to the data stream, until it is stopped (with --backend aws)
    ///
    /// Of several processes that do so, each takes a part.
    Publish,
    /// Bring views up to date, until it is stopped
    ///
    /// With --backend aws several processes share the shards of the data stream, and take over those of
    /// one that was killed within 10 seconds or so.
    Project {
        /// Only this view, by its name as `health` shows it; may be repeated [default: all]
        #[arg(long = "view", value_name = "NAME")]
        views: Vec<String>,
    },
    /// List the dispenses
    List {
        /// Only those at this station: pending, analyzing, ready, complete, cancelled
        #[arg(long)]
        status: Option<Status>,
    },
    /// Show one dispense
    Show {
        /// Its id
        id: String,
        /// As it was at this version
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Show the events of one dispense
    Events {
        /// Its id
        id: String,
    },
    /// Look at what could not be handled, try it again, or give it up
    DeadLetters(dead_letters::Arguments),
    /// Tell how the policy and the projections are; fails when something needs an operator
    ///
    /// What they do in a running `serve`, and the last error that they met there, is told by its
    /// GET /health.
    Health,
    /// Let the workers of a projection or policy rest, in all processes, until it is resumed
    Pause {
        /// Its name, as `health` shows it
        consumer: String,
    },
    /// Let the workers of a paused projection or policy go on
    Resume {
        /// Its name, as `health` shows it
        consumer: String,
    },
    /// Set a projection or policy back, or forward; its workers go on from there
    Rewind {
        /// Its name, as `health` shows it
        consumer: String,
        #[command(flatten)]
        to: consumers::RewindPlace,
    },
    /// Build the views again from the log, beside the live ones
    ///
    /// Readers see the live view until the new one is complete. `serve` may be running.
    Rebuild {
        /// Only these projections, by their names as `health` shows them
        #[arg(value_name = "CONSUMER")]
        views: Vec<String>,
    },
    /// Print the CloudFormation template of the dispensary on AWS
    ///
    /// Its names begin with the name of the stack and a dash, which is then what --table-prefix says.
    Template(TemplateArguments),
    /// Write the whole log into a file: JSON Lines that `import` takes, on any backend
    ///
    /// `serve` may be running. The file has its name when it is whole.
    Export {
        /// The file
        file: PathBuf,
        /// Write over a file of this name
        #[arg(long)]
        force: bool,
    },
    /// Bring the log of a file of `export` into a dispensary that is new, or has a part of it
    ///
    /// What is there already is recognised: an import that was broken off goes on when it is asked for
    /// again. Nothing is overwritten. `serve` must not be running.
    Import {
        /// The file
        file: PathBuf,
        /// Only check that the file is whole and undamaged
        #[arg(long)]
        verify: bool,
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
    command_line::run(run(arguments))
}

async fn run(arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { command, place, json, prescriptions } = arguments;
    if command.is_some() && prescriptions.is_some() {
        return Err("--prescriptions goes without a subcommand".into());
    }
    match command {
        None => main_job::run(place, prescriptions, json).await,
        Some(Command::Serve(arguments)) => serve::run(place, arguments).await,
        Some(Command::Publish) => work::publish(place).await,
        Some(Command::Project { views }) => work::project(place, &views).await,
        Some(Command::List { status }) => dispenses::list(place, status, json).await,
        Some(Command::Show { id, version }) => dispenses::show(place, &id, version).await,
        Some(Command::Events { id }) => dispenses::events(place, &id, json).await,
        Some(Command::DeadLetters(letters)) => dead_letters::run(place, letters, json).await,
        Some(Command::Health) => consumers::health(place, json).await,
        Some(Command::Pause { consumer }) => consumers::pause(place, &consumer, json).await,
        Some(Command::Resume { consumer }) => consumers::resume(place, &consumer, json).await,
        Some(Command::Rewind { consumer, to }) => {
            consumers::rewind(place, &consumer, to, json).await
        }
        Some(Command::Rebuild { views }) => rebuild::run(place, views, json).await,
        Some(Command::Template(which)) => which.print(TEMPLATES),
        Some(Command::Export { file, force }) => export::run(place, file, force, json).await,
        Some(Command::Import { file, verify: true }) => import::verify(file, json).await,
        Some(Command::Import { file, verify: false }) => import::run(place, file, json).await,
    }
}
