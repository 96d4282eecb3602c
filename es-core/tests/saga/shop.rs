//! The domain: a shop that reserves goods and takes money at the same time, and then ships. Its aggregates are
//! naive on purpose: they do again what they are told again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::saga::{Answer, Saga, Step, Steps};
use es_core::{
    Aggregate, Command, CommandBus, Correlation, DispatchError, Dispatched, Event, EventStore,
    ExecuteOptions, Recorded, Repository,
};
use serde::{Deserialize, Serialize};

/// Asks for goods.
#[derive(Debug, Default)]
pub(crate) struct Order;

#[derive(Debug, Clone, Command)]
pub(crate) struct Tell(pub(crate) OrderEvent);

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Order")]
pub(crate) enum OrderEvent {
    Placed {
        quantity: u32,
    },
    CalledOff,
    /// Nobody asks for this answer.
    Delivered,
}

impl Aggregate for Order {
    const CATEGORY: &'static str = "order";
    type Command = Tell;
    type Event = OrderEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, Tell(event): Tell) -> Result<Vec<OrderEvent>, Self::Error> {
        Ok(vec![event])
    }

    fn apply(&mut self, _: OrderEvent) {}
}

/// The goods.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    pub(crate) on_hand: u32,
    pub(crate) reserved: BTreeMap<String, u32>,
    pub(crate) shipped: u32,
    /// Orders whose goods were asked back: what is reserved for them later is refused.
    released: BTreeSet<String>,
}

#[derive(Debug, Clone, Command)]
pub(crate) enum StockCommand {
    Receive(u32),
    Reserve { order: String, quantity: u32 },
    Release { order: String },
    Ship { order: String },
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Stock")]
pub(crate) enum StockEvent {
    Received { quantity: u32 },
    Reserved { order: String, quantity: u32 },
    Released { order: String },
    Shipped { order: String },
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum StockError {
    #[error("there are {0} left")]
    SoldOut(u32),
    #[error("the order was called off")]
    CalledOff,
    #[error("nothing is reserved")]
    NotReserved,
}

impl Aggregate for Stock {
    const CATEGORY: &'static str = "stock";
    type Command = StockCommand;
    type Event = StockEvent;
    type Error = StockError;

    fn handle(&self, command: StockCommand) -> Result<Vec<StockEvent>, StockError> {
        Ok(vec![match command {
            StockCommand::Receive(quantity) => StockEvent::Received { quantity },
            StockCommand::Reserve { order, .. } if self.released.contains(&order) => {
                return Err(StockError::CalledOff);
            }
            StockCommand::Reserve { quantity, .. } if quantity > self.on_hand => {
                return Err(StockError::SoldOut(self.on_hand));
            }
            StockCommand::Reserve { order, quantity } => StockEvent::Reserved { order, quantity },
            StockCommand::Release { order } => StockEvent::Released { order },
            StockCommand::Ship { order } if !self.reserved.contains_key(&order) => {
                return Err(StockError::NotReserved);
            }
            StockCommand::Ship { order } => StockEvent::Shipped { order },
        }])
    }

    fn apply(&mut self, event: StockEvent) {
        match event {
            StockEvent::Received { quantity } => self.on_hand += quantity,
            StockEvent::Reserved { order, quantity } => {
                self.on_hand -= quantity;
                *self.reserved.entry(order).or_default() += quantity;
            }
            StockEvent::Released { order } => {
                self.on_hand += self.reserved.remove(&order).unwrap_or_default();
                self.released.insert(order);
            }
            StockEvent::Shipped { order } => {
                self.shipped += self.reserved.remove(&order).unwrap_or_default();
            }
        }
    }
}

/// The money for one order. The provider takes it once for every request.
#[derive(Debug, Default)]
pub(crate) struct Payment {
    pub(crate) requests: u32,
    pub(crate) charges: u32,
    pub(crate) refunds: u32,
}

#[derive(Debug, Clone, Command)]
pub(crate) enum PaymentCommand {
    Request,
    Refund,
    /// The provider's.
    Capture,
    /// The provider's.
    Decline,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Payment")]
pub(crate) enum PaymentEvent {
    Requested,
    Captured { number: u32 },
    Declined,
    Refunded,
}

impl Aggregate for Payment {
    const CATEGORY: &'static str = "payment";
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, command: PaymentCommand) -> Result<Vec<PaymentEvent>, Self::Error> {
        Ok(match command {
            PaymentCommand::Request => vec![PaymentEvent::Requested],
            PaymentCommand::Capture if self.charges < self.requests => {
                vec![PaymentEvent::Captured { number: 7 }]
            }
            PaymentCommand::Capture => vec![],
            PaymentCommand::Decline => vec![PaymentEvent::Declined],
            PaymentCommand::Refund if self.refunds < self.charges => vec![PaymentEvent::Refunded],
            PaymentCommand::Refund => vec![],
        })
    }

