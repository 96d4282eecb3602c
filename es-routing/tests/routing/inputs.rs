//! In which form targets get events.

use es_routing::{InputForm, InvalidInput, RuleFault, Rules};
use serde_json::{Value, json};

use crate::scene::{Scene, event, rule_to};

/// What a target with these fields gets of the event.
async fn input(fields: Value, detail: Value) -> Option<String> {
    let scene = Scene::with_queues(&["work"]).await;
    let mut target = json!({ "id": "work", "queue": "work" });
    target.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let router = scene.router(&rule_to(json!([target]))).build().unwrap();
    router.route(event(detail)).await.unwrap();
    scene.received("work").await.pop().map(|message| message.body)
}

async fn transformed(paths: Value, template: &str, detail: Value) -> Option<String> {
    let transformer = json!({ "input_paths_map": paths, "input_template": template });
    input(json!({ "input_transformer": transformer }), detail).await
}

fn refused(fields: Value) -> InvalidInput {
    let mut target = json!({ "id": "work", "queue": "work" });
    target.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let file =
        json!({ "rules": [{ "name": "r", "event_pattern": { "a": [1] }, "targets": [target] }] });
    match Rules::parse(&file.to_string()).map_err(|invalid| invalid.fault) {
        Err(RuleFault::Input(invalid)) => invalid,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn by_itself_the_whole_event() {
    let event = event(json!({ "n": 1 }));
    assert_eq!(input(json!({}), json!({ "n": 1 })).await, Some(event.to_json()));
}

#[tokio::test]
async fn a_constant_is_json_whatever_the_event() {
    let detail = || json!({});
    assert_eq!(input(json!({ "input": { "a": [1] } }), detail()).await.unwrap(), r#"{"a":[1]}"#);
    assert_eq!(input(json!({ "input": "text" }), detail()).await.unwrap(), r#""text""#);
}

#[tokio::test]
async fn a_path_leads_to_a_part() {
    let detail = json!({ "order-id": "o-1", "items": [{ "n": 1 }, { "n": 2 }] });
    let at = async |path: &str| input(json!({ "input_path": path }), detail.clone()).await;
    assert_eq!(at("$.detail.order-id").await.unwrap(), r#""o-1""#);
    assert_eq!(at("$.detail.items[1]").await.unwrap(), r#"{"n":2}"#);
    assert_eq!(at("$.detail.items[1].n").await.unwrap(), "2");
    assert_eq!(at("$.detail-type").await.unwrap(), r#""Order Created""#);
    assert_eq!(at("$").await.unwrap(), event(detail.clone()).to_json());
    assert_eq!(at("$.detail.items[2]").await, None);
    assert_eq!(at("$.detail.order-id.x").await, None);
}

/// The examples of
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>.
#[tokio::test]
async fn templates_are_filled_as_documented() {
    let detail =
        || json!({ "instance-id": "i-0123456789", "state": "RUNNING", "tags": { "a": [1] } });
    let paths = || json!({ "instance": "$.detail.instance-id", "state": "$.detail.state", "tags": "$.detail.tags" });
    let filled = async |template: &str| transformed(paths(), template, detail()).await.unwrap();
    assert_eq!(
        filled(r#""instance <instance> is in <state>""#).await,
        r#""instance i-0123456789 is in RUNNING""#
    );
    assert_eq!(
        filled(r#"{"instance" : <instance>, "state": <state>, "tags": <tags>}"#).await,
        r#"{"instance" : "i-0123456789", "state": "RUNNING", "tags": {"a":[1]}}"#
    );
    assert_eq!(filled(r#"{"s": "<state>"}"#).await, r#"{"s": "RUNNING"}"#);
    assert_eq!(filled("<tags>").await, r#"{"a":[1]}"#);
}

#[tokio::test]
async fn reserved_names_stand_for_the_event_and_its_rule() {
    let detail = || json!({ "n": 1 });
    let template = r#"{"arn": <aws.events.rule-arn>, "name": "by <aws.events.rule-name>",
        "at": <aws.events.event.ingestion-time>, "event": <aws.events.event.json>, "head": <aws.events.event>}"#;
    let filled = transformed(json!({}), template, detail()).await.unwrap();
    let filled: Value = serde_json::from_str(&filled).unwrap();
    let event = event(detail()).to_value();
    let mut head = event.clone();
    head.as_object_mut().unwrap().remove("detail");
    assert_eq!(
        filled,
        json!({
            "arn": "arn:aws:events:local:000000000000:rule/all", "name": "by all",
            "at": "2026-03-01T12:00:00Z", "event": event, "head": head,
        })
    );
}

#[tokio::test]
async fn texts_stay_within_their_quotation_marks() {
    let detail = json!({ "text": "\"}, <b> \\ \n" });
    let paths = json!({ "a": "$.detail.text", "b": "$.detail.nothing" });
    let filled =
        transformed(paths, r#"{"a": "<a>", "b": "<b>", "c": "x < y > z", "d": <a>}"#, detail);
    let filled: Value = serde_json::from_str(&filled.await.unwrap()).expect("JSON");
    let text = "\"}, <b> \\ \n";
    assert_eq!(filled, json!({ "a": text, "b": "", "c": "x < y > z", "d": text }));
}

#[tokio::test]
async fn what_cannot_be_filled_is_not_delivered() {
    let paths = || json!({ "list": "$.detail.list", "missing": "$.detail.missing" });
    let detail = || json!({ "list": [1] });
    assert_eq!(transformed(paths(), r#""<list>""#, detail()).await, None);
    assert_eq!(transformed(paths(), "<missing>", detail()).await, None);
}

#[test]
fn forms_that_cannot_be_are_refused() {
    let both = json!({ "input": 1, "input_path": "$.a" });
    assert_eq!(refused(both), InvalidInput::Several);
    for path in [
        "", "detail", "$detail", "$.", "$..a", "$.a[*]", "$.a[-1]", "$.a[x]", "$.a[1", "$.*",
        "$.a b", "$.a['b']",
    ] {
        let invalid = refused(json!({ "input_path": path }));
        assert!(matches!(invalid, InvalidInput::Path(_)), "{path}: {invalid}");
    }
    let template = |paths: Value, template: &str| {
        refused(
            json!({ "input_transformer": { "input_paths_map": paths, "input_template": template } }),
        )
    };
    assert_eq!(template(json!({}), "<a>"), InvalidInput::UnknownName("a".into()));
    assert_eq!(template(json!({ "a b": "$" }), "1"), InvalidInput::Name("a b".into()));
    assert_eq!(template(json!({ "AWS.a": "$" }), "1"), InvalidInput::Name("AWS.a".into()));
    let quoted = template(json!({}), r#""<aws.events.event.json>""#);
    assert_eq!(quoted, InvalidInput::ObjectInText("aws.events.event.json".into()));
    for text in ["instance <a>", r#"{"a": <a>"#, r#""<a>" "<a>""#] {
        let invalid = template(json!({ "a": "$.id" }), text);
        assert!(matches!(invalid, InvalidInput::NotJson(_)), "{text}: {invalid}");
    }
    assert_eq!(template(json!({}), &format!("\"{}\"", "x".repeat(8_191))), InvalidInput::Length);
}

#[test]
fn the_form_is_told_for_who_deploys_it() {
    let rules = rule_to(json!([
        { "id": "a", "queue": "q" },
        { "id": "b", "queue": "q", "input": [1] },
        { "id": "c", "queue": "q", "input_path": "$.detail" },
        { "id": "d", "queue": "q", "input_transformer": { "input_paths_map": { "x": "$.id" }, "input_template": "<x>" } },
    ]));
    let forms: Vec<_> =
        rules.iter().flat_map(|rule| rule.targets()).map(|it| it.input().form()).collect();
    let [
        InputForm::Event,
        InputForm::Constant("[1]"),
        InputForm::Path("$.detail"),
        InputForm::Transformed { paths, template },
    ] = forms.as_slice()
    else {
        panic!("{forms:?}");
    };
    assert_eq!((paths["x"], *template), ("$.id", "<x>"));
}
