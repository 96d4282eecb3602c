use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use es_core::memory::{MemoryIdempotency, MemoryQueues};
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Begun, Claim, FilterPolicy, IdempotencyStore, Incoming, MessageQueue, MessageSender, QueueName,
    QueueOptions, ReceiveOptions, Settled, Topic, TopicName,
};

use super::*;

/// A directory, a topic with one queue behind it, and notes.
struct Scene {
    directory: tempfile::TempDir,
    queues: Arc<MemoryQueues>,
    notes: Arc<Notes>,
    figures: Arc<Figures>,
    clock: Arc<VirtualClock>,
}

/// Notes that can be kept from being taken, as by a crash.
#[derive(Debug)]
struct Notes {
    store: MemoryIdempotency,
    is_broken: Mutex<bool>,
}

#[async_trait]
impl IdempotencyStore for Notes {
    async fn begin(&self, request: &IdempotentRequest, hold: Duration) -> es_core::Result<Begun> {
        self.store.begin(request, hold).await
    }

    async fn complete(
        &self,
        claim: &Claim,
        result: Bytes,
        keep: Duration,
    ) -> es_core::Result<Settled> {
        if *self.is_broken.lock().unwrap() {
            return Err(Error::Corrupt { what: "a note".to_owned(), reason: "a test".to_owned() });
        }
        self.store.complete(claim, result, keep).await
    }

    async fn abandon(&self, claim: &Claim) -> es_core::Result<Settled> {
        self.store.abandon(claim).await
    }
}

impl Scene {
    async fn new() -> Self {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
        let queues = Arc::new(MemoryQueues::default());
        let (topic, queue) = (Self::topic(), Self::queue());
        queues.create_topic(&topic).await.unwrap();
        queues.configure(&queue, QueueOptions::default()).await.unwrap();
        queues.subscribe(&topic, &queue, FilterPolicy::everything()).await.unwrap();
        let store = MemoryIdempotency::new(clock.clone(), Arc::new(SeededEntropy::new(1)));
        let notes = Arc::new(Notes { store, is_broken: Mutex::default() });
        let figures = Arc::new(Figures::new(clock.clone()));
        Self { directory: tempfile::tempdir().unwrap(), queues, notes, figures, clock }
    }

    fn topic() -> TopicName {
        TopicName::new("submissions").unwrap()
    }

    fn queue() -> QueueName {
        QueueName::new("submissions").unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// One that has seen nothing yet, as after a restart.
    fn watcher(&self) -> Watcher {
        let publisher = Publisher::new(MessageSender::to_topic(self.queues.clone(), Self::topic()));
        let notes = Idempotent::new(self.notes.clone(), Watcher::HOLD, Watcher::NOTES_KEPT)
            .with_clock(self.clock.clone());
        let directory = Directory::new(self.directory.path());
        Watcher::new(directory, publisher, notes, self.figures.clone(), self.clock.clone())
    }

    fn publisher_to_nowhere(&self) -> Publisher {
        let nowhere = TopicName::new("nowhere").unwrap();
        Publisher::new(MessageSender::to_topic(self.queues.clone(), nowhere))
    }

    /// The ids of what was published, in order.
    async fn published(&self) -> Vec<(String, String)> {
        let mut published = Vec::new();
        loop {
            let received =
                self.queues.receive(&Self::queue(), ReceiveOptions::default()).await.unwrap();
            if received.is_empty() {
                published.sort();
                return published;
            }
            for message in received {
                let incoming = &Incoming::of(&message).unwrap()[0];
                let event = incoming.as_cloud_event().unwrap();
                let name = event.subject().unwrap().to_owned();
                published.push((name, event.id().to_owned()));
            }
        }
    }

    async fn published_names(&self) -> Vec<String> {
        self.published().await.into_iter().map(|(name, _)| name).collect()
    }
}

fn scan(published: u64, unsettled: u64, failed: u64) -> Scan {
    Scan { published, unsettled, failed, ..Scan::default() }
}

#[tokio::test]
async fn a_file_is_published_once_when_it_has_settled_and_is_not_touched() {
    let scene = Scene::new().await;
    let mut watcher = scene.watcher();
    scene.put("a.json", "{}");
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 1, 0));
    // Somebody is still writing it.
    scene.put("a.json", "{ \"more\":");
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 1, 0));
    assert_eq!(watcher.scan().await.unwrap(), scan(1, 0, 0));
    scene.put("b.json", "{}");
    for expected in [scan(0, 1, 0), scan(1, 0, 0), scan(0, 0, 0), scan(0, 0, 0)] {
        assert_eq!(watcher.scan().await.unwrap(), expected);
    }
    assert_eq!(scene.published_names().await, ["a.json", "b.json"]);
    assert_eq!(std::fs::read_to_string(scene.path("a.json")).unwrap(), "{ \"more\":");
}

