//! Records that cannot be read, and commits that cannot be handled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use es_core::{
    Checkpoint, CheckpointStore as _, DeadLetterFilter, Error, Feed as _, Projection, Projector,
    Recorded,
};
use es_kinesis::aggregation::{RecordAggregator, UserRecord};
use es_kinesis::{Begin, Oversized};

use crate::measures::Measures;
use crate::scene::{AccountEvent, STREAM, Scene, Statement, account, only_shard_of};

/// An aggregate whose digest is not that of its message.
fn damaged_aggregate() -> Vec<u8> {
    let mut aggregator = RecordAggregator::new();
    for key in ["account:a", "account:b"] {
        aggregator.add(&UserRecord {
            partition_key: key.into(),
            explicit_hash_key: None,
            data: Bytes::from_static(b"{}"),
        });
    }
    let mut data = aggregator.finish().to_vec();
    let last = data.len() - 1;
    data[last] ^= 1;
    data
}

/// The data of the record that a commit was published in.
async fn record_of(scene: &Scene, id: &str) -> String {
    let key = account(id).to_string();
    let records = scene.kinesis.records(STREAM);
    let mut records = records.into_values().flatten();
    let record = records.find(|record| record.partition_key == key).expect("it is published");
    String::from_utf8(record.data.to_vec()).expect("JSON")
}

