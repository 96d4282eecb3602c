//! What has to be done at least, by who keeps events in memory, in a file that is synced, in one that is not.

use es_benches::floor::{self, Payloads};
use es_benches::race::{Floor, Race, Timed};
use es_benches::workload::{Keeps, Plan, Workload};
use es_core::Codec;

use crate::raw_sqlite::RawLog;

/// The floors of a race.
pub(crate) struct Floors {
    memory: Floor,
    synced: Floor,
    unsynced: Floor,
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
            },
        }
    }

    pub(crate) fn of(&self, keeps: Keeps) -> Floor {
        match keeps {
            Keeps::InMemory => self.memory,
            Keeps::Synced => self.synced,
            Keeps::Unsynced => self.unsynced,
        }
    }
}

/// Reads of a file are compared with decoding alone, too, beside those of plain SQLite.
fn replay(race: &mut Race<'_>, plan: Plan, in_file: Plan) -> Floors {
    let mut events: Vec<_> = plan.streams().flat_map(|(_, events)| events).collect();
    let payloads = Payloads::of(&events, Codec::Json).unwrap();
    let decoded = race.floor("JSON in one buffer: from_slice, apply", move || {
        Timed::of(plan.events, || payloads.fold(plan.per_stream))
    });
    let directory = tempfile::tempdir().unwrap();
    events.truncate(in_file.events);
    let raw = RawLog::fill(&directory.path().join("raw.db"), plan.per_stream, &events);
    race.row("JSON in raw rusqlite: select, from_slice, apply", decoded, move || {
        // The file lives as long as who reads it.
        let _directory = &directory;
        Timed::of(in_file.events, || raw.fold(in_file.events / in_file.per_stream))
    });
    Floors { memory: decoded, synced: decoded, unsynced: decoded }
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
