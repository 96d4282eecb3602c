//! Those who bring a copy back late are charged.

// ANCHOR: policy
use async_trait::async_trait;
use es_core::{Policy, Reaction, ReactionError, Recorded, Repository};

use super::account::{Account, AccountCommand};
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
            self.accounts.execute_with(reader, charge, options).await?;
        }
        Ok(())
    }
}
// ANCHOR_END: policy

#[cfg(test)]
// ANCHOR: test
mod tests {
    use es_core::testing::GivenEvents;
    use jiff::civil::date;

    use super::*;
    use crate::release_2::account::AccountEvent;

    fn returned(days_late: u32) -> CopyEvent {
        let on = date(2026, 4, 2);
        CopyEvent::Returned {
            reader: "ada".into(),
            on,
            days_late: Some(days_late),
        }
    }

    #[tokio::test]
    async fn a_late_reader_is_charged_by_the_day_and_once() {
        GivenEvents::nothing()
            .react_with(|given| LateFees::new(given.repository()))
            .when("copy", "c-1", [returned(3)])
            .await
            .then_caused(
                "account",
                "ada",
                [AccountEvent::Charged { cents: 60, copy: "c-1".into() }],
            )
            .then_nothing_else()
            .then_redelivery_changes_nothing()
            .await;
    }

    #[tokio::test]
    async fn a_reader_in_time_is_not_charged() {
        GivenEvents::nothing()
            .react_with(|given| LateFees::new(given.repository()))
            .when("copy", "c-1", [returned(0)])
            .await
            .then_nothing();
    }
}
// ANCHOR_END: test
