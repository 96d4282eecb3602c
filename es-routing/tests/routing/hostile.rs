//! Input that means harm.

use es_core::MessageError;
use es_routing::{
    BusEvent, EventPattern, InvalidBusEvent, NewBusEvent, NotPut, NotRouted, PatternFault, Rules,
};
use es_routing::{EventBus as _, LocalBus};
use serde_json::{Value, json};

use crate::scene::{Scene, event, new_event, rule_to, rules};

fn fault(pattern: &str) -> PatternFault {
    match pattern.parse::<EventPattern>() {
        Ok(_) => panic!("{pattern} was taken"),
        Err(invalid) => invalid.fault,
    }
}

#[test]
fn patterns_that_are_none_are_refused_with_the_place() {
    let cases = [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("5", ""),
        ("{}", ""),
        (r#"{"a": "x"}"#, "a"),
        (r#"{"a": []}"#, "a"),
        (r#"{"a": {}}"#, "a"),
        (r#"{"a": [["x"]]}"#, "a"),
        (r#"{"a": {"b": [{"prefix": 5}]}}"#, "a.b"),
        (r#"{"a": {"b": [{"prefix": "x", "suffix": "y"}]}}"#, "a.b"),
        (r#"{"a": {"b": [{}]}}"#, "a.b"),
        (r#"{"a": {"b": [{"regex": "x"}]}}"#, "a.b"),
        (r#"{"a": [{"numeric": [">", 5, "<", 5]}]}"#, "a"),
        (r#"{"a": [{"numeric": ["<", 5, ">", 1]}]}"#, "a"),
        (r#"{"a": [{"numeric": [">"]}]}"#, "a"),
        (r#"{"a": [{"numeric": ["=", "5"]}]}"#, "a"),
        (r#"{"a": [{"numeric": ["=", 5000000001]}]}"#, "a"),
        (r#"{"a": [{"numeric": ["=", 0.1234567]}]}"#, "a"),
        (r#"{"a": [1e999]}"#, ""),
        (r#"{"a": [{"anything-but": []}]}"#, "a"),
        (r#"{"a": [{"anything-but": ["x", 5]}]}"#, "a"),
        (r#"{"a": [{"anything-but": null}]}"#, "a"),
        (r#"{"a": [{"anything-but": {"prefix": ""}}]}"#, "a"),
        (r#"{"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}"#, "a"),
        (r#"{"a": [{"wildcard": "a**b"}]}"#, "a"),
        (r#"{"a": [{"wildcard": "a\\b"}]}"#, "a"),
        (r#"{"a": [{"cidr": "10.0.0.0/32"}]}"#, "a"),
        (r#"{"a": [{"cidr": "10.0.0.0/+8"}]}"#, "a"),
        (r#"{"a": [{"cidr": "10.0.0/8"}]}"#, "a"),
        (r#"{"a": [{"cidr": "::1/128"}]}"#, "a"),
        (r#"{"a": [{"cidr": "::ffff:1.2.3.4/96"}]}"#, "a"),
        (r#"{"a": [{"exists": "true"}]}"#, "a"),
        (r#"{"$or": [{"a": [1]}]}"#, "$or"),
        (r#"{"$or": {"a": [1]}}"#, "$or"),
        (r#"{"$or": [{"a": [1]}, {"prefix": [1]}]}"#, "$or"),
        (r#"{"$or": [{"a": [1]}, 5]}"#, "$or"),
        (r#"{"d": {"$or": [{"a": [1]}, {}]}}"#, "d.$or"),
    ];
    for (pattern, place) in cases {
        let invalid = pattern.parse::<EventPattern>().expect_err(pattern);
        assert_eq!(invalid.place, place, "{pattern}: {invalid}");
    }
}

#[test]
fn what_could_mean_two_things_is_refused() {
    assert_eq!(fault(r#"{"a": [1], "a": [2]}"#), PatternFault::Twice("a".into()));
    let twice = fault(r#"{"a": [1], "$or": [{"a": [2]}, {"b": [1]}]}"#);
    assert_eq!(twice, PatternFault::TwicePerAlternative("a".into()));
    let both = fault(r#"{"a": {"b": [1]}, "$or": [{"a": [2]}, {"b": [1]}]}"#);
    assert_eq!(both, PatternFault::TwicePerAlternative("a".into()));
    assert_eq!(fault(r#"{"a.b": [1]}"#), PatternFault::DottedName("a.b".into()));
    for (written, shortest) in [("300.0", "300"), ("3e2", "300"), ("-0", "0"), ("0.50", "0.5")] {
        let expected =
            PatternFault::NumberForm { written: written.into(), shortest: shortest.into() };
        assert_eq!(fault(&format!(r#"{{"a": [{written}]}}"#)), expected);
    }
    assert_eq!(fault(r#"{"a": [{"equals-ignore-case": "straße"}]}"#), PatternFault::Case('ß'));
}

#[test]
fn huge_patterns_and_deep_ones_are_refused_before_they_cost_anything() {
    let long = format!(r#"{{"a": ["{}"]}}"#, "x".repeat(EventPattern::MAX_LEN));
    assert!(matches!(fault(&long), PatternFault::TooLong(_)));
    let endless = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert!(matches!(fault(&endless), PatternFault::TooLong(_)));
    let deep = format!("{}[1]{}", r#"{"a":"#.repeat(500), "}".repeat(500));
    assert!(matches!(fault(&deep), PatternFault::Json(_)));
    // Ten alternatives, four times beside each other, are ten thousand.
    let or = |n: u32| {
        let alternatives: Vec<_> = (0..10).map(|m| format!(r#"{{"f{n}": [{m}]}}"#)).collect();
        format!(r#""d{n}": {{"$or": [{}]}}"#, alternatives.join(","))
    };
    let thousand = format!("{{{}}}", (0..3).map(or).collect::<Vec<_>>().join(","));
    assert!(thousand.parse::<EventPattern>().is_ok());
    let more = format!("{{{}}}", (0..4).map(or).collect::<Vec<_>>().join(","));
    assert_eq!(fault(&more), PatternFault::TooManyAlternatives);
    // A thousand alternatives, each with four conditions beside it that lie deep.
    let branch = |n: u32| format!(r#""b{n}": {}[1]{}"#, r#"{"a":"#.repeat(100), "}".repeat(100));
    let branches: Vec<_> = (0..4).map(branch).collect();
    let deep_beside = format!("{{{},{}}}", branches.join(","), &thousand[1..thousand.len() - 1]);
    assert!(deep_beside.len() <= EventPattern::MAX_LEN);
    assert_eq!(fault(&deep_beside), PatternFault::TooManyConditions);
}

#[test]
fn white_space_does_not_count_against_the_length() {
    let spaced = format!(r#"{{ "a": {} [1] }}"#, " \n".repeat(EventPattern::MAX_LEN));
    assert_eq!(spaced.parse::<EventPattern>().unwrap().as_json(), r#"{"a":[1]}"#);
}

#[test]
fn an_event_with_a_dot_where_a_rule_looks_is_undecidable() {
    let pattern: EventPattern = r#"{"a": {"b": {"c": [1, {"exists": false}]}}}"#.parse().unwrap();
    let undecidable = |event: Value| pattern.matches(&event).unwrap_err().field;
    assert_eq!(undecidable(json!({ "a.b": { "c": 1 } })), "a");
    assert_eq!(undecidable(json!({ "a": { "b.c": 1 } })), "b");
    assert_eq!(undecidable(json!({ "a": [{ "b.c": 2, "b": 3 }] })), "b");
    // Elsewhere it does no harm.
    let event = json!({ "x.y": 1, "ab.c": 1, "a": { "b": { "c": 1, "c.d": 1 }, "x.y": 1 } });
    assert_eq!(pattern.matches(&event), Ok(true));
}

#[tokio::test]
async fn an_undecidable_event_goes_nowhere_and_is_told() {
    let scene = Scene::with_queues(&["work"]).await;
    let rules = rules(json!([
        { "name": "all", "event_pattern": { "source": ["orders"] }, "targets": [{ "id": "t", "queue": "work" }] },
        { "name": "some", "event_pattern": { "detail": { "a": { "b": [1] } } }, "targets": [{ "id": "t", "queue": "work" }] },
    ]));
    let router = scene.router(&rules).build().unwrap();
    let refused = router.route(event(json!({ "a.b": 1 }))).await.unwrap_err();
    assert!(matches!(refused, NotRouted::Undecidable(_)), "{refused}");
    let bus = LocalBus::new(rules, |router| scene.options(router)).unwrap();
    let refused = bus.put_event(&new_event(json!({ "a.b": 1 }))).await.unwrap_err();
    assert!(matches!(refused, NotPut::Undecidable(_)), "{refused}");
    assert!(scene.received("work").await.is_empty());
}

#[test]
fn matching_a_large_list_takes_time_in_proportion_to_it() {
    // Each condition holds for a half of the elements: whoever tried combinations would never end.
    let fields: Vec<String> = (0..30).map(|n| format!(r#""f{n}": [{}]"#, n % 2)).collect();
    let pattern: EventPattern =
        format!(r#"{{"list": {{{}, "none": ["x"]}}}}"#, fields.join(",")).parse().unwrap();
    let element = |bit: usize| -> Value {
        (0..30)
            .map(|n| (format!("f{n}"), json!((n + bit) % 2)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let event = json!({ "list": (0..20_000).map(element).collect::<Vec<_>>() });
    assert_eq!(pattern.matches(&event), Ok(false));
}

#[test]
fn events_that_no_bus_takes_are_refused() {
    let detail = json!({});
    let new =
        |source: &str, detail_type: &str| NewBusEvent::new(source, detail_type, &detail).map(drop);
    assert_eq!(new("aws.ec2", "x"), Err(InvalidBusEvent::ReservedSource));
    assert_eq!(new("", "x"), Err(InvalidBusEvent::Length { what: "source", limit: 256 }));
    assert_eq!(new("s", ""), Err(InvalidBusEvent::Length { what: "detail-type", limit: 128 }));
    assert!(new("s", &"ä".repeat(128)).is_ok(), "characters, not bytes");
    assert!(new("s", &"ä".repeat(129)).is_err());
    for detail in [json!(null), json!([{}]), json!("{}"), json!(5)] {
        let refused = NewBusEvent::new("s", "x", detail).unwrap_err();
        assert_eq!(refused, InvalidBusEvent::DetailNotAnObject);
    }
}

#[test]
fn what_is_no_event_is_refused_without_saying_what_is_in_it() {
    let good = event(json!({ "secret": "4711" }));
    assert_eq!(good.to_json().parse::<BusEvent>(), Ok(good.clone()));
    let whole = good.to_value();
    for missing in ["id", "source", "detail-type", "time", "detail"] {
        let mut broken = whole.clone();
        broken.as_object_mut().unwrap().remove(missing);
        let refused = broken.to_string().parse::<BusEvent>().unwrap_err();
        assert!(!refused.to_string().contains("4711"), "{refused}");
    }
    let mut broken = whole.clone();
    broken["detail"] = json!("4711");
    let refused = broken.to_string().parse::<BusEvent>().unwrap_err();
    assert!(!refused.to_string().contains("4711"), "{refused}");
    assert!(!format!("{good:?}").contains("4711"));
    assert!("\"\\".parse::<BusEvent>().is_err());
    let deep = format!("{}{}", r#"{"detail":"#.repeat(10_000), "}".repeat(10_000));
    assert!(deep.parse::<BusEvent>().is_err());
}

/// Says a megabyte wherever it can.
struct Talkative;

impl serde::Serialize for Talkative {
    fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(megabyte()))
    }
}

fn megabyte() -> String {
    "ä secret ".repeat(1 << 17)
}

#[tokio::test]
async fn what_is_said_of_events_and_errors_is_short_however_long_they_are() {
    let mut envelope = event(json!({ "secret": megabyte() })).to_value();
    for field in ["id", "source", "detail-type", "account", "region", "version"] {
        envelope[field] = json!(megabyte());
    }
    let hostile: BusEvent = envelope.to_string().parse().unwrap();
    let rule = json!({ "rules": [{ megabyte(): 1 }] }).to_string().parse::<Rules>().unwrap_err();
    let pattern = format!("{{\"a\": [{{\"{}\": 1}}]}}", "x".repeat(4_000));
    let pattern = pattern.parse::<EventPattern>().unwrap_err();
    let encoded = NewBusEvent::new("s", "t", Talkative).unwrap_err();
    let rules = rule_to(json!([{ "id": "t", "function": "f", "dead_letter_queue": "dead" }]));
    let scene = Scene::with_queues(&["dead"]).await;
    let failing = |transient: bool| {
        move |_| async move {
            Err(match transient {
                true => MessageError::transient(megabyte()),
                false => MessageError::permanent(megabyte()),
            })
        }
    };
    let bus = LocalBus::new(rules.clone(), |it| scene.options(it).function("f", failing(true)));
    let put_off = bus.unwrap().put_event(&new_event(json!({}))).await.unwrap_err();
    let router = scene.router(&rules).function("f", failing(false)).build().unwrap();
    router.route(event(json!({}))).await.unwrap();
    let [letter] = scene.received("dead").await.try_into().expect("one letter");

    for said in [
        format!("{hostile:?}"),
        format!("{:?}", hostile.id),
        format!("{rule} {rule:?}"),
        format!("{pattern} {pattern:?}"),
        format!("{encoded} {encoded:?}"),
        format!("{put_off}"),
        format!("{put_off:?}"),
        letter.attributes["ERROR_MESSAGE"].clone(),
    ] {
        assert!((1..2_000).contains(&said.len()), "{} bytes: {said:.100}", said.len());
    }
}

#[tokio::test]
async fn an_event_over_the_limit_is_not_taken_and_one_at_it_is() {
    let scene = Scene::with_queues(&["work"]).await;
    let rules: Rules = rule_to(json!([{ "id": "work", "queue": "work", "input": 1 }]));
    let bus = LocalBus::new(rules, |router| scene.options(router)).unwrap();
    // The source has 6 bytes, the detail-type 13, and {"t":""} 8.
    let sized = |bytes: usize| new_event(json!({ "t": "x".repeat(bytes - 27) }));
    assert_eq!(sized(1_000).size(), 1_000);
    bus.put_event(&sized(LocalBus::MAX_EVENT_BYTES)).await.unwrap();
    let refused = bus.put_event(&sized(LocalBus::MAX_EVENT_BYTES + 1)).await.unwrap_err();
    let limit = LocalBus::MAX_EVENT_BYTES;
    let expected = InvalidBusEvent::TooLarge { actual: limit + 1, limit };
    assert!(matches!(refused, NotPut::Invalid(invalid) if invalid == expected));
}
