// The domain of the examples in the documentation.

#[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    pub balance: u64,
}

#[derive(Debug, Clone, es_core::Command)]
pub enum AccountCommand {
    Credit(u64),
    Debit(u64),
}

#[derive(Debug, Clone, PartialEq, es_core::Event)]
#[event(prefix = "Account")]
pub enum AccountEvent {
    Credited { amount: u64 },
    Debited { amount: u64 },
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the balance is {0}")]
pub struct Overdrawn(pub u64);

impl es_core::Aggregate for Account {
    const CATEGORY: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = Overdrawn;

    fn handle(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, Overdrawn> {
        match command {
            AccountCommand::Credit(0) => Ok(vec![]),
            AccountCommand::Credit(amount) => Ok(vec![AccountEvent::Credited { amount }]),
            AccountCommand::Debit(amount) if amount > self.balance => Err(Overdrawn(self.balance)),
            AccountCommand::Debit(amount) => Ok(vec![AccountEvent::Debited { amount }]),
        }
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Credited { amount } => self.balance += amount,
            AccountEvent::Debited { amount } => self.balance -= amount,
        }
    }
}

impl es_core::Snapshot for Account {
    const SCHEMA_VERSION: u32 = 1;
}
