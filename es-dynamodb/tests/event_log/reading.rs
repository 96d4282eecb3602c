//! Pages, and when they are requested.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
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

/// Counts the requests that are sent.
#[derive(Debug, Clone, Default)]
struct Sent(Arc<AtomicUsize>);

#[dyn_dispatch_hint]
impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "Sent"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Sent {
    /// How many are sent, when everything that can go on has gone on.
    async fn count(&self) -> usize {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn from_the_second_page_on_the_next_one_is_on_its_way_while_the_reader_works() {
    let scene = scene().await;
    six_pages(&scene).await;
    let sent = Sent::default();
    let prefix = scene.table.strip_suffix("events").expect("the table of the log");
    let config = scene.server.dynamodb().config().to_builder().interceptor(sent.clone()).build();
    let client = aws_sdk_dynamodb::Client::from_conf(config);
    let options = scene.server.options(prefix);
    let store = options.with_clients(client, scene.server.streams()).expect("valid options");

    let mut pages = store.read(ReadStream::new(stream()));
    assert_eq!(sent.count().await, 0, "nothing before it is polled");
    for ahead in [1, 3, 4] {
        pages.next().await.expect("a page").expect("a read");
        assert_eq!(sent.count().await, ahead);
    }
    drop(pages);
    assert_eq!(sent.count().await, 4, "nothing after it is dropped");
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
