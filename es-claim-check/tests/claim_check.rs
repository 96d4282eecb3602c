//! Large messages, and claim checks that are not good.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_claim_check::{CheckedQueues, ClaimCheck, Swept};
use es_core::memory::MemoryQueues;
use es_core::testing::{SeededEntropy, VirtualClock};
use es_core::{
    Error, Incoming, InvalidMessage, MessageError, MessageHandler, MessageQueue, NewMessage,
    QueueConsumer, QueueName, QueueOptions, ReceiveOptions, ReceivedMessage, Undecodable, Verdict,
};
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

/// An object store that can be away.
#[derive(Debug, Default)]
struct Objects {
    inner: InMemory,
    away: AtomicBool,
    stalled: AtomicBool,
    /// What a read takes, and on which clock.
    takes: Mutex<Option<(Arc<VirtualClock>, Duration)>>,
}

impl Objects {
    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Reads do not come to an end from now on.
    fn stall(&self) {
        self.stalled.store(true, Ordering::SeqCst);
    }

    fn take_for_each_get(&self, clock: Arc<VirtualClock>, time: Duration) {
        *self.takes.lock().unwrap() = Some((clock, time));
    }

    fn answer(&self) -> object_store::Result<()> {
        match self.away.load(Ordering::SeqCst) {
            true => {
                let source = "it does not answer".into();
                Err(object_store::Error::Generic { store: "test", source })
            }
            false => Ok(()),
        }
    }

