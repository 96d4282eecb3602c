use std::collections::BTreeMap;

use es_core::{Aggregate, Command, Event, Snapshot};
use serde::{Deserialize, Serialize};

/// What there is of one item, folded from its events.
///
/// Nothing is made and nothing is lost: what was received is on hand, reserved, or shipped.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    /// How many came in.
    pub received: u64,
    /// How many can be reserved.
    pub on_hand: u64,
    /// What was reserved, by order. What was released stays as a mark: see [`Reservation::Released`].
    pub reservations: BTreeMap<String, Reservation>,
}

/// Where a reservation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reservation {
    /// So many are kept for the order.
    Reserved(u32),
    /// So many are on their way.
    Shipped(u32),
    /// Nothing is kept for the order, and nothing will be: a reservation that was under way for longer than its
    /// release comes too late.
    Released,
}

impl Stock {
    /// The most of one delivery.
    pub const MAX_DELIVERY: u32 = 1_000_000;

    /// How many are kept for orders.
    pub fn reserved(&self) -> u64 {
        let kept = |it: &Reservation| match it {
            Reservation::Reserved(quantity) => u64::from(*quantity),
            Reservation::Shipped(_) | Reservation::Released => 0,
        };
        self.reservations.values().map(kept).sum()
    }

    /// How many are on their way.
    pub fn shipped(&self) -> u64 {
        let gone = |it: &Reservation| match it {
            Reservation::Shipped(quantity) => u64::from(*quantity),
            Reservation::Reserved(_) | Reservation::Released => 0,
        };
        self.reservations.values().map(gone).sum()
    }
}

/// What can be asked of the stock of an item.
#[derive(Debug, Clone, Command)]
pub enum StockCommand {
    /// A delivery came in.
    Restock {
        /// How many.
        quantity: u32,
    },
    /// Keep some for an order.
    Reserve {
        /// Which order.
        order: String,
        /// How many.
        quantity: u32,
    },
    /// Keep nothing for an order.
    Release {
        /// Which order.
        order: String,
    },
    /// Send what is kept for an order.
    Ship {
        /// Which order.
        order: String,
    },
}

/// What can happen to the stock of an item.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Stock")]
pub enum StockEvent {
    /// A delivery came in.
    Restocked {
        /// How many.
        quantity: u32,
    },
    /// Some are kept for an order.
    Reserved {
        /// Which order.
        order: String,
        /// How many.
        quantity: u32,
    },
    /// What was kept for an order can be had again.
    Released {
        /// Which order.
        order: String,
        /// How many.
        quantity: u32,
    },
    /// Nothing was kept for an order, and nothing will be.
    Barred {
        /// Which order.
        order: String,
    },
    /// What was kept for an order is on its way.
    Shipped {
        /// Which order.
        order: String,
        /// How many.
        quantity: u32,
    },
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// There is less on hand than is asked for.
    #[error("not enough stock")]
    NotEnough,
    /// A delivery is empty, or larger than can be.
    #[error("a delivery has 1 to 1000000 pieces")]
    Delivery,
    /// A reservation of none.
    #[error("nothing is to be reserved")]
    Nothing,
    /// The order has a reservation of another quantity.
    #[error("the order has another reservation")]
    AnotherReservation,
    /// The order was released.
    #[error("the reservation is released")]
    IsReleased,
    /// The goods are on their way.
    #[error("the goods are on their way")]
    IsShipped,
    /// Nothing is kept for the order.
    #[error("nothing is reserved for the order")]
    NotReserved,
}

impl Aggregate for Stock {
    const CATEGORY: &'static str = "stock";
    type Command = StockCommand;
    type Event = StockEvent;
    type Error = StockError;

    fn handle(&self, command: StockCommand) -> Result<Vec<StockEvent>, StockError> {
        match command {
            StockCommand::Restock { quantity } => restock(quantity),
            StockCommand::Reserve { order, quantity } => self.reserve(order, quantity),
            StockCommand::Release { order } => self.release(order),
            StockCommand::Ship { order } => self.ship(order),
        }
    }

    fn apply(&mut self, event: StockEvent) {
        match event {
            StockEvent::Restocked { quantity } => {
                self.received = self.received.saturating_add(u64::from(quantity));
                self.put_back(quantity);
            }
            StockEvent::Reserved { order, quantity } => {
                self.on_hand = self.on_hand.saturating_sub(u64::from(quantity));
                self.reservations.insert(order, Reservation::Reserved(quantity));
            }
            StockEvent::Shipped { order, quantity } => {
                self.reservations.insert(order, Reservation::Shipped(quantity));
            }
            StockEvent::Barred { order } => {
                self.reservations.insert(order, Reservation::Released);
            }
            StockEvent::Released { order, quantity } => {
                self.put_back(quantity);
                self.reservations.insert(order, Reservation::Released);
            }
        }
    }
}

impl Snapshot for Stock {
    const SCHEMA_VERSION: u32 = 1;
}

fn restock(quantity: u32) -> Result<Vec<StockEvent>, StockError> {
    match (1..=Stock::MAX_DELIVERY).contains(&quantity) {
        true => Ok(vec![StockEvent::Restocked { quantity }]),
        false => Err(StockError::Delivery),
    }
}

impl Stock {
    fn put_back(&mut self, quantity: u32) {
        self.on_hand = self.on_hand.saturating_add(u64::from(quantity));
    }

    /// What is reserved is reserved once.
    fn reserve(&self, order: String, quantity: u32) -> Result<Vec<StockEvent>, StockError> {
        match self.reservations.get(&order) {
            Some(Reservation::Released) => Err(StockError::IsReleased),
            Some(Reservation::Reserved(before) | Reservation::Shipped(before)) => {
                match *before == quantity {
                    true => Ok(vec![]),
                    false => Err(StockError::AnotherReservation),
                }
            }
            None if quantity == 0 => Err(StockError::Nothing),
            None if self.on_hand < u64::from(quantity) => Err(StockError::NotEnough),
            None => Ok(vec![StockEvent::Reserved { order, quantity }]),
        }
    }

    /// Undoes whatever was done for the order, and nothing if nothing was. What is on its way is not undone: nobody
    /// releases it.
    fn release(&self, order: String) -> Result<Vec<StockEvent>, StockError> {
        match self.reservations.get(&order) {
            None => Ok(vec![StockEvent::Barred { order }]),
            Some(Reservation::Released) => Ok(vec![]),
            Some(&Reservation::Reserved(quantity)) => {
                Ok(vec![StockEvent::Released { order, quantity }])
            }
            Some(Reservation::Shipped(_)) => Err(StockError::IsShipped),
        }
    }

    fn ship(&self, order: String) -> Result<Vec<StockEvent>, StockError> {
        match self.reservations.get(&order) {
            None => Err(StockError::NotReserved),
            Some(Reservation::Released) => Err(StockError::IsReleased),
            Some(&Reservation::Reserved(quantity)) => {
                Ok(vec![StockEvent::Shipped { order, quantity }])
            }
            Some(Reservation::Shipped(_)) => Ok(vec![]),
        }
    }
}
