//! Replay and append throughput beside their floors: `cargo bench`.
//!
//! All contenders of a race do the same work in the same run, in turn: compare ratios, not absolute
//! figures. What a ratio is to be at least, stands beside it, also where it is not reached. An
//! argument names the races to run, by a part of their titles; `--test` runs all of them once, on little, and
//! `--full` fills a log of ten million events, too.
#![allow(missing_docs, clippy::unwrap_used)]

mod commands;
mod cores;
mod growth;
mod raw_sqlite;
mod raw_views;
mod rebuild;
mod replay;

use std::path::Path;
use std::time::Duration;

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

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, path] = arguments.as_slice()
        && argument == rebuild::ALONE
    {
        return rebuild::alone(Path::new(path));
    }
    let has = |option| arguments.iter().any(|argument| argument == option);
    let size = if has("--test") { Size::SMALL } else { Size::USUAL };
    let size = Size { is_full: has("--full"), ..size };
    let asked: Vec<&String> = arguments.iter().filter(|one| !one.starts_with("--")).collect();
    let runtime = Runtime::new().unwrap();
    let mut results = Vec::new();
    for (title, race) in RACES {
        if asked.is_empty() || asked.iter().any(|part| title.contains(part.as_str())) {
            results.push(race(title, &runtime, size));
        }
    }
    println!("{}", table(&results));
}
