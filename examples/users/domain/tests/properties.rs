//! What every aggregate should keep, and what a balance should, with commands that are made up.

use es_core::Aggregate as _;
use proptest::prelude::*;

use super::*;

/// Few names and amounts, so that commands meet each other's effects and the limits of the balance.
fn any_command() -> impl Strategy<Value = UserCommand> {
    let any_name = || "Ada|Bo".prop_map(|name| Name::new(&name).unwrap());
    let any_email = || "a@b|c@d".prop_map(|email| Email::new(&email).unwrap());
    let any_amount =
        || prop_oneof![0..3_u64, Just(Money::MAX.as_cents() - 1)].prop_map(super::cents);
    prop_oneof![
        3 => (any_name(), any_email())
            .prop_map(|(name, email)| UserCommand::Create { name, email }),
        1 => any_name().prop_map(UserCommand::ChangeName),
        1 => any_email().prop_map(UserCommand::ChangeEmail),
        4 => any_amount().prop_map(UserCommand::Credit),
        4 => any_amount().prop_map(UserCommand::Debit),
        1 => Just(UserCommand::Deactivate),
    ]
}

es_core::aggregate_properties!(User, any_command());

proptest! {
    #[test]
    fn a_balance_is_what_was_credited_less_what_was_debited(
        commands in prop::collection::vec(any_command(), 0..40),
    ) {
        let (mut user, mut expected) = (User::default(), 0_i128);
        for command in commands {
            for event in user.handle(command).unwrap_or_default() {
                match &event {
                    UserEvent::BalanceCredited { amount } => {
                        expected += i128::from(amount.as_cents());
                    }
                    UserEvent::BalanceDebited { amount } => {
                        expected -= i128::from(amount.as_cents());
                    }
                    _ => {}
                }
                user.apply(event);
            }
            let balance = user.account.as_ref().map_or(Money::ZERO, |account| account.balance);
            prop_assert!((0..=i128::from(Money::MAX.as_cents())).contains(&expected));
            prop_assert_eq!(i128::from(balance.as_cents()), expected);
        }
    }
}
