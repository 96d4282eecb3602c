use std::collections::BTreeMap;
use std::convert::Infallible;

use es_core::{Aggregate, Command, Event};

use crate::inventory::domain::Money;

/// The books of the simulated provider about one order. They are kept beside the log of the system, so that they
/// survive as another company's do, and nobody in the system reads them but who checks what has become of it.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Books {
    /// What was taken, by the key that it was asked for with.
    pub charges: BTreeMap<String, Money>,
    /// What was given back, once nothing is taken any more.
    pub closed: Option<Money>,
}

/// What the provider does.
#[derive(Debug, Clone, Command)]
pub enum BooksCommand {
    /// Take money.
    Charge {
        /// What it is asked for with.
        key: String,
        /// How much.
        amount: Money,
    },
    /// Give everything back, and take no more.
    Close,
}

/// What the provider has done.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Books")]
pub enum BooksEvent {
    /// It has taken money.
    Charged {
        /// What it was asked for with.
        key: String,
        /// How much.
        amount: Money,
    },
    /// It has given everything back, and takes no more.
    Closed {
        /// How much it has given back.
        returned: Money,
    },
}

impl Aggregate for Books {
    const CATEGORY: &'static str = "provider";
    type Command = BooksCommand;
    type Event = BooksEvent;
    type Error = Infallible;

    fn handle(&self, command: BooksCommand) -> Result<Vec<BooksEvent>, Infallible> {
        Ok(match command {
            _ if self.closed.is_some() => vec![],
            BooksCommand::Charge { key, .. } if self.charges.contains_key(&key) => vec![],
            BooksCommand::Charge { key, amount } => vec![BooksEvent::Charged { key, amount }],
            BooksCommand::Close => {
                vec![BooksEvent::Closed { returned: self.charges.values().copied().sum() }]
            }
        })
    }

    fn apply(&mut self, event: BooksEvent) {
        match event {
            BooksEvent::Charged { key, amount } => {
                self.charges.insert(key, amount);
            }
            BooksEvent::Closed { returned } => self.closed = Some(returned),
        }
    }
}
