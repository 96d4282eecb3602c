//! What has to be done at least, by who keeps events in memory, in a file that is synced, in one that is not.
//! Programs bring what is to be done at least by others.

use es_benches::floor::{self, Payloads};
use es_benches::order::OrderEvent;
use es_benches::race::{Floor, Race, Timed};
use es_benches::workload::{Keeps, Plan, Workload};
use es_core::Codec;

use crate::raw_sqlite::RawLog;

/// The floors of a race.
pub(crate) struct Floors {
    memory: Floor,
    synced: Floor,
    unsynced: Floor,
    /// `None` without a program that brings it.
    recorded: Option<Floor>,
}

impl Floors {
    pub(crate) fn enter(race: &mut Race<'_>, workload: Workload, divisor: usize) -> Self {
        let plan = |keeps| workload.plan(keeps, divisor);
        match workload {
            Workload::ReplayOne | Workload::ReplayMany => {
                replay(race, plan(Keeps::InMemory), plan(Keeps::Unsynced))
            }
            Workload::Commands | Workload::CommandsOfTen => Self {
                memory: encode(race, plan(Keeps::InMemory)),
                synced: insert(race, plan(Keeps::Synced), Keeps::Synced),
                unsynced: insert(race, plan(Keeps::Unsynced), Keeps::Unsynced),
                recorded: None,
            },
        }
    }

    pub(crate) fn of(&self, keeps: Keeps) -> Floor {
        match keeps {
            Keeps::InMemory => self.memory,
            Keeps::Synced => self.synced,
            Keeps::Unsynced => self.unsynced,
            // What is recorded are as many streams as are in files.
            Keeps::Recorded => self.recorded.unwrap_or(self.unsynced),
        }
    }

    /// From here on, who keeps events there is compared with this.
    pub(crate) fn bring(&mut self, keeps: Keeps, floor: Floor) {
        match keeps {
            Keeps::InMemory => self.memory = floor,
            Keeps::Synced => self.synced = floor,
            Keeps::Unsynced => self.unsynced = floor,
            Keeps::Recorded => self.recorded = Some(floor),
        }
    }
}

/// Reads of a file are compared with decoding alone, too, beside those of plain SQLite. It decodes the same events:
/// fewer of them are nearer to the processor.
fn replay(race: &mut Race<'_>, plan: Plan, in_file: Plan) -> Floors {
    let memory = decode(race, "JSON in one buffer: from_slice, apply", plan);
    let file =
        if plan == in_file { memory } else { decode(race, "the same of 1,000 streams", in_file) };
    let directory = tempfile::tempdir().unwrap();
    let (path, events) = (directory.path().join("raw.db"), events(in_file));
    let raw = RawLog::fill(&path, in_file.per_stream, &events);
    race.row("JSON in raw rusqlite: select, from_slice, apply", file, move || {
        // The file lives as long as who reads it.
        let _directory = &directory;
        Timed::of(in_file.events, || raw.fold(in_file.events / in_file.per_stream))
    });
    Floors { memory, synced: file, unsynced: file, recorded: None }
}

fn decode(race: &mut Race<'_>, name: &str, plan: Plan) -> Floor {
    let payloads = Payloads::of(&events(plan), Codec::Json).unwrap();
    race.floor(name, move || Timed::of(plan.events, || payloads.fold(plan.per_stream)))
}

fn events(plan: Plan) -> Vec<OrderEvent> {
    plan.streams().flat_map(|(_, events)| events).collect()
}

fn encode(race: &mut Race<'_>, plan: Plan) -> Floor {
    race.floor("encode the events, apply them, push the bytes", move || {
        let commands: Vec<_> = plan.commands().map(|(_, events)| events).collect();
        Timed::of(commands.len(), || floor::record(commands, plan.per_stream / plan.per_command))
    })
}

/// A transaction for each command, in a table that has nothing but streams, versions and payloads.
fn insert(race: &mut Race<'_>, plan: Plan, keeps: Keeps) -> Floor {
    let name = format!("raw rusqlite: a transaction per command, {}", keeps.name());
    race.floor(name, move || {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("raw.db");
        let mut raw = match keeps {
            Keeps::Unsynced => RawLog::create_unsynced(&path),
            _ => RawLog::create(&path),
        };
        let commands: Vec<_> = plan.commands().collect();
        Timed::of(commands.len(), || {
            for (n, (id, events)) in commands.iter().enumerate() {
                let first = n * plan.per_command % plan.per_stream;
                let rows = events.iter().enumerate();
                raw.insert(rows.map(|(index, event)| (id.clone(), first + index, event)));
            }
        })
    })
}
