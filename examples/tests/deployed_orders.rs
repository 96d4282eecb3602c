//! Orders as its template deploys it: from `create`, by the stream of the log, to queue, processor and topic, all of
//! it functions.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use es_core::{MessageQueue as _, NewMessage, Projection, QueueName, ViewQuery};
use es_examples::orders::domain::Status;
use es_examples::orders::time_to_live::TimeToLive;
use es_examples::orders::views::OrderList;
use es_sns_sqs::SqsQueues;
use futures::TryStreamExt as _;
use serde_json::Value;
use support::{Deployed, ORDERS, eventually};

/// An order from outside; its id.
fn create(deployed: &Deployed, item: &str) -> String {
    let request = ["--name", "Grace Example", "--email", "grace@example.org", "--item", item];
    let create = ["create", "--json"].into_iter().chain(request);
    let accepted = ORDERS.run_on(deployed.place(), create).json();
    accepted["id"].as_str().unwrap().to_owned()
}

fn listed(deployed: &Deployed, command: &[&str]) -> Vec<Value> {
    let list = ORDERS.run_on(deployed.place(), command.iter().chain(&["--json"])).json();
    list.as_array().unwrap().clone()
}

/// What the function has in the list. The program's `list` would bring it up to date by itself.
async fn statuses(deployed: &Deployed) -> BTreeMap<String, Status> {
    let store = deployed.store().await;
    let list = OrderList::new(TimeToLive::default());
    let list = Projection::new(list, store.clone(), store.clone(), store).unwrap();
    let orders: Vec<_> = list.view().all(ViewQuery::default()).try_collect().await.unwrap();
    orders.into_iter().map(|(id, order)| (id, order.status)).collect()
}

async fn until_processed(deployed: &Deployed, orders: &[String]) {
    eventually("the orders are processed", async || {
        let statuses = statuses(deployed).await;
        let is_processed = |id: &String| statuses.get(id) == Some(&Status::Processed);
        orders.iter().all(is_processed).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_order_goes_its_whole_way_whatever_lies_in_it() {
    // Left to its queue, an order that failed would be hidden for longer than the test waits.
    let parameters = [("BrokenFor", "coal"), ("SecondsPerAttempt", "120")];
    let deployed = Deployed::system("orders", &parameters).await;
    let coal = create(&deployed, "coal:1:9.00");
    let before: Vec<_> = (1..=5).map(|n| create(&deployed, &format!("tea:{n}:4.50"))).collect();

    // What is no commit, in the log, and what is no order, in the queue.
    deployed.poison().await;
    let queues = SqsQueues::builder().connection(deployed.connection().connection());
    let queues = queues.connect().await.unwrap();
    let created = QueueName::new(&format!("{}created", deployed.prefix())).unwrap();
    queues.send(&created, NewMessage::new("poison")).await.unwrap();

    let after: Vec<_> = (1..=5).map(|n| create(&deployed, &format!("milk:{n}:1.20"))).collect();
    let orders = [before, after].concat();
    until_processed(&deployed, &orders).await;
    let shown = ["--as", "shipping", "--count", "10", "--for", "60", "--json"];
    let told = ORDERS.run_on(deployed.place(), ["notifications"].iter().chain(&shown));
    let told: BTreeSet<_> = told.stdout.lines().map(str::to_owned).collect();
    assert_eq!(told.len(), orders.len(), "{told:?}");
    for order in &orders {
        assert!(told.iter().any(|it| it.contains(order)), "nobody is told of {order}: {told:?}");
    }
    let personal = |it: &String| it.contains("Grace") || it.contains("grace");
    assert!(!told.iter().any(personal), "{told:?}");

    // The one that cannot be paid for, and the message that says nothing.
    let letters = eventually("both are given up", async || {
        let letters = listed(&deployed, &["dead-letters"]);
        (letters.len() == 2).then_some(letters)
    })
    .await;
    assert!(letters.iter().any(|it| it.to_string().contains(&coal)), "{letters:?}");
    assert_eq!(statuses(&deployed).await[&coal], Status::New);
    // Two functions read the log, and each has told of the record that it could not read.
    eventually("the record is among the dead ones", async || {
        let queue = QueueName::new(&format!("{}dead-records", deployed.prefix())).unwrap();
        (queues.counts(&queue).await.unwrap().visible == 2).then_some(())
    })
    .await;

    deployed.cure().await;
    deployed.assert_view_is_the_fold(|| OrderList::new(TimeToLive::default())).await;
    deployed.delete().await;
}