    async fn names(&self) -> Vec<String> {
        use futures::TryStreamExt as _;
        let listed: Vec<ObjectMeta> = self.inner.list(None).try_collect().await.unwrap();
        listed.into_iter().map(|object| object.location.to_string()).collect()
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects that can be away")
    }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.answer()?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        self.answer()?;
        if self.stalled.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let takes = self.takes.lock().unwrap().clone();
        if let Some((clock, time)) = takes {
            es_core::Clock::sleep(&*clock, time).await;
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

struct Scene {
    clock: Arc<VirtualClock>,
    objects: Arc<Objects>,
    plain: Arc<MemoryQueues>,
    queues: CheckedQueues,
    queue: QueueName,
}

impl Scene {
    async fn new(queue: &str) -> Self {
        let clock = Arc::new(VirtualClock::at("2026-03-01T12:00:00Z"));
        let plain = Arc::new(MemoryQueues::new(clock.clone(), Arc::new(SeededEntropy::new(1))));
        let objects = Arc::new(Objects::default());
        let check = ClaimCheck::new(objects.clone(), "bodies").larger_than(100).at_most(1000);
        let check = check.with_clock(clock.clone()).with_entropy(Arc::new(SeededEntropy::new(2)));
        let queue = QueueName::new(queue).unwrap();
        plain.configure(&queue, QueueOptions::default()).await.unwrap();
        Self { clock, objects, queues: check.queues(plain.clone()), plain, queue }
    }

    async fn send(&self, message: NewMessage) {
        self.queues.send(&self.queue, message).await.unwrap();
    }

    async fn receive(&self) -> Vec<ReceivedMessage> {
        self.queues.receive(&self.queue, ReceiveOptions::up_to(10)).await.unwrap()
    }

    /// Holds what it receives for this long.
    async fn receive_for(&self, hold: Duration) -> Vec<ReceivedMessage> {
        let options = ReceiveOptions::up_to(10).visibility_timeout(hold);
        self.queues.receive(&self.queue, options).await.unwrap()
    }

    async fn receive_plain(&self) -> Vec<ReceivedMessage> {
        self.plain.receive(&self.queue, ReceiveOptions::up_to(10)).await.unwrap()
    }
}

fn large(character: char) -> String {
    character.to_string().repeat(200)
}

#[tokio::test]
async fn a_message_at_the_limit_is_sent_as_it_is_and_one_above_it_with_a_claim_check() {
    let scene = Scene::new("q").await;
    scene.send(NewMessage::new("x".repeat(100))).await;
    scene.send(NewMessage::new("x".repeat(101))).await;
    scene.send(NewMessage::new("x".repeat(90)).attribute("kind", "1")).await;
    let messages = scene.receive_plain().await;
    assert_eq!((messages[0].body.len(), messages[0].attributes.len()), (100, 0));
    assert_eq!(messages[1].attributes["ExtendedPayloadSize"], "101");
    assert_eq!(messages[2].attributes["ExtendedPayloadSize"], "90", "attributes count");
    let (kind, pointer): (String, std::collections::BTreeMap<String, String>) =
        serde_json::from_str(&messages[1].body).unwrap();
    assert_eq!(kind, "software.amazon.payloadoffloading.PayloadS3Pointer");
    assert_eq!(pointer["s3BucketName"], "bodies");
    assert!(scene.objects.names().await.contains(&pointer["s3Key"]));
}

#[tokio::test]
async fn a_receiver_gets_body_and_attributes_as_they_were_sent() {
    let scene = Scene::new("q").await;
    let sent = NewMessage::new(large('ä')).attribute("kind", "scan");
    scene.send(sent.clone()).await;
    let received = scene.receive().await.remove(0);
    assert_eq!((received.body, received.attributes), (sent.body, sent.attributes));
}

#[tokio::test]
async fn each_message_has_an_object_of_its_own() {
    let scene = Scene::new("q").await;
    for body in [large('a'), large('b'), large('a')] {
        scene.send(NewMessage::new(body)).await;
    }
    assert_eq!(scene.objects.names().await.len(), 3);
}

#[tokio::test]
async fn a_body_that_is_sent_again_is_not_swept_with_the_old_one() {
    let objects = Arc::new(Objects::default());
    let check = ClaimCheck::new(objects.clone(), "bodies").larger_than(100);
    let plain = Arc::new(MemoryQueues::default());
    let queue = QueueName::new("q").unwrap();
    plain.configure(&queue, QueueOptions::default()).await.unwrap();
    let queues = check.queues(plain);
    queues.send(&queue, NewMessage::new(large('a'))).await.unwrap();
    let old = objects.names().await;
    queues.send(&queue, NewMessage::new(large('a'))).await.unwrap();
    // What a sweep does to what it had listed before.
    objects.inner.delete(&Path::from(old[0].as_str())).await.unwrap();
    let received = queues.receive(&queue, ReceiveOptions::up_to(10)).await.unwrap();
    assert_eq!(received[1].body, large('a'));
}

#[tokio::test]
async fn the_messages_beside_a_body_that_does_not_come_are_given_out() {
    let scene = Scene::new("q").await;
    scene.send(NewMessage::new(large('a'))).await;
    scene.send(NewMessage::new("small")).await;
    scene.objects.stall();
    let receiving = scene.receive();
    let passing = async {
        while scene.clock.slept().is_empty() {
            tokio::task::yield_now().await;
        }
        scene.clock.advance(Duration::from_secs(10));
    };
    let (received, ()) = futures::join!(receiving, passing);
    assert_eq!(received.iter().map(|it| &*it.body).collect::<Vec<_>>(), ["small"]);
}

#[tokio::test]
async fn bodies_that_come_slowly_come_over_several_receives() {
    let scene = Scene::new("q").await;
    for body in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] {
        scene.send(NewMessage::new(large(body))).await;
    }
    scene.objects.take_for_each_get(scene.clock.clone(), Duration::from_secs(9));
    let mut bodies = BTreeSet::new();
    let mut receives = 0;
    while bodies.len() < 10 {
        receives += 1;
        assert!(receives < 20, "they do not come: {bodies:?}");
        let receiving = scene.receive_for(Duration::from_secs(30));
        let passing = async {
            loop {
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                scene.clock.advance(Duration::from_secs(1));
            }
        };
        let received = tokio::select! {
            received = receiving => received,
            () = passing => unreachable!("it has no end"),
        };
        for message in received {
            scene.queues.acknowledge(&scene.queue, &message.receipt).await.unwrap();
            bodies.insert(message.body);
        }
        scene.clock.advance(Duration::from_secs(60));
    }
    // Four at a time, nine seconds each, fifteen seconds in all.
    assert!(receives >= 3, "{receives}");
}

#[tokio::test]
async fn without_a_timeout_bodies_have_half_of_the_queues() {
    let scene = Scene::new("q").await;
    let short = QueueOptions::default().visibility_timeout(Duration::from_secs(8));
    scene.plain.configure(&scene.queue, short).await.unwrap();
    scene.send(NewMessage::new(large('a'))).await;
    scene.objects.take_for_each_get(scene.clock.clone(), Duration::from_secs(5));
    let receiving = scene.receive();
    let passing = async {
        for _ in 0..10 {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            scene.clock.advance(Duration::from_secs(1));
        }
    };
    tokio::select! {
        biased;
        received = receiving => assert!(received.is_empty(), "its hold would be over soon"),
        () = passing => panic!("it does not come to its end"),
    }
}

#[tokio::test]
async fn nothing_is_sent_whose_body_cannot_be_kept() {
    let scene = Scene::new("q").await;
    scene.objects.set_away(true);
    let batch = vec![NewMessage::new(large('a')), NewMessage::new("small")];
    let sent = scene.queues.send_batch(&scene.queue, batch).await.unwrap();
    assert!(matches!(sent[0], Err(Error::Unavailable { .. })), "{:?}", sent[0]);
    assert!(sent[1].is_ok(), "{:?}", sent[1]);
    scene.objects.set_away(false);
    let bodies: Vec<_> = scene.receive().await.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["small"]);
}

