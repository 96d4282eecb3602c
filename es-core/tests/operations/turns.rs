//! Counts the turns of the scheduler where a test would otherwise look at a watch.

/// What `work` comes to in so many turns, or `None` if it is not done by then. Work that never waits
/// for anything leaves nobody else a turn: see [`Faults::suspending`](es_core::testing::faults::Faults).
pub(crate) async fn within_turns<T>(turns: usize, work: impl Future<Output = T>) -> Option<T> {
    let over = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = over => None,
    }
}
