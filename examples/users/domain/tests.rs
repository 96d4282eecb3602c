use es_core::PersonalPart;
use es_core::testing::Given;

use super::*;

mod properties;
mod stored;

fn ada() -> Name {
    Name::new("Ada Example").unwrap()
}

fn ada_at_home() -> Email {
    Email::new("ada@example.org").unwrap()
}

fn cents(cents: u64) -> Money {
    Money::cents(cents).unwrap()
}

fn create() -> UserCommand {
    UserCommand::Create { name: ada(), email: ada_at_home() }
}

fn created() -> Given<User> {
    Given::nothing().command(create())
}

fn with_balance(balance: Money) -> Given<User> {
    created().command(UserCommand::Credit(balance))
}

fn every_other_command() -> [UserCommand; 5] {
    [
        UserCommand::ChangeName(Name::new("Bo").unwrap()),
        UserCommand::ChangeEmail(Email::new("bo@example.org").unwrap()),
        UserCommand::Credit(cents(1)),
        UserCommand::Debit(cents(1)),
        UserCommand::Deactivate,
    ]
}

#[test]
fn a_user_begins_with_nothing_on_the_balance() {
    Given::<User>::nothing().when(create()).then_state(|user| {
        let account = user.account.as_ref().unwrap();
        assert_eq!((account.status, account.balance), (Status::Active, Money::ZERO));
        assert_eq!((&account.name, &account.email), (&ada(), &ada_at_home()));
    });
}

#[test]
fn nothing_can_be_done_before_a_user_is_created_and_creating_is_done_once() {
    for command in every_other_command() {
        Given::<User>::nothing().when(command).then_rejected(UserError::NotCreated);
    }
    created().when(create()).then_rejected(UserError::AlreadyCreated);
}

#[test]
fn nothing_can_be_done_after_a_user_is_deactivated() {
    let deactivated = || with_balance(cents(5)).command(UserCommand::Deactivate);
    for command in every_other_command() {
        deactivated().when(command).then_rejected(UserError::Deactivated);
    }
    deactivated().when(create()).then_rejected(UserError::AlreadyCreated);
}

#[test]
fn name_and_address_change_and_the_same_again_changes_nothing() {
    let name = Name::new("Ada Other").unwrap();
    created()
        .when(UserCommand::ChangeName(name.clone()))
        .then_state(|user| assert_eq!(user.account.as_ref().unwrap().name, name));
    created().when(UserCommand::ChangeName(ada())).then_nothing();
    let email = Email::new("ada@example.net").unwrap();
    created()
        .when(UserCommand::ChangeEmail(email.clone()))
        .then_state(|user| assert_eq!(user.account.as_ref().unwrap().email, email));
    created().when(UserCommand::ChangeEmail(ada_at_home())).then_nothing();
}

#[test]
fn a_balance_is_never_below_zero() {
    with_balance(cents(500))
        .when(UserCommand::Debit(cents(500)))
        .then_state(|user| assert_eq!(user.account.as_ref().unwrap().balance, Money::ZERO));
    with_balance(cents(500))
        .when(UserCommand::Debit(cents(501)))
        .then_rejected(UserError::InsufficientBalance);
    created().when(UserCommand::Debit(cents(1))).then_rejected(UserError::InsufficientBalance);
}

#[test]
fn a_balance_is_never_above_the_most_that_can_be_said() {
    with_balance(Money::MAX)
        .when(UserCommand::Credit(cents(1)))
        .then_rejected(UserError::BalanceTooLarge);
}

#[test]
fn nothing_is_no_amount() {
    for command in [UserCommand::Credit(Money::ZERO), UserCommand::Debit(Money::ZERO)] {
        with_balance(cents(1)).when(command).then_rejected(UserError::NoAmount);
    }
}

#[test]
fn name_and_address_are_marked_as_personal_wherever_they_are_recorded() {
    let marked: Vec<_> =
        UserEvent::PERSONAL.iter().map(|personal| (personal.event, personal.part)).collect();
    let expected = [
        ("User:Created", PersonalPart::Fields(&["name", "email"])),
        ("User:NameChanged", PersonalPart::Fields(&["name"])),
        ("User:EmailChanged", PersonalPart::Fields(&["email"])),
    ];
    assert_eq!(marked, expected);
}

#[test]
fn every_event_has_a_type_of_its_own_in_the_api() {
    for event_type in EventType::ALL {
        assert_eq!(event_type.as_str().parse(), Ok(event_type));
    }
    let types = stored::one_of_each().map(|event| EventType::of(&event));
    assert_eq!(types, EventType::ALL);
}
