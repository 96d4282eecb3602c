//! The command line.

mod dead_letters;
mod main_job;
mod opened;
mod place;
mod publish;
mod records;
mod roles;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::aws::{MakeTemplate, print_template};
use crate::command_line::{self, AnyError, length_of_time};

use super::domain::Status;
use super::reading::EventId;

use place::Place;

/// Takes in readings of measuring stations: from files, over HTTP and from the command line.
///
/// Without a subcommand: puts the documents of a directory where files are taken from, submits some of them
/// by the other ways, too, and prints what became of them. Two stations have an outage: one until it is tried
/// for the third time, one until it is repaired and its events are brought back from the dead letters.
#[derive(Debug, Parser)]
#[command(name = "ingest", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON, and nothing else, on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Take the .json files of this directory [default: the shipped readings]
    #[arg(long, value_name = "DIR")]
    readings: Option<PathBuf>,
    // Last: its headings in the help go for all that comes behind.
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take readings in, until it is stopped
    Serve(serve::Arguments),
    /// Publish documents to the topic
    Publish {
        /// Files with JSON documents, one or more in each [default: standard input]
        files: Vec<PathBuf>,
    },
    /// Show what became of an event
    Result {
        /// Its id
        id: EventId,
        /// Wait until that is final, at most so long: 500ms, 30s, 5m
        #[arg(long, value_name = "TIME", value_parser = length_of_time)]
        wait: Option<Duration>,
    },
    /// List what became of events, those that are not expired
    List {
        /// Only those that are there: retrying, processed, confirmed, failed
        #[arg(long)]
        status: Option<Status>,
    },
    /// Look at messages that could not be handled, send them back, or drop them
    DeadLetters(dead_letters::Arguments),
    /// Print the CloudFormation template of the system on AWS, with the functions that it runs in
    ///
    /// Its names begin with the name of the stack and a dash, which is then what --table-prefix says; the bucket
    /// is the stack's output BucketInboxName.
    Template,
}

/// What the system needs on AWS.
#[cfg(feature = "aws")]
const TEMPLATE: Option<MakeTemplate> = Some(super::infrastructure::template);
#[cfg(not(feature = "aws"))]
const TEMPLATE: Option<MakeTemplate> = None;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    command_line::run(run(arguments))
}

async fn run(arguments: Arguments) -> Result<(), AnyError> {
    let Arguments { command, json, readings, place } = arguments;
    if command.is_some() && readings.is_some() {
        return Err("--readings goes without a subcommand".into());
    }
    match command {
        None => main_job::run(&place, readings, json).await,
        Some(Command::Serve(arguments)) => serve::run(&place, arguments).await,
        Some(Command::Publish { files }) => publish::run(&place, &files, json).await,
        Some(Command::Result { id, wait }) => records::result(&place, &id, wait).await,
        Some(Command::List { status }) => records::list(&place, status, json).await,
        Some(Command::DeadLetters(letters)) => dead_letters::run(&place, letters, json).await,
        Some(Command::Template) => print_template(TEMPLATE),
    }
}
