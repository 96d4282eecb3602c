//! Everything that a saga can meet, in any order: duplicates, delays, faults of the stores, crashes of everybody, late
//! and missing answers. At the end every saga has ended, goods and money are conserved, and nobody paid twice.

use std::sync::Arc;
use std::time::Duration;

use es_core::memory::MemoryStore;
use es_core::saga::{Saga, SagaPhase};
use es_core::testing::faults::{Fault, Faults, FaultyFeed, crash_at};
use es_core::{DeadlineStore as _, DueQuery, Reactor, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::shop::{Forgetful, Fulfilment, PaymentCommand, ShopCommand, ShopEvent};
use crate::stage::Stage;

const GOODS: u32 = 12;
const ORDERS: usize = 5;

/// Something that happens. `at` says at which of its waits somebody is killed.
#[derive(Debug, Clone)]
enum Event {
    Placed {
        order: usize,
        quantity: u32,
    },
    CalledOff {
        order: usize,
    },
    Captured {
        order: usize,
    },
    Declined {
        order: usize,
    },
    TimePasses {
        seconds: u64,
    },
    /// The orchestrator works.
    Heard {
        at: usize,
    },
    /// A sweeper, begun anew, works.
    Swept {
        at: usize,
    },
    /// Somebody who has lost all progress hears everything again, in another order.
    HeardAgain {
        at: usize,
        seed: u64,
    },
    /// All of them work at the same time.
    Together {
        at: usize,
        seed: u64,
    },
    /// An operator turns a saga back.
    TurnedBack {
        order: usize,
        at: usize,
    },
    /// The index of deadlines is lost, all of it, and somebody begins to make it again.
    IndexLost {
        at: usize,
    },
    /// It is lost while all work.
    IndexLostMeanwhile {
        at: usize,
        seed: u64,
        after: usize,
    },
}

/// What does not work in a storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Commands have no identities.
    Identities,
    /// An index that was lost is not made again.
    Reindexing,
}

fn event() -> impl Strategy<Value = Event> {
    let (order, at) = (0..ORDERS, 1..60_usize);
    prop_oneof![
        3 => (order.clone(), 1..5_u32).prop_map(|(order, quantity)| Event::Placed { order, quantity }),
        1 => order.clone().prop_map(|order| Event::CalledOff { order }),
        3 => order.clone().prop_map(|order| Event::Captured { order }),
        1 => order.clone().prop_map(|order| Event::Declined { order }),
        1 => (order, at.clone()).prop_map(|(order, at)| Event::TurnedBack { order, at }),
        1 => at.clone().prop_map(|at| Event::IndexLost { at }),
        1 => (at.clone(), any::<u64>(), 0..60_usize)
            .prop_map(|(at, seed, after)| Event::IndexLostMeanwhile { at, seed, after }),
        2 => (0..90_u64).prop_map(|seconds| Event::TimePasses { seconds }),
        4 => at.clone().prop_map(|at| Event::Heard { at }),
        2 => at.clone().prop_map(|at| Event::Swept { at }),
        1 => (at.clone(), any::<u64>()).prop_map(|(at, seed)| Event::HeardAgain { at, seed }),
        2 => (at, any::<u64>()).prop_map(|(at, seed)| Event::Together { at, seed }),
    ]
}

fn events() -> impl Strategy<Value = (u64, Vec<Event>)> {
    (any::<u64>(), vec(event(), 20..80))
}

/// What the sagas came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Ends {
    completed: usize,
    compensated: usize,
}

