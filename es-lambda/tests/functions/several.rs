//! Several consumers in one function, behind one source.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{AnyConsumer, Consumers, Policy, Reaction, ReactionError, Reactor, Recorded};
use es_lambda::{FunctionError, KinesisFunction, kinesis};

use crate::kinesis::{batch, failures, log_of, of_commits, record};
use crate::kit::{Desk, SECOND, settle};
use crate::ledger::{AccountEvent, Balances, balances, credited, ledger};

/// Writes a note about each credit, as far as it gets on.
#[derive(Clone, Default)]
struct Notes {
    written: Arc<Mutex<Vec<u64>>>,
    fails_at: Arc<Mutex<BTreeSet<u64>>>,
    hangs_at: Option<u64>,
}

impl Notes {
    fn failing_at(amounts: &[u64]) -> Self {
        let notes = Self::default();
        notes.fail_at(amounts);
        notes
    }

    fn fail_at(&self, amounts: &[u64]) {
        *self.fails_at.lock().unwrap() = amounts.iter().copied().collect();
    }

    fn written(&self) -> Vec<u64> {
        let mut written = self.written.lock().unwrap().clone();
        written.sort_unstable();
        written
    }

    fn reactor(&self, store: &MemoryStore, desk: &Desk) -> Arc<Reactor<Self>> {
        let reactor = Reactor::on(self.clone(), Arc::new(store.clone())).unwrap();
        Arc::new(reactor.with_clock(desk.clock.clone()))
    }
}

#[async_trait]
impl Policy for Notes {
    const NAME: &'static str = "notes";
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;

    async fn react(
        &self,
        event: &Recorded<'_, AccountEvent>,
        _: &Reaction,
    ) -> Result<(), ReactionError> {
        let AccountEvent::Credited { amount } = event.event;
        if self.fails_at.lock().unwrap().contains(&amount) {
            return Err(ReactionError::transient("there is no paper"));
        }
        if self.hangs_at == Some(amount) {
            std::future::pending::<()>().await;
        }
        self.written.lock().unwrap().push(amount);
        Ok(())
    }
}

/// The projection and the policy as a program has them.
fn both(desk: &Desk, store: &MemoryStore, notes: &Notes) -> Consumers {
    let ledger = Arc::new(ledger(store, desk, &[]));
    Consumers::new().with(ledger).with(notes.reactor(store, desk))
}

fn function(desk: &Desk, store: &MemoryStore, consumers: Consumers) -> KinesisFunction {
    kinesis(consumers, log_of(store)).with_clock(desk.clock.clone())
}

#[tokio::test]
async fn each_of_several_consumers_has_each_effect_once_however_often_a_batch_comes() {
    let (desk, store, notes) = (Desk::new().await, MemoryStore::new(), Notes::default());
    let commits = credited(&store, &[("a", 1), ("b", 2), ("a", 4)]).await;
    let records = of_commits(&commits);
    for records in [&records[..], &records[1..], &records[..]] {
        // Each time another process.
        let function = function(&desk, &store, both(&desk, &store, &notes));
        let answer = function.invoke(desk.event(&batch(records))).await.unwrap();
        assert_eq!(failures(&answer).len(), 0);
    }
    assert_eq!(balances(&store).await, [("a", 5), ("b", 2)]);
    assert_eq!(notes.written(), [1, 2, 4]);
}

#[tokio::test]
async fn a_consumer_that_fails_does_not_keep_the_others_from_their_effects() {
    let (desk, store, notes) = (Desk::new().await, MemoryStore::new(), Notes::failing_at(&[2]));
    let commits = credited(&store, &[("a", 1), ("b", 2), ("c", 4)]).await;
    let ledger = Arc::new(ledger(&store, &desk, &[]));
    let event = batch(&of_commits(&commits));
    // Also when the one that fails is the first.
    let consumers = Consumers::from(notes.reactor(&store, &desk)).with(ledger);
    let function = function(&desk, &store, consumers);
    let answer = function.invoke(desk.event(&event)).await.unwrap();
    assert_eq!(failures(&answer), ["9"]);
    assert_eq!(balances(&store).await, [("a", 1), ("b", 2), ("c", 4)]);
    notes.fail_at(&[]);
    let again = function.invoke(desk.event(&event)).await.unwrap();
    assert_eq!(failures(&again).len(), 0);
    assert_eq!(notes.written(), [1, 2, 4], "what it had written is known");
    assert_eq!(balances(&store).await, [("a", 1), ("b", 2), ("c", 4)]);
}

