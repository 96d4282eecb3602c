//! Randomness, as a dependency.

use std::fmt::Debug;

/// Gives random bits for commit ids and for the jitter of retries. Tests use a seeded one.
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
