//! What a reader has paid in advance.

use std::collections::{BTreeMap, BTreeSet};

use es_core::{Aggregate, Command, Event};

#[derive(Debug, Clone, Command)]
pub enum PurseCommand {
    Fill { cents: u32 },
    Charge { parcel: String, cents: u32 },
    Refund { parcel: String },
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Purse")]
pub enum PurseEvent {
    Filled { cents: u32 },
    Charged { parcel: String, cents: u32 },
    Refunded { parcel: String, cents: u32 },
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum PurseError {
    #[error("there are {0} cents in the purse")]
    TooLittle(u32),
    #[error("parcel {0} was refunded")]
    Refunded(String),
}

#[derive(Debug, Default)]
pub struct Purse {
    pub cents: u32,
    charged: BTreeMap<String, u32>,
    refunded: BTreeSet<String>,
}

// ANCHOR: purse
impl Aggregate for Purse {
    const CATEGORY: &'static str = "purse";
    type Command = PurseCommand;
    type Event = PurseEvent;
    type Error = PurseError;

    fn handle(
        &self,
        command: PurseCommand,
    ) -> Result<Vec<PurseEvent>, PurseError> {
        match command {
            PurseCommand::Fill { cents } => {
                Ok(vec![PurseEvent::Filled { cents }])
            }
            PurseCommand::Charge { parcel, .. }
                if self.refunded.contains(&parcel) =>
            {
                Err(PurseError::Refunded(parcel))
            }
            PurseCommand::Charge { cents, .. } if cents > self.cents => {
                Err(PurseError::TooLittle(self.cents))
            }
            PurseCommand::Charge { parcel, cents } => {
                Ok(vec![PurseEvent::Charged { parcel, cents }])
            }
            PurseCommand::Refund { parcel } => {
                let cents = self.charged.get(&parcel).copied();
                let cents = cents.unwrap_or_default();
                Ok(vec![PurseEvent::Refunded { parcel, cents }])
            }
        }
    }

    fn apply(&mut self, event: PurseEvent) {
        match event {
            PurseEvent::Filled { cents } => self.cents += cents,
            PurseEvent::Charged { parcel, cents } => {
                self.cents -= cents;
                self.charged.insert(parcel, cents);
            }
            PurseEvent::Refunded { parcel, cents } => {
                self.cents += cents;
                self.charged.remove(&parcel);
                self.refunded.insert(parcel);
            }
        }
    }
}
// ANCHOR_END: purse
