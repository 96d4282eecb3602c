//! Pages, and when they are requested.

use es_core::Cost;
use futures::StreamExt as _;

use super::*;

const KILOBYTE: usize = 1024;

/// 60 commits of 100 KB: six pages.
async fn six_pages(scene: &Scene) -> Vec<Commit> {
    let mut commits: Vec<Commit> = Vec::new();
    for n in 1..=60 {
        let new = large(generated(n), 100 * KILOBYTE);
        commits.push(scene.append(commits.last(), &new).await);
    }
    commits
}

#[tokio::test]
async fn a_stream_above_a_megabyte_is_read_whole_and_every_page_is_charged() {
    let scene = scene().await;
    let commits = six_pages(&scene).await;
    let (read, cost) = Cost::of(scene.read_all()).await;
    assert!(read.expect("the stream can be read") == commits);
    assert_eq!(cost.requests, 6);
    let units = 60.0 * 100.0 / 4.0;
    assert!((units..units * 1.02).contains(&cost.read_units), "{}", cost.read_units);

    let mut backwards = scene.read(ReadStream::new(stream()).backwards()).await.expect("a read");
    backwards.reverse();
    assert!(backwards == commits);
    let tail = scene.read(ReadStream::new(stream()).from(version(31))).await.expect("a read");
    assert!(tail == commits[30..]);
}

#[tokio::test]
async fn a_read_that_is_not_polled_costs_nothing_and_one_page_costs_one_request() {
    let scene = scene().await;
    six_pages(&scene).await;
    let query = || ReadStream::new(stream());
    let ((), cost) = Cost::of(async { drop(scene.store.read(query())) }).await;
    assert_eq!(cost.requests, 0);
    for query in [query(), query().backwards(), query().page_size(3)] {
        let mut pages = scene.store.read(query);
        let (page, cost) = Cost::of(pages.next()).await;
        page.expect("a page").expect("a read");
        drop(pages);
        assert_eq!(cost.requests, 1);
    }
}

#[tokio::test]
async fn a_read_from_inside_a_commit_is_two_requests_and_from_its_start_is_one() {
    let scene = scene().await;
    // Their lengths are 2, 3, 1, 2, 3, 1 and so on.
    let commits = scene.history(9).await;
    for (from, first, requests) in
        [(3, 1, 1), (4, 1, 2), (5, 1, 2), (6, 2, 1), (15, 7, 1), (17, 7, 2)]
    {
        let read = scene.read(ReadStream::new(stream()).from(version(from)));
        let (read, cost) = Cost::of(read).await;
        assert_eq!(read.expect("a read"), commits[first..], "from {from}");
        assert_eq!(cost.requests, requests, "from {from}");
        let back = scene.read(ReadStream::new(stream()).from(version(from)).backwards());
        let (back, cost) = Cost::of(back).await;
        assert_eq!(back.expect("a read").first(), Some(&commits[first]), "back from {from}");
        assert_eq!(cost.requests, 1, "back from {from}");
    }
}
