use std::sync::Arc;

use es_core::archive::{self, ArchiveError, Export, Report};
use es_core::memory::MemoryStore;
use es_core::testing::faults::{Call, Fault, Faults, FaultyFeed};
use es_core::{Commit, Error, Feed};

use crate::logs::{export, filled, import, in_order, streams};
use crate::partitioned::Partitioned;

/// Exports what `feed` delivers of the log, and checks that it is all of the log.
async fn export_all(feed: Arc<dyn Feed>, log: &MemoryStore, page_size: usize) -> Report {
    let export = Export::new(feed, Arc::new(log.clone())).with_page_size(page_size);
    let mut file = Vec::new();
    let report = export.write_to(&mut file).await.unwrap();
    let new = MemoryStore::new();
    let imported = import(&file, &new).await.unwrap();
    assert_eq!(streams(&new).await, streams(log).await);
    assert_eq!(imported.digest, report.digest);
    report
}

#[tokio::test]
async fn commits_that_come_twice_late_and_in_any_order_are_exported_once_and_in_order() {
    let log = filled(60).await;
    for seed in 0..50 {
        let delivery = [Fault::Duplicates, Fault::Reordering, Fault::LateDelivery, Fault::TornPage];
        let faults = Faults::seeded(seed).with_rates(&delivery, 0.7);
        let feed = FaultyFeed::new(Arc::new(log.clone()), faults);
        let report = export_all(Arc::new(feed), &log, 8).await;
        assert_eq!(report.commits, 60);
        assert!(report.skipped > 0, "the feed delivers again what the log was asked for");
    }
}

/// The commits of a log of forty: those at even places, at odd places, and all.
async fn forty() -> (MemoryStore, Vec<Commit>, Vec<Commit>, Vec<Commit>) {
    let log = filled(40).await;
    let all = in_order(&log).await;
    let half = |which| all.iter().skip(which).step_by(2).cloned().collect();
    (log, half(0), half(1), all.clone())
}

#[tokio::test]
async fn a_stream_that_is_spread_over_partitions_is_put_together() {
    let (log, even, odd, _) = forty().await;
    for page_size in [1, 3, 100] {
        let feed = Partitioned::default().open("a", &[], &odd).open("b", &[], &even);
        assert_eq!(export_all(Arc::new(feed), &log, page_size).await.commits, 40);
    }
}

#[tokio::test]
async fn a_history_that_ends_is_followed_by_what_came_behind_the_anchors() {
    let (log, _, _, all) = forty().await;
    let feed = Partitioned::default()
        .ending("history", &[], &all[..25])
        .open("changes", &["history"], &all)
        .anchored("changes", 20);
    let feed = Arc::new(feed);
    let report = export_all(feed.clone(), &log, 100).await;
    assert_eq!((report.commits, report.skipped), (40, 5));
    let reads = [("history", 0), ("changes", 20), ("changes", 40)];
    assert_eq!(feed.reads(), reads.map(|(name, after)| (name.to_owned(), after)));
}

#[tokio::test]
async fn children_that_are_listed_late_are_exported() {
    let (log, _, _, all) = forty().await;
    let feed = Partitioned::default()
        .ending("a", &["gone"], &all[..10])
        .ending("b", &["a"], &all[10..20])
        .late()
        .open("c", &["b"], &all[20..30])
        .late()
        .open("d", &["b"], &all[30..])
        .late();
    export_all(Arc::new(feed), &log, 7).await;
}

#[tokio::test]
async fn children_of_what_goes_on_are_left_for_later() {
    let (log, _, _, all) = forty().await;
    let feed = Partitioned::default().open("a", &[], &all).ending("b", &["a"], &all);
    assert_eq!(export_all(Arc::new(feed), &log, 100).await.skipped, 0);
}

#[tokio::test]
async fn partitions_are_read_side_by_side() {
    let (log, even, odd, _) = forty().await;
    for (concurrency, first_two) in [(1, ["a", "a"]), (2, ["a", "b"])] {
        let feed = Partitioned::default().open("a", &[], &even).open("b", &[], &odd);
        let feed = Arc::new(feed);
        let export = Export::new(feed.clone(), Arc::new(log.clone()))
            .with_concurrency(concurrency)
            .with_page_size(5);
        export.write_to(tokio::io::sink()).await.unwrap();
        let mut first_reads: Vec<_> = feed.reads().into_iter().take(2).map(|read| read.0).collect();
        first_reads.sort();
        assert_eq!(first_reads, first_two);
    }
}

#[tokio::test]
async fn what_the_log_does_not_have_is_a_gap() {
    let (_, _, _, all) = forty().await;
    // The second commit of a stream, and no log to find the first in.
    let second = all.iter().find(|commit| commit.first_version().get() == 2).unwrap();
    let feed = Partitioned::default().open("a", &[], std::slice::from_ref(second));
    let export = Export::new(Arc::new(feed), Arc::new(MemoryStore::new()));
    let refused = export.write_to(tokio::io::sink()).await.unwrap_err();
    assert!(matches!(refused, ArchiveError::Log(Error::Gap { .. })), "{refused}");
}

#[tokio::test]
async fn a_feed_that_fails_ends_the_export_without_an_end() {
    let log = filled(20).await;
    let faults = Faults::none();
    faults.at(Call::ReadFeed, 2, Fault::LostRequest);
    let feed = FaultyFeed::new(Arc::new(log.clone()), faults);
    let export = Export::new(Arc::new(feed), Arc::new(log)).with_page_size(5);
    let mut file = Vec::new();
    let failed = export.write_to(&mut file).await.unwrap_err();
    assert!(matches!(failed, ArchiveError::Log(_)) && failed.is_transient(), "{failed}");
    let refused = archive::verify(&file[..]).await.unwrap_err();
    assert!(matches!(refused, ArchiveError::Truncated { .. }), "{refused}");
}

#[tokio::test]
async fn a_disk_that_is_full_is_told() {
    let log = Arc::new(filled(20).await);
    let (disk, rest) = tokio::io::duplex(100);
    drop(rest);
    let failed = Export::new(log.clone(), log).write_to(disk).await.unwrap_err();
    assert!(matches!(failed, ArchiveError::Io(_)), "{failed}");
}

#[tokio::test]
async fn an_export_tells_how_far_it_is() {
    let log = Arc::new(filled(10).await);
    let mut reports: Vec<Report> = Vec::new();
    let export = Export::new(log.clone(), log.clone()).with_page_size(4);
    let total =
        export.write_to_with(tokio::io::sink(), |report| reports.push(report)).await.unwrap();
    let progress: Vec<_> =
        reports.iter().map(|report| (report.commits, report.remaining)).collect();
    assert_eq!(progress, [(4, Some(6)), (8, Some(2)), (10, Some(0)), (10, Some(0))]);
    assert_eq!(reports.last(), Some(&total));
}

#[tokio::test]
async fn an_export_can_run_as_a_task_of_its_own() {
    let log = filled(10).await;
    let expected = export(&log).await.1.digest;
    let log = Arc::new(log);
    let export = Export::new(log.clone(), log);
    let task = tokio::spawn(async move { export.write_to(tokio::io::sink()).await });
    assert_eq!(task.await.unwrap().unwrap().digest, expected);
}
