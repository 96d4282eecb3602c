//! Who does what a workflow asks for.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::{CommandBus, DispatchError, Dispatched, ExecuteError, ExecuteOptions, Repository};

use super::domain::{
    Order, OrderCommand, Payment, PaymentCommand, Stock, StockCommand, StockError,
};
use super::fulfilment::{Fulfilment, FulfilmentCommand};
use super::payments::PaymentProvider;

/// Takes each command of a workflow to those who do it.
#[derive(Debug, Clone)]
pub struct Desks {
    /// Where orders are kept.
    pub orders: Repository<Order>,
    /// Where the stock is kept, item by item.
    pub stock: Repository<Stock>,
    /// Where payments are kept.
    pub payments: Repository<Payment>,
    /// Who gives money back.
    pub provider: Arc<dyn PaymentProvider>,
}

#[async_trait]
impl CommandBus<FulfilmentCommand> for Desks {
    async fn dispatch(
        &self,
        command: FulfilmentCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        match command {
            FulfilmentCommand::AcceptOrder(order) => {
                Ok(self.orders.execute_with(&order, OrderCommand::Accept, options).await?.into())
            }
            FulfilmentCommand::CompleteOrder(order) => {
                Ok(self.orders.execute_with(&order, OrderCommand::Complete, options).await?.into())
            }
            FulfilmentCommand::CancelOrder(order) => {
                Ok(self.orders.execute_with(&order, OrderCommand::Cancel, options).await?.into())
            }
            FulfilmentCommand::RequestPayment { order, amount } => {
                let request = PaymentCommand::Request { amount };
                Ok(self.payments.execute_with(&order, request, options).await?.into())
            }
            FulfilmentCommand::TakePaymentBack(order) => self.take_back(&order, options).await,
            FulfilmentCommand::ReserveStock(all) => {
                self.of_each_item(all, options, |order, quantity| StockCommand::Reserve {
                    order,
                    quantity,
                })
                .await
            }
            FulfilmentCommand::ReleaseStock(all) => {
                self.of_each_item(all, options, |order, _| StockCommand::Release { order }).await
            }
            FulfilmentCommand::ShipStock(all) => {
                self.of_each_item(all, options, |order, _| StockCommand::Ship { order }).await
            }
        }
    }
}

impl Desks {
    /// The money first, and then the note that it went back: what is killed in between is asked again, and the
    /// provider says the same.
    async fn take_back(
        &self,
        order: &str,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        let returned = self.provider.take_back(order).await?;
        let back = PaymentCommand::TakeBack { returned };
        Ok(self.payments.execute_with(order, back, options).await?.into())
    }

    /// One command for each item, all under the same key: each item is a stream of its own, in which the key counts
    /// by itself.
    async fn of_each_item(
        &self,
        all: Fulfilment,
        options: ExecuteOptions,
        command: impl Fn(String, u32) -> StockCommand,
    ) -> Result<Dispatched, DispatchError> {
        let mut done = None;
        for item in &all.items {
            let command = command(all.order.clone(), item.quantity);
            match self.stock.execute_with(&item.item_id, command, options.clone()).await {
                Ok(receipt) => done = Some(receipt.into()),
                Err(error) => return Err(refused(error, done.is_none())),
            }
        }
        done.ok_or_else(|| DispatchError::permanent("the order has no items"))
    }
}

/// A refusal of the first item is one of the whole. Behind it, the whole has had a part of its effect: a workflow that
/// took it for a rejection would leave that part as it is.
fn refused(error: ExecuteError<StockError>, is_whole: bool) -> DispatchError {
    match error {
        ExecuteError::Rejected(error) if !is_whole => DispatchError::permanent(error),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests;
