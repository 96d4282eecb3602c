use serde_json::json;

use super::{
    commits,
    complaints::{is_complaint, is_failure},
    queues::{self, Depth},
    time_of_day,
};

fn record(name: &str, item: &serde_json::Value) -> serde_json::Value {
    json!({ "eventName": name, "dynamodb": { "NewImage": item } })
}

#[test]
fn a_commit_is_a_line_with_its_stream_versions_and_events() {
    let item = json!({
        "pk": { "S": "order-7" },
        "sk": { "N": "3" },
        "n": { "N": "2" },
        "t": { "N": "1795356637440000" },
        "m": { "S": "Order:Paid 1 17\nOrder:Shipped 2 4" },
    });
    assert_eq!(
        commits::line(&record("INSERT", &item)).as_deref(),
        Some("14:10:37  order-7  3–4  Order:Paid, Order:Shipped")
    );
    assert_eq!(commits::line(&record("MODIFY", &item)), None);
}

#[test]
fn a_large_commit_has_a_line_and_its_pieces_have_none() {
    let mut item =
        json!({ "pk": { "S": "a-1" }, "sk": { "N": "1" }, "n": { "N": "9" }, "t": { "N": "0" } });
    assert_eq!(
        commits::line(&record("INSERT", &item)).as_deref(),
        Some("00:00:00  a-1  1–9  9 events")
    );
    item["n"] = json!(null);
    assert_eq!(commits::line(&record("INSERT", &item)), None);
}

#[test]
fn only_queues_with_messages_are_told() {
    let depth = |queue: &str, waiting, in_hand| Depth { queue: queue.to_owned(), waiting, in_hand };
    let depths = [depth("work", 2, 1), depth("mail", 0, 0), depth("dead", 4, 0)];
    assert_eq!(queues::line(&depths), "queues    work 2 and 1 in hand, dead 4");
    assert_eq!(queues::line(&depths[1..2]), "queues    all are empty");
}

#[test]
fn what_a_function_reports_of_itself_is_no_complaint() {
    assert!(is_complaint("2026-11-22T14:00:00Z  WARN es_core::queue_consumer: tried again"));
    assert!(is_complaint("thread 'main' panicked at src/main.rs:3:5:"));
    assert!(!is_complaint("REPORT RequestId: 16ae804d Duration: 45 ms"));
}

#[test]
fn a_failed_invocation_of_another_stack_is_not_ours() {
    let line =
        "2026-11-22 14:17:29 WARNING [lambda] ESM: Lambda orders-work failed processing SQS batch";
    assert!(is_failure(line, "orders-"));
    assert!(!is_failure(line, "users-"));
    assert!(!is_failure(&line.replace("WARNING", "INFO"), "orders-"));
}

#[test]
fn a_time_of_day_is_in_utc() {
    assert_eq!(time_of_day(0), "00:00:00");
    assert_eq!(time_of_day(86_399_000_000), "23:59:59");
    assert_eq!(time_of_day(86_400_000_000), "00:00:00");
}
