//! Given/when/then for projectors.

use std::time::Duration;

use es_core::testing::GivenEvents;
use es_core::{BoxError, Event, Metadata, Projector, Recorded};
use serde::{Deserialize, Serialize};

use crate::support::{AccountEvent, Statement, Statements, credited};
use crate::{assert_says, failure};

/// What the projector is told beside events.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Entry {
    actor: Option<String>,
    recorded_at: String,
    version: u64,
}

#[derive(Debug)]
struct Journal;

impl Projector for Journal {
    const NAME: &'static str = "journal";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Entry;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Entry>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        if matches!(event.event, AccountEvent::Debited { amount: 0 }) {
            return Err("a debit of nothing".into());
        }
        *view = Some(Entry {
            actor: event.commit().metadata()?.actor,
            recorded_at: event.recorded_at().to_string(),
            version: event.version().get(),
        });
        Ok(())
    }
}

#[test]
fn events_of_many_streams_are_projected_in_the_order_given() {
    GivenEvents::of("account", "a-1", [credited(5), credited(2)])
        .and("account", "a-2", [credited(1)])
        .and("account", "a-1", [AccountEvent::Debited { amount: 3 }])
        .project_with(Statements)
        .then_views([
            ("a-1", Statement { balance: 4, movements: 3 }),
            ("a-2", Statement { balance: 1, movements: 1 }),
        ])
        .then_view("a-2", Statement { balance: 1, movements: 1 })
        .then_no_view("a-3");
}

#[test]
fn events_of_other_categories_are_not_projected() {
    GivenEvents::of("other", "a-1", [credited(5)]).project_with(Statements).then_no_view("a-1");
}

#[test]
fn times_versions_and_metadata_are_those_given() {
    let mut metadata = Metadata::new();
    metadata.actor = Some("ada".to_owned());
    let then = GivenEvents::nothing()
        .at("2026-01-31T12:00:00Z")
        .and("account", "a-1", [credited(5)])
        .after(Duration::from_secs(90))
        .with_metadata(metadata)
        .and("account", "a-1", [credited(5)])
        .project_with(Journal);
    let entry = then.view("a-1").unwrap();
    assert_eq!(entry.actor.as_deref(), Some("ada"));
    assert_eq!((entry.recorded_at.as_str(), entry.version), ("2026-01-31T12:01:30Z", 2));
}

#[derive(Debug, Event)]
#[event(prefix = "Account")]
enum Renamed {
    #[event(version = 2, upcast(from = 1, with = in_cents))]
    Credited {
        cents: u64,
    },
    Debited {
        amount: u64,
    },
}

#[derive(Deserialize)]
struct CreditedV1 {
    amount: u64,
}

fn in_cents(old: CreditedV1) -> Renamed {
    Renamed::Credited { cents: old.amount * 100 }
}

#[derive(Debug)]
struct Cents;

impl Projector for Cents {
    const NAME: &'static str = "cents";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = Renamed;
    type View = u64;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<u64>,
        event: &Recorded<'_, Renamed>,
    ) -> Result<(), BoxError> {
        let cents = view.get_or_insert_default();
        match event.event {
            Renamed::Credited { cents: more } => *cents += more,
            Renamed::Debited { amount } => *cents -= amount,
        }
        Ok(())
    }
}

#[test]
fn what_older_programs_stored_is_projected_through_upcasters() {
    GivenEvents::nothing()
        .and_stored("account", "a-1", "Account:Credited", 1, r#"{"amount":3}"#)
        .and("account", "a-1", [Renamed::Credited { cents: 7 }])
        .project_with(Cents)
        .then_view("a-1", 307);
}

#[test]
fn a_name_that_the_projector_does_not_know_stops_it() {
    GivenEvents::nothing()
        .and_stored("account", "a-1", "Account:Closed", 1, "{}")
        .project_with(Cents)
        .then_error("Account:Closed");
}

#[test]
fn an_error_of_the_projector_leaves_what_was_before() {
    let then = GivenEvents::of("account", "a-1", [credited(5)])
        .and("account", "a-1", [AccountEvent::Debited { amount: 0 }])
        .and("account", "a-1", [credited(1)])
        .project_with(Journal)
        .then_error("journal_v1 failed on account:a-1 at version 2: a debit of nothing");
    assert_eq!(then.view("a-1").unwrap().version, 1);
}

#[test]
fn another_document_is_shown_as_a_difference() {
    let then = || GivenEvents::of("account", "a-1", [credited(5)]).project_with(Statements);
    let message = failure(|| then().then_view("a-1", Statement { balance: 6, movements: 1 }));
    assert_says(
        &message,
        &["another document is under \"a-1\"", "  -   \"balance\": 6,\n  +   \"balance\": 5,\n"],
    );
    let message = failure(|| then().then_view("a-2", Statement::default()));
    assert_says(&message, &["there is no document under \"a-2\"; there are [\"a-1\"]"]);
    assert_says(&failure(|| then().then_no_view("a-1")), &["there is a document", "5"]);
    assert_says(&failure(|| then().then_views::<&str>([])), &["there are other documents"]);
    assert_says(&failure(|| then().then_error("any")), &["did not stop"]);
}

#[test]
fn an_error_nobody_asked_for_fails_the_scenario() {
    let then = || {
        GivenEvents::of("account", "a-1", [AccountEvent::Debited { amount: 0 }])
            .project_with(Journal)
    };
    for message in [
        failure(|| then().then_no_view("a-1")),
        failure(|| then().then_views::<&str>([])),
        failure(|| then().then_error("another")),
    ] {
        assert_says(&message, &["the projector stopped", "a debit of nothing"]);
    }
}

/// A document that forgets.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Forgetful {
    events: u32,
    #[serde(skip)]
    since_it_was_read: u32,
}

#[derive(Debug)]
struct Forgetting;

impl Projector for Forgetting {
    const NAME: &'static str = "forgetting";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Forgetful;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<Forgetful>,
        _: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        let view = view.get_or_insert_default();
        view.since_it_was_read += 1;
        view.events = view.since_it_was_read;
        Ok(())
    }
}

#[test]
fn a_document_that_does_not_survive_being_stored_is_found_out() {
    let given =
        GivenEvents::of("account", "a-1", [credited(1)]).and("account", "a-1", [credited(1)]);
    let message = failure(|| given.project_with(Forgetting));
    assert_says(&message, &["how commits are taken together", "\"events\": 2", "\"events\": 1"]);
}

#[test]
fn a_scenario_runs_inside_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { events_of_other_categories_are_not_projected() });
}
