//! The feed of a data stream keeps the contract of feeds, however its records are made and read.

mod support;

use std::sync::Arc;

use es_core::Compression;
use es_core::testing::VirtualClock;
use es_kinesis::{Begin, DataStream, KinesisFeed, Oversized, PublisherOptions};
use support::fake_kinesis::FakeKinesis;
use support::published::Published;

/// A log that is published, and the feed of what it is published to.
fn relay(
    publisher: impl FnOnce(PublisherOptions) -> PublisherOptions,
    feed: impl FnOnce(KinesisFeed) -> KinesisFeed,
) -> (FakeKinesis, (Published, KinesisFeed)) {
    let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
    let kinesis = FakeKinesis::new(clock.clone(), 1);
    // An idle subscription would put the clock forward to its end.
    kinesis.set_options(|options| options.subscriptions_sleep = false);
    kinesis.create_stream("commits", 3);
    let stream = DataStream::builder("commits").clock(clock).with_client(kinesis.client());
    let stream = stream.expect("a valid name");
    let log = Published::to(&stream, |options| publisher(options.oversized(Oversized::Refer)));
    let feed = feed(KinesisFeed::of(&stream, log.log.clone(), Begin::Horizon));
    (kinesis, (log, feed))
}

mod plain {
    mod feed {
        es_core::feed_conformance!(crate::plain_records);
    }
}

mod aggregated_and_compressed {
    mod feed {
        es_core::feed_conformance!(crate::aggregated_and_compressed_records);
    }
}

mod fanned_out {
    mod feed {
        es_core::feed_conformance!(crate::fanned_out_records);
    }
}

async fn plain_records() -> (Published, KinesisFeed) {
    relay(|publisher| publisher, |feed| feed).1
}

async fn aggregated_and_compressed_records() -> (Published, KinesisFeed) {
    let publisher =
        |options: PublisherOptions| options.aggregated(51_200).compression(Compression::Zstd);
    relay(publisher, |feed| feed.records_per_request(2)).1
}

async fn fanned_out_records() -> (Published, KinesisFeed) {
    relay(|publisher| publisher, |feed| feed.fan_out("projections")).1
}