/// Lets `events` happen, then calm, and looks whether all is as it must be.
async fn storm<S>(seed: u64, events: &[Event], broken: Broken) -> Result<Ends, String>
where
    S: Saga<Input = ShopEvent, Command = ShopCommand>,
{
    let faults = Faults::seeded(seed).with_rates(Fault::TRANSIENT, 0.01).suspending();
    let stage = Stage::<S>::with(GOODS, &faults, broken == Broken::Identities).await;
    let mut index_was_lost = false;
    *stage.moods.lock().unwrap() = Some(fastrand::Rng::with_seed(seed));
    let mut placed: [Option<u32>; ORDERS] = [None; ORDERS];
    let name = |order: &usize| format!("o-{order}");
    for event in events {
        match event {
            Event::Placed { order, quantity } if placed[*order].is_none() => {
                stage.place(&name(order), *quantity).await;
                placed[*order] = Some(*quantity);
            }
            Event::CalledOff { order } if placed[*order].is_some() => {
                stage.call_off(&name(order)).await;
            }
            Event::Captured { order } => {
                stage.provider(&name(order), PaymentCommand::Capture).await;
            }
            Event::Declined { order } => {
                let payment = stage.payment(&name(order)).await;
                if payment.charges < payment.requests {
                    stage.provider(&name(order), PaymentCommand::Decline).await;
                }
            }
            Event::TimePasses { seconds } => stage.clock.advance(Duration::from_secs(*seconds)),
            Event::Heard { at } => {
                let _ = crash_at(*at, stage.orchestrator.catch_up()).await;
            }
            Event::Swept { at } => {
                let _ = crash_at(*at, stage.sagas.sweeper().unwrap().sweep()).await;
            }
            Event::HeardAgain { at, seed } => {
                let _ = crash_at(*at, hear_again(&stage, *seed)).await;
            }
            Event::Together { at, seed } => {
                let sweeper = stage.other_program.sweeper().unwrap();
                let other = hear_again(&stage, *seed);
                let (heard, swept) = (stage.orchestrator.catch_up(), sweeper.sweep());
                let _ = crash_at(*at, futures::future::join3(heard, swept, other)).await;
            }
            Event::TurnedBack { order, at } => {
                let _ = crash_at(*at, stage.sagas.turn_back(&name(order), "enough")).await;
            }
            Event::IndexLost { at } => {
                lose_index(&stage).await;
                index_was_lost = true;
                if broken != Broken::Reindexing {
                    let _ = crash_at(*at, stage.sagas.reindex_all(&*stage.store, |_| {})).await;
                }
            }
            Event::IndexLostMeanwhile { at, seed, after } => {
                index_was_lost = true;
                let sweeper = stage.other_program.sweeper().unwrap();
                let other = hear_again(&stage, *seed);
                let (heard, swept) = (stage.orchestrator.catch_up(), sweeper.sweep());
                let lost = async {
                    for _ in 0..*after {
                        tokio::task::yield_now().await;
                    }
                    lose_index(&stage).await;
                };
                let _ = crash_at(*at, futures::future::join4(heard, swept, other, lost)).await;
            }
            Event::Placed { .. } | Event::CalledOff { .. } => {}
        }
    }
    faults.stop();
    *stage.moods.lock().unwrap() = None;
    if index_was_lost && broken != Broken::Reindexing {
        let all = stage.sagas.reindex_all(&*stage.store, |_| {}).await.unwrap();
        assert_eq!(all.failed, 0);
    }
    calm(&stage).await;
    ends(&stage, &placed).await
}

/// Hears everything from the beginning, some of it twice and in any order.
async fn hear_again<S>(stage: &Stage<S>, seed: u64)
where
    S: Saga<Input = ShopEvent, Command = ShopCommand>,
{
    let rates = [Fault::Duplicates, Fault::Reordering, Fault::LateDelivery];
    let faults = Faults::seeded(seed).with_rates(&rates, 0.5).suspending();
    let feed = Arc::new(FaultyFeed::new(stage.store.clone(), faults));
    let progress = Arc::new(MemoryStore::new());
    let sagas = stage.other_program.clone();
    let again = Reactor::new(sagas, feed, stage.store.clone(), progress).unwrap();
    let _ = again.catch_up().await;
}

async fn lose_index<S>(stage: &Stage<S>)
where
    S: Saga<Input = ShopEvent, Command = ShopCommand>,
{
    let all = DueQuery::new(stage.sweeper.process().clone(), Timestamp::MAX).limit(usize::MAX);
    let index = stage.store.due(&all).await.unwrap().deadlines;
    stage.store.remove(&index).await.unwrap();
}

