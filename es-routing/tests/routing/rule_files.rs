//! Rule files that are refused, with the place.

use es_routing::{Destination, RuleFault, Rules};
use serde_json::{Value, json};

fn refused(file: Value) -> (String, RuleFault) {
    let invalid = Rules::parse(&file.to_string()).expect_err("it is not taken");
    (invalid.to_string(), invalid.fault)
}

fn with_rule(fields: Value) -> Value {
    let mut rule = json!({
        "name": "r", "event_pattern": { "source": ["s"] }, "targets": [{ "id": "t", "queue": "q" }],
    });
    rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "rules": [{ "name": "first", "event_pattern": { "a": [1] }, "targets": [{ "id": "t", "topic": "n" }] }, rule] })
}

fn with_target(fields: Value) -> Value {
    let mut target = json!({ "id": "t" });
    target.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    with_rule(json!({ "targets": [{ "id": "one", "queue": "q" }, target] }))
}

#[test]
fn a_rule_file_says_what_goes_where() {
    let rules = Rules::parse(
        &with_target(json!({ "function": "f", "dead_letter_queue": "d" })).to_string(),
    );
    let rules = rules.unwrap();
    let names: Vec<_> = rules.iter().map(|rule| rule.name()).collect();
    assert_eq!(names, ["first", "r"]);
    let destinations: Vec<_> = rules
        .iter()
        .flat_map(|rule| rule.targets())
        .map(|it| it.destination().to_string())
        .collect();
    assert_eq!(destinations, ["topic n", "queue q", "function f"]);
    let queues: Vec<_> = rules.queues().into_iter().map(|queue| queue.as_str()).collect();
    assert_eq!(queues, ["d", "q"]);
    assert!(matches!(
        rules.iter().last().unwrap().targets()[1].destination(),
        Destination::Function(_)
    ));
}

#[test]
fn fields_that_nobody_knows_are_refused() {
    for file in [
        json!({ "rules": [], "Rules": [] }),
        with_rule(json!({ "state": "DISABLED" })),
        with_target(json!({ "queue": "q", "arn": "x" })),
        with_target(json!({ "queue": "q", "retry_policy": { "attempts": 1 } })),
        with_target(
            json!({ "queue": "q", "input_transformer": { "input_template": "1", "x": 1 } }),
        ),
    ] {
        let (text, fault) = refused(file);
        assert!(matches!(fault, RuleFault::Format(_)), "{text}");
        assert!(text.contains("unknown field"), "{text}");
    }
    assert!(
        matches!(Rules::parse("{"), Err(invalid) if matches!(invalid.fault, RuleFault::Format(_)))
    );
}

#[test]
fn a_fault_is_told_with_rule_and_target() {
    let (text, _) =
        refused(with_rule(json!({ "event_pattern": { "detail": { "x": [{ "like": 1 }] } } })));
    assert_eq!(
        text,
        "rule r: the event pattern at detail.x is not taken: there is no condition \"like\""
    );
    let (text, _) = refused(with_target(json!({ "queue": "orders.fifo" })));
    assert_eq!(
        text,
        "rule r, target t: queue orders.fifo is FIFO, and what comes from a bus has no order: use a standard one"
    );
    let (text, _) = refused(with_target(json!({ "queue": "q", "input_path": "$.a[*]" })));
    assert!(text.starts_with("rule r, target t: the path \"$.a[*]\""), "{text}");
    let (text, _) = refused(with_rule(json!({ "name": "a b" })));
    assert!(text.starts_with("rule #2: the name \"a b\""), "{text}");
}

#[test]
fn names_are_those_of_event_bridge_and_unique() {
    assert!(matches!(refused(with_rule(json!({ "name": "" }))).1, RuleFault::Name { .. }));
    let long = "n".repeat(65);
    assert!(matches!(refused(with_rule(json!({ "name": long }))).1, RuleFault::Name { .. }));
    assert_eq!(refused(with_rule(json!({ "name": "first" }))).1, RuleFault::Twice);
    assert_eq!(refused(with_target(json!({ "id": "one", "queue": "q" }))).1, RuleFault::Twice);
    assert!(matches!(
        refused(with_target(json!({ "id": "ä", "queue": "q" }))).1,
        RuleFault::Name { .. }
    ));
}

#[test]
fn a_target_goes_to_one_thing_with_a_name() {
    assert_eq!(refused(with_target(json!({}))).1, RuleFault::Destination);
    let two = with_target(json!({ "queue": "q", "topic": "n" }));
    assert_eq!(refused(two).1, RuleFault::Destination);
    let names = [
        json!({ "queue": "a b" }),
        json!({ "topic": "" }),
        json!({ "queue": "q", "dead_letter_queue": "ä" }),
    ];
    for fields in names {
        assert!(matches!(refused(with_target(fields)).1, RuleFault::DestinationName(_)));
    }
    let fifo = with_target(json!({ "queue": "q", "dead_letter_queue": "d.fifo" }));
    assert!(matches!(refused(fifo).1, RuleFault::Fifo(_)));
    assert!(matches!(refused(with_target(json!({ "topic": "n.fifo" }))).1, RuleFault::Fifo(_)));
}

#[test]
fn numbers_are_within_the_limits_of_event_bridge() {
    let policy = |policy: Value| with_target(json!({ "queue": "q", "retry_policy": policy }));
    for out_of_range in [
        json!({ "maximum_retry_attempts": 186 }),
        json!({ "maximum_event_age_in_seconds": 59 }),
        json!({ "maximum_event_age_in_seconds": 86_401 }),
    ] {
        assert_eq!(refused(policy(out_of_range)).1, RuleFault::RetryPolicy);
    }
    let widest = policy(json!({ "maximum_retry_attempts": 0, "maximum_event_age_in_seconds": 60 }));
    assert!(Rules::parse(&widest.to_string()).is_ok());
    assert_eq!(refused(with_rule(json!({ "targets": [] }))).1, RuleFault::Targets(0));
    let six: Vec<_> = (0..6).map(|n| json!({ "id": n.to_string(), "queue": "q" })).collect();
    assert_eq!(refused(with_rule(json!({ "targets": six }))).1, RuleFault::Targets(6));
    let long = "d".repeat(513);
    assert_eq!(refused(with_rule(json!({ "description": long }))).1, RuleFault::Description);
    let many: Vec<_> = (0..301)
        .map(|n| json!({ "name": format!("r{n}"), "event_pattern": { "a": [1] }, "targets": [{ "id": "t", "queue": "q" }] }))
        .collect();
    assert_eq!(refused(json!({ "rules": many })).1, RuleFault::TooManyRules(301));
}
