use std::time::{Duration, Instant};

/// Asks until there is an answer. Processes tell each other nothing, so there is nothing to wait for.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    const PATIENCE: Duration = Duration::from_secs(60);
    // Whoever asks all the time keeps those who work from it.
    const LONGEST_PAUSE: Duration = Duration::from_millis(100);
    let mut pause = Duration::from_millis(5);
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}