/// The faults are over, nobody is killed any more, and time passes. The provider has nothing more to say.
async fn calm<S>(stage: &Stage<S>)
where
    S: Saga<Input = ShopEvent, Command = ShopCommand>,
{
    for _ in 0..60 {
        stage.catch_up().await;
        stage.pass(Duration::from_secs(30)).await;
    }
    stage.catch_up().await;
}

async fn ends<S>(stage: &Stage<S>, placed: &[Option<u32>]) -> Result<Ends, String>
where
    S: Saga<Input = ShopEvent, Command = ShopCommand>,
{
    let (mut ends, mut shipped) = (Ends::default(), 0);
    for (order, quantity) in placed.iter().enumerate() {
        let Some(quantity) = quantity else { continue };
        let name = format!("o-{order}");
        let payment = stage.payment(&name).await;
        let (charges, refunds) = (payment.charges, payment.refunds);
        if charges > 1 {
            return Err(format!("{name} was charged {charges} times"));
        }
        let kept = match stage.phase(&name).await {
            SagaPhase::Completed => {
                ends.completed += 1;
                shipped += quantity;
                1
            }
            SagaPhase::Compensated => {
                ends.compensated += 1;
                0
            }
            phase => {
                let story = stage.told(&name).await.join("\n");
                return Err(format!("{name} has not ended: {phase:?}\n{story}"));
            }
        };
        if charges != refunds + kept {
            return Err(format!("{name}: {charges} charges, {refunds} refunds, {kept} kept"));
        }
    }
    let goods = stage.goods().await;
    if (goods.shipped, goods.on_hand) != (shipped, GOODS - shipped) || !goods.reserved.is_empty() {
        return Err(format!("of {GOODS} goods {shipped} were sold, and there are {goods:?}"));
    }
    Ok(ends)
}

fn run<S>(seed: u64, events: &[Event], broken: Broken) -> Result<Ends, String>
where
    S: Saga<Input = ShopEvent, Command = ShopCommand>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(storm::<S>(seed, events, broken))
}

proptest! {
    #[test]
    fn every_saga_ends_and_goods_and_money_are_conserved((seed, events) in events()) {
        let ends = run::<Fulfilment>(seed, &events, Broken::Nothing);
        prop_assert!(ends.is_ok(), "{}", ends.unwrap_err());
    }
}

/// Whether one of some hundred storms does this damage.
fn do_damage<S>(broken: Broken, damage: &str) -> bool
where
    S: Saga<Input = ShopEvent, Command = ShopCommand>,
{
    let mut runner = TestRunner::deterministic();
    (0..300).any(|_| {
        let (seed, events) = events().new_tree(&mut runner).unwrap().current();
        run::<S>(seed, &events, broken).is_err_and(|found| found.contains(damage))
    })
}

#[test]
fn the_storms_lead_to_both_ends() {
    let mut runner = TestRunner::deterministic();
    let mut sum = Ends::default();
    for _ in 0..40 {
        let (seed, events) = events().new_tree(&mut runner).unwrap().current();
        let ends = run::<Fulfilment>(seed, &events, Broken::Nothing).unwrap();
        sum.completed += ends.completed;
        sum.compensated += ends.compensated;
    }
    assert!(sum.completed > 10 && sum.compensated > 10, "{sum:?}");
}

#[test]
fn without_the_derived_identities_of_commands_the_storms_do_damage() {
    assert!(do_damage::<Fulfilment>(Broken::Identities, "was charged 2 times"));
}

#[test]
fn without_compensation_the_storms_do_damage() {
    assert!(do_damage::<Forgetful>(Broken::Nothing, "goods"));
}

#[test]
fn without_reindexing_sagas_whose_deadlines_are_lost_do_not_end() {
    assert!(do_damage::<Fulfilment>(Broken::Reindexing, "has not ended"));
}
