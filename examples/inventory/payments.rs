//! Who takes the money.

mod books;
mod simulated;

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::{DispatchError, Error};

use super::domain::Money;

pub use books::{Books, BooksCommand, BooksEvent};
pub use simulated::{Rates, SimulatedProvider};

/// Takes money, and gives it back. It is not part of this system, and what it does is not in its log.
#[async_trait]
pub trait PaymentProvider: Debug + Send + Sync + 'static {
    /// Takes `amount` for an order, once for each `key`, however often it is asked.
    ///
    /// # Errors
    ///
    /// When it cannot be asked. It may have taken the money all the same.
    async fn charge(&self, order: &str, key: &str, amount: Money) -> Result<Answer, Error>;

    /// Takes no money for an order any more, and gives back what it has taken: says how much that was, each time
    /// that it is asked. `None` if it had taken none.
    ///
    /// # Errors
    ///
    /// When it refuses, and when it cannot be asked. Then it may have given the money back all the same.
    async fn take_back(&self, order: &str) -> Result<Option<Money>, NotTakenBack>;
}

/// Why money does not go back.
#[derive(Debug, thiserror::Error)]
pub enum NotTakenBack {
    /// The provider refuses, however often it is asked: somebody has to talk to it.
    #[error("the provider refuses the refund")]
    Refused,
    /// The provider cannot be asked.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<NotTakenBack> for DispatchError {
    fn from(error: NotTakenBack) -> Self {
        match error {
            NotTakenBack::Refused => Self::permanent(error),
            NotTakenBack::Failed(error) => error.into(),
        }
    }
}

/// What is answered when money is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The money is there.
    Charged {
        /// What the payment is called.
        reference: String,
    },
    /// The money is refused.
    Declined {
        /// Why.
        reason: String,
    },
    /// None came. The money may have been taken, or not.
    Silence,
}
