// A saga of the examples in the documentation: money goes from one account to another, or comes back.

include!("transfer.rs");

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct TransferSaga {
    pub from: String,
    pub to: String,
    pub amount: u64,
}

impl es_core::saga::Saga for TransferSaga {
    const NAME: &'static str = "transfer_sagas";
    const CATEGORIES: &'static [&'static str] = &["order"];
    type Input = OrderEvent;
    type Command = TransferCommand;

    fn correlate(event: &es_core::Recorded<'_, &OrderEvent>) -> es_core::Correlation {
        es_core::Correlation::start(event.aggregate_id())
    }

    fn begin(event: &es_core::Recorded<'_, &OrderEvent>) -> Option<Self> {
        let OrderEvent::TransferAsked { from, to, amount } = event.event.clone();
        Some(Self { from, to, amount })
    }

    fn steps() -> es_core::saga::Steps<Self> {
        use es_core::saga::{Step, Steps};
        let debit = Step::new("debit", |transfer: &Self| TransferCommand::Debit {
            account: transfer.from.clone(),
            amount: transfer.amount,
        });
        let credit = Step::new("credit", |transfer: &Self| TransferCommand::Credit {
            account: transfer.to.clone(),
            amount: transfer.amount,
        });
        Steps::new()
            .step(debit.undone_by(|transfer| TransferCommand::Credit {
                account: transfer.from.clone(),
                amount: transfer.amount,
            }))
            .step(credit.after("debit"))
    }
}
