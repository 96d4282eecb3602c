use std::sync::{Mutex, PoisonError};

use crate::entropy::Entropy;

/// Random bits from a seed: the same seed gives the same commit ids and the same jitter.
///
/// A commit's id is made of the time, too: ids are the same in every run when both come from the
/// test.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::Repository;
/// use es_core::memory::MemoryStore;
/// use es_core::testing::{SeededEntropy, VirtualClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let accounts = Repository::<Account>::new(Arc::new(MemoryStore::new()))
///     .with_clock(Arc::new(VirtualClock::at("2026-01-31T12:00:00Z")))
///     .with_entropy(Arc::new(SeededEntropy::new(7)));
/// let receipt = accounts.execute("a-1", AccountCommand::Credit(5)).await?;
/// let id = receipt.commit_id().map(|id| id.to_string());
/// assert_eq!(id.as_deref(), Some("019c13ec-9e00-7172-be70-8e59fcc5208c"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SeededEntropy(Mutex<fastrand::Rng>);

impl SeededEntropy {
    /// Bits from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn next_u64(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }
}
