use async_trait::async_trait;
use es_core::{Error, ExecuteError, Repository};

use super::{Answer, Books, BooksCommand, NotTakenBack, PaymentProvider};
use crate::inventory::chance::Chance;
use crate::inventory::domain::Money;

/// Takes money that there is none of. What becomes of an order is decided by chance, and the same in every run from
/// the same seed.
#[derive(Debug, Clone)]
pub struct SimulatedProvider {
    books: Repository<Books>,
    chance: Chance,
    rates: Rates,
}

/// How often what goes wrong: 0 is never, 1 is always.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Payments that are declined.
    pub declined: f64,
    /// Payments that are not answered. The money is taken for every other one of them.
    pub silent: f64,
    /// Refunds that are refused, each time that they are asked for.
    pub refund_refused: f64,
}

impl SimulatedProvider {
    /// Does what comes by chance at these rates.
    pub fn new(books: Repository<Books>, chance: Chance, rates: Rates) -> Self {
        Self { books, chance, rates }
    }

    /// The provider after somebody has talked to it: it refuses no refund.
    #[must_use]
    pub fn talked_to(mut self) -> Self {
        self.rates.refund_refused = 0.0;
        self
    }

    /// Where nothing was taken, there is nothing to refuse.
    async fn is_refund_refused(&self, order: &str) -> Result<bool, Error> {
        if !self.chance.comes_true("refund refused", order, self.rates.refund_refused) {
            return Ok(false);
        }
        let books = self.books.load(order).await?;
        Ok(books.closed.is_none() && !books.charges.is_empty())
    }

    fn is_silent(&self, order: &str) -> bool {
        self.chance.comes_true("silent", order, self.rates.silent)
    }

    fn is_declined(&self, order: &str) -> bool {
        match self.is_silent(order) {
            true => self.chance.comes_true("silently declined", order, 0.5),
            false => self.chance.comes_true("declined", order, self.rates.declined),
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

    async fn take_back(&self, order: &str) -> Result<Option<Money>, NotTakenBack> {
        on_the_way().await;
        if self.is_refund_refused(order).await? {
            return Err(NotTakenBack::Refused);
        }
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
