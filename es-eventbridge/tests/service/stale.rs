//! What an earlier file had, and this one has not.

use es_core::{MessageQueue as _, QueueOptions};
use es_eventbridge::RuleDifference;
use serde_json::{Value, json};

use super::server::Server;
use crate::support::rules;

#[tokio::test]
async fn what_the_file_does_not_have_any_more_is_removed() {
    let server = Server::start().await;
    let rule = |name: &str, queues: &[&str]| -> Value {
        let targets = queues.iter().map(|queue| json!({ "id": queue, "queue": queue }));
        json!({ "name": name, "event_pattern": { "source": [name] }, "targets": targets.collect::<Vec<_>>() })
    };
    let before = rules(json!([rule("orders", &["work", "audit"]), rule("old", &["work", "gone"])]));
    let after = rules(json!([rule("orders", &["work"])]));
    for queue in before.queues() {
        server.queues.configure(queue, QueueOptions::default()).await.expect("a queue");
    }
    server.bus.ensure(&before).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    let differences = server.bus.check(&after).await.expect("a bus");
    let target = RuleDifference::Target { rule: "orders".into(), target: "audit".into() };
    assert_eq!(differences, [target, RuleDifference::StaleRule { rule: "old".into() }]);

    server.bus.ensure(&after).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));

    assert_eq!(server.bus.check(&after).await.expect("a bus"), []);
    server.bus.remove(&after).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    // Were a statement left in a queue, it would be told of here.
    server.check_finds_no_rule(&before).await;
}
