//! Ours beside other libraries on the same workloads: `cargo xtask bench-peers`.
//!
//! The others are in programs of their own, which are started and told what to do; ours and the floors are in
//! this one, but for those that need an SDK of AWS. All take their turns in the same rounds, with what each does the same way: states are loaded
//! and commands executed one after the other, on a runtime of several threads, and the time is taken around
//! that.
#![allow(missing_docs, clippy::unwrap_used)]

mod arguments;
mod entrants;
mod floors;
mod ours;
#[path = "../replay/raw_sqlite.rs"]
mod raw_sqlite;

use std::process::ExitCode;

use es_benches::driver::Failure;
use es_benches::race::{Race, Results, table};
use es_benches::workload::{Keeps, Workload};
use tokio::runtime::Runtime;

use crate::arguments::Arguments;
use crate::entrants::Programs;
use crate::floors::Floors;

fn main() -> Result<ExitCode, Failure> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = Runtime::new()?;
    let programs = Programs::start(&arguments.drivers)?;
    let mut results = Vec::new();
    for workload in Workload::ALL.into_iter().filter(|one| arguments.names(*one)) {
        results.push(beside_all(workload, &arguments, &runtime, &programs));
        if workload == Workload::Commands {
            results.extend(cached_beside_live(&arguments, &runtime, &programs));
        }
    }
    println!("{}", table(&results));
    println!("\n{REBUILD}");
    let failures: Vec<String> = results.iter().flat_map(Results::failures).collect();
    for failure in &failures {
        eprintln!("error: {failure}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const REBUILD: &str = "(c), the rebuild of two views from 1,000,000 events, is not raced: what the others have for it \
calls code of the user once per event (cqrs-es `QueryReplay`, eventcore `Projector`, evento subscriptions), and \
views and their storage are that code. What would be measured is what was written for the race.";

/// All contenders on one workload.
fn beside_all(
    workload: Workload,
    arguments: &Arguments,
    runtime: &Runtime,
    programs: &Programs,
) -> Results {
    let mut race = Race::new(workload.title());
    let mut floors = Floors::enter(&mut race, workload, arguments.divisor);
    ours::enter(&mut race, &floors, workload, arguments.divisor, runtime);
    for (program, entry) in programs.entries() {
        let run = move || program.borrow_mut().run(entry, workload, arguments.divisor);
        let place = race.guest(&entry.name, Some(floors.of(entry.keeps)), run);
        if entry.is_floor {
            floors.bring(entry.keeps, place);
        }
    }
    entrants::enter_those_with_servers(&mut race, floors.of(Keeps::InMemory));
    race.run(arguments.rounds)
}

/// Both keep states of aggregates: ours is to be twice as fast.
fn cached_beside_live(
    arguments: &Arguments,
    runtime: &Runtime,
    programs: &Programs,
) -> Option<Results> {
    let (program, entry) =
        programs.entries().find(|(_, entry)| entry.name.starts_with("eventsourced "))?;
    let mut race = Race::new("(d) our cached aggregates beside live entities");
    let live = race.guest(&entry.name, None, move || {
        program.borrow_mut().run(entry, Workload::Commands, arguments.divisor)
    });
    ours::enter_cached(&mut race, live, 2.0, arguments.divisor, runtime);
    Some(race.run(arguments.rounds))
}
