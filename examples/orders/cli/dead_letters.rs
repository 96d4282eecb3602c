//! Orders that could not be processed.

use clap::{Args, Subcommand};
use es_core::{DeadLetterQueue, DeadLetterReason, DeadMessageFilter, MessageId, Timestamp};
use serde_json::json;

use crate::command_line::{AnyError, Limit, RedrivePace, RedriveReport, print, printable};
use crate::orders::dead_letters::{LetterDetail, LetterSummary};
use crate::orders::report::{letter_text, letters_table};

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
    /// Show everything about one, with its event: that has personal data in it
    Show {
        /// Its id, as `list` shows it
        id: String,
    },
    /// Send them back to the queue that they come from
    Redrive(RedriveArguments),
    /// Remove one for good: its order stays NEW
    Drop {
        /// Its id, as `list` shows it
        id: String,
    },
}

#[derive(Debug, Args, Default, PartialEq)]
struct ListArguments {
    /// Only those that are here for this reason, as in attempts_used_up
    #[arg(long)]
    reason: Option<DeadLetterReason>,
    #[command(flatten)]
    limit: Limit,
}

/// Which ones: those that match in all that is given.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = true, args = ["ids", "all", "reason", "until"])]
struct RedriveArguments {
    /// Their ids, as `list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["ids", "reason", "until"])]
    all: bool,
    /// Only those that are here for this reason, as in attempts_used_up
    #[arg(long)]
    reason: Option<DeadLetterReason>,
    /// Only those that were given up until then, as 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    #[command(flatten)]
    pace: RedrivePace,
}

pub(super) async fn run(place: &Place, arguments: Arguments, json: bool) -> Result<(), AnyError> {
    let Arguments { command, list: before } = arguments;
    if command.is_some() && before != ListArguments::default() {
        return Err("what says which dead letters goes behind the subcommand".into());
    }
    let opened = Opened::existing(place).await?;
    let letters = &opened.orders.dead_letters;
    match command.unwrap_or(Command::List(before)) {
        Command::List(which) => list(letters, which, json).await?,
        Command::Show { id } => show(letters, &id, json).await?,
        Command::Redrive(which) => redrive(letters, which, json).await?,
        Command::Drop { id } => give_up(letters, &id, json).await?,
    }
    opened.close().await
}

async fn list(letters: &DeadLetterQueue, which: ListArguments, json: bool) -> Result<(), AnyError> {
    let mut filter = DeadMessageFilter::all();
    if let Some(reason) = which.reason {
        filter = filter.reason(reason);
    }
    let mut found = letters.list(&filter, which.limit.asked()).await?;
    which.limit.cut(&mut found);
    let found: Vec<LetterSummary> = found.iter().map(LetterSummary::of).collect();
    print(json, &found, || match found.as_slice() {
        [] => "there are none".to_owned(),
        letters => letters_table(letters),
    })
}

async fn show(letters: &DeadLetterQueue, id: &str, json: bool) -> Result<(), AnyError> {
    let dead = letters.show(&MessageId::from_stored(id)).await?.ok_or_else(|| no_letter(id))?;
    let detail = LetterDetail::of(&dead);
    print(json, &detail, || letter_text(&detail))
}

async fn redrive(
    letters: &DeadLetterQueue,
    which: RedriveArguments,
    json: bool,
) -> Result<(), AnyError> {
    let RedriveArguments { ids, all: _, reason, until, pace } = which;
    let is_named = !ids.is_empty();
    let mut filter = DeadMessageFilter::all();
    if is_named {
        filter = filter.ids(ids.iter().map(|id| MessageId::from_stored(id)));
    }
    if let Some(reason) = reason {
        filter = filter.reason(reason);
    }
    if let Some(mark) = until {
        filter = filter.until(mark);
    }
    let report = RedriveReport::from(letters.redrive(&pace.of(filter)).await?);
    print(json, &report, || report_text(&report))?;
    match report.stayed.len() {
        0 if is_named && report.redriven == 0 => Err(match report.unseen {
            Some(1..) => "no dead letter of such an id could be looked at now".into(),
            _ => "no dead letter has such an id".into(),
        }),
        0 => Ok(()),
        1 => Err("1 dead letter stays".into()),
        n => Err(format!("{n} dead letters stay").into()),
    }
}

fn report_text(report: &RedriveReport) -> String {
    let stayed = report.stayed.iter();
    let stayed = stayed.map(|it| format!("stays: {} ({})", it.id, printable(&it.error)));
    let mut lines: Vec<String> = stayed.collect();
    lines.push(format!("sent back: {}", report.redriven));
    lines.extend(report.unseen_note());
    lines.join("\n")
}

async fn give_up(letters: &DeadLetterQueue, id: &str, json: bool) -> Result<(), AnyError> {
    let dropped = letters.drop_message(&MessageId::from_stored(id)).await?;
    let dropped = LetterSummary::of(&dropped.ok_or_else(|| no_letter(id))?);
    let done = json!({ "dropped": dropped });
    print(json, &done, || match &dropped.order {
        Some(order) => format!("{} is removed; order {} stays NEW", dropped.id, printable(order)),
        None => format!("{} is removed", dropped.id),
    })
}

fn no_letter(id: &str) -> AnyError {
    format!("there is no dead letter {id}").into()
}