    fn apply(&mut self, event: PaymentEvent) {
        match event {
            PaymentEvent::Requested => self.requests += 1,
            PaymentEvent::Captured { .. } => self.charges += 1,
            PaymentEvent::Declined => self.requests -= 1,
            PaymentEvent::Refunded => self.refunds += 1,
        }
    }
}

/// What the saga follows.
#[derive(Debug, Event)]
#[event(union)]
pub(crate) enum ShopEvent {
    Order(OrderEvent),
    Payment(PaymentEvent),
}

#[derive(Debug, Clone, PartialEq, Command, Serialize, Deserialize)]
pub(crate) enum ShopCommand {
    Reserve { order: String, quantity: u32 },
    Release { order: String },
    Ship { order: String },
    Request { order: String },
    Refund { order: String, number: Option<u32> },
}

/// The saga.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fulfilment {
    pub(crate) order: String,
    pub(crate) quantity: u32,
    pub(crate) payment_number: Option<u32>,
}

pub(crate) const TIME_TO_PAY: Duration = Duration::from_secs(60);
pub(crate) const TIME: Duration = Duration::from_secs(300);

impl Fulfilment {
    pub(crate) fn reserve(&self) -> ShopCommand {
        ShopCommand::Reserve { order: self.order.clone(), quantity: self.quantity }
    }

    pub(crate) fn release(&self) -> ShopCommand {
        ShopCommand::Release { order: self.order.clone() }
    }

    pub(crate) fn request(&self) -> ShopCommand {
        ShopCommand::Request { order: self.order.clone() }
    }

    pub(crate) fn refund(&self) -> ShopCommand {
        ShopCommand::Refund { order: self.order.clone(), number: self.payment_number }
    }

    pub(crate) fn ship(&self) -> ShopCommand {
        ShopCommand::Ship { order: self.order.clone() }
    }

    /// What both kinds of this saga have in common.
    pub(crate) fn answer_to(event: &ShopEvent) -> Answer {
        match event {
            ShopEvent::Order(OrderEvent::Placed { .. })
            | ShopEvent::Payment(PaymentEvent::Requested | PaymentEvent::Refunded) => {
                Answer::Nothing
            }
            ShopEvent::Order(OrderEvent::Delivered) => Answer::Done("delivery"),
            ShopEvent::Order(OrderEvent::CalledOff) => {
                Answer::CalledOff("the customer called it off".to_owned())
            }
            ShopEvent::Payment(PaymentEvent::Captured { .. }) => Answer::Done("payment"),
            ShopEvent::Payment(PaymentEvent::Declined) => {
                Answer::Failed("payment", "the card was declined".to_owned())
            }
        }
    }
}

impl Saga for Fulfilment {
    const NAME: &'static str = "fulfilment";
    const CATEGORIES: &'static [&'static str] = &["order", "payment"];
    type Input = ShopEvent;
    type Command = ShopCommand;

    fn correlate(event: &Recorded<'_, &ShopEvent>) -> Correlation {
        match event.event {
            ShopEvent::Order(OrderEvent::Placed { .. }) => Correlation::start(event.aggregate_id()),
            _ => Correlation::continuing(event.aggregate_id()),
        }
    }

    fn begin(event: &Recorded<'_, &ShopEvent>) -> Option<Self> {
        match event.event {
            ShopEvent::Order(OrderEvent::Placed { quantity }) => Some(Self {
                order: event.aggregate_id().to_owned(),
                quantity: *quantity,
                payment_number: None,
            }),
            _ => None,
        }
    }

