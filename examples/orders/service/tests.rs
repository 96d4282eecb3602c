use es_core::memory::{MemoryIdempotency, MemoryQueues, MemoryStore};
use es_core::{DeadLetterReason, ReceiveOptions, ReceivedMessage, RewindTo, Verdict};

use super::*;
use crate::orders::channels::Subscriber;
use crate::orders::domain::{Customer, Status};
use crate::orders::payments::SimulatedPayments;

/// The system in memory, and its backend to look into.
async fn in_memory(payments: SimulatedPayments) -> (Orders, Backend) {
    let store = Arc::new(MemoryStore::new());
    let queues = Arc::new(MemoryQueues::default());
    let channels = Channels::new("test-", None).unwrap();
    channels.topology().unwrap().ensure(&*queues, &*queues).await.unwrap();
    let backend = Backend {
        log: store.clone(),
        feed: store.clone(),
        views: store.clone(),
        checkpoints: store,
        idempotency: Arc::new(MemoryIdempotency::default()),
        queues: queues.clone(),
        topics: queues,
        patience: Duration::ZERO,
        channels,
    };
    let payments = Arc::new(payments);
    (Orders::new(backend.clone(), TimeToLive::default(), payments).await.unwrap(), backend)
}

fn request(name: &str, item: &str) -> OrderRequest {
    let email = format!("{name}@example.org");
    let customer = Customer { name: name.to_owned(), email };
    OrderRequest { customer, items: vec![item.parse().unwrap()] }
}

async fn receive(backend: &Backend, queue: &es_core::QueueName) -> Vec<ReceivedMessage> {
    backend.queues.receive(queue, ReceiveOptions::default()).await.unwrap()
}

#[tokio::test]
async fn the_same_request_is_the_same_order_and_another_one_is_refused() {
    let (orders, _) = in_memory(SimulatedPayments::default()).await;
    let first = orders.create(Some("k"), request("ada", "tea:1:1")).await.unwrap();
    assert!(first.created);
    let again = orders.create(Some("k"), request("ada", "tea:1:1")).await.unwrap();
    assert_eq!(again, Accepted { id: first.id.clone(), created: false });
    let other = orders.create(Some("k"), request("bo", "tea:1:1")).await;
    assert!(matches!(other, Err(ExecuteError::Rejected(OrderError::AnotherOrder))), "{other:?}");
    let without = orders.create(None, request("ada", "tea:1:1")).await.unwrap();
    assert!(without.created && without.id != first.id);
    let no_key = orders.create(Some("a\nb"), request("ada", "tea:1:1")).await;
    assert!(matches!(no_key, Err(ExecuteError::Failed(Error::InvalidId { .. }))), "{no_key:?}");
}

#[tokio::test]
async fn a_message_that_comes_twice_changes_nothing() {
    let (orders, backend) = in_memory(SimulatedPayments::default()).await;
    let order = orders.create(None, request("ada", "tea:1:1")).await.unwrap().id;
    orders.intake.catch_up().await.unwrap();
    let first = orders.processor.work_off().await.unwrap();
    assert_eq!((first.done, first.duplicates), (1, 0));

    orders.intake.rewind(RewindTo::Start, |_| {}).await.unwrap();
    orders.intake.catch_up().await.unwrap();
    let second = orders.processor.work_off().await.unwrap();
    assert_eq!((second.done, second.duplicates), (0, 1));
    let loaded = orders.orders.load(&order).await.unwrap();
    assert_eq!((loaded.version().get(), loaded.status), (2, Some(Status::Processed)));

    orders.notifier.catch_up().await.unwrap();
    for subscriber in Subscriber::ALL {
        let queue = backend.channels.queue_of(subscriber).unwrap();
        assert_eq!(receive(&backend, &queue).await.len(), 1, "{subscriber:?}");
    }
}

#[tokio::test]
async fn a_message_that_was_forgotten_to_be_handled_changes_nothing_either() {
    let (orders, backend) = in_memory(SimulatedPayments::default()).await;
    let order = orders.create(None, request("ada", "tea:1:1")).await.unwrap().id;
    orders.intake.catch_up().await.unwrap();
    orders.processor.work_off().await.unwrap();

    // The records are gone, as after their time.
    let forgetful = Backend { idempotency: Arc::new(MemoryIdempotency::default()), ..backend };
    let payments = Arc::new(SimulatedPayments::default());
    let orders = Orders::new(forgetful, TimeToLive::default(), payments).await.unwrap();
    orders.intake.rewind(RewindTo::Start, |_| {}).await.unwrap();
    orders.intake.catch_up().await.unwrap();
    assert_eq!(orders.processor.work_off().await.unwrap().done, 1);
    assert_eq!(orders.orders.load(&order).await.unwrap().version().get(), 2);
}

#[tokio::test]
async fn an_order_is_tried_four_times_and_the_others_do_not_wait_for_it() {
    let payments = SimulatedPayments::broken_for(["gold".to_owned()]);
    let (orders, backend) = in_memory(payments).await;
    let failing = orders.create(None, request("ada", "gold:1:1")).await.unwrap().id;
    let fine = orders.create(None, request("bo", "tea:1:1")).await.unwrap().id;
    orders.intake.catch_up().await.unwrap();
    let messages = receive(&backend, &backend.channels.created).await;
    for attempt in 1..=4 {
        for message in messages.iter().filter(|message| message.body.contains(&failing)) {
            let message = ReceivedMessage { receive_count: attempt, ..message.clone() };
            match orders.processor.settle(&message).await {
                Verdict::Again { error, .. } if attempt < 4 => {
                    assert_eq!(error, "the payment service does not answer");
                }
                Verdict::DeadLetter { reason, .. } if attempt == 4 => {
                    assert_eq!(reason, DeadLetterReason::AttemptsUsedUp);
                }
                verdict => panic!("attempt {attempt}: {verdict:?}"),
            }
        }
    }
    for message in messages.iter().filter(|message| message.body.contains(&fine)) {
        assert_eq!(orders.processor.settle(message).await, Verdict::Done);
    }
}

#[tokio::test]
async fn what_is_no_order_that_was_created_is_given_up_at_once() {
    let (orders, backend) = in_memory(SimulatedPayments::default()).await;
    let send = async |body: &str| {
        let message = es_core::NewMessage::new(body);
        backend.queues.send(&backend.channels.created, message).await.unwrap();
    };
    send("not JSON").await;
    send(r#"{"specversion":"1.0","id":"1","source":"/x","type":"T","subject":"order:1"}"#).await;
    send(r#"{"specversion":"1.0","id":"2","source":"/x","type":"T"}"#).await;
    send(r#"{"specversion":"1.0","id":"3"}"#).await;
    let worked = orders.processor.work_off().await.unwrap();
    assert_eq!((worked.dead_lettered, worked.done), (4, 0));
}

#[tokio::test]
async fn dead_letters_are_kept_for_longer_than_orders() {
    let (orders, backend) = in_memory(SimulatedPayments::default()).await;
    let short = orders.dead_letters.check_retention(&backend.channels.created).await.unwrap();
    assert_eq!(short, None);
}
