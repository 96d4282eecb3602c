//! Running things at the same time, for real.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Runs the futures on a thread each, started together, and returns what they give, in their order.
/// Timers and sockets stay with the runtime of the test, so clients that are bound to it keep working; but code
/// between two awaits of one future runs at the same time as that of others, also when the test's
/// runtime has a single thread.
pub(super) async fn concurrently<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let futures: Vec<F> = futures.into_iter().collect();
    let missing = Arc::new(AtomicUsize::new(futures.len()));
    let running: Vec<JoinHandle<F::Output>> = futures
        .into_iter()
        .map(|future| {
            let missing = Arc::clone(&missing);
            beside(async move {
                // Awake on the line: a thread that had to be woken would come too late for the race.
                missing.fetch_sub(1, Ordering::SeqCst);
                while missing.load(Ordering::SeqCst) > 0 {
                    std::thread::yield_now();
                }
                future.await
            })
        })
        .collect();
    let mut outputs = Vec::with_capacity(running.len());
    for one in running {
        outputs.push(finished(one).await);
    }
    outputs
}

/// Starts `future` on a thread of its own.
pub(super) fn beside<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(future))
}

/// Waits for what was started; its panic is the caller's.
pub(super) async fn finished<T>(running: JoinHandle<T>) -> T {
    match running.await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(error) => panic!("a part of the test was ended: {error}"),
        },
    }
}
