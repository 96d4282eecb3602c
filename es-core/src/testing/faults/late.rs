//! Requests that arrive after their caller has given them up.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Writes under way, each with the number of requests that are faster.
pub(super) struct LateRequests<R>(Mutex<Vec<(u64, R)>>);

impl<R> LateRequests<R> {
    pub(super) fn hold_up(&self, request: R, overtaken_by: u64) {
        self.lock().push((overtaken_by, request));
    }

    /// Called once before each request: those that arrive now, in the order of their sending.
    pub(super) fn arriving(&self) -> Vec<R> {
        let mut held_up = self.lock();
        let (arriving, waiting): (Vec<_>, Vec<_>) =
            held_up.drain(..).partition(|(faster, _)| *faster == 0);
        *held_up = waiting.into_iter().map(|(faster, request)| (faster - 1, request)).collect();
        arriving.into_iter().map(|(_, request)| request).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, R)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Default for LateRequests<R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
