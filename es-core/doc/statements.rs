// The view of the examples in the documentation.

#[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Statement {
    pub balance: u64,
    pub movements: u32,
}

#[derive(Debug)]
pub struct Statements;

impl es_core::Projector for Statements {
    const NAME: &'static str = "statements";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Statement;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Statement>,
        event: &es_core::Recorded<'_, AccountEvent>,
    ) -> Result<(), es_core::BoxError> {
        let statement = view.get_or_insert_default();
        statement.movements += 1;
        match &event.event {
            AccountEvent::Credited { amount } => statement.balance += amount,
            AccountEvent::Debited { amount } => statement.balance -= amount,
        }
        Ok(())
    }
}
