use es_core::{
    CommandId, DecodeError, EncodedEvent, Event, ProcessEntry, ProcessStatuses, Projection,
    ViewQuery,
};

use crate::errand::{Errand, ErrandEvent, PARKED, REFUSED, RequestEvent, TIME};
use crate::stage::Stage;

pub(crate) async fn story(stage: &Stage) -> Vec<String> {
    let history = stage.errands.history("r-1").await.unwrap();
    history.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_history_reads_like_a_story() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: 5 }).await;
    stage.pass(TIME).await;
    assert_eq!(
        story(&stage).await,
        [
            "received Request:Asked (request:r-1 at version 1)",
            "Errand:Begun",
            "issued Work",
            "set the deadline answer for 2026-03-01T12:01:00Z",
            "the deadline answer passed",
            "issued CallBack",
            "CallBack succeeded at attempt 1",
            "completed: called back",
        ]
    );
}

#[tokio::test]
async fn a_refusal_is_told_without_what_was_said() {
    let stage = Stage::new();
    stage.hear("r-1", RequestEvent::Asked { effort: REFUSED }).await;
    assert_eq!(
        story(&stage).await[4..],
        [
            "Work was rejected at attempt 1: compensated",
            "cancelled the deadline answer",
            "completed: refused",
        ]
    );
}

#[tokio::test]
async fn the_view_of_all_processes_says_where_each_is() {
    let stage = Stage::new();
    let statuses = Projection::on(ProcessStatuses::<Errand>::new(), stage.store.clone()).unwrap();
    for (id, effort) in [("running", 5), ("refused", REFUSED), ("parked", PARKED)] {
        stage.hear(id, RequestEvent::Asked { effort }).await;
    }
    statuses.catch_up().await.unwrap();

    for status in ["running", "parked"] {
        let found =
            statuses.view().list(&ViewQuery::default().equals("status", status)).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, status);
    }
    let refused = statuses.view().get("refused").await.unwrap().unwrap();
    assert_eq!(refused.outcome.as_deref(), Some("refused"));
    assert!(refused.deadlines.is_empty());
    let running = statuses.view().get("running").await.unwrap().unwrap();
    assert_eq!(running.deadlines.len(), 1);
    let parked = statuses.view().get("parked").await.unwrap().unwrap();
    let names: Vec<_> = parked.parked.values().map(|parked| parked.name.as_str()).collect();
    assert_eq!(names, ["Work"]);
}

#[test]
fn a_record_of_a_newer_framework_is_not_passed_over() {
    let text = r#"{"id":"x"}"#;
    let payload = es_core::Payload::Json(text);
    let stored = EncodedEvent { name: "Process:Dreamt", schema_version: 1, payload };
    let error = ProcessEntry::<ErrandEvent>::decode(stored).unwrap_err();
    assert!(matches!(error, DecodeError::Payload(_)), "{error}");
    let stored = EncodedEvent { name: "Errand:Dreamt", schema_version: 1, payload };
    let error = ProcessEntry::<ErrandEvent>::decode(stored).unwrap_err();
    assert!(matches!(error, DecodeError::UnknownName), "{error}");
}

#[test]
fn the_id_of_a_command_reads_back() {
    let id: CommandId = "01890a5d-ac96-774b-bcce-b302099a8057/3".parse().unwrap();
    assert_eq!((id.index, id.to_string().parse().unwrap()), (3, id));
    for text in [
        "",
        "x/1",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce-b302099a8057/-1",
    ] {
        assert!(text.parse::<CommandId>().is_err(), "{text}");
    }
}
