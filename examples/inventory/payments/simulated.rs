use async_trait::async_trait;
use es_core::{Error, ExecuteError, Repository};

use super::{Answer, Books, BooksCommand, PaymentProvider};
use crate::inventory::chance::Chance;
use crate::inventory::domain::Money;

/// Takes money that there is none of. What becomes of an order is decided by chance, and the same in every run from
/// the same seed.
#[derive(Debug, Clone)]
pub struct SimulatedProvider {
    books: Repository<Books>,
    chance: Chance,
    decline_rate: f64,
    silent_rate: f64,
}

impl SimulatedProvider {
    /// Declines the orders of the first rate, and does not answer to those of the second; it takes the money for
    /// every other one of the latter.
    pub fn new(
        books: Repository<Books>,
        chance: Chance,
        decline_rate: f64,
        silent_rate: f64,
    ) -> Self {
        Self { books, chance, decline_rate, silent_rate }
    }

    fn is_silent(&self, order: &str) -> bool {
        self.chance.comes_true("silent", order, self.silent_rate)
    }

    fn is_declined(&self, order: &str) -> bool {
        match self.is_silent(order) {
            true => self.chance.comes_true("silently declined", order, 0.5),
            false => self.chance.comes_true("declined", order, self.decline_rate),
        }
    }
}

#[async_trait]
impl PaymentProvider for SimulatedProvider {
    async fn charge(&self, order: &str, key: &str, amount: Money) -> Result<Answer, Error> {
        on_the_way().await;
        let declined = self.is_declined(order);
        if !declined {
            let charge = BooksCommand::Charge { key: key.to_owned(), amount };
            self.books.execute(order, charge).await.map_err(failed)?;
        }
        on_the_way().await;
        if self.is_silent(order) {
            return Ok(Answer::Silence);
        }
        // What was closed meanwhile is not taken any more.
        let taken = self.books.load(order).await?.charges.contains_key(key);
        Ok(match taken {
            true => Answer::Charged { reference: format!("charge-{order}") },
            false => Answer::Declined { reason: "payment declined".to_owned() },
        })
    }

    async fn take_back(&self, order: &str) -> Result<Option<Money>, Error> {
        on_the_way().await;
        self.books.execute(order, BooksCommand::Close).await.map_err(failed)?;
        on_the_way().await;
        let returned = self.books.load(order).await?.closed;
        Ok(returned.filter(|amount| *amount > Money::default()))
    }
}

/// There or back. Whoever asks can be killed meanwhile, and not know what was done.
async fn on_the_way() {
    tokio::task::yield_now().await;
}

fn failed(error: ExecuteError<std::convert::Infallible>) -> Error {
    match error {
        ExecuteError::Failed(error) => error,
        ExecuteError::Rejected(never) => match never {},
    }
}
