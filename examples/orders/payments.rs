//! Who takes the money.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use es_core::{Clock, MessageError, SystemClock};

use super::domain::{OrderRequest, Payment};

/// Takes the money for orders. The shipped one only says so; one that asks a payment service would be
/// another.
#[async_trait]
pub trait Payments: Debug + Send + Sync + 'static {
    /// Takes the money for `order` once, however often it is asked: the order's id is the key of its
    /// payment.
    ///
    /// # Errors
    ///
    /// [`MessageError::transient`] when it may work later, [`MessageError::permanent`] when it never
    /// will. The text says nothing about the customer: it is kept with the dead letter.
    async fn charge(&self, order: &str, request: &OrderRequest) -> Result<Payment, MessageError>;
}

/// Says that it took the money, but for the orders that are named: by their ids, or by items that they
/// have.
#[derive(Debug)]
pub struct SimulatedPayments {
    broken_for: RwLock<BTreeSet<String>>,
    takes: Duration,
    clock: Arc<dyn Clock>,
}

impl SimulatedPayments {
    /// Fails for these orders and items until it is [repaired](Self::repair).
    pub fn broken_for(named: impl IntoIterator<Item = String>) -> Self {
        let broken_for = RwLock::new(named.into_iter().collect());
        Self { broken_for, takes: Duration::ZERO, clock: Arc::new(SystemClock) }
    }

    /// Takes so long for each order.
    #[must_use]
    pub fn taking(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }

    /// From now on it fails for none.
    pub fn repair(&self) {
        self.broken_for.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn is_broken_for(&self, order: &str, request: &OrderRequest) -> bool {
        let named = self.broken_for.read().unwrap_or_else(PoisonError::into_inner);
        named.contains(order) || request.items.iter().any(|item| named.contains(item.name()))
    }
}

impl Default for SimulatedPayments {
    fn default() -> Self {
        Self::broken_for([])
    }
}

#[async_trait]
impl Payments for SimulatedPayments {
    async fn charge(&self, order: &str, request: &OrderRequest) -> Result<Payment, MessageError> {
        if !self.takes.is_zero() {
            self.clock.sleep(self.takes).await;
        }
        if self.is_broken_for(order, request) {
            return Err(MessageError::transient("the payment service does not answer"));
        }
        Ok(Payment { reference: format!("pay-{order}"), payer: request.customer.name.clone() })
    }
}
