//! The inventory as its template deploys it: orders and deliveries in, and by bus, queues and workflows to their end, all
//! of it functions.

mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use es_core::testing::VirtualClock;
use es_core::{
    Clock as _, Error, ExecuteOptions, MessageQueue as _, Metadata, NewMessage, NoFeed,
    ProcessStatus, QueueName, Reactor, Repository, SystemClock, Timestamp,
};
use es_examples::inventory::backend::{Aws, AwsOptions, Backend};
use es_examples::inventory::bus::{Action, InventoryUpdated};
use es_examples::inventory::domain::{
    Money, OrderCommand, OrderRequest, OrderStatus, OrderedItem, Workflow, WorkflowCommand,
};
use es_examples::inventory::fulfilment::TIME;
use es_examples::inventory::payments::{Answer, NotTakenBack, PaymentProvider};
use es_examples::inventory::service::{Inventory, WorkflowStatuses};
use es_examples::inventory::views::{OrderSummaries, StockLevels};
use es_examples::inventory::workflow_states::WorkflowState;
use es_routing::NewBusEvent;
use es_sns_sqs::SqsQueues;
use serde_json::{Value, json};
use support::{Deployed, INVENTORY, eventually};

/// Nobody takes money in this process: the functions do.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl PaymentProvider for Nobody {
    async fn charge(&self, _: &str, _: &str, _: Money) -> Result<Answer, Error> {
        panic!("this process only asks for orders");
    }

    async fn take_back(&self, _: &str) -> Result<Option<Money>, NotTakenBack> {
        panic!("this process only asks for orders");
    }
}

async fn backend(deployed: &Deployed) -> Backend {
    let (prefix, connection) = (deployed.prefix().to_owned(), deployed.connection().clone());
    let options = AwsOptions { prefix, connection, create: false };
    Aws::open_existing(options).await.unwrap().backend()
}

fn request(items: &[(&str, u32)]) -> OrderRequest {
    let item = |(item_id, quantity): &(&str, u32)| OrderedItem {
        item_id: (*item_id).to_owned(),
        quantity: *quantity,
        price: Money::cents(250),
    };
    let items = items.iter().map(item).collect();
    OrderRequest { customer_id: "customer-1".to_owned(), items }
}

/// A shop in front of the system, and what can be seen of it.
struct Shop {
    deployed: Deployed,
    inventory: Inventory,
    queues: SqsQueues,
}

impl Shop {
    async fn of_a_stack(parameters: &[(&str, &str)]) -> Self {
        let deployed = Deployed::system("inventory", parameters).await;
        let queues = SqsQueues::builder().connection(deployed.connection().connection());
        let queues = queues.name_prefix(deployed.prefix()).connect().await.unwrap();
        let backend = backend(&deployed).await;
        let inventory = Inventory::assembled(backend, Arc::new(Nobody), Arc::new(SystemClock));
        Self { deployed, inventory: inventory.unwrap(), queues }
    }

    /// Orders, accepts and reserves at another time, as far as the answer about the payment, which nobody gives.
    async fn order_at(&self, time: Timestamp, order: &str, items: &[(&str, u32)]) {
        let clock = Arc::new(VirtualClock::at(&time.to_string()));
        let backend = backend(&self.deployed).await;
        let (log, checkpoints) = (backend.log.clone(), backend.checkpoints.clone());
        let then = Inventory::assembled(backend, Arc::new(Nobody), clock.clone()).unwrap();
        let request = request(items);
        let (items, total) = (request.items.clone(), request.total());
        then.orders.execute(order, OrderCommand::Create(request)).await.unwrap();
        let trigger =
            WorkflowCommand::Trigger { workflow_id: format!("workflow-{order}"), items, total };
        let begun = Repository::<Workflow>::new(log.clone()).with_clock(clock.clone());
        let begun = begun.execute(order, trigger).await.unwrap();
        let feed = Arc::new(NoFeed);
        let workflows = Reactor::new(then.workflows.clone(), feed, log, checkpoints).unwrap();
        let commits = vec![begun.commit().unwrap().clone()];
        let pushed = workflows.with_clock(clock).push(commits, Duration::from_secs(60)).await;
        assert_eq!((pushed.applied, pushed.left.len()), (1, 0), "{:?}", pushed.error);
    }

