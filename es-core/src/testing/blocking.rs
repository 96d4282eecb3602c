//! Waiting for futures in tests that are not asynchronous.

use std::future::Future;
use std::panic::resume_unwind;

/// Runs `future` to its end, on a thread and a runtime of its own: it works inside of a runtime, too,
/// and whatever the future does.
///
/// # Panics
///
/// When the future does, with its panic.
#[track_caller]
pub(super) fn wait_for<F: Future<Output: Send> + Send>(future: F) -> F::Output {
    let outcome = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            match runtime {
                Ok(runtime) => runtime.block_on(future),
                Err(error) => panic!("there is no runtime to be had: {error}"),
            }
        });
        waiting.join()
    });
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}
