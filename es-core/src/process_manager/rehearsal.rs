//! A process without a store: for the test kit.

use crate::aggregate::Aggregate as _;
use crate::clock::Timestamp;
use crate::codec::Codec;
use crate::commit::CommitId;
use crate::encoded_events::EncodedEvents;
use crate::error::{Error, Result};
use crate::event::Event as _;
use crate::stream_id::StreamId;

use super::instance::{Process, Progress};
use super::met::Step;
use super::{CommandId, CommandText, ProcessEntry, ProcessManager};

pub(crate) use super::met::Met;

/// A process that meets one thing after the other.
pub(crate) struct Rehearsal<P: ProcessManager> {
    process: Process<P>,
    met: u64,
}

impl<P: ProcessManager> Rehearsal<P> {
    pub(crate) fn process(&self) -> &Process<P> {
        &self.process
    }

    /// What is written, encoded and decoded on its way as by a store.
    pub(crate) fn meet(
        &mut self,
        id: &str,
        met: Met<P>,
        now: Timestamp,
    ) -> Result<Vec<ProcessEntry<P::Event>>> {
        let stream = StreamId::new(P::NAME, id)?;
        self.met += 1;
        let commit = match &met {
            Met::Deadline { name } => self.process.deadlines_commit(name),
            _ => None,
        };
        let id = commit.unwrap_or_else(|| CommitId::derive(&stream, &self.met.to_string()));
        let step = Step { id, stream, now, jitter: 0, met };
        let entries = self.process.handle(step)?;
        for entry in stored_and_read::<P>(&entries)? {
            self.process.apply(entry);
        }
        Ok(entries)
    }

    /// The commands of this name that have no outcome yet, in the order in which they were issued, each with the number
    /// of its next attempt.
    pub(crate) fn waiting(&self, name: &str) -> Vec<(CommandId, u32, &CommandText)> {
        let issued = self.process.issued_in_order().into_iter();
        let waiting =
            issued.filter(|(_, issued)| issued.name == name).filter_map(|(id, issued)| {
                let attempt = match issued.progress {
                    Progress::Issued => 1,
                    Progress::Retrying { attempt, .. } => attempt,
                    Progress::Settled { .. } | Progress::Parked { .. } | Progress::Withdrawn => {
                        return None;
                    }
                };
                Some((id, attempt, &issued.command))
            });
        waiting.collect()
    }

    /// The commands of this name that wait for an operator, in the order in which they were issued.
    pub(crate) fn parked(&self, name: &str) -> Vec<(CommandId, &CommandText)> {
        let issued = self.process.issued_in_order().into_iter();
        let parked = issued.filter(|(_, issued)| {
            issued.name == name && matches!(issued.progress, Progress::Parked { .. })
        });
        parked.map(|(id, issued)| (id, &issued.command)).collect()
    }

    /// The names of the commands that were withdrawn, in the order in which they were issued.
    pub(crate) fn withdrawn(&self) -> Vec<(CommandId, String)> {
        let issued = self.process.issued_in_order().into_iter();
        let withdrawn = issued.filter(|(_, issued)| issued.progress == Progress::Withdrawn);
        withdrawn.map(|(id, issued)| (id, issued.name.clone())).collect()
    }
}

fn stored_and_read<P: ProcessManager>(
    entries: &[ProcessEntry<P::Event>],
) -> Result<Vec<ProcessEntry<P::Event>>> {
    let encode = |source: crate::error::BoxError| {
        let what = format!("a decision of {}", P::NAME);
        Error::Encode { what, source }
    };
    let stored = EncodedEvents::encode(entries, Codec::Json, Default::default(), 0)
        .map_err(|error| encode(error.into()))?;
    let opened = stored.open().map_err(|error| encode(error.into()))?;
    opened
        .iter()
        .map(|entry| ProcessEntry::decode(entry).map_err(|error| encode(error.into())))
        .collect()
}

impl<P: ProcessManager> Default for Rehearsal<P> {
    fn default() -> Self {
        Self { process: Process::default(), met: 0 }
    }
}
