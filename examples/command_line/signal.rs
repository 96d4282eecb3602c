use std::io;

use super::AnyError;

/// What the operator says to a running program: to stop, once or again.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on, signals do not end the program by themselves.
    ///
    /// # Errors
    ///
    /// When the system does not let the program listen for them.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let interrupt = signal(SignalKind::interrupt())?;
            Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Returns when the operator asks the program to stop, each time that he does.
    ///
    /// # Errors
    ///
    /// When the system does not let the program listen for that.
    pub async fn received(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        {
            tokio::select! {
                _ = self.interrupt.recv() => Ok(()),
                _ = self.terminate.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }

    /// Brings a program to its end, unless the operator asks again: then it is left undone.
    ///
    /// # Errors
    ///
    /// Those of `ending`, and that it is left undone.
    pub async fn unless_received(
        &mut self,
        ending: impl Future<Output = Result<(), AnyError>>,
    ) -> Result<(), AnyError> {
        tokio::select! {
            ended = ending => ended,
            received = self.received() => {
                received?;
                Err("it was asked twice to stop, so what was at hand is left undone".into())
            }
        }
    }
}

/// Returns when the operator asks the program to stop.
///
/// # Errors
///
/// When the system does not let the program listen for that.
pub async fn shutdown_signal() -> io::Result<()> {
    Signals::listen()?.received().await
}