#[tokio::test]
async fn the_answer_is_the_lowest_number_that_any_of_the_consumers_has_left() {
    for (paused, lowest) in [(false, "10"), (true, "8")] {
        let (desk, store, notes) = (Desk::new().await, MemoryStore::new(), Notes::failing_at(&[4]));
        let commits = credited(&store, &[("a", 1), ("b", 2), ("c", 4)]).await;
        let ledger = ledger(&store, &desk, &[]);
        if paused {
            ledger.pause().await.unwrap();
        }
        let event = desk.event(&batch(&of_commits(&commits)));
        let function = function(&desk, &store, both(&desk, &store, &notes));
        assert_eq!(failures(&function.invoke(event).await.unwrap()), [lowest]);
        assert_eq!(notes.written(), [1, 2]);
    }
}

#[tokio::test]
async fn a_consumer_that_hangs_does_not_keep_the_others_from_their_effects() {
    let notes = Notes { hangs_at: Some(1), ..Notes::default() };
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1), ("b", 2)]).await;
    let ledger = Arc::new(ledger(&store, &desk, &[]));
    let consumers = Consumers::from(notes.reactor(&store, &desk)).with(ledger);
    let function = function(&desk, &store, consumers);
    let event = desk.event_with(&batch(&of_commits(&commits)), 10 * SECOND);
    let meanwhile = async {
        settle().await;
        let balances = balances(&store).await;
        desk.pass(10 * SECOND).await;
        balances
    };
    let (answer, balances) = futures::join!(function.invoke(event), meanwhile);
    assert_eq!(balances, [("a", 1), ("b", 2)]);
    assert_eq!(failures(&answer.unwrap()), ["8"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_one_dead_letter_in_the_name_of_all_consumers() {
    let (desk, store, notes) = (Desk::new().await, MemoryStore::new(), Notes::default());
    let function = function(&desk, &store, both(&desk, &store, &notes))
        .dead_records_to(desk.queues.clone(), desk.dead.clone());
    let event = desk.event(&batch(&[record(8, "foreign", b"no commit")]));
    assert_eq!(failures(&function.invoke(event).await.unwrap()).len(), 0);
    let buried = desk.buried().await;
    assert_eq!(buried.len(), 1);
    assert_eq!(buried[0].attributes["consumer"], "ledger_v1 notes");
}

#[tokio::test]
async fn a_function_without_a_consumer_fails() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let commits = credited(&store, &[("a", 1)]).await;
    let function = function(&desk, &store, Consumers::new());
    let outcome = function.invoke(desk.event(&batch(&of_commits(&commits)))).await;
    assert!(matches!(outcome, Err(FunctionError::NoConsumer)), "{outcome:?}");
}

#[tokio::test]
async fn functions_take_a_consumer_in_every_form_in_which_a_program_has_it() {
    let (desk, store) = (Desk::new().await, MemoryStore::new());
    let shared: Arc<es_core::Projection<Balances>> = Arc::new(ledger(&store, &desk, &[]));
    let any: Arc<dyn AnyConsumer> = shared.clone();
    let own: Consumers = ledger(&store, &desk, &[]).into();
    for consumers in [shared.into(), any.into(), own] {
        let event = desk.event(&batch(&of_commits(&credited(&store, &[("a", 1)]).await)));
        let answer = function(&desk, &store, consumers).invoke(event).await.unwrap();
        assert_eq!(failures(&answer).len(), 0);
    }
    assert_eq!(balances(&store).await, [("a", 3)]);
}
