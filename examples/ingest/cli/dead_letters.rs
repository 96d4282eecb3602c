//! What could not be handled.

use clap::{ArgGroup, Args, Subcommand};
use es_core::{DeadLetterReason, DeadMessageFilter, MessageId, QueueName, Timestamp};

use crate::command_line::{AnyError, Limit, RedrivePace, RedriveReport, Stayed, print};
use crate::ingest::dead_letters::{LetterDetail, LetterSummary};
use crate::ingest::report::{dead_letters_table, letter_text};

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
    /// Show everything about one
    Show {
        /// Its id
        id: String,
    },
    /// Send them back to the queues that they come from
    Redrive(RedriveArguments),
    /// Remove one for good
    Drop {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Args, Default, PartialEq)]
struct ListArguments {
    /// Only those with this reason: undecodable, permanent, attempts_used_up, id_reused, abandoned
    #[arg(long)]
    reason: Option<DeadLetterReason>,
    /// Only those that come from this queue
    #[arg(long, value_name = "QUEUE")]
    origin: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("selection").required(true).multiple(true)))]
struct RedriveArguments {
    /// Those with these ids
    #[arg(value_name = "ID", group = "selection")]
    ids: Vec<String>,
    /// All of them
    #[arg(long, group = "selection", conflicts_with_all = ["ids", "reason", "origin", "until"])]
    all: bool,
    /// Only those with this reason: undecodable, permanent, attempts_used_up, id_reused, abandoned
    #[arg(long, group = "selection")]
    reason: Option<DeadLetterReason>,
    /// Only those that come from this queue
    #[arg(long, value_name = "QUEUE", group = "selection")]
    origin: Option<String>,
    /// Only those that were given up until then, as 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME", group = "selection")]
    until: Option<Timestamp>,
    #[command(flatten)]
    pace: RedrivePace,
}

/// Those that match in all that is given.
fn filter(
    reason: Option<DeadLetterReason>,
    origin: Option<&str>,
) -> Result<DeadMessageFilter, AnyError> {
    let mut filter = DeadMessageFilter::all();
    if let Some(reason) = reason {
        filter = filter.reason(reason);
    }
    if let Some(origin) = origin {
        filter = filter.origin(QueueName::new(origin)?);
    }
    Ok(filter)
}

pub(super) async fn run(place: &Place, arguments: Arguments, json: bool) -> Result<(), AnyError> {
    let Arguments { command, list: before } = arguments;
    if command.is_some() && before != ListArguments::default() {
        return Err("what says which dead letters goes behind the subcommand".into());
    }
    let opened = Opened::existing(place).await?;
    match command.unwrap_or(Command::List(before)) {
        Command::List(which) => list(&opened, which, json).await?,
        Command::Show { id } => show(&opened, &id, json).await?,
        Command::Redrive(which) => redrive(&opened, which, json).await?,
        Command::Drop { id } => drop_one(&opened, &id, json).await?,
    }
    opened.close().await
}

async fn list(opened: &Opened, arguments: ListArguments, json: bool) -> Result<(), AnyError> {
    let ListArguments { reason, origin, limit } = arguments;
    let filter = filter(reason, origin.as_deref())?;
    let mut found = opened.ingest.dead_letters.list(&filter, limit.asked()).await?;
    limit.cut(&mut found);
    let letters: Vec<_> = found.iter().map(LetterSummary::of).collect();
    print(json, &letters, || match letters.as_slice() {
        [] => "there are none".to_owned(),
        letters => dead_letters_table(letters),
    })
}

async fn show(opened: &Opened, id: &str, json: bool) -> Result<(), AnyError> {
    let found = opened.ingest.dead_letters.show(&MessageId::from_stored(id)).await?;
    let letter = LetterDetail::of(&found.ok_or_else(|| nothing(id))?);
    print(json, &letter, || letter_text(&letter))
}

fn nothing(id: &str) -> AnyError {
    format!("there is no dead letter {id}").into()
}

async fn redrive(opened: &Opened, which: RedriveArguments, json: bool) -> Result<(), AnyError> {
    let RedriveArguments { ids, all: _, reason, origin, until, pace } = which;
    let mut filter = filter(reason, origin.as_deref())?;
    let names_some = !ids.is_empty();
    if names_some {
        filter = filter.ids(ids.iter().map(|id| MessageId::from_stored(id)));
    }
    if let Some(mark) = until {
        filter = filter.until(mark);
    }
    let redriven = opened.ingest.dead_letters.redrive(&pace.of(filter)).await?;
    let report = RedriveReport::from(redriven);
    print(json, &report, || report_text(&report))?;
    match report.stayed.len() {
        0 if names_some && report.redriven == 0 => Err(match report.unseen {
            Some(1..) => "no such dead letter could be looked at now".into(),
            _ => "there is no such dead letter".into(),
        }),
        0 => Ok(()),
        1 => Err("1 dead letter could not be sent back".into()),
        n => Err(format!("{n} dead letters could not be sent back").into()),
    }
}

fn report_text(report: &RedriveReport) -> String {
    let stayed = report.stayed.iter().map(|Stayed { id, error }| format!("stays: {id}: {error}"));
    let redriven = format!("redriven: {}", report.redriven);
    let lines = stayed.chain([redriven]).chain(report.unseen_note());
    lines.collect::<Vec<_>>().join("\n")
}

async fn drop_one(opened: &Opened, id: &str, json: bool) -> Result<(), AnyError> {
    let dropped = opened.ingest.dead_letters.drop_message(&MessageId::from_stored(id)).await?;
    let letter = LetterSummary::of(&dropped.ok_or_else(|| nothing(id))?);
    print(json, &letter, || format!("dropped: {}", letter.id))
}
