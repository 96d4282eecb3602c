//! Late fees, written off where nobody is left to pay them.

use async_trait::async_trait;
use es_core::{
    ExecuteError, Policy, Reaction, ReactionError, Recorded, Repository,
};

use super::account::{Account, AccountCommand, AccountError};
use super::copy::CopyEvent;

const CENTS_PER_DAY: u32 = 20;

#[derive(Debug)]
pub struct LateFees {
    accounts: Repository<Account>,
}

impl LateFees {
    pub fn new(accounts: Repository<Account>) -> Self {
        Self { accounts }
    }
}

#[async_trait]
impl Policy for LateFees {
    const NAME: &'static str = "late_fees";
    const CATEGORIES: &'static [&'static str] = &["copy"];
    type Event = CopyEvent;

    async fn react(
        &self,
        event: &Recorded<'_, CopyEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let CopyEvent::Returned { reader, days_late: Some(days), .. } =
            &event.event
        else {
            return Ok(());
        };
        if *days > 365 {
            let reason = format!("{days} days late: somebody should look");
            return Err(ReactionError::permanent(reason));
        }
        if *days > 0 {
            let copy = event.aggregate_id().to_owned();
            let charge =
                AccountCommand::Charge { cents: days * CENTS_PER_DAY, copy };
            let options = reaction.options(0)?;
            // ANCHOR: charge
            match self.accounts.execute_with(reader, charge, options).await {
                // Nobody is left to pay: the library writes the fee off.
                Err(ExecuteError::Rejected(AccountError::Closed)) => {}
                charged => drop(charged?),
            }
            // ANCHOR_END: charge
        }
        Ok(())
    }
}