#[tokio::test]
async fn what_a_record_that_cannot_be_read_announces_is_read_from_the_log() {
    let scene = Scene::new(1);
    scene.credit("other", 1).await;
    let sound = record_of(&scene, "other").await;
    let changed = sound.replacen(r#""amount":1"#, r#""amount":7"#, 1);
    assert_ne!(changed, sound);
    let garbage: [&[u8]; 6] = [
        b"",
        b"garbage",
        br#"[{"specversion":"1.0"}]"#,
        &[0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3],
        &sound.as_bytes()[..sound.len() / 2],
        // The checksum is another one.
        changed.as_bytes(),
    ];
    for (n, garbage) in garbage.into_iter().enumerate() {
        let id = format!("a-{n}");
        // Two commits that nobody has published: the record is all that is said of them.
        scene.credit_unseen(&id, 10).await;
        scene.credit_unseen(&id, 20).await;
        if garbage.is_empty() {
            // Kinesis takes no record without data.
            continue;
        }
        scene.put(&account(&id).to_string(), garbage).await;
        let statements = scene.statements(scene.feed(Begin::Horizon));
        statements.catch_up().await.unwrap();
        assert_eq!(scene.shown().await.get(&id), Some(&30), "{n}");
    }
    assert_eq!(scene.shown().await["other"], 1);
}

#[tokio::test]
async fn what_belongs_to_no_stream_of_the_log_is_passed_over_and_counted() {
    let measures = Measures::of_this_thread();
    let scene = Scene::new(1);
    for key in ["foreign", "account:nobody", "account:", "\u{1F4A5}"] {
        scene.put(key, "not for us").await;
    }
    scene.put("foreign", damaged_aggregate()).await;
    scene.credit("a", 1).await;
    scene.put("foreign", "not for us").await;
    let statements = scene.statements(scene.feed(Begin::Horizon)).with_batch_size(1);
    assert_eq!(statements.catch_up().await.unwrap().applied, 1);
    scene.assert_all_shown().await;
    let counted = |outcome: &str| {
        measures.get("es_kinesis_records_unreadable_total", &[("outcome", outcome)])
    };
    assert_eq!((counted("foreign"), counted("read_from_log")), (6.0, 0.0));
    // Nor are they read again: the place is behind them.
    assert_eq!(statements.catch_up().await.unwrap().applied, 0);
    assert_eq!(counted("foreign"), 6.0);
}

#[tokio::test]
async fn a_damaged_aggregate_of_the_log_is_an_error_behind_what_was_before_it() {
    let scene = Scene::new(1);
    scene.put("foreign", "not for us").await;
    scene.credit("a", 1).await;
    scene.put("account:a", damaged_aggregate()).await;
    scene.credit("c", 2).await;
    let statements = scene.statements(scene.feed(Begin::Horizon));
    for _ in 0..2 {
        let stopped = statements.catch_up().await;
        assert!(matches!(stopped, Err(Error::Corrupt { .. })), "{stopped:?}");
    }
    assert_eq!(scene.shown().await.into_iter().collect::<Vec<_>>(), [("a".to_owned(), 1)]);
    // A rebuild from the log gets over it, when it is so old that the rebuild begins behind it.
    scene.pass(Duration::from_secs(16 * 60));
    scene.credit("d", 4).await;
    let statements = scene.statements(scene.feed(scene.after_history()));
    statements.rebuild(|_| {}).await.unwrap();
    statements.catch_up().await.unwrap();
    scene.assert_all_shown().await;
}

#[tokio::test]
async fn a_reference_to_a_commit_that_the_log_does_not_have_is_an_error() {
    let elsewhere =
        Scene::with(1, |options| options.oversized(Oversized::Refer).limits(380, 5 << 20));
    elsewhere.credit("a", 1).await;
    let reference = record_of(&elsewhere, "a").await;
    let scene = Scene::new(1);
    // One with the same name, and another id.
    scene.credit("a", 1).await;
    scene.credit("b", 2).await;
    scene.put("foreign", "not for us").await;
    scene.put("account:a", reference).await;
    let feed = scene.feed(Begin::Horizon);
    let shard = only_shard_of(&feed).await;
    let page = feed.read(&shard, &Checkpoint::start(), 2).await.unwrap();
    assert_eq!(page.commits.len(), 2, "what is before it");
    let passed = feed.read(&shard, &page.checkpoint, 10).await.unwrap();
    assert!(passed.commits.is_empty() && passed.checkpoint != page.checkpoint, "{passed:?}");
    for _ in 0..2 {
        let next = feed.read(&shard, &passed.checkpoint, 10).await;
        assert!(matches!(next, Err(Error::Corrupt { .. })), "{next:?}");
    }
    assert_eq!(scene.kinesis.count("GetRecords"), 1, "it is not asked for again");
}

/// Statements that refuse one amount for as long as they are told to.
#[derive(Debug, Clone)]
struct Choosy(Arc<AtomicBool>);

impl Projector for Choosy {
    const NAME: &'static str = "choosy";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    type Event = AccountEvent;
    type View = Statement;

    fn project(
        &self,
        _: &str,
        view: &mut Option<Statement>,
        event: &Recorded<'_, AccountEvent>,
    ) -> Result<(), es_core::BoxError> {
        let AccountEvent::Credited { amount } = event.event else { return Ok(()) };
        if amount == 13 && self.0.load(Ordering::SeqCst) {
            return Err("not that one".into());
        }
        view.get_or_insert_default().balance += amount;
        Ok(())
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_handled_is_parked_with_those_behind_it_and_the_others_go_on() {
    let scene = Scene::new(1);
    let refuses = Arc::new(AtomicBool::new(true));
    let feed = Arc::new(scene.feed(Begin::Horizon));
    let choosy = Choosy(refuses.clone());
    let choosy = Projection::new(choosy, feed, scene.log.clone(), scene.views.clone()).unwrap();
    let choosy = choosy.with_clock(scene.clock.clone());
    for (id, amount) in [("a", 1), ("a", 13), ("b", 2), ("a", 4), ("b", 8)] {
        scene.credit(id, amount).await;
    }
    let caught_up = choosy.catch_up().await.unwrap();
    assert_eq!((caught_up.applied, caught_up.parked), (3, 2));
    let balance = async |id: &str| choosy.view().get(id).await.unwrap().unwrap().balance;
    assert_eq!((balance("a").await, balance("b").await), (1, 10));
    refuses.store(false, Ordering::SeqCst);
    choosy.retry_dead_letters(&DeadLetterFilter::stream(account("a"))).await.unwrap();
    assert_eq!((balance("a").await, balance("b").await), (18, 10));
    let letters = scene.views.dead_letter_count(choosy.id()).await.unwrap();
    assert_eq!(letters.letters, 0);
}
