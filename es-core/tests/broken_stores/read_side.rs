//! A store of progress and views that is broken in one way.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{
    Adopted, Adoption, CheckpointStore, ConsumerId, DeadLetter, DeadLetterChange, DeadLetterCount,
    DeadLetterQuery, DeadLetterState, Error, PartitionId, Position, Progress, Result, StreamId,
    StreamProgress, ViewChange, ViewDocument, ViewName, ViewQuery, ViewSchema, ViewStore,
};

/// Progress and views with a fault.
#[derive(Debug)]
pub(crate) struct Broken<F> {
    inner: MemoryStore,
    fault: F,
}

pub(crate) fn store<F: Fault + Default>() -> Broken<F> {
    Broken { inner: MemoryStore::new(), fault: F::default() }
}

#[derive(Debug, Default)]
pub(crate) struct Sound;

impl Fault for Sound {}

/// Writes the methods of the traits down once: as a fault may have them, and as the store has them,
/// which leaves all to its fault.
macro_rules! read_side {
    ($( $trait:ident { $( fn $method:ident($($argument:ident: $type:ty),*) -> $output:ty; )+ } )+) => {
        /// What is wrong with a store: whatever it does not touch is the memory store's.
        #[async_trait]
        pub(crate) trait Fault: Debug + Send + Sync + 'static {
            $( $(
                async fn $method(&self, store: &MemoryStore, $($argument: $type),*) -> $output {
                    $trait::$method(store, $($argument),*).await
                }
            )+ )+
        }

        $(
            #[async_trait]
            impl<F: Fault> $trait for Broken<F> {
                $(
                    async fn $method(&self, $($argument: $type),*) -> $output {
                        self.fault.$method(&self.inner, $($argument),*).await
                    }
                )+
            }
        )+
    };
}

read_side! {
    CheckpointStore {
        fn load(by: &ConsumerId, of: &PartitionId) -> Result<Position>;
        fn stream_progress(by: &ConsumerId, streams: &[StreamId]) -> Result<Vec<StreamProgress>>;
        fn save(progress: Progress) -> Result<()>;
        fn reset(by: &ConsumerId) -> Result<()>;
        fn adopt(adoption: &Adoption) -> Result<Adopted>;
        fn dead_letters(by: &ConsumerId, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>>;
        fn dead_letter_count(by: &ConsumerId) -> Result<DeadLetterCount>;
        fn set_paused(by: &ConsumerId, paused: bool) -> Result<()>;
        fn is_paused(by: &ConsumerId) -> Result<bool>;
    }
    ViewStore {
        fn prepare(view: &ViewSchema) -> Result<()>;
        fn get(view: &ViewName, keys: &[&str]) -> Result<Vec<Option<String>>>;
        fn list(view: &ViewName, query: &ViewQuery) -> Result<Vec<ViewDocument>>;
        fn write(changes: Vec<ViewChange>, progress: Progress) -> Result<()>;
        fn clear(view: &ViewName, by: &ConsumerId) -> Result<()>;
        fn swap(from: &ViewName, to: &ViewName, adoption: &Adoption) -> Result<Adopted>;
    }
}

/// Saves beside the feed, whatever was seen.
pub(crate) async fn save_unfenced(
    store: &MemoryStore,
    by: &ConsumerId,
    streams: Vec<(StreamId, es_core::Version)>,
    dead_letters: Vec<DeadLetterChange>,
) -> Result<()> {
    let progress = Progress { streams, dead_letters, ..Progress::new(by.clone(), None) };
    CheckpointStore::save(store, progress).await
}

/// Moves the step to where the consumer is.
pub(crate) async fn rebase(store: &MemoryStore, progress: &mut Progress) -> Result<()> {
    if let Some(advance) = &mut progress.advance {
        let position = CheckpointStore::load(store, &progress.consumer, &advance.partition).await?;
        advance.based_on = position.revision;
    }
    Ok(())
}

pub(crate) fn is_fenced<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::Fenced { .. }))
}

/// All letters of one state.
pub(crate) async fn all_letters(
    store: &MemoryStore,
    by: &ConsumerId,
    state: DeadLetterState,
) -> Result<Vec<DeadLetter>> {
    store.dead_letters(by, &DeadLetterQuery::default().state(state).limit(usize::MAX)).await
}

/// A consumer that no rule knows.
pub(crate) fn nobody(name: &str) -> ConsumerId {
    ConsumerId::new(&format!("nobody {name}")).expect("a valid name")
}
