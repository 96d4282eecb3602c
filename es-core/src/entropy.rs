//! Randomness, as a dependency.

use std::fmt::Debug;

/// Gives random bits for commit ids and for the jitter of retries. Tests use a seeded one.
///
/// ```
/// use std::sync::Mutex;
///
/// use es_core::{CommitId, Entropy, Timestamp};
///
/// /// Counts: what a test may do, and no program.
/// #[derive(Debug, Default)]
/// struct Counting(Mutex<u64>);
///
/// impl Entropy for Counting {
///     fn next_u64(&self) -> u64 {
///         let mut count = self.0.lock().unwrap();
///         *count += 1;
///         *count
///     }
/// }
///
/// let counting = Counting::default();
/// let now = Timestamp::UNIX_EPOCH;
/// assert_ne!(CommitId::generate(now, &counting), CommitId::generate(now, &counting));
/// ```
pub trait Entropy: Debug + Send + Sync + 'static {
    /// 64 random bits.
    fn next_u64(&self) -> u64;
}

/// Random bits from a generator per thread, seeded from the operating system's hash keys. They are
/// for uniqueness and for spreading load, not for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn next_u64(&self) -> u64 {
        fastrand::u64(..)
    }
}