#[tokio::test]
async fn a_restarted_watcher_knows_what_was_published_and_what_is_new() {
    let scene = Scene::new().await;
    scene.put("a.json", "1");
    let mut watcher = scene.watcher();
    watcher.scan().await.unwrap();
    watcher.scan().await.unwrap();

    // The same content under another name is another file; another content is a new one.
    scene.put("copy.json", "1");
    let mut restarted = scene.watcher();
    assert_eq!(restarted.scan().await.unwrap(), scan(0, 2, 0));
    assert_eq!(restarted.scan().await.unwrap(), scan(1, 0, 0));
    scene.put("a.json", "1 2");
    restarted.scan().await.unwrap();
    assert_eq!(restarted.scan().await.unwrap(), scan(1, 0, 0));
    assert_eq!(scene.published_names().await, ["a.json", "a.json", "copy.json"]);
}

#[tokio::test]
async fn killed_between_publishing_and_noting_it_publishes_the_same_again() {
    let scene = Scene::new().await;
    scene.put("a.json", "1");
    *scene.notes.is_broken.lock().unwrap() = true;
    let mut watcher = scene.watcher();
    watcher.scan().await.unwrap();
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 0, 1));

    *scene.notes.is_broken.lock().unwrap() = false;
    let mut restarted = scene.watcher();
    restarted.scan().await.unwrap();
    assert_eq!(restarted.scan().await.unwrap(), scan(0, 1, 0), "another one may be at it");
    scene.clock.advance(Watcher::HOLD);
    assert_eq!(restarted.scan().await.unwrap(), scan(1, 0, 0));
    assert_eq!(restarted.scan().await.unwrap(), scan(0, 0, 0));
    let published = scene.published().await;
    assert_eq!(published.len(), 2);
    assert_eq!(published[0], published[1], "so that it is known to be the same");
}

#[tokio::test]
async fn of_two_watchers_one_publishes() {
    let scene = Scene::new().await;
    for n in 0..20 {
        scene.put(&format!("{n}.json"), "1");
    }
    let (mut one, mut other) = (scene.watcher(), scene.watcher());
    one.scan().await.unwrap();
    other.scan().await.unwrap();
    let (one, other) = tokio::join!(one.scan(), other.scan());
    assert_eq!(one.unwrap().published + other.unwrap().published, 20);
    assert_eq!(scene.published().await.len(), 20);
}

#[tokio::test]
async fn a_topic_that_is_away_and_a_directory_that_is_away_are_tried_again() {
    let scene = Scene::new().await;
    scene.put("a.json", "1");
    let mut watcher = scene.watcher();
    let publisher = std::mem::replace(&mut watcher.publisher, scene.publisher_to_nowhere());
    watcher.scan().await.unwrap();
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 0, 1));
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 0, 1));
    watcher.publisher = publisher;

    let away = scene.path("").with_file_name("away");
    let there = std::mem::replace(&mut watcher.directory, Directory::new(away));
    assert!(watcher.scan().await.is_err());
    watcher.directory = there;
    assert_eq!(watcher.scan().await.unwrap(), scan(1, 0, 0), "nothing was forgotten");
    assert_eq!(scene.published_names().await, ["a.json"]);
}

