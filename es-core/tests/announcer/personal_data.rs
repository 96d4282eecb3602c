//! What says something about a person does not leave.

use std::sync::Arc;

use es_core::announcer::{AnnouncerOptions, Announcing};
use es_core::cloud_events::{CloudEvent, EventData, POSTCARD, Source};
use es_core::{Codec, Error, Event, TopicName};
use proptest::prelude::*;
use serde_json::json;

use crate::patient::{AdmittedV1, AdmittedV2, Contact, PatientEvent, Stored, Weight};
use crate::scene::Scene;

async fn announced(
    events: &[Stored],
    codec: Codec,
    options: impl FnOnce(AnnouncerOptions) -> AnnouncerOptions,
) -> (Vec<CloudEvent>, String) {
    let scene = Scene::standard();
    scene.append_stored("p-1", events, codec).await;
    scene.announcer_with(options).catch_up().await.unwrap();
    let everything = scene.post.taken().iter().map(|it| format!("{it:?}")).collect();
    (scene.post.events(), everything)
}

fn with_data(options: AnnouncerOptions) -> AnnouncerOptions {
    options.with_data_of::<PatientEvent>()
}

fn secret() -> impl Strategy<Value = String> {
    "SECRET[a-zA-Z äß\"\\\\\n]{0,8}"
}

fn ward() -> impl Strategy<Value = String> {
    "ward [a-z0-9ä]{0,4}"
}

prop_compose! {
    fn old()(fullname in secret(), station in ward()) -> AdmittedV1 {
        AdmittedV1 { fullname, station }
    }
}

fn any_event() -> impl Strategy<Value = Stored> {
    let v_2 = (secret(), secret(), ward());
    let now = (secret(), secret(), secret(), ward());
    prop_oneof![
        old().prop_map(Stored::V1),
        old().prop_map(Stored::V1Registered),
        v_2.prop_map(|(given, family, ward)| Stored::V2(AdmittedV2 { given, family, ward })),
        now.prop_map(|(first_name, last_name, mail, ward)| {
            let e_mail = Contact { mail };
            Stored::Now(PatientEvent::Admitted { first_name, last_name, e_mail, ward })
        }),
        secret().prop_map(|text| Stored::Now(PatientEvent::NoteTaken { text })),
        secret().prop_map(|by| Stored::Now(PatientEvent::Weighed(Weight { by }))),
        ward().prop_map(|ward| Stored::Now(PatientEvent::Moved { ward })),
    ]
}

/// What goes out of it.
fn expected(event: &Stored) -> (&'static str, i64, Option<serde_json::Value>) {
    match event {
        Stored::V1(AdmittedV1 { station: ward, .. })
        | Stored::V1Registered(AdmittedV1 { station: ward, .. })
        | Stored::V2(AdmittedV2 { ward, .. })
        | Stored::Now(PatientEvent::Admitted { ward, .. }) => {
            ("Patient:Admitted", 3, Some(json!({ "ward": ward })))
        }
        Stored::Now(PatientEvent::NoteTaken { .. }) => ("Patient:NoteTaken", 1, None),
        Stored::Now(PatientEvent::Weighed(_)) => ("Patient:Weighed", 1, None),
        Stored::Now(PatientEvent::Moved { ward }) => {
            ("Patient:Moved", 1, Some(json!({ "ward": ward })))
        }
    }
}

/// Fields that are personal, and those that an older version had.
const FIELDS: [&str; 8] =
    ["firstName", "lastName", "contact", "fullname", "station", "given", "family", "text"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_happened_and_however_it_is_stored_nothing_personal_goes_out(
        events in prop::collection::vec(any_event(), 1..6),
        is_postcard in any::<bool>(),
    ) {
        let codec = if is_postcard { Codec::Postcard } else { Codec::Json };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (announced, everything) = runtime.block_on(announced(&events, codec, with_data));
        prop_assert!(!everything.contains("SECRET"), "{}", everything);
        for field in FIELDS {
            prop_assert!(!everything.contains(field), "{}: {}", field, everything);
        }
        prop_assert_eq!(announced.len(), events.len());
        for (announced, event) in announced.iter().zip(&events) {
            let (name, schema_version, data) = expected(event);
            prop_assert_eq!(announced.event_type(), name);
            prop_assert_eq!(announced.schema_version().map(i64::from), Some(schema_version));
            let sent = announced.data().map(|_| announced.data_as().unwrap());
            prop_assert_eq!(sent, data);
        }
    }
}

fn admitted() -> PatientEvent {
    PatientEvent::Admitted {
        first_name: "SECRET".to_owned(),
        last_name: "SECRET".to_owned(),
        e_mail: Contact { mail: "SECRET".to_owned() },
        ward: "ward 1".to_owned(),
    }
}

