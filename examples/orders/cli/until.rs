//! When a live command ends.

use std::time::Duration;

use clap::Args;

use crate::command_line::{AnyError, shutdown_signal};

/// Until when to watch; whatever comes first.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Until {
    /// End after so many seconds [default: by Ctrl-C]
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    time: Option<Duration>,
    /// End when so many were shown
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
}

impl Until {
    /// Returns when the time is over, or the operator asks the program to stop.
    pub(super) async fn over(self) -> Result<(), AnyError> {
        let time = async {
            match self.time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time => Ok(()),
            signal = shutdown_signal() => Ok(signal?),
        }
    }

    /// Whether `shown` are enough.
    pub(super) fn is_enough(self, shown: u64) -> bool {
        self.count.is_some_and(|count| shown >= count)
    }
}

/// A time of up to a day.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    const DAY: f64 = 24.0 * 60.0 * 60.0;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= DAY => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("it is not a number of seconds over 0, up to 86400".to_owned()),
    }
}