#[tokio::test]
async fn a_body_over_the_limit_of_claim_checks_is_refused() {
    let scene = Scene::new("q").await;
    let refused = scene.queues.send(&scene.queue, NewMessage::new("x".repeat(1001))).await;
    let Err(Error::InvalidMessage { destination, source }) = refused else {
        panic!("it was taken: {refused:?}");
    };
    assert_eq!(destination, "queue q");
    assert_eq!(source, InvalidMessage::TooLarge { actual: 1001, limit: 1000 });
    assert!(scene.objects.names().await.is_empty());
}

#[tokio::test]
async fn a_message_whose_body_cannot_be_fetched_for_now_comes_again() {
    let scene = Scene::new("q").await;
    scene.send(NewMessage::new(large('a'))).await;
    scene.send(NewMessage::new("small")).await;
    scene.objects.set_away(true);
    let bodies: Vec<_> = scene.receive().await.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["small"]);
    scene.objects.set_away(false);
    assert!(scene.receive().await.is_empty(), "it was received without a pause");
    scene.clock.advance(Duration::from_secs(10));
    let again = scene.receive().await;
    assert_eq!((again[0].body.clone(), again[0].receive_count), (large('a'), 2));
}

#[tokio::test]
async fn bodies_that_cannot_be_fetched_for_two_days_are_tried_seldom_and_handled_then() {
    let scene = Scene::new("q").await;
    let dead = QueueName::new("dead").unwrap();
    scene.plain.configure(&dead, QueueOptions::default()).await.unwrap();
    for body in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] {
        scene.send(NewMessage::new(large(body))).await;
    }
    scene.objects.set_away(true);
    let minute = Duration::from_secs(60);
    for _ in 0..2 * 24 * 60 {
        assert!(scene.receive().await.is_empty());
        scene.clock.advance(minute);
    }
    scene.objects.set_away(false);

    // Who kills its receivers is received as often as this, so that is never reached.
    let consumer =
        QueueConsumer::new("c", Arc::new(scene.queues.clone()), scene.queue.clone(), Takes);
    let consumer = consumer.unwrap().dead_letters_to(dead).with_clock(scene.clock.clone());
    let mut done = 0;
    for _ in 0..122 {
        let worked = consumer.work_off().await.unwrap();
        assert_eq!(worked.dead_lettered, 0);
        done += worked.done;
        scene.clock.advance(minute);
    }
    assert_eq!(done, 8);
}

/// Takes every message.
struct Takes;

#[async_trait]
impl MessageHandler for Takes {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_group_waits_for_a_body_that_cannot_be_fetched_for_now() {
    let scene = Scene::new("q.fifo").await;
    let grouped = |group: &str, body: String| NewMessage::new(body).group(group);
    scene.send(grouped("a", "first".to_owned())).await;
    scene.send(grouped("a", large('a'))).await;
    scene.send(grouped("a", "last".to_owned())).await;
    scene.send(grouped("b", "other".to_owned())).await;
    scene.objects.set_away(true);
    let mut received = scene.receive().await;
    received.sort_by(|one, other| one.body.cmp(&other.body));
    let bodies: Vec<_> = received.iter().map(|message| &*message.body).collect();
    assert_eq!(bodies, ["first", "other"]);
    for message in &received {
        scene.queues.acknowledge(&scene.queue, &message.receipt).await.unwrap();
    }
    scene.objects.set_away(false);
    scene.clock.advance(Duration::from_secs(10));
    let bodies: Vec<_> = scene.receive().await.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, [large('a'), "last".to_owned()]);
}

/// A message that somebody else has sent, and what the receiver gets.
async fn claimed(scene: &Scene, body: &str) -> ReceivedMessage {
    let message = NewMessage::new(body).attribute("ExtendedPayloadSize", "200");
    scene.plain.send(&scene.queue, message).await.unwrap();
    scene.receive().await.remove(0)
}