#[tokio::test]
async fn by_itself_it_sends_notices() {
    for codec in [Codec::Json, Codec::Postcard] {
        let (events, everything) =
            announced(&[Stored::Now(admitted())], codec, |options| options).await;
        assert!(!everything.contains("SECRET") && !everything.contains("ward"), "{everything}");
        assert_eq!((events[0].data(), events[0].content_type()), (None, None));
        assert_eq!(events[0].subject(), Some("patient:p-1"));
        assert_eq!(events[0].correlation_id(), Some("request 0"));
        assert!(events[0].event::<PatientEvent>().is_err(), "it says that it has no data");
    }
}

#[tokio::test]
async fn all_data_are_those_of_the_log_and_the_metadata_are_not_among_them() {
    let old = AdmittedV1 { fullname: "Ada L".to_owned(), station: "1".to_owned() };
    let events = [Stored::V1Registered(old), Stored::Now(admitted())];
    let (announced, everything) =
        announced(&events, Codec::Json, AnnouncerOptions::with_all_data).await;
    let payload = r#"{"fullname":"Ada L","station":"1"}"#;
    assert_eq!(announced[0].data(), Some(EventData::Json(payload)), "byte for byte");
    assert_eq!(announced[0].event_type(), "Patient:Registered");
    assert_eq!(announced[1].event::<PatientEvent>().unwrap(), admitted());
    assert!(!everything.contains("SECRET actor") && !everything.contains("SECRET address"));

    let (announced, _) =
        self::announced(&events, Codec::Postcard, AnnouncerOptions::with_all_data).await;
    assert_eq!(announced[1].content_type(), Some(POSTCARD));
    assert_eq!(announced[1].event::<PatientEvent>().unwrap(), admitted());
}

#[tokio::test]
async fn of_events_that_no_type_has_the_data_stay() {
    #[derive(Debug, Event)]
    #[event(prefix = "Other")]
    enum OtherEvent {
        Happened,
    }
    let (events, everything) = announced(&[Stored::Now(admitted())], Codec::Json, |options| {
        options.with_data_of::<OtherEvent>()
    })
    .await;
    assert_eq!((events[0].event_type(), events[0].data()), ("Patient:Admitted", None));
    assert!(!everything.contains("SECRET"), "{everything}");
}

#[derive(Debug, Event)]
#[event(union)]
enum ClinicEvent {
    Patient(PatientEvent),
}

#[tokio::test]
async fn a_union_keeps_back_what_its_parts_mark() {
    let (events, everything) = announced(&[Stored::Now(admitted())], Codec::Json, |options| {
        options.with_data_of::<ClinicEvent>()
    })
    .await;
    assert_eq!(events[0].data_as::<serde_json::Value>().unwrap(), json!({ "ward": "ward 1" }));
    assert!(!everything.contains("SECRET"), "{everything}");
}

#[tokio::test]
async fn an_event_under_a_name_of_the_past_is_announced_under_that_of_today() {
    let old = AdmittedV1 { fullname: "SECRET".to_owned(), station: "1".to_owned() };
    for name in ["Patient:Admitted", "Patient:Registered"] {
        let (events, _) = announced(&[Stored::V1Registered(old.clone())], Codec::Json, |options| {
            with_data(options).types([name])
        })
        .await;
        assert_eq!(events.len(), 1, "asked for as {name}");
        assert_eq!(events[0].event_type(), "Patient:Admitted");
    }
    let (events, _) = announced(&[Stored::V1Registered(old)], Codec::Json, |options| {
        with_data(options).types(["Patient:Moved"])
    })
    .await;
    assert_eq!(events, []);
}

#[tokio::test]
async fn a_redaction_comes_on_top() {
    let redacted = |options: AnnouncerOptions| {
        options.with_all_data().redact(|event| {
            let mut data: serde_json::Value = event.data_as().map_err(|error| Error::Encode {
                what: "a redaction".to_owned(),
                source: error.into(),
            })?;
            data["ward"] = "somewhere".into();
            event.with_data(&data)
        })
    };
    let moved = PatientEvent::Moved { ward: "SECRET".to_owned() };
    let (events, everything) = announced(&[Stored::Now(moved)], Codec::Json, redacted).await;
    assert_eq!(events[0].data_as::<serde_json::Value>().unwrap(), json!({ "ward": "somewhere" }));
    assert!(!everything.contains("SECRET"), "{everything}");
}

#[test]
fn all_data_and_some_data_contradict_each_other() {
    let scene = Scene::standard();
    let options = || {
        let topic = TopicName::new("patients").unwrap();
        Announcing::to_topic(scene.post.clone(), topic, Source::new("/clinic").unwrap())
    };
    for options in [
        options().with_all_data().with_data_of::<PatientEvent>(),
        options().with_data_of::<PatientEvent>().with_all_data(),
    ] {
        let refused = options.on(Arc::clone(&scene.store)).map(drop);
        assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
    }
}
