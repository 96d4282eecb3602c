//! What could not be handled.

use clap::{Args, Subcommand};
use es_core::{DeadLetterFilter, DeadLetterQuery, DeadLetterState, StreamId, Version};
use serde::Serialize;

use crate::command_line::{AnyError, Limit, print, printable};
use crate::dispensary::dead_letters::{self, LetterSummary};
use crate::dispensary::report::{dead_letters_table, stream_letters_text};

use super::opened::Opened;
use super::place::Place;

/// `dead-letters`, which lists unless something else is asked for.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List them [default]
    List(ListArguments),
    /// Show everything about the dead letters of one stream
    Show {
        /// The projection or policy
        consumer: String,
        /// The stream, as in dispense:ID
        stream: StreamId,
    },
    /// Try them again, each stream's in their order; fails when one fails again
    Retry(RetryArguments),
    /// Give up the first of a stream: it never has its effect. Those behind it wait for `retry`.
    /// Repeating it gives up nothing more
    Drop {
        /// The projection or policy
        consumer: String,
        /// The stream, as in dispense:ID
        stream: StreamId,
        /// The version at which the commit begins, as `list` shows it
        version: u64,
        /// Why, for the record that is kept
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Args, Default, PartialEq)]
struct ListArguments {
    /// Only those of this projection or policy
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Only those of this stream, as in dispense:ID
    #[arg(long)]
    stream: Option<StreamId>,
    /// Those that were given up, instead of those that wait
    #[arg(long)]
    dropped: bool,
    #[command(flatten)]
    limit: Limit,
}

/// Which ones: those that match in all that is given.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct RetryArguments {
    /// All of them
    #[arg(long, conflicts_with_all = ["stream", "consumer", "event", "error"])]
    all: bool,
    /// Only those of this stream, as in dispense:ID
    #[arg(long)]
    stream: Option<StreamId>,
    /// Only those of this projection or policy
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Only streams whose first one has an event of this name, as in Dispense:Started
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Only streams whose failure contains this text
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
}

pub(super) async fn run(place: Place, arguments: Arguments, json: bool) -> Result<(), AnyError> {
    let Arguments { command, list: before } = arguments;
    if command.is_some() && before != ListArguments::default() {
        return Err("what says which dead letters goes behind the subcommand".into());
    }
    let opened = Opened::existing(place).await?;
    match command.unwrap_or(Command::List(before)) {
        Command::List(which) => list(&opened, which, json).await?,
        Command::Show { consumer, stream } => show(&opened, &consumer, &stream, json).await?,
        Command::Retry(which) => retry(&opened, which, json).await?,
        Command::Drop { consumer, stream, version, reason } => {
            let letter = (&stream, Version::new(version));
            give_up(&opened, &consumer, letter, &reason, json).await?;
        }
    }
    opened.close().await
}

async fn list(opened: &Opened, which: ListArguments, json: bool) -> Result<(), AnyError> {
    let state = if which.dropped { DeadLetterState::Dropped } else { DeadLetterState::Parked };
    let mut letters = Vec::new();
    for consumer in opened.consumers(which.consumer.as_deref())? {
        let left = which.limit.asked() - letters.len();
        let mut query = DeadLetterQuery::default().state(state).limit(left);
        query.stream.clone_from(&which.stream);
        letters.extend(dead_letters::list(consumer, &query).await?);
        if letters.len() >= which.limit.asked() {
            break;
        }
    }
    which.limit.cut(&mut letters);
    print(json, &letters, || match letters.as_slice() {
        [] => "there are none".to_owned(),
        letters => dead_letters_table(letters),
    })
}

async fn show(
    opened: &Opened,
    consumer: &str,
    stream: &StreamId,
    json: bool,
) -> Result<(), AnyError> {
    let letters = dead_letters::of_stream(opened.consumer(consumer)?, stream).await?;
    if letters.is_empty() {
        return Err(nothing_of(stream, consumer));
    }
    print(json, &letters, || stream_letters_text(stream, &letters))
}