fn pointer(bucket: &str, key: &str) -> String {
    format!(
        r#"["software.amazon.payloadoffloading.PayloadS3Pointer",{{"s3BucketName":"{bucket}","s3Key":"{key}"}}]"#
    )
}

#[tokio::test]
async fn a_claim_check_that_is_not_good_is_given_out_as_it_came_and_undecodable() {
    let scene = Scene::new("q").await;
    let objects = &scene.objects.inner;
    for (name, content) in [
        ("claim-checks/fine", "in this bucket"),
        ("secrets/key", "nobody's business"),
        ("claim-checks-of-others/key", "neither"),
        (&*format!("claim-checks/{}/1", "0".repeat(64)), "not what was sent"),
        ("claim-checks/large", &*"x".repeat(1001)),
    ] {
        objects.put(&Path::from(name), content.to_owned().into()).await.unwrap();
    }
    objects.put(&Path::from("claim-checks/bytes"), vec![0xff, 0xfe].into()).await.unwrap();
    let bad = [
        pointer("bodies", "claim-checks/missing"),
        pointer("bodies", "secrets/key"),
        pointer("bodies", "claim-checks/../secrets/key"),
        pointer("bodies", "claim-checks-of-others/key"),
        pointer("others", "claim-checks/fine"),
        pointer("bodies", &format!("claim-checks/{}/1", "0".repeat(64))),
        pointer("bodies", "claim-checks/large"),
        pointer("bodies", "claim-checks/bytes"),
        pointer("bodies", ""),
        "[]".to_owned(),
        r#"["java.lang.Runtime",{"s3BucketName":"bodies","s3Key":"claim-checks/large"}]"#
            .to_owned(),
    ];
    for body in bad {
        let received = claimed(&scene, &body).await;
        assert_eq!(received.body, body);
        assert_eq!(Incoming::of(&received), Err(Undecodable::ClaimCheck), "{body}");
        scene.queues.acknowledge(&scene.queue, &received.receipt).await.unwrap();
    }
}

#[tokio::test]
async fn messages_of_the_extended_client_library_are_read() {
    let scene = Scene::new("q").await;
    let key = "claim-checks/2f1c0f9e-6a5b-4f0e-9d0e-3f3d1f6b7a11";
    scene.objects.inner.put(&Path::from(key), "a body".into()).await.unwrap();
    assert_eq!(claimed(&scene, &pointer("bodies", key)).await.body, "a body");
    let earlier = format!(
        r#"["com.amazon.sqs.javamessaging.MessageS3Pointer",{{"s3BucketName":"bodies","s3Key":"{key}"}}]"#
    );
    let message = NewMessage::new(earlier).attribute("SQSLargePayloadSize", "6");
    scene.plain.send(&scene.queue, message).await.unwrap();
    let received = scene.receive().await.remove(0);
    assert_eq!((&*received.body, received.attributes.len()), ("a body", 0));
}

#[tokio::test]
async fn text_that_looks_like_a_pointer_is_text() {
    let scene = Scene::new("q").await;
    let body = pointer("bodies", "claim-checks/x");
    scene.plain.send(&scene.queue, NewMessage::new(&*body)).await.unwrap();
    assert_eq!(scene.receive().await[0].body, body);
}

#[tokio::test]
async fn a_sweep_removes_what_is_older_and_nothing_outside_of_the_folder() {
    let objects = Arc::new(Objects::default());
    let now = jiff_now();
    let clock = Arc::new(VirtualClock::at(&now));
    let check = ClaimCheck::new(objects.clone(), "bodies").larger_than(100);
    let check = check.with_clock(clock.clone());
    let plain = Arc::new(MemoryQueues::default());
    let queue = QueueName::new("q").unwrap();
    plain.configure(&queue, QueueOptions::default()).await.unwrap();
    let queues = check.queues(plain);
    queues.send(&queue, NewMessage::new(large('a'))).await.unwrap();
    objects.inner.put(&Path::from("others/old"), "x".into()).await.unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    // The objects have the machine's time, and the clock is the machine's, a second or so earlier.
    assert_eq!(check.sweep(day).await.unwrap(), Swept { removed: 0, bytes: 0, kept: 1 });
    clock.advance(2 * day);
    assert_eq!(check.sweep(day).await.unwrap(), Swept { removed: 1, bytes: 200, kept: 0 });
    assert_eq!(objects.names().await, ["others/old"]);
}

/// The machine's time: that of objects in memory cannot be chosen.
fn jiff_now() -> String {
    use es_core::Clock as _;
    es_core::SystemClock.now().to_string()
}

