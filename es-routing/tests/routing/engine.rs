//! The answers of EventBridge's engine, recorded: see `data/README.md`.

use es_routing::EventPattern;
use serde_json::Value;

const RECORDED: &str = include_str!("../data/event_ruler.tsv");

/// What is decided here, in the words of the record.
fn decided(pattern: &str, event: &str) -> Result<&'static str, String> {
    let pattern: EventPattern = match pattern.parse() {
        Ok(pattern) => pattern,
        Err(_) => return Ok("invalid"),
    };
    let event: Value = serde_json::from_str(event).map_err(|error| error.to_string())?;
    match pattern.matches(&event) {
        Ok(true) => Ok("true"),
        Ok(false) => Ok("false"),
        Err(_) => Ok("undecidable"),
    }
}

#[test]
fn nothing_is_decided_otherwise_than_by_the_engine_of_event_bridge() {
    let (mut alike, mut stricter) = (0, 0);
    for line in RECORDED.lines() {
        let mut columns = line.split('\t');
        let (Some(answer), Some(pattern), Some(event)) =
            (columns.next(), columns.next(), columns.next())
        else {
            panic!("{line} has not three columns");
        };
        match decided(pattern, event).expect("a decision") {
            decision if decision == answer => alike += 1,
            // Refused by choice, as `EventPattern` lists it.
            "invalid" | "undecidable" => stricter += 1,
            decision => panic!("{decision} instead of {answer}: {pattern} on {event}"),
        }
    }
    // The record has about as many of each answer, so that neither alone would do.
    assert!(alike > 1_900, "{alike} alike");
    assert!(stricter < 300, "{stricter} refused here only");
}
