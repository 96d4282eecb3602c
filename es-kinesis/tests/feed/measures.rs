//! What is measured, and a recorder that tests look at.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use es_core::{Checkpoint, Feed as _};
use es_kinesis::Begin;
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, LocalRecorderGuard, Metadata, Recorder, SharedString,
    Unit,
};

use crate::scene::{Scene, only_shard_of};

/// The metrics of a test that runs on one thread.
pub(crate) struct Measures {
    values: &'static Values,
    _recorder: LocalRecorderGuard<'static>,
}

#[derive(Default)]
struct Values {
    counters: Mutex<BTreeMap<Key, Arc<AtomicU64>>>,
    gauges: Mutex<BTreeMap<Key, Arc<AtomicU64>>>,
}

impl Measures {
    pub(crate) fn of_this_thread() -> Self {
        // A recorder outlives what it records.
        let values: &'static Values = Box::leak(Box::default());
        Self { values, _recorder: metrics::set_default_local_recorder(values) }
    }

    /// The sum of all metrics of the name that have these labels.
    pub(crate) fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has_labels = |key: &Key| {
            labels.iter().all(|(name, value)| {
                key.labels().any(|label| (label.key(), label.value()) == (*name, *value))
            })
        };
        let is_meant = |key: &Key| key.name() == name && has_labels(key);
        let (counters, gauges) =
            (self.values.counters.lock().unwrap(), self.values.gauges.lock().unwrap());
        let counters = counters.iter().filter(|(key, _)| is_meant(key));
        let counted: f64 = counters.map(|(_, value)| value.load(Ordering::SeqCst) as f64).sum();
        let gauges = gauges.iter().filter(|(key, _)| is_meant(key));
        counted + gauges.map(|(_, it)| f64::from_bits(it.load(Ordering::SeqCst))).sum::<f64>()
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.counters.lock().unwrap().entry(key.clone()).or_default().clone())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.gauges.lock().unwrap().entry(key.clone()).or_default().clone())
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn how_far_a_reader_is_behind_is_measured_and_so_are_requests_and_records() {
    let measures = Measures::of_this_thread();
    let scene = Scene::with(1, |options| options.aggregated(51_200));
    scene.credit_all(3).await;
    scene.pass(Duration::from_secs(90));
    scene.credit_all(3).await;
    let feed = scene.feed(Begin::Horizon).records_per_request(1);
    let shard = only_shard_of(&feed).await;
    let behind = || {
        let labels = [("stream", "commits"), ("shard", "shardId-000000000000")];
        measures.get("es_kinesis_millis_behind_latest", &labels)
    };
    let read = || measures.get("es_kinesis_records_read_total", &[("stream", "commits")]);
    let asked = || {
        let labels = [("stream", "commits"), ("operation", "GetRecords")];
        measures.get("es_kinesis_requests_total", &labels)
    };
    scene.pass(Duration::from_secs(10));
    let page = feed.read(&shard, &Checkpoint::start(), 10).await.unwrap();
    // The next record came ten seconds ago.
    assert!((10_000.0..11_000.0).contains(&behind()), "{}", behind());
    assert_eq!((read(), asked()), (3.0, 1.0), "those of an aggregate are counted each");
    feed.read(&shard, &page.checkpoint, 10).await.unwrap();
    assert_eq!((behind(), read(), asked()), (0.0, 6.0, 2.0));
}