/// Keeps what it is given.
#[derive(Default)]
struct Keeps(Mutex<Vec<String>>);

#[async_trait]
impl MessageHandler for Keeps {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        self.0.lock().unwrap().push(message.body().to_owned());
        Ok(())
    }
}

impl Scene {
    /// A consumer that is given what somebody else received from the plain queue.
    fn pushed(&self, keeps: &Arc<Keeps>) -> QueueConsumer {
        let queues = Arc::new(self.queues.clone());
        let consumer = QueueConsumer::new("keeping", queues, self.queue.clone(), keeps.clone());
        consumer.unwrap().with_clock(self.clock.clone()).concurrency(1)
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_pushed_message_has_the_body_that_its_claim_check_stands_for() {
    let (scene, keeps) = (Scene::new("q").await, Arc::default());
    scene.send(NewMessage::new(large('a')).attribute("kind", "x")).await;
    scene.send(NewMessage::new("small")).await;
    let received = scene.receive_plain().await;
    let verdicts = scene.pushed(&keeps).settle_pushed(received, MINUTE).await;
    assert!(matches!(verdicts[..], [Verdict::Done, Verdict::Done]), "{verdicts:?}");
    let mut kept = keeps.0.lock().unwrap().clone();
    kept.sort_unstable();
    assert_eq!(kept, [large('a'), "small".to_owned()]);
}

#[tokio::test]
async fn a_pushed_message_whose_body_cannot_be_fetched_for_now_comes_again_with_those_behind_it() {
    let (scene, keeps) = (Scene::new("q.fifo").await, Arc::default());
    let grouped = |group: &str, body: String| NewMessage::new(body).group(group);
    scene.send(grouped("a", large('a'))).await;
    scene.send(grouped("a", "last".to_owned())).await;
    scene.send(grouped("b", "other".to_owned())).await;
    let received = scene.receive_plain().await;
    let consumer = scene.pushed(&keeps);
    scene.objects.set_away(true);
    let verdicts = consumer.settle_pushed(received.clone(), MINUTE).await;
    // When their hold is over: who released them would have the queue count receives that are no attempts.
    let unreleased = |verdict: &&Verdict| matches!(verdict, Verdict::Again { after, .. } if *after == Duration::MAX);
    assert_eq!(verdicts.iter().filter(unreleased).count(), 2, "{verdicts:?}");
    assert_eq!(*keeps.0.lock().unwrap(), ["other"]);
    scene.objects.set_away(false);
    let verdicts = consumer.settle_pushed(received[..2].to_vec(), MINUTE).await;
    assert!(matches!(verdicts[..], [Verdict::Done, Verdict::Done]), "{verdicts:?}");
    assert_eq!(*keeps.0.lock().unwrap(), ["other".to_owned(), large('a'), "last".to_owned()]);
}

#[tokio::test]
async fn a_pushed_claim_check_that_is_not_good_is_a_dead_letter() {
    let (scene, keeps) = (Scene::new("q").await, Arc::default());
    let dead = QueueName::new("dead").unwrap();
    scene.plain.configure(&dead, QueueOptions::default()).await.unwrap();
    let body = pointer("others", "claim-checks/fine");
    let message = NewMessage::new(body).attribute("ExtendedPayloadSize", "200");
    scene.plain.send(&scene.queue, message).await.unwrap();
    let received = scene.receive_plain().await;
    let consumer = scene.pushed(&keeps).dead_letters_to(dead);
    let verdicts = consumer.settle_pushed(received, MINUTE).await;
    assert!(matches!(verdicts[..], [Verdict::DeadLetter { .. }]), "{verdicts:?}");
    assert!(keeps.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn fetching_takes_half_of_the_time_of_a_push() {
    let (scene, keeps) = (Scene::new("q").await, Arc::default());
    scene.send(NewMessage::new(large('a'))).await;
    let received = scene.receive_plain().await;
    scene.objects.stall();
    let consumer = scene.pushed(&keeps);
    let passing = async {
        for _ in 0..4 {
            while scene.clock.slept().is_empty() {
                tokio::task::yield_now().await;
            }
            scene.clock.advance(Duration::from_secs(1));
        }
    };
    let settling = consumer.settle_pushed(received, Duration::from_secs(8));
    let (verdicts, ()) = futures::join!(settling, passing);
    assert!(matches!(verdicts[..], [Verdict::Again { .. }]), "{verdicts:?}");
    assert_eq!(es_core::Clock::monotonic(&*scene.clock), Duration::from_secs(4));
}
