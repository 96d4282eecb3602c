//! What a piece of work takes from the allocator.

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What was taken from the allocator, by whatever thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How often: each time that something was allocated, and each time that it became larger or smaller.
    pub(crate) times: usize,
    /// How many bytes; of what became larger, those by which it did.
    pub(crate) bytes: usize,
}

/// To be held by each test that counts from its begin, as the allocator counts for all threads: what another one
/// prepares would be counted, too.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static COUNTING: Mutex<()> = Mutex::new(());
    COUNTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `work` takes each time that it is done. The test must be [`alone`].
///
/// The first times do not count: they make what is kept. Of the others the one that took least does, as the
/// runner of the tests may have taken something meanwhile, to start a test or to print how one ended.
pub(crate) fn taken(mut work: impl FnMut()) -> Taken {
    const BEFORE: usize = 2;
    const COUNTED: usize = 10;
    for _ in 0..BEFORE {
        work();
    }
    let once = |_| {
        let region = Region::new(ALLOCATOR);
        work();
        let change = region.change();
        Taken { times: change.allocations + change.reallocations, bytes: change.bytes_allocated }
    };
    let counted = (0..COUNTED).map(once).collect::<Vec<_>>();
    let least = |of: fn(&Taken) -> usize| counted.iter().map(of).min().unwrap();
    Taken { times: least(|taken| taken.times), bytes: least(|taken| taken.bytes) }
}