    /// The warehouse tells of a delivery.
    async fn deliver(&self, delivery: &str, item: &str, quantity: u32) {
        let came = InventoryUpdated {
            delivery_id: delivery.to_owned(),
            item_id: item.to_owned(),
            quantity,
            action: Action::Restock,
            timestamp: SystemClock.now(),
        };
        let event = NewBusEvent::new("inventory", "Inventory Updated", came).unwrap();
        self.inventory.bus.put_event(&event).await.unwrap();
    }

    async fn order(&self, order: &str, items: &[(&str, u32)]) {
        let mut metadata = Metadata::new();
        metadata.correlation_id = Some(order.to_owned());
        metadata.traceparent =
            Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
        let options = ExecuteOptions::new().metadata(metadata);
        let create = OrderCommand::Create(request(items));
        self.inventory.orders.execute_with(order, create, options).await.unwrap();
    }

    async fn wait_for(&self, order: &str, state: WorkflowState) {
        eventually(&format!("{order} is {state:?}"), async || {
            let is = self.inventory.state_of_workflow(order).await.unwrap();
            (self.inventory.exists(order).await.unwrap() && is == state).then_some(())
        })
        .await;
    }

    /// What the read model says of an item, once it says this.
    async fn stock(&self, item: &str, received: u64, on_hand: u64, shipped: u64) {
        eventually(&format!("{item} has come so far"), async || {
            // Nobody has prepared the view before a function has written it.
            let level = self.inventory.stock_levels.view().get(item).await.ok()??;
            let is = (level.received, level.on_hand, level.reserved, level.shipped);
            (is == (received, on_hand, 0, shipped)).then_some(())
        })
        .await;
    }

    async fn count(&self, queue: &str) -> u64 {
        self.queues.counts(&QueueName::new(queue).unwrap()).await.unwrap().visible
    }

    /// What a function answers that somebody invokes by hand.
    async fn invoke(&self, function: &str) -> Value {
        let (endpoint, prefix) = (self.deployed.place().endpoint(), self.deployed.prefix());
        let url = format!("{endpoint}/2015-03-31/functions/{prefix}{function}/invocations");
        let invoked = self.deployed.client().post(url).body("{}").send().await.unwrap();
        assert!(invoked.headers().get("x-amz-function-error").is_none(), "{invoked:?}");
        invoked.json().await.unwrap()
    }
}