fn nothing_of(stream: &StreamId, consumer: &str) -> AnyError {
    format!("{consumer} has no dead letters of {stream}").into()
}

/// What trying again came to, over all projections and policies.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// The commits that had their effect.
    handled: u64,
    freed: Vec<Freed>,
    failed: Vec<FailedAgain>,
}

#[derive(Debug, Serialize)]
struct Freed {
    consumer: String,
    stream: StreamId,
}

#[derive(Debug, Serialize)]
struct FailedAgain {
    consumer: String,
    stream: StreamId,
    error: String,
}

async fn retry(opened: &Opened, which: RetryArguments, json: bool) -> Result<(), AnyError> {
    let RetryArguments { stream, consumer, event, error, .. } = which;
    let named = stream.clone();
    let filter = DeadLetterFilter { stream, event, error_contains: error, category: None };
    let mut report = Report::default();
    for consumer in opened.consumers(consumer.as_deref())? {
        let retried = consumer.retry_dead_letters(&filter).await?;
        let name = || consumer.id().to_string();
        report.handled += retried.handled;
        let freed = retried.freed.into_iter();
        report.freed.extend(freed.map(|stream| Freed { consumer: name(), stream }));
        let failed = retried.failed.into_iter();
        report.failed.extend(failed.map(|(stream, error)| FailedAgain {
            consumer: name(),
            stream,
            error,
        }));
    }
    print(json, &report, || report.to_text())?;
    match (report.failed.len(), named) {
        (0, Some(stream)) if report.freed.is_empty() => {
            Err(format!("nothing of {stream} that matches waits in the dead letters").into())
        }
        (0, _) => Ok(()),
        (1, _) => Err("1 stream failed again and stays parked".into()),
        (n, _) => Err(format!("{n} streams failed again and stay parked").into()),
    }
}

impl Report {
    fn to_text(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for Freed { consumer, stream } in &self.freed {
            lines.push(format!("freed: {stream} ({consumer})"));
        }
        for FailedAgain { consumer, stream, error } in &self.failed {
            let error = printable(error);
            lines.push(format!("failed again: {stream} ({consumer}): {error}"));
        }
        let (freed, failed) = (self.freed.len(), self.failed.len());
        let handled = self.handled;
        lines.push(format!(
            "commits handled: {handled}, streams freed: {freed}, failed again: {failed}"
        ));
        lines.join("\n")
    }
}

/// What was given up, and what waits behind it.
#[derive(Debug, Serialize)]
struct GivenUp {
    dropped: LetterSummary,
    waiting: Vec<LetterSummary>,
}

async fn give_up(
    opened: &Opened,
    consumer: &str,
    (stream, version): (&StreamId, Version),
    reason: &str,
    json: bool,
) -> Result<(), AnyError> {
    let found = opened.consumer(consumer)?;
    let Some(letter) = found.drop_dead_letter(stream, version, reason).await? else {
        return Err(nothing_of(stream, consumer));
    };
    let behind = DeadLetterQuery::default().stream(stream.clone()).limit(usize::MAX);
    let given_up = GivenUp {
        dropped: LetterSummary::of(found, &letter),
        waiting: dead_letters::list(found, &behind).await?,
    };
    print(json, &given_up, || given_up.to_text())
}

impl GivenUp {
    fn to_text(&self) -> String {
        let Self { dropped, waiting } = self;
        let (versions, stream, events) =
            (dropped.versions(), &dropped.stream, printable(&dropped.events.join(", ")));
        let behind = match waiting.as_slice() {
            [] => "nothing waits behind it".to_owned(),
            letters => {
                let versions: Vec<String> = letters.iter().map(LetterSummary::versions).collect();
                let versions = versions.join(", ");
                format!("behind it wait the versions {versions}: `dead-letters retry` tries them")
            }
        };
        format!("dropped: version {versions} of {stream} ({events})\n{behind}")
    }
}
