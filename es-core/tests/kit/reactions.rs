//! Given/when/then for policies.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use es_core::testing::GivenEvents;
use es_core::{Policy, Reaction, ReactionError, Recorded, Repository};

use crate::support::{Account, AccountCommand, AccountEvent, credited};
use crate::{assert_says, async_failure};

/// Moves a tenth of each credit into the savings, each mistake in its own way.
struct Saving {
    accounts: Repository<Account>,
    mistake: Mistake,
    reactions: AtomicU32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// Commands without the options of the reaction.
    NoOptions,
    /// Numbers that are not the same each time.
    UnstableNumbers,
    /// Fails when it is called again.
    FailsAgain,
    Transient,
}

impl Saving {
    fn with(mistake: Mistake) -> impl FnOnce(&GivenEvents) -> Self {
        move |given| Self { accounts: given.repository(), mistake, reactions: AtomicU32::new(0) }
    }
}

#[async_trait]
impl Policy for Saving {
    const NAME: &'static str = "saving";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let before = self.reactions.fetch_add(1, Ordering::Relaxed);
        let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
        let number = match self.mistake {
            Mistake::UnstableNumbers => before * 2,
            _ => 0,
        };
        let options = |n| match self.mistake {
            Mistake::NoOptions => Ok(Default::default()),
            _ => reaction.options(number + n),
        };
        match self.mistake {
            Mistake::Transient => return Err(ReactionError::transient("the bank is closed")),
            Mistake::FailsAgain if before > 0 => {
                return Err(ReactionError::permanent("done already"));
            }
            _ => {}
        }
        let (debit, credit) =
            (AccountCommand::Debit(amount / 10), AccountCommand::Credit(amount / 10));
        self.accounts.execute_with(event.aggregate_id(), debit, options(0)?).await?;
        self.accounts.execute_with("savings", credit, options(1)?).await?;
        Ok(())
    }
}

fn debited(amount: u64) -> AccountEvent {
    AccountEvent::Debited { amount }
}

fn saving(mistake: Mistake) -> es_core::testing::GivenReaction<Saving> {
    GivenEvents::of("account", "savings", [credited(1_000)]).react_with(Saving::with(mistake))
}

#[tokio::test]
async fn what_a_policy_causes_is_asked_for_commit_by_commit() {
    let then = saving(Mistake::None)
        .when("account", "a-1", [credited(50), credited(70)])
        .await
        .then_caused("account", "savings", [credited(5)])
        .then_caused("account", "a-1", [debited(5)])
        .then_caused("account", "a-1", [debited(7)])
        .then_caused("account", "savings", [credited(7)])
        .then_nothing_else()
        .then_redelivery_changes_nothing()
        .await;
    assert_eq!(then.caused().len(), 4);
    let savings = then.given().repository::<Account>().load("savings").await.unwrap();
    assert_eq!(savings.balance, 1_012);
}

#[tokio::test]
async fn a_policy_may_have_nothing_to_do() {
    saving(Mistake::None).when("account", "savings", [debited(1)]).await.then_nothing();
}

#[tokio::test]
async fn errors_are_told_apart() {
    saving(Mistake::Transient)
        .when("account", "a-1", [credited(50)])
        .await
        .then_transient_error("closed")
        .then_nothing();
    // The money is gone before the policy can move some of it.
    let overdrawn = || async {
        GivenEvents::nothing()
            .react_with(Saving::with(Mistake::None))
            .when("account", "a-1", [credited(50), debited(50)])
            .await
    };
    overdrawn().await.then_permanent_error("the balance is 0");

    let message = async_failure(async { overdrawn().await.then_transient_error("0") }).await;
    assert_says(&message, &["a transient error", "there was a permanent one: the balance is 0"]);
    let message = async_failure(async { overdrawn().await.then_nothing_else() }).await;
    assert_says(&message, &["met the event with an error: the balance is 0"]);
    let fine = saving(Mistake::None).when("account", "a-1", [credited(50)]);
    let message = async_failure(async { fine.await.then_permanent_error("any") }).await;
    assert_says(&message, &["there was no error", "Account:Debited v1"]);
}

#[tokio::test]
async fn other_effects_are_shown() {
    let then = || saving(Mistake::None).when("account", "a-1", [credited(50)]);
    let message =
        async_failure(async { then().await.then_caused("account", "a-1", [debited(6)]) }).await;
    assert_says(
        &message,
        &["something else was caused in account:a-1", "-   \"amount\": 6\n", "+   \"amount\": 5\n"],
    );
    let message =
        async_failure(async { then().await.then_caused("account", "a-9", [debited(5)]) }).await;
    assert_says(&message, &["caused in account:a-9", "account:savings\nAccount:Credited v1"]);
    let message = async_failure(async { then().await.then_nothing() }).await;
    assert_says(&message, &["there is more", "account:a-1\nAccount:Debited v1"]);
}

#[tokio::test]
async fn a_second_delivery_with_effects_of_its_own_is_found_out() {
    for mistake in [Mistake::NoOptions, Mistake::UnstableNumbers] {
        let then = saving(mistake).when("account", "a-1", [credited(50)]).await;
        let message = async_failure(then.then_redelivery_changes_nothing()).await;
        assert_says(&message, &[file!(), "a second delivery", "account:savings"]);
    }
}

#[tokio::test]
async fn a_second_delivery_that_fails_is_found_out() {
    let then = saving(Mistake::FailsAgain).when("account", "a-1", [credited(50)]).await;
    let message = async_failure(then.then_redelivery_changes_nothing()).await;
    assert_says(&message, &["the second delivery", "failed: done already"]);
}

#[tokio::test]
async fn a_category_that_the_policy_does_not_follow_is_a_mistake_of_the_test() {
    let message =
        async_failure(async { saving(Mistake::None).when("other", "a-1", [credited(50)]).await })
            .await;
    assert_says(&message, &["saving does not follow the category \"other\""]);
}