#[tokio::test]
async fn every_order_comes_to_its_end_and_every_piece_is_accounted_for_whatever_lies_between() {
    let shop = Shop::of_a_stack(&[]).await;
    shop.deliver("delivery-1", "tea", 20).await;
    // Told of twice, it came once.
    shop.deliver("delivery-1", "tea", 20).await;
    shop.deliver("delivery-2", "milk", 5).await;
    shop.stock("tea", 20, 20, 0).await;
    shop.stock("milk", 5, 5, 0).await;
    for n in 0..3 {
        shop.order(&format!("before-{n}"), &[("tea", 2), ("milk", 1)]).await;
    }

    // What is no commit, in the log; what tells of no order, in a queue.
    shop.deployed.poison().await;
    let orders = QueueName::new("orders").unwrap();
    shop.queues.send(&orders, NewMessage::new("poison")).await.unwrap();

    for n in 0..3 {
        shop.order(&format!("behind-{n}"), &[("tea", 1)]).await;
    }
    shop.order("too-much", &[("tea", 1), ("milk", 50)]).await;
    for n in 0..3 {
        shop.wait_for(&format!("before-{n}"), WorkflowState::Completed).await;
        shop.wait_for(&format!("behind-{n}"), WorkflowState::Completed).await;
    }
    // There is not enough milk: the tea goes back on the shelf, and so does the money.
    shop.wait_for("too-much", WorkflowState::Compensated).await;
    shop.stock("tea", 20, 20 - 6 - 3, 6 + 3).await;
    shop.stock("milk", 5, 5 - 3, 3).await;

    eventually("the message is a dead letter", async || {
        (shop.count("orders-dead").await == 1).then_some(())
    })
    .await;
    // Two functions read the log, and each has told of the record that it could not read.
    eventually("the record is among the dead ones", async || {
        (shop.count("dead-records").await == 2).then_some(())
    })
    .await;

    for (order, last) in [("before-0", "Notification:Sent"), ("too-much", "Order:Cancelled")] {
        let trace = eventually(&format!("all of {order} is done"), async || {
            let trace = INVENTORY.run_on(shop.deployed.place(), ["trace", order, "--json"]).json();
            trace.to_string().contains(last).then_some(trace)
        })
        .await;
        assert_eq!(trace["trace_ids"], json!(["0af7651916cd43dd8448eb211c80319c"]), "{trace:#}");
    }
    shop.deployed.cure().await;
    // The stream brings the views what was done last.
    let mut ids: Vec<String> = vec!["too-much".to_owned()];
    ids.extend((0..3).flat_map(|n| [format!("before-{n}"), format!("behind-{n}")]));
    for id in &ids {
        eventually(&format!("the views show how {id} ended"), async || {
            let order = shop.inventory.order_summaries.view().get(id).await.ok()??;
            let workflow = shop.inventory.workflow_statuses.view().get(id).await.ok()??;
            let has_ended =
                [OrderStatus::Completed, OrderStatus::Cancelled].contains(&order.status);
            (has_ended && workflow.status == ProcessStatus::Completed).then_some(())
        })
        .await;
    }
    shop.deployed.assert_view_is_the_fold(|| OrderSummaries).await;
    shop.deployed.assert_view_is_the_fold(|| StockLevels).await;
    shop.deployed.assert_view_is_the_fold(WorkflowStatuses::new).await;
    shop.deployed.delete().await;
}

#[tokio::test]
async fn an_order_whose_payment_is_declined_is_undone_and_a_sweep_finds_nothing_due() {
    let shop = Shop::of_a_stack(&[("DeclineRate", "1")]).await;
    shop.deliver("delivery-1", "tea", 4).await;
    shop.stock("tea", 4, 4, 0).await;
    shop.order("declined", &[("tea", 4)]).await;
    shop.wait_for("declined", WorkflowState::Compensated).await;
    shop.stock("tea", 4, 4, 0).await;
    let swept = shop.invoke("sweeper").await;
    assert_eq!((&swept["fired"], &swept["failed"]), (&json!(0), &json!(0)), "{swept}");
    shop.deployed.delete().await;
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_is_cancelled_by_the_sweeper_and_its_stock_is_free_again()
{
    let shop = Shop::of_a_stack(&[]).await;
    // Nobody has payments made, or goes on with workflows when something happens.
    shop.deployed.rest("policies").await;
    shop.deliver("delivery-1", "tea", 4).await;
    shop.stock("tea", 4, 4, 0).await;
    let longer_ago = 2 * TIME;
    let then = SystemClock.now().saturating_sub(longer_ago).unwrap();
    shop.order_at(then, "unpaid", &[("tea", 3)]).await;
    shop.wait_for("unpaid", WorkflowState::Running).await;
    let reserved = async || shop.inventory.stock.load("tea").await.unwrap().reserved();
    assert_eq!(reserved().await, 3, "it waits for the money");

    shop.deployed.invoke_on_schedule("sweeper").await;
    shop.wait_for("unpaid", WorkflowState::Compensated).await;
    assert_eq!(reserved().await, 0);
    shop.stock("tea", 4, 4, 0).await;
    eventually("the order is cancelled", async || {
        let order = shop.inventory.order_summaries.view().get("unpaid").await.ok()??;
        (order.status == OrderStatus::Cancelled).then_some(())
    })
    .await;
    shop.deployed.assert_view_is_the_fold(|| StockLevels).await;
    shop.deployed.delete().await;
}
