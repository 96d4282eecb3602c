//! Replay and append throughput beside their floors: `cargo bench`.
//!
//! All contenders of a race do the same work in the same run, in turn: compare ratios, not absolute
//! figures. What a ratio is to be at least, stands beside it, also where it is not reached.
#![allow(missing_docs, clippy::unwrap_used)]

mod commands;
mod cores;
mod growth;
mod raw_sqlite;
mod raw_views;
mod rebuild;
mod replay;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use es_benches::race::{Results, Rounds, table};
use tokio::runtime::Runtime;

/// How much is done.
#[derive(Debug, Clone, Copy)]
struct Size {
    rounds: Rounds,
    /// What numbers of events and commands are divided by.
    divisor: usize,
    /// Whether what takes minutes to prepare is done, too.
    is_full: bool,
}

impl Size {
    const USUAL: Self = Self {
        rounds: Rounds { rounds: 9, at_least: Duration::from_millis(60) },
        divisor: 1,
        is_full: false,
    };
    const SMALL: Self = Self {
        rounds: Rounds { rounds: 1, at_least: Duration::ZERO },
        divisor: 100,
        is_full: false,
    };

    fn of(self, number: usize) -> usize {
        (number / self.divisor).max(1)
    }
}

/// The title of a race, and what runs it.
type Entry = (&'static str, fn(&'static str, &Runtime, Size) -> Results);

const RACES: &[Entry] = &[
    ("(a) replay of one stream of 10,000 events", replay::one_stream),
    ("(b) replay of 10,000 streams of 10 events", replay::many_streams),
    ("(c) two views of 1,000,000 events in 50,000 streams, rebuilt", rebuild::of_two_views),
    ("(d) commands of one event, streams of 0 to 50", commands::of_one_event),
    ("(d) the same by 64 callers at a time, durable", commands::durable),
    ("(e) commands of ten events", commands::of_ten_events),
    ("appends to SQLite files that hold more and more", growth::of_logs),
    ("loads from snapshots of streams that grow", growth::of_streams),
];

/// Replay and append throughput beside their floors, as one table of ratios.
///
/// Takes about two and a half minutes. Compare ratios, not absolute figures: all contenders of a race do the same work in the
/// same run, in turn.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench --bench replay --", after_help = titles())]
struct Arguments {
    /// Runs only the races whose titles have one of these in them
    #[arg(value_name = "PART OF A TITLE")]
    races: Vec<String>,
    /// Runs everything once, on a hundredth of the data
    #[arg(long)]
    test: bool,
    /// Fills a log of ten million events, too, which takes many minutes and several GB of disk
    #[arg(long)]
    full: bool,
    /// Builds the views of a file again, and tells the most memory that this process ever had
    #[arg(long, hide = true, value_name = "FILE")]
    rebuild_alone: Option<PathBuf>,
    // Cargo says so to all benchmarks.
    #[arg(long, hide = true)]
    bench: bool,
}

fn titles() -> String {
    let titles = RACES.iter().map(|(title, _)| format!("\n  {title}"));
    format!("Races:{}", titles.collect::<String>())
}

impl Arguments {
    fn names(&self, title: &str) -> bool {
        self.races.is_empty() || self.races.iter().any(|part| title.contains(part))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(file) = &arguments.rebuild_alone {
        rebuild::alone(file);
        return ExitCode::SUCCESS;
    }
    let size = if arguments.test { Size::SMALL } else { Size::USUAL };
    let size = Size { is_full: arguments.full, ..size };
    let races: Vec<_> = RACES.iter().filter(|(title, _)| arguments.names(title)).collect();
    if races.is_empty() {
        eprintln!("error: no race has {:?} in its title\n\n{}", arguments.races, titles());
        return ExitCode::FAILURE;
    }
    let runtime = Runtime::new().unwrap();
    let results: Vec<_> = races.iter().map(|(title, race)| race(title, &runtime, size)).collect();
    println!("{}", table(&results));
    ExitCode::SUCCESS
}
