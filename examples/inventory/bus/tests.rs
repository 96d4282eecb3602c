use std::collections::BTreeSet;

use es_routing::{EventBus as _, NewBusEvent};
use serde_json::json;

use super::*;
use es_core::memory::MemoryQueues;

#[tokio::test]
async fn each_event_goes_to_its_processor_and_others_go_nowhere() {
    let queues = Arc::new(MemoryQueues::default());
    topology().unwrap().ensure(&*queues, &*queues).await.unwrap();
    let bus = local(queues.clone(), Arc::new(es_core::SystemClock)).unwrap();
    for (source, detail_type, queue) in [
        ("orders", "Order Created", Some(ORDERS)),
        ("orders", "Order Completed", Some(ORDERS)),
        ("orders", "Order Cancelled", None),
        ("inventory", "Inventory Updated", Some(STOCK)),
        ("notifications", "Notification Sent", Some(NOTIFICATIONS)),
        ("workflow", "Workflow Triggered", Some(WORKFLOWS)),
        ("workflow", "Order Created", None),
    ] {
        let counts = async || {
            let mut visible = Vec::new();
            for queue in QUEUES {
                visible.push(queues.counts(&QueueName::new(queue).unwrap()).await.unwrap().visible);
            }
            visible
        };
        let before = counts().await;
        let event = NewBusEvent::new(source, detail_type, json!({ "order_id": "o-1" })).unwrap();
        bus.put_event(&event).await.unwrap();
        let came = counts().await.into_iter().zip(before).map(|(after, before)| after - before);
        let came: Vec<_> = QUEUES.into_iter().zip(came).filter(|(_, n)| *n > 0).collect();
        assert_eq!(came, queue.map(|queue| (queue, 1)).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn the_queues_are_those_of_the_rules() {
    let rules = Rules::parse(RULES).unwrap();
    let of_rules: BTreeSet<&str> = rules.queues().into_iter().map(QueueName::as_str).collect();
    assert_eq!(of_rules, QUEUES.into());
}
