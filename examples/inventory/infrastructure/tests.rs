use std::collections::BTreeSet;

use super::*;
use crate::aws::stack::key_arn;

fn resources(kind: &str) -> Vec<Value> {
    let template = template("shop-").unwrap();
    let resources = template["Resources"].as_object().unwrap().values();
    let found: Vec<_> = resources.filter(|it| it["Type"] == kind).cloned().collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

#[test]
fn tables_queues_and_bus_have_the_prefix_and_the_key_of_the_stack() {
    let names = |kind: &str, field: &str| -> BTreeSet<String> {
        let name = |it: &Value| it["Properties"][field].as_str().unwrap().to_owned();
        resources(kind).iter().map(name).collect()
    };
    let tables = ["events", "state", "view_shop_orders", "view_stock_levels", "view_fulfilment"];
    let expected = tables.map(|table| format!("shop-{table}"));
    let of_tables = names("AWS::DynamoDB::Table", "TableName");
    for table in &of_tables {
        assert!(expected.iter().any(|name| table.starts_with(name)), "{table}");
    }
    assert_eq!(of_tables.len(), expected.len(), "{of_tables:?}");
    let queues = bus::QUEUES.map(|it| [format!("shop-{it}"), format!("shop-{it}-dead")]).concat();
    assert_eq!(names("AWS::SQS::Queue", "QueueName"), queues.into_iter().collect());
    assert_eq!(names("AWS::Events::EventBus", "Name"), ["shop-bus".to_owned()].into());
    for queue in resources("AWS::SQS::Queue") {
        assert_eq!(queue["Properties"]["KmsMasterKeyId"], key_arn(), "{queue}");
    }
    let key = &resources("AWS::KMS::Key")[0]["Properties"]["KeyPolicy"]["Statement"];
    assert!(key.to_string().contains("events.amazonaws.com"), "{key}");
}

#[test]
fn queues_hide_for_half_a_minute_and_give_up_after_three_receives() {
    let queues = resources("AWS::SQS::Queue");
    let working: Vec<_> =
        queues.iter().filter(|it| !it["Properties"]["RedrivePolicy"].is_null()).collect();
    assert_eq!(working.len(), bus::QUEUES.len());
    for queue in working {
        assert_eq!(queue["Properties"]["VisibilityTimeout"], 30, "{queue}");
        assert_eq!(queue["Properties"]["RedrivePolicy"]["maxReceiveCount"], 3, "{queue}");
    }
}

#[test]
fn every_queue_behind_a_rule_is_there_before_the_policy_that_lets_the_rule_in() {
    let template = template("shop-").unwrap();
    let policies = resources("AWS::SQS::QueuePolicy");
    assert_eq!(policies.len(), bus::QUEUES.len());
    for policy in policies {
        let before = policy["DependsOn"].as_array().unwrap();
        assert_eq!(before.len(), 2 * bus::QUEUES.len());
        for queue in before {
            let queue = &template["Resources"][queue.as_str().unwrap()];
            assert_eq!(queue["Type"], "AWS::SQS::Queue");
        }
    }
    assert_eq!(resources("AWS::Events::Rule").len(), 4);
}
