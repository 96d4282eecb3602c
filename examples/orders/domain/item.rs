use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::money::{InvalidMoney, Money};

/// A position of an order: what, how often, and what one of it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    name: String,
    quantity: u32,
    price: Money,
}

/// Why something cannot be ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidItem {
    /// It is not of the form `NAME:QUANTITY:PRICE`.
    #[error("an item is NAME:QUANTITY:PRICE, as in tea:2:4.50")]
    Form,
    /// The name is empty, too long, or has control characters.
    #[error("an item's name has 1 to 100 characters, and no control characters")]
    Name,
    /// The quantity is out of range.
    #[error("an item's quantity is 1 to 1000")]
    Quantity,
    /// The price is none, or out of range.
    #[error("an item's price is 0 to 100000, as in 4 or 4.50")]
    Price,
}

impl Item {
    /// The longest name, in characters.
    pub const MAX_NAME: usize = 100;
    /// The most of one item.
    pub const MAX_QUANTITY: u32 = 1_000;
    /// The most that one of it costs.
    pub const MAX_PRICE: Money = Money::cents(10_000_000);

    /// An item.
    ///
    /// # Errors
    ///
    /// [`InvalidItem`] with the first thing that is wrong.
    pub fn new(name: &str, quantity: u32, price: Money) -> Result<Self, InvalidItem> {
        let is_name = (1..=Self::MAX_NAME).contains(&name.chars().count());
        if !is_name || name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(InvalidItem::Name);
        }
        if !(1..=Self::MAX_QUANTITY).contains(&quantity) {
            return Err(InvalidItem::Quantity);
        }
        if price > Self::MAX_PRICE {
            return Err(InvalidItem::Price);
        }
        Ok(Self { name: name.to_owned(), quantity, price })
    }

    /// What it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it is ordered.
    pub fn quantity(&self) -> u32 {
        self.quantity
    }

    /// What all of it costs.
    pub fn cost(&self) -> Money {
        self.price.times(self.quantity)
    }
}

impl FromStr for Item {
    type Err = InvalidItem;

    /// `NAME:QUANTITY:PRICE`; the name may have colons, too.
    fn from_str(text: &str) -> Result<Self, InvalidItem> {
        let mut parts = text.rsplitn(3, ':');
        let (Some(price), Some(quantity), Some(name)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidItem::Form);
        };
        let price = price.parse().map_err(|InvalidMoney| InvalidItem::Price)?;
        let quantity = quantity.parse().map_err(|_| InvalidItem::Quantity)?;
        Self::new(name, quantity, price)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.quantity, self.name)
    }
}