#[tokio::test]
async fn a_file_that_goes_away_is_nobodys_business() {
    let scene = Scene::new().await;
    let mut watcher = scene.watcher();
    scene.put("a.json", "1");
    watcher.scan().await.unwrap();
    std::fs::remove_file(scene.path("a.json")).unwrap();
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 0, 0));
    scene.put("a.json", "1");
    watcher.scan().await.unwrap();
    assert_eq!(watcher.scan().await.unwrap(), scan(1, 0, 0));
}

#[tokio::test]
async fn a_file_that_no_message_can_name_is_counted_and_not_tried_again() {
    let scene = Scene::new().await;
    let mut watcher = scene.watcher();
    scene.put("bad\u{1}.json", "1");
    scene.put("good.json", "1");
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 2, 0));
    let unnameable = |scan: Scan| Scan { unnameable: 1, ..scan };
    for expected in [scan(1, 0, 0), scan(0, 0, 0), scan(0, 0, 0)] {
        assert_eq!(watcher.scan().await.unwrap(), unnameable(expected));
        assert_eq!(scene.figures.last_scan(), Some(LastScan::Done(unnameable(expected))));
    }
    std::fs::rename(scene.path("bad\u{1}.json"), scene.path("renamed.json")).unwrap();
    assert_eq!(watcher.scan().await.unwrap(), scan(0, 1, 0));
    assert_eq!(watcher.scan().await.unwrap(), scan(1, 0, 0));
}

#[tokio::test]
async fn scans_come_less_often_while_nothing_works() {
    let scene = Scene::new().await;
    scene.put("a.json", "1");
    let mut watcher = scene.watcher();
    watcher.publisher = scene.publisher_to_nowhere();
    let pauses = pauses(&scene, watcher, 9).await;
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60], "the first scan finds it new");
}

#[test]
fn a_file_that_cannot_be_read_makes_nobody_wait() {
    let scan = Scan { unreadable: 1, ..Scan::default() };
    assert!(!scan.met_an_outage() && !scan.is_well());
    assert!(Scan { failed: 1, ..scan }.met_an_outage());
    assert!(!Scan { failed: 1, published: 1, ..scan }.met_an_outage());
}

/// Lets the watcher run until it has paused so often, and says how long the pauses were.
async fn pauses(scene: &Scene, mut watcher: Watcher, count: usize) -> Vec<u64> {
    let clock = Arc::new(VirtualClock::auto_advancing("2026-03-01T12:00:00Z"));
    watcher.clock = clock.clone();
    let enough = async {
        while clock.slept().len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        never = watcher.run(Duration::from_secs(1)) => match never {},
        () = enough => {}
    }
    assert!(scene.figures.last_scan().is_some());
    clock.slept().iter().map(Duration::as_secs).take(count).collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_that_is_no_text_is_counted() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = Scene::new().await;
    scene.put("good.json", "1");
    let latin_1 = std::ffi::OsStr::from_bytes(b"f\xfcr.json");
    std::fs::write(scene.directory.path().join(latin_1), "2").unwrap();
    let mut watcher = scene.watcher();
    for expected in [scan(0, 1, 0), scan(1, 0, 0), scan(0, 0, 0)] {
        assert_eq!(watcher.scan().await.unwrap(), Scan { unnameable: 1, ..expected });
    }
    assert!(!scene.figures.last_scan().unwrap().is_well());
}

#[tokio::test]
async fn a_directory_that_is_away_is_told() {
    let scene = Scene::new().await;
    let mut watcher = scene.watcher();
    watcher.directory = Directory::new(scene.path("elsewhere"));
    assert_eq!(pauses(&scene, watcher, 3).await, [2, 4, 8]);
    assert!(!scene.figures.last_scan().unwrap().is_well());
}
