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
    /// the same time, or when it does not count any more. It may be dropped at any `await`, and should come to an
    /// end: what is due later waits for it.
    ///
    /// # Errors
    ///
    /// Any error: it is fired again later, and others do not wait for it.
    async fn fire(&self, deadline: &Deadline) -> Result<()>;
}
