//! What is done beside other libraries: which events, in which streams, and what must come out.

use std::fmt;

use crate::order::{Order, OrderEvent, event};
use es_core::Aggregate as _;

/// Work that all contenders of a race do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Workload {
    /// The state of one stream of 10,000 events is loaded.
    ReplayOne,
    /// The states of 10,000 streams of 10 events are loaded, one after the other; of 1,000 where they are not
    /// in memory.
    ReplayMany,
    /// Commands of one event each on streams that grow from 0 to 50 events, one after the other.
    Commands,
    /// The same with commands of ten events.
    CommandsOfTen,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ReplayOne, Self::ReplayMany, Self::Commands, Self::CommandsOfTen];

    /// Its name between programs, and for filters.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReplayOne => "replay-one",
            Self::ReplayMany => "replay-many",
            Self::Commands => "commands",
            Self::CommandsOfTen => "commands-of-ten",
        }
    }

    /// What it is, for readers.
    pub fn title(self) -> &'static str {
        match self {
            Self::ReplayOne => "(a) replay of one stream of 10,000 events",
            Self::ReplayMany => {
                "(b) replay of 10,000 streams of 10 events, of 1,000 in files and recorded answers"
            }
            Self::Commands => "(d) commands of one event, streams of 0 to 50",
            Self::CommandsOfTen => "(e) commands of ten events, streams of 0 to 50",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// How much of it there is for who keeps events there, with all numbers divided.
    pub fn plan(self, keeps: Keeps, divisor: usize) -> Plan {
        let some = |number: usize| (number / divisor).max(1);
        // A write to a file can take as long as the disk takes to sync, also when streams are filled.
        let (streams, commands) =
            if keeps == Keeps::InMemory { (10_000, 5_000) } else { (1_000, 500) };
        match self {
            Self::ReplayOne => {
                Plan { events: some(10_000), per_stream: some(10_000), per_command: 1 }
            }
            Self::ReplayMany => Plan { events: some(streams) * 10, per_stream: 10, per_command: 1 },
            Self::Commands => Plan { events: some(commands), per_stream: 50, per_command: 1 },
            Self::CommandsOfTen => {
                Plan { events: some(commands) * 10, per_stream: 50, per_command: 10 }
            }
        }
    }
}

/// Where a contender keeps events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// In memory.
    InMemory,
    /// In a file, and a command ends when it is synced to the disk.
    Synced,
    /// In a file that the operating system writes when it likes.
    Unsynced,
    /// In a service whose answers to reads are recorded; nothing is written while time is taken.
    Recorded,
}

impl Keeps {
    /// Its name between programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::InMemory => "memory",
            Self::Synced => "synced",
            Self::Unsynced => "unsynced",
            Self::Recorded => "recorded",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::InMemory, Self::Synced, Self::Unsynced, Self::Recorded]
            .into_iter()
            .find(|one| one.name() == name)
    }
}

/// How many events there are, and how they lie in streams and commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Plan {
    /// All of them.
    pub events: usize,
    /// Per stream; the last one may have fewer.
    pub per_stream: usize,
    /// Per command.
    pub per_command: usize,
}

impl Plan {
    /// The ids of the streams, and their events.
    pub fn streams(self) -> impl Iterator<Item = (String, Vec<OrderEvent>)> {
        (0..self.events.div_ceil(self.per_stream)).map(move |stream| {
            let first = stream * self.per_stream;
            let last = (first + self.per_stream).min(self.events);
            (id(stream), (first..last).map(event).collect())
        })
    }

    /// The commands in their order: the id of a stream, and the events that they record there.
    pub fn commands(self) -> impl Iterator<Item = (String, Vec<OrderEvent>)> {
        (0..self.events).step_by(self.per_command).map(move |first| {
            (id(first / self.per_stream), (first..first + self.per_command).map(event).collect())
        })
    }

    /// What the states must come to.
    pub fn outcome(self) -> Tally {
        let mut tally = Tally::default();
        for (_, events) in self.streams() {
            let mut order = Order::default();
            events.into_iter().for_each(|event| order.apply(event));
            tally.add(&order);
        }
        tally
    }
}

/// The id of the `n`-th stream.
pub fn id(n: usize) -> String {
    format!("o-{n}")
}

/// The sum of states: who comes to another one has not read or written the same events.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    orders: usize,
    sum: (u64, f64, u64),
}

impl Tally {
    /// Adds a state.
    pub fn add(&mut self, order: &Order) {
        self.orders += 1;
        self.sum.0 += order.items;
        self.sum.1 += order.total;
        self.sum.2 += order.changes;
    }
}

impl fmt::Display for Tally {
    /// As it is compared: prices are multiples of 0.005, and what the last bit of a float is depends on who
    /// reads JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, total, changes) = self.sum;
        write!(f, "{}/{items}/{total:.3}/{changes}", self.orders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_commands_have_the_same_events() {
        for (workload, keeps) in
            Workload::ALL.into_iter().flat_map(|one| [(one, Keeps::InMemory), (one, Keeps::Synced)])
        {
            let plan = workload.plan(keeps, 100);
            let by_streams: Vec<_> = plan.streams().flat_map(|(_, events)| events).collect();
            let by_commands: Vec<_> = plan.commands().flat_map(|(_, events)| events).collect();
            assert_eq!(by_streams.len(), plan.events, "{workload:?}");
            assert_eq!(by_streams, by_commands, "{workload:?}");
        }
    }

    #[test]
    fn an_event_less_is_another_tally() {
        let plan = Workload::ReplayMany.plan(Keeps::InMemory, 1_000);
        let shorter = Plan { events: plan.events - 1, ..plan };
        assert_ne!(plan.outcome().to_string(), shorter.outcome().to_string());
    }
}
