use es_core::testing::GivenEvents;

use super::*;
use crate::users::domain::{Email, Money};

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn created(user: &str) -> UserEvent {
    let email = Email::new(&format!("{user}@example.org")).unwrap();
    UserEvent::Created { name: name(user), email }
}

fn cents(cents: u64) -> Money {
    Money::cents(cents).unwrap()
}

fn two_users() -> GivenEvents {
    GivenEvents::nothing()
        .at("2026-01-31T12:00:00Z")
        .and("user", "ada", [created("ada")])
        .and("user", "bo", [created("bo"), UserEvent::NameChanged { name: name("Bo") }])
        .at("2026-01-31T12:30:00Z")
        .and("user", "ada", [UserEvent::BalanceCredited { amount: cents(500) }])
        .and("user", "ada", [UserEvent::BalanceDebited { amount: cents(120) }])
        .and("user", "bo", [UserEvent::Deactivated])
}

#[test]
fn the_summary_shows_who_there_is_and_since_when() {
    let summary = |user_id: &str, called: &str, status| UserSummary {
        user_id: user_id.to_owned(),
        name: name(called),
        status,
        sequence: 3,
        created_at: "2026-01-31T12:00:00Z".parse().unwrap(),
        updated_at: "2026-01-31T12:30:00Z".parse().unwrap(),
    };
    two_users().project_with(UserSummaries).then_views([
        ("ada", summary("ada", "ada", Status::Active)),
        ("bo", summary("bo", "Bo", Status::Deactivated)),
    ]);
}

#[test]
fn the_detail_is_what_the_aggregate_knows() {
    let then = two_users().project_with(UserDetails);
    let detail = then.view("ada").unwrap();
    assert_eq!((detail.sequence, detail.account.balance), (3, cents(380)));
    assert_eq!(detail.account.email.as_str(), "ada@example.org");
    let detail = then.view("bo").unwrap();
    assert_eq!((&detail.account.name, detail.account.status), (&name("Bo"), Status::Deactivated));
}
