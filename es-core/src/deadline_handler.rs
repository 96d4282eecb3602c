//! What happens when a deadline is due.

use async_trait::async_trait;

use crate::deadline_store::Deadline;
use crate::error::Result;

/// Acts on deadlines that are due. [`Processes`](crate::Processes) are one, and a
/// [`DeadlineSweeper`](crate::DeadlineSweeper) gives them what a [`DeadlineStore`](crate::DeadlineStore) has.
///
/// ```
/// use async_trait::async_trait;
/// use es_core::{Deadline, DeadlineHandler, Result};
///
/// /// Prints what is due.
/// struct Printer;
///
/// #[async_trait]
/// impl DeadlineHandler for Printer {
///     async fn fire(&self, deadline: &Deadline) -> Result<()> {
///         println!("{} {} since {}", deadline.process(), deadline.instance(), deadline.due());
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait DeadlineHandler: Send + Sync + 'static {
    /// Acts on `deadline`, once in effect: it may come again, after a crash or an error, from several programs at
    /// the same time, or when it does not count any more. Deadlines of several instances fire at the same time.
    ///
    /// It may be dropped at any `await`: when the program stops, when the sweeper loses its lease, or when it takes
    /// longer than it [may](crate::DeadlineSweeper::with_time_limit). It comes again after that, so what it has done
    /// until then must be found, or done again without harm.
    ///
    /// # Errors
    ///
    /// Any error, or a panic: it is fired again later, and others do not wait for it.
    async fn fire(&self, deadline: &Deadline) -> Result<()>;
}
