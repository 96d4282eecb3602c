use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Runs `future` up to its `nth` suspension point, counted from 1, and drops it there, as a process
/// that is killed stops between two requests. A future that is done before is not touched.
///
/// A suspension point is where the future has to wait and control comes back to the runtime. Requests
/// to an in-memory store do not wait; with [`Faults::suspending`](super::Faults::suspending) they do,
/// once on their way there and once on their way back. Tasks that the future has spawned live on.
///
/// ```
/// use es_core::testing::faults::{Crashed, crash_at};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let work = async {
///     tokio::task::yield_now().await;
///     tokio::task::yield_now().await;
///     "done"
/// };
/// assert_eq!(crash_at(2, work).await, Err(Crashed { suspension: 2 }));
/// assert_eq!(crash_at(1, async { "done at once" }).await, Ok("done at once"));
/// # }
/// ```
///
/// # Errors
///
/// [`Crashed`] when the future was dropped.
pub async fn crash_at<F: Future>(nth: usize, future: F) -> Result<F::Output, Crashed> {
    let mut future = pin!(future);
    let mut suspensions = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => {
            suspensions += 1;
            if suspensions < nth {
                return Poll::Pending;
            }
            Poll::Ready(Err(Crashed { suspension: suspensions }))
        }
    })
    .await
}

/// Runs `scenario` again and again, each time on `fresh` state, and crashes it at its first suspension
/// point, at its second, and so on, until it comes through. After each run `recover` starts again on
/// what is left and checks the outcome. Returns how often it crashed: where that is 0, nothing was
/// tested.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::testing::faults::{Faults, FaultyEventStore, crash_at_every_await};
/// use es_core::{ExecuteOptions, Repository};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let fresh = async || {
///     let log = FaultyEventStore::new(Arc::new(MemoryStore::new()), Faults::none().suspending());
///     Repository::<Account>::new(Arc::new(log))
/// };
/// let credit = async |accounts: &Repository<Account>| {
///     let key = ExecuteOptions::new().idempotency_key("request-7");
///     accounts.execute_with("a-1", AccountCommand::Credit(5), key).await.map(drop)
/// };
/// let crashes = crash_at_every_await(fresh, credit, async |accounts| {
///     credit(accounts).await.unwrap();
///     assert_eq!(accounts.load("a-1").await.unwrap().balance, 5);
/// });
/// assert!(crashes.await > 0);
/// # }
/// ```
pub async fn crash_at_every_await<S, T>(
    fresh: impl AsyncFn() -> S,
    scenario: impl AsyncFn(&S) -> T,
    recover: impl AsyncFn(&S),
) -> usize {
    let mut crashes = 0;
    loop {
        let state = fresh().await;
        let _named = Named(crashes + 1);
        let ended = crash_at(crashes + 1, scenario(&state)).await;
        recover(&state).await;
        match ended {
            Ok(_) => return crashes,
            Err(Crashed { .. }) => crashes += 1,
        }
    }
}

/// A future was dropped before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed {
    /// The suspension point, counted from 1.
    pub suspension: usize,
}

impl fmt::Display for Crashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crashed at suspension point {}", self.suspension)
    }
}

impl std::error::Error for Crashed {}

/// Says which crash it was when a test fails on it.
struct Named(usize);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the failure is that of a crash at suspension point {}", self.0);
        }
    }
}
