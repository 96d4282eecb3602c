//! What is done with an order in the queue: it is paid for, and that is recorded.

use std::sync::Arc;

use async_trait::async_trait;
use es_core::cloud_events::CloudEvent;
use es_core::{
    ExecuteOptions, Incoming, MessageError, MessageHandler, Metadata, Repository, StreamId,
};

use super::domain::{Order, OrderCommand, OrderEvent, OrderRequest};
use super::payments::Payments;

/// Has each order that was created paid for. The same one again changes nothing: its payment is made
/// under its id, and the order is processed once.
#[derive(Debug)]
pub struct Processor {
    orders: Repository<Order>,
    payments: Arc<dyn Payments>,
}

impl Processor {
    /// The processor, with what it needs.
    pub fn new(orders: Repository<Order>, payments: Arc<dyn Payments>) -> Self {
        Self { orders, payments }
    }
}

#[async_trait]
impl MessageHandler for Processor {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let event = message.as_cloud_event();
        let event = event.ok_or_else(|| MessageError::permanent("it is no CloudEvent"))?;
        let (order, request) = created(event)?;
        let payment = self.payments.charge(order.id(), &request).await?;
        let options = ExecuteOptions::new().metadata(caused_by(event));
        self.orders.execute_with(order.id(), OrderCommand::Process(payment), options).await?;
        Ok(())
    }
}

/// The order of an `Order:Created`. Nothing else comes this way.
fn created(event: &CloudEvent) -> Result<(StreamId, OrderRequest), MessageError> {
    let order = event.stream().filter(|stream| stream.category() == "order");
    let order = order.ok_or_else(|| MessageError::permanent("its subject is no order"))?;
    match event.event().map_err(MessageError::permanent)? {
        OrderEvent::Created { customer, items, .. } => {
            Ok((order, OrderRequest { customer, items }))
        }
        OrderEvent::Processed { .. } => Err(MessageError::permanent("it is no order that is new")),
    }
}

/// Hands on who and what began it.
fn caused_by(event: &CloudEvent) -> Metadata {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let mut metadata = Metadata::new();
    metadata.correlation_id = text(event.correlation_id().or(Some(event.id())));
    metadata.causation_id = text(Some(event.id()));
    metadata.traceparent = text(event.traceparent());
    metadata.actor = Some("order processor".to_owned());
    metadata
}
