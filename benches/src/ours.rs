//! Ours as one library among others.

use std::fmt;
use std::sync::Arc;

use es_core::{Codec, EventStore, Repository};

use crate::driver::{Failure, Peer};
use crate::order::{Order, OrderCommand, OrderEvent};
use crate::workload::Workload;

/// States that are kept between commands.
const STATES: usize = 1_000;

/// Where ours keeps events: what is to be there as long as the store is.
pub trait Setup: Sized + 'static {
    /// How they are written.
    const CODEC: Codec = Codec::Json;

    /// How many events are in a commit of a stream that is only read.
    const PER_COMMIT: usize = 1;

    /// An empty store.
    fn open() -> impl Future<Output = Result<(Self, Arc<dyn EventStore>), Failure>>;

    /// Why it has no way to do this, if it has none.
    fn cannot(_workload: Workload) -> Option<&'static str> {
        None
    }
}

/// Ours: with states in memory between commands if `CACHED`, otherwise they are loaded for each command.
pub struct Ours<S, const CACHED: bool> {
    /// What a load finds in a cache is not replayed: this one has none.
    reader: Repository<Order>,
    writer: Repository<Order>,
    _setup: S,
}

impl<S, const CACHED: bool> fmt::Debug for Ours<S, CACHED> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ours").field("cached", &CACHED).finish_non_exhaustive()
    }
}

impl<S: Setup, const CACHED: bool> Peer for Ours<S, CACHED> {
    type Command = OrderCommand;

    async fn open() -> Result<Self, Failure> {
        let (setup, store) = S::open().await?;
        let reader = Repository::<Order>::new(store).with_codec(S::CODEC);
        let writer = reader.clone();
        let writer = if CACHED { writer.with_cache(STATES) } else { writer };
        Ok(Self { reader, writer, _setup: setup })
    }

    fn command(_id: &str, events: Vec<OrderEvent>) -> OrderCommand {
        OrderCommand::Record(events)
    }

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        let writer = self.reader.clone().with_cache(1);
        for events in events.chunks(S::PER_COMMIT) {
            writer.execute(id, OrderCommand::Record(events.to_vec())).await?;
        }
        Ok(())
    }

    async fn execute(&mut self, id: &str, command: OrderCommand) -> Result<(), Failure> {
        self.writer.execute(id, command).await?;
        Ok(())
    }

    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        Ok(self.reader.load(id).await?.into_state())
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        S::cannot(workload)
    }
}
