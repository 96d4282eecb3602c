//! An operator gives a deadline up.

use std::slice::from_ref;

use crate::deadline_store::Deadline;
use crate::error::{Error, Result};

use super::DeadlineSweeper;

impl DeadlineSweeper {
    /// Takes one deadline out of the store, so that it does not fire any more: the way out for one that fails each
    /// time and cannot be mended. Nothing happens to one that is not there. One that is just firing, here or
    /// elsewhere, or is about to, may do so once more, and a sweeper that has seen it fail may try it again until it looks
    /// into the store the next time: after its [poll interval](Self::with_poll_interval) at the latest, when it is not
    /// busy with others.
    ///
    /// The process is not told. Its stream has the deadline still: it goes on as if the time had not come, and sets the
    /// deadline anew should the event be delivered again that made it do so. Where the process has to hear of it,
    /// cancel the deadline there, by an event that the process manager understands, and it is gone here as well.
    ///
    /// ```
    /// use es_core::{DeadlineSweeper, Result};
    ///
    /// /// Gives up what has failed a thousand times.
    /// async fn give_up(sweeper: &DeadlineSweeper) -> Result<()> {
    ///     for failing in sweeper.health().failing {
    ///         if failing.attempts >= 1_000 {
    ///             sweeper.forget(&failing.deadline).await?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for a deadline of another process; [`Error::Unavailable`]: it may be forgotten or not.
    pub async fn forget(&self, deadline: &Deadline) -> Result<()> {
        if *deadline.process() != self.process {
            let (of, here) = (deadline.process(), &self.process);
            return Err(Error::Misuse(format!("a deadline of {of} cannot be forgotten by {here}")));
        }
        self.store.remove(from_ref(deadline)).await?;
        self.book().forget(deadline);
        let (consumer, instance, id) = (&self.process, deadline.instance(), deadline.id());
        tracing::warn!(%consumer, instance, %id, "a deadline was forgotten");
        Ok(())
    }
}
