// A process manager of the examples in the documentation: money goes from one account to another.

include!("account.rs");

// What asks for a transfer.

#[derive(Debug, Default)]
pub struct Order;

#[derive(Debug, Clone, es_core::Command)]
pub enum OrderCommand {
    Transfer { from: String, to: String, amount: u64 },
}

#[derive(Debug, Clone, PartialEq, es_core::Event)]
#[event(prefix = "Order")]
pub enum OrderEvent {
    TransferAsked { from: String, to: String, amount: u64 },
}

impl es_core::Aggregate for Order {
    const CATEGORY: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = std::convert::Infallible;

    fn handle(&self, command: OrderCommand) -> Result<Vec<OrderEvent>, Self::Error> {
        let OrderCommand::Transfer { from, to, amount } = command;
        Ok(vec![OrderEvent::TransferAsked { from, to, amount }])
    }

    fn apply(&mut self, _: OrderEvent) {}
}

// The process manager.

#[derive(Debug, Default)]
pub struct Transfer {
    pub from: String,
    pub to: String,
    pub amount: u64,
}

#[derive(Debug, Clone, PartialEq, es_core::Event)]
#[event(prefix = "Transfer")]
pub enum TransferEvent {
    Begun { from: String, to: String, amount: u64 },
}

#[derive(Debug, Clone, PartialEq, es_core::Command, serde::Serialize, serde::Deserialize)]
pub enum TransferCommand {
    Debit { account: String, amount: u64 },
    Credit { account: String, amount: u64 },
}

impl es_core::ProcessManager for Transfer {
    const NAME: &'static str = "transfers";
    const CATEGORIES: &'static [&'static str] = &["order"];
    type Input = OrderEvent;
    type Event = TransferEvent;
    type Command = TransferCommand;

    fn correlate(event: &es_core::Recorded<'_, &OrderEvent>) -> es_core::Correlation {
        es_core::Correlation::start(event.aggregate_id())
    }

    fn handle(&self, trigger: &es_core::Trigger<'_, Self>) -> es_core::Decision<Self> {
        use es_core::{Decision, Trigger};
        let credit = |account: &str, amount| TransferCommand::Credit {
            account: account.to_owned(),
            amount,
        };
        match trigger {
            Trigger::Event(event) => {
                let OrderEvent::TransferAsked { from, to, amount } = event.event.clone();
                Decision::new()
                    .event(TransferEvent::Begun { from: from.clone(), to, amount })
                    .confirmed_command(TransferCommand::Debit { account: from, amount })
            }
            Trigger::CommandSucceeded(_) => Decision::new()
                .command(credit(&self.to, self.amount))
                .complete("transferred"),
            Trigger::CommandFailed(_) => Decision::new().complete("refused"),
            Trigger::DeadlinePassed(_) | Trigger::CommandDropped(_) => Decision::ignore(),
        }
    }

    fn apply(&mut self, event: TransferEvent) {
        let TransferEvent::Begun { from, to, amount } = event;
        *self = Self { from, to, amount };
    }
}

// Who executes its commands.

pub struct Bank(pub es_core::Repository<Account>);

#[async_trait::async_trait]
impl es_core::CommandBus<TransferCommand> for Bank {
    async fn dispatch(
        &self,
        command: TransferCommand,
        options: es_core::ExecuteOptions,
    ) -> Result<es_core::Dispatched, es_core::DispatchError> {
        let (account, command) = match command {
            TransferCommand::Credit { account, .. } if account == "closed" => {
                return Err(es_core::DispatchError::rejected("the account is closed"));
            }
            TransferCommand::Debit { account, amount } => (account, AccountCommand::Debit(amount)),
            TransferCommand::Credit { account, amount } => {
                (account, AccountCommand::Credit(amount))
            }
        };
        Ok(self.0.execute_with(&account, command, options).await?.into())
    }
}
