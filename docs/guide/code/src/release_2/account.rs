//! What a reader owes.

use es_core::{Aggregate, Command, Event};

#[derive(Debug, Clone, Command)]
pub enum AccountCommand {
    Charge { cents: u32, copy: String },
    Pay { cents: u32 },
    Close,
}

#[derive(Debug, Event)]
#[event(prefix = "Account")]
pub enum AccountEvent {
    Charged { cents: u32, copy: String },
    Paid { cents: u32 },
    Closed,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError {
    #[error("the account is closed")]
    Closed,
    #[error("{0} cents are owed")]
    Owes(u32),
    #[error("only {0} cents are owed")]
    PaysTooMuch(u32),
}

#[derive(Debug, Default)]
pub struct Account {
    pub owes: u32,
    pub closed: bool,
}

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;

    fn handle(
        &self,
        command: AccountCommand,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        match command {
            AccountCommand::Close if self.closed => Ok(vec![]),
            _ if self.closed => Err(AccountError::Closed),
            AccountCommand::Charge { cents, copy } => {
                Ok(vec![AccountEvent::Charged { cents, copy }])
            }
            AccountCommand::Pay { cents } if cents > self.owes => {
                Err(AccountError::PaysTooMuch(self.owes))
            }
            AccountCommand::Pay { cents } => {
                Ok(vec![AccountEvent::Paid { cents }])
            }
            AccountCommand::Close if self.owes > 0 => {
                Err(AccountError::Owes(self.owes))
            }
            AccountCommand::Close => Ok(vec![AccountEvent::Closed]),
        }
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Charged { cents, .. } => self.owes += cents,
            AccountEvent::Paid { cents } => self.owes -= cents,
            AccountEvent::Closed => self.closed = true,
        }
    }
}
