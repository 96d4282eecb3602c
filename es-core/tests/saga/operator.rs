use std::sync::Arc;
use std::time::Duration;

use es_core::saga::{SagaPhase, SagaRun, TurnBackCause, sagas};
use es_core::testing::faults::{Faults, crash_at_every_await};
use es_core::{
    Clock as _, DispatchError, Error, ProcessStatus, ProcessStatuses, Projection, ViewQuery,
};

use crate::no_return::with_slow_delivery;
use crate::shop::{Fulfilment, Shop, TIME};
use crate::stage::Stage;
use crate::unreadable::NoLine;

async fn with_goods_reserved() -> Stage<Fulfilment> {
    let stage = Stage::with(10, &Faults::none().suspending(), false).await;
    stage.place("o-1", 3).await;
    stage.catch_up().await;
    stage
}

#[tokio::test]
async fn a_saga_that_an_operator_turns_back_is_undone_from_where_it_is() {
    let stage = with_goods_reserved().await;
    stage.sagas.turn_back("o-1", "the customer is on the phone").await.unwrap();

    let saga = stage.saga("o-1").await;
    assert_eq!(saga.state().phase(), SagaPhase::Compensated);
    assert_eq!(saga.state().turned_back(), Some(&TurnBackCause::Operator));
    assert_eq!(saga.state().turn_back_reason(), Some("the customer is on the phone"));
    assert_eq!((saga.status(), saga.outcome()), (ProcessStatus::Completed, Some("compensated")));
    assert_eq!((stage.goods().await.on_hand, stage.goods().await.reserved.len()), (10, 0));
    assert!(stage.told("o-1").await.contains(&"turns back: an operator turned it back".to_owned()));

    let before = saga.version();
    stage.sagas.turn_back("o-1", "once more").await.unwrap();
    assert_eq!(stage.saga("o-1").await.version(), before);
}

#[tokio::test]
async fn what_an_operator_turned_back_is_undone_wherever_the_program_is_killed() {
    let turn_back = async |stage: &Stage<Fulfilment>| stage.sagas.turn_back("o-1", "enough").await;
    let crashes = crash_at_every_await(with_goods_reserved, turn_back, async |stage| {
        if stage.phase("o-1").await == SagaPhase::Running {
            return;
        }
        // Nobody calls again.
        stage.pass(TIME).await;
        assert_eq!(stage.phase("o-1").await, SagaPhase::Compensated);
        assert_eq!((stage.goods().await.on_hand, stage.goods().await.reserved.len()), (10, 0));
    });
    assert!(crashes.await > 10);
}

#[tokio::test]
async fn an_operator_cannot_turn_back_behind_the_point_of_no_return() {
    let stage = with_slow_delivery(1, || DispatchError::transient("a flat tyre")).await;
    let before = stage.saga("o-1").await.version();
    let refused = stage.sagas.turn_back("o-1", "please").await;
    let Err(Error::NoWayBack { stream, reason }) = refused else { panic!("{refused:?}") };
    assert_eq!(
        (stream.id(), reason.as_str()),
        ("o-1", "delivery has begun, which cannot be undone")
    );
    assert_eq!(stage.saga("o-1").await.version(), before);

    for _ in 0..3 {
        stage.pass(TIME).await;
    }
    assert_eq!(stage.phase("o-1").await, SagaPhase::Completed);
    let refused = stage.sagas.turn_back("o-1", "please").await;
    assert!(matches!(refused, Err(Error::NoWayBack { reason, .. }) if reason == "all is done"));
    assert_eq!(stage.payment("o-1").await.refunds, 0);
}

#[tokio::test]
async fn a_saga_that_there_is_not_cannot_be_turned_back_and_none_is_cancelled() {
    let stage = with_goods_reserved().await;
    let nobody = stage.sagas.turn_back("o-2", "a typo").await;
    assert!(matches!(nobody, Err(Error::NoSuchProcess { .. })), "{nobody:?}");
    let bare = stage.sagas.cancel("o-1", "enough").await;
    assert!(matches!(&bare, Err(Error::Misuse(what)) if what.contains("turned back")), "{bare:?}");
    assert_eq!(stage.phase("o-1").await, SagaPhase::Running);
}

#[tokio::test]
async fn the_view_says_what_each_saga_is_about_and_since_when() {
    let mut stage = with_goods_reserved().await;
    // What undoes the reservation fails from now on.
    let bus = NoLine(Shop::on(stage.store.clone()));
    stage.sagas = sagas(stage.store.clone(), bus, stage.store.clone())
        .unwrap()
        .with_clock(stage.clock.clone());
    stage.sweeper = stage.sagas.sweeper().unwrap();
    let statuses = ProcessStatuses::<SagaRun<Fulfilment>>::new();
    let statuses = Projection::on(statuses, Arc::clone(&stage.store)).unwrap();
    let summary = async |phase: &str| {
        statuses.catch_up().await.unwrap();
        let query = ViewQuery::default().equals("phase", phase);
        statuses.view().list(&query).await.unwrap().remove(0).1
    };
    let began = stage.clock.now();
    assert_eq!(summary("running").await.since, began);

    stage.clock.advance(Duration::from_secs(30));
    stage.sagas.turn_back("o-1", "enough").await.unwrap();
    let turned = stage.clock.now();
    let found = summary("compensating").await;
    assert_eq!((found.status, found.since), (ProcessStatus::Running, turned));
    stage.pass(Duration::from_secs(600)).await;
    let found = summary("compensating").await;
    assert_eq!(
        (found.changed_at, found.since),
        (stage.clock.now(), turned),
        "it is about the same"
    );
    for _ in 0..SagaRun::<Fulfilment>::ATTEMPTS {
        stage.pass(Duration::from_secs(600)).await;
    }
    let found = summary("compensating").await;
    assert_eq!(found.status, ProcessStatus::Parked);
    let (id, parked) = found.parked.first_key_value().unwrap();
    assert_eq!((parked.name.as_str(), parked.attempts), ("Release", 10));
    assert_eq!((parked.error.as_str(), parked.since), ("no line", found.since));
    assert!(!format!("{found:?}").contains("no line"));

    stage.sagas.drop_parked("o-1", id.parse().unwrap()).await.unwrap();
    statuses.catch_up().await.unwrap();
    let over = statuses.view().get("o-1").await.unwrap().unwrap();
    assert_eq!((over.phase, over.outcome.as_deref()), (None, Some("partly compensated")));
    assert_eq!(over.began_at, began);
}