    fn steps() -> Steps<Self> {
        Steps::new()
            .step(Step::new("stock", Self::reserve).undone_by(Self::release).undone_when_rejected())
            .step(
                Step::new("payment", Self::request)
                    .undone_by(Self::refund)
                    .until_answered()
                    .within(TIME_TO_PAY),
            )
            .step(Step::new("delivery", Self::ship).point_of_no_return())
            .within(TIME)
    }

    fn answer(&self, event: &Recorded<'_, &ShopEvent>) -> Answer {
        Self::answer_to(event.event)
    }

    fn learn(&mut self, event: &Recorded<'_, &ShopEvent>) {
        if let ShopEvent::Payment(PaymentEvent::Captured { number }) = event.event {
            self.payment_number = Some(*number);
        }
    }
}

/// The same saga, whose stock nobody gives back: what a shop is without compensation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Forgetful(Fulfilment);

impl Saga for Forgetful {
    const NAME: &'static str = "forgetful";
    const CATEGORIES: &'static [&'static str] = Fulfilment::CATEGORIES;
    type Input = ShopEvent;
    type Command = ShopCommand;

    fn correlate(event: &Recorded<'_, &ShopEvent>) -> Correlation {
        Fulfilment::correlate(event)
    }

    fn begin(event: &Recorded<'_, &ShopEvent>) -> Option<Self> {
        Fulfilment::begin(event).map(Self)
    }

    fn steps() -> Steps<Self> {
        Steps::new()
            .step(Step::new("stock", |it: &Self| it.0.reserve()))
            .step(
                Step::new("payment", |it: &Self| it.0.request())
                    .undone_by(|it| it.0.refund())
                    .until_answered()
                    .within(TIME_TO_PAY),
            )
            .step(Step::new("delivery", |it: &Self| it.0.ship()).point_of_no_return())
            .within(TIME)
    }

    fn answer(&self, event: &Recorded<'_, &ShopEvent>) -> Answer {
        Fulfilment::answer_to(event.event)
    }
}

/// Who executes the commands.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) stock: Repository<Stock>,
    pub(crate) payments: Repository<Payment>,
    /// Whether commands keep the identity that they were given.
    pub(crate) forgets_identities: bool,
    /// Says of every fifth command or so that it has failed; of every second of these it is not true.
    pub(crate) moods: Arc<Mutex<Option<fastrand::Rng>>>,
}

impl Shop {
    pub(crate) fn on(log: Arc<dyn EventStore>) -> Self {
        let (stock, payments) = (Repository::new(log.clone()), Repository::new(log));
        Self { stock, payments, forgets_identities: false, moods: Arc::default() }
    }

    /// Whether the command is not executed, and whether it is said to have failed.
    fn mood(&self) -> (bool, Option<DispatchError>) {
        let mut moods = self.moods.lock().unwrap();
        let Some(moods) = moods.as_mut() else { return (false, None) };
        if moods.u8(..5) != 0 {
            return (false, None);
        }
        let error = match moods.bool() {
            true => DispatchError::transient("the line is busy"),
            false => DispatchError::permanent("no line"),
        };
        (moods.bool(), Some(error))
    }
}

#[async_trait]
impl CommandBus<ShopCommand> for Shop {
    async fn dispatch(
        &self,
        command: ShopCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        let options = match self.forgets_identities {
            true => ExecuteOptions::new(),
            false => options,
        };
        let (fails, error) = self.mood();
        if fails && let Some(error) = error {
            return Err(error);
        }
        let stock = |command| self.stock.execute_with("goods", command, options.clone());
        let receipt = match command {
            ShopCommand::Reserve { order, quantity } => {
                stock(StockCommand::Reserve { order, quantity }).await?
            }
            ShopCommand::Release { order } => stock(StockCommand::Release { order }).await?,
            ShopCommand::Ship { order } => stock(StockCommand::Ship { order }).await?,
            ShopCommand::Request { order } => {
                self.payments.execute_with(&order, PaymentCommand::Request, options).await?
            }
            ShopCommand::Refund { order, .. } => {
                self.payments.execute_with(&order, PaymentCommand::Refund, options).await?
            }
        };
        match error {
            Some(error) => Err(error),
            None => Ok(receipt.into()),
        }
    }
}
