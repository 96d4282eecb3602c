//! Dead letters that are looked at, sent back, dropped.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use es_core::testing::VirtualClock;
use es_core::testing::faults::crash_at_every_await;
use es_core::{
    DeadLetterQueue, DeadLetterReason, DeadMessage, DeadMessageFilter, DeadMessageRedrive, Error,
    Event, Incoming, MessageError, MessageHandler, MessageId, MessageQueue as _, NewMessage,
    QueueCounts, QueueName, QueueOptions, ReceiveOptions,
};

use crate::kit::{Clerk, Desk, Does, HOUR, MINUTE, SECOND};
use crate::watched::{Mishap, Request};

fn dead_letters(desk: &Desk) -> DeadLetterQueue {
    DeadLetterQueue::new(desk.queues.clone(), desk.dead.clone()).with_clock(desk.clock.clone())
}

/// What a consumer writes beside a message of this queue that it gives up.
fn written_about(queue: &str) -> String {
    let at = "2026-03-01T12:00:00Z";
    format!(
        r#"{{"consumer":"clerk","queue":"{queue}","message_id":"m","reason":"permanent","error":"",
        "attempts":1,"sent_at":"{at}","first_received_at":"{at}","dead_lettered_at":"{at}"}}"#
    )
}

/// A desk with dead letters of a consumer, for these bodies.
async fn with_dead_letters(desk: Desk, bodies: &[&str]) -> Desk {
    let desk = with_dead_letters_beside(desk, bodies).await;
    assert_eq!(desk.buried().await, bodies.len() as u64);
    desk
}

/// A desk with these dead letters beside what is there.
async fn with_dead_letters_beside(desk: Desk, bodies: &[&str]) -> Desk {
    let clerk = Clerk::new();
    for body in bodies {
        clerk.tell(body, Does::FailsForGood);
        if desk.orders.is_fifo() {
            desk.send_in("g", body).await;
        } else {
            desk.send(body).await;
        }
    }
    desk.consumer(clerk).work_off().await.unwrap();
    desk.clock.advance(SECOND);
    desk
}

async fn visible(desk: &Desk) -> (u64, u64) {
    let dead = desk.queues.inner.counts(&desk.dead).await.unwrap();
    (desk.counts().await.visible, dead.visible)
}

#[tokio::test]
async fn looking_leaves_everything_where_it_was() {
    let bodies: Vec<String> = (0..25).map(|n| n.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let desk = with_dead_letters(Desk::new().await, &bodies).await;
    let dead = dead_letters(&desk);

    let all = dead.list(&DeadMessageFilter::all(), 100).await.unwrap();
    let one = dead.show(&all[17].id).await.unwrap().unwrap();
    let by_origin = dead.show(&all[17].message_id).await.unwrap().unwrap();
    let none = dead.show(&MessageId::from_stored("nobody")).await.unwrap();

    assert_eq!(all.len(), 25);
    assert_eq!((&one.body, &by_origin.body), (&all[17].body, &all[17].body));
    assert!(none.is_none());
    assert_eq!(visible(&desk).await, (0, 25));
    assert_eq!(dead.list(&DeadMessageFilter::all(), 3).await.unwrap().len(), 3);
    assert!(!format!("{one:?}").contains(&format!("{:?}", one.body)), "no bodies in logs");
}

#[tokio::test]
async fn filters_take_what_they_say() {
    let desk = with_dead_letters(Desk::new().await, &["a", "b"]).await;
    let event = r#"{"specversion":"1.0","id":"e","source":"/s","type":"Order:Placed"}"#;
    let clerk = Clerk::new().told(event, Does::Fails);
    desk.send(event).await;
    desk.consumer(clerk).max_attempts(1).work_off().await.unwrap();
    let dead = dead_letters(&desk);
    let count = async |filter: DeadMessageFilter| dead.list(&filter, 100).await.unwrap().len();
    let all = DeadMessageFilter::all;

    assert_eq!(count(all().reason(DeadLetterReason::Permanent)).await, 2);
    assert_eq!(count(all().reason(DeadLetterReason::AttemptsUsedUp)).await, 1);
    assert_eq!(count(all().kind("Order:Placed")).await, 1);
    assert_eq!(count(all().kind("Order:Shipped")).await, 0);
    assert_eq!(count(all().origin(desk.orders.clone())).await, 3);
    assert_eq!(count(all().origin(desk.dead.clone())).await, 0);
    let mark = "2026-03-01T12:00:00Z".parse().unwrap();
    assert_eq!(count(all().until(mark)).await, 2, "the third came a second later");
}

#[tokio::test]
async fn a_redrive_up_to_a_mark_leaves_what_died_later() {
    let desk = with_dead_letters(Desk::new().await, &["before"]).await;
    let mark = es_core::Clock::now(&*desk.clock);
    desk.clock.advance(SECOND);
    let desk = with_dead_letters_beside(desk, &["later"]).await;
    let until = DeadMessageRedrive::of(DeadMessageFilter::all().until(mark));
    let redriven = dead_letters(&desk).redrive(&until).await.unwrap();
    assert_eq!((redriven.moved, redriven.unseen), (1, Some(0)));
    assert_eq!(desk.received_by_another().await[0].body, "before");
    assert_eq!(desk.buried().await, 1);
}

/// Prices as this release reads them: they were without a currency once.
#[derive(Debug, PartialEq, Event)]
#[event(prefix = "Price")]
enum PriceEvent {
    #[event(version = 2, upcast(from = 1, with = in_euros))]
    Set { cents: u64, currency: String },
}

#[derive(Debug, serde::Deserialize)]
struct SetV1 {
    cents: u64,
}

fn in_euros(SetV1 { cents }: SetV1) -> PriceEvent {
    PriceEvent::Set { cents, currency: "EUR".to_owned() }
}

#[derive(Debug, Default)]
struct Prices(Mutex<Vec<PriceEvent>>);

#[async_trait]
impl MessageHandler for Prices {
    async fn handle(&self, message: &Incoming) -> Result<(), MessageError> {
        let event = message.as_cloud_event().ok_or_else(|| MessageError::permanent("no event"))?;
        let event = event.event::<PriceEvent>().map_err(MessageError::permanent)?;
        self.0.lock().unwrap().push(event);
        Ok(())
    }
}

#[tokio::test]
async fn a_letter_of_an_earlier_release_is_read_through_the_upcasters_of_this_one() {
    let desk = Desk::new().await;
    let set = r#"{"specversion":"1.0","id":"1","source":"/s","type":"Price:Set","schemaversion":1,
        "datacontenttype":"application/json","data":{"cents":450}}"#;
    let desk = with_dead_letters_beside(desk, &[set]).await;
    assert_eq!(dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap().moved, 1);
    let prices = Arc::new(Prices::default());
    assert_eq!(desk.consumer(Arc::clone(&prices)).work_off().await.unwrap().done, 1);
    let now = PriceEvent::Set { cents: 450, currency: "EUR".to_owned() };
    assert_eq!(*prices.0.lock().unwrap(), [now]);
}

#[tokio::test]
async fn what_is_sent_back_is_as_it_was_and_can_be_handled() {
    let desk = Desk::new().await;
    let clerk = Clerk::new().told("0", Does::FailsForGood);
    let message = NewMessage::new("0").attribute("kind", "placed");
    desk.queues.inner.send(&desk.orders, message.clone()).await.unwrap();
    desk.consumer(clerk).work_off().await.unwrap();

    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();

    assert_eq!((redriven.moved, redriven.stayed.len()), (1, 0));
    let received = desk.received_by_another().await.remove(0);
    assert_eq!((received.body.as_str(), received.attributes), ("0", message.attributes));
    assert_eq!(received.receive_count, 1, "all its attempts are before it");
    assert_eq!(desk.buried().await, 0);
}

#[tokio::test]
async fn what_a_redrive_policy_moved_is_sent_back_too() {
    let desk = Desk::new().await;
    let options = QueueOptions::default().dead_letters(desk.dead.clone(), 1);
    desk.queues.configure(&desk.orders, options).await.unwrap();
    desk.send_all(0..12).await;
    for _ in 0..3 {
        desk.received_by_another().await;
        desk.clock.advance(MINUTE);
    }
    assert_eq!(desk.buried().await, 12);
    let dead = dead_letters(&desk);
    let found = dead.list(&DeadMessageFilter::all(), 100).await.unwrap();
    assert!(found.iter().all(|dead| dead.failure.is_none() && dead.origin.is_some()));

    assert_eq!(dead.redrive(&DeadMessageRedrive::all()).await.unwrap().moved, 12);
    assert_eq!(visible(&desk).await, (12, 0));
}

#[tokio::test]
async fn what_fails_again_is_not_sent_back_twice() {
    let desk = with_dead_letters(Desk::new().await, &["0", "1", "2"]).await;
    let clerk = Clerk::new();
    for body in ["0", "1", "2"] {
        clerk.tell(body, Does::FailsForGood);
    }
    let consumer = desk.consumer(clerk.clone());

    let dead = dead_letters(&desk);
    let slowly = DeadMessageRedrive::all().per_second(1);
    let both = desk.during(&consumer, desk.pass(20 * SECOND));
    let ((ran, ()), redriven) = futures::join!(both, dead.redrive(&slowly));

    ran.unwrap();
    assert_eq!(redriven.unwrap().moved, 3);
    assert_eq!(clerk.began().len(), 3);
    assert_eq!(desk.buried().await, 3);
}

#[tokio::test]
async fn a_redrive_keeps_its_pace() {
    let bodies: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let desk = with_dead_letters(Desk::new().await, &bodies).await;
    let dead = dead_letters(&desk);
    let slowly = DeadMessageRedrive::all().per_second(2);

    let (redriven, per_second) = futures::join!(dead.redrive(&slowly), async {
        let mut per_second = Vec::new();
        for _ in 0..11 {
            desk.pass(SECOND).await;
            per_second.push(desk.counts().await.visible);
        }
        per_second
    });

    assert_eq!(redriven.unwrap().moved, 20);
    assert!(per_second.windows(2).all(|pair| pair[1] - pair[0] <= 2), "{per_second:?}");
    assert_eq!(per_second[4], 12);
}

#[tokio::test]
async fn a_redrive_ends_at_its_number_and_passes_over_what_it_is_not_for() {
    let desk = with_dead_letters(Desk::new().await, &["a", "b", "c", "d"]).await;
    let dead = dead_letters(&desk);
    let trial = DeadMessageRedrive::all().at_most(1);
    assert_eq!(dead.redrive(&trial).await.unwrap().moved, 1);
    assert_eq!(visible(&desk).await, (1, 3));

    let others = DeadMessageFilter::all().reason(DeadLetterReason::Undecodable);
    assert_eq!(dead.redrive(&DeadMessageRedrive::of(others)).await.unwrap().moved, 0);
    assert_eq!(visible(&desk).await, (1, 3));
}

#[tokio::test]
async fn bodies_can_be_brought_up_to_date_and_those_that_cannot_stay() {
    let desk = with_dead_letters(Desk::new().await, &["v1 a", "v0 b"]).await;
    let redrive = DeadMessageRedrive::all().transform(|dead| match dead.body.strip_prefix("v1 ") {
        Some(rest) => Ok(format!("v2 {rest}")),
        None => Err("it is too old".into()),
    });
    let redriven = dead_letters(&desk).redrive(&redrive).await.unwrap();
    assert_eq!(redriven.moved, 1);
    assert_eq!(redriven.stayed[0].1, "it is too old");
    assert_eq!(desk.received_by_another().await[0].body, "v2 a");
    assert_eq!(visible(&desk).await, (0, 1));
}

#[tokio::test]
async fn what_was_handled_and_says_something_else_now_is_not_handled_again() {
    let desk = Desk::new().await;
    let event = |id: u8, note: &str| {
        format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"T","data":"{note}"}}"#)
    };
    let clerk = Clerk::new().told(&event(2, "bad"), Does::FailsForGood);
    desk.send(&format!("[{},{}]", event(1, "good"), event(2, "bad"))).await;
    let consumer = desk.consumer(clerk.clone()).idempotent(desk.records.clone(), HOUR);
    assert_eq!(consumer.work_off().await.unwrap().dead_lettered, 1);

    let change_all =
        |dead: &DeadMessage| Ok(dead.body.replace("good", "GOOD").replace("bad", "mended"));
    let changes_all = DeadMessageRedrive::all().transform(change_all);
    assert_eq!(dead_letters(&desk).redrive(&changes_all).await.unwrap().moved, 1);
    assert_eq!(consumer.work_off().await.unwrap().dead_lettered, 1);
    let reused = DeadMessageFilter::all().reason(DeadLetterReason::IdReused);
    assert_eq!(dead_letters(&desk).list(&reused, 9).await.unwrap().len(), 1);

    let mends = DeadMessageRedrive::all().transform(|dead| Ok(dead.body.replace("GOOD", "good")));
    assert_eq!(dead_letters(&desk).redrive(&mends).await.unwrap().moved, 1);
    assert_eq!(consumer.work_off().await.unwrap().done, 1);
    assert_eq!(clerk.done(), [event(1, "good"), event(2, "mended")]);
}

#[tokio::test]
async fn a_redrive_says_how_many_it_could_not_look_at() {
    let desk = with_dead_letters(Desk::new().await, &["0", "1", "2", "3", "4"]).await;
    let other = ReceiveOptions::up_to(2).visibility_timeout(HOUR);
    assert_eq!(desk.queues.inner.receive(&desk.dead, other).await.unwrap().len(), 2);

    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();
    assert_eq!((redriven.moved, redriven.unseen), (3, Some(2)));
    desk.clock.advance(HOUR);
    let trial = DeadMessageRedrive::all().at_most(1);
    let redriven = dead_letters(&desk).redrive(&trial).await.unwrap();
    assert_eq!((redriven.moved, redriven.unseen), (1, None));
    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();
    assert_eq!((redriven.moved, redriven.unseen), (1, Some(0)));
}

#[tokio::test]
async fn a_queue_that_gives_nothing_although_it_counts_some_is_asked_again() {
    let desk = with_dead_letters(Desk::new().await, &["0", "1", "2"]).await;
    let receives = |desk: &Desk| desk.queues.count(Request::Receive);
    desk.queues.next(Request::Receive, Mishap::GivesNothing);
    desk.queues.next(Request::Receive, Mishap::GivesNothing);
    let found = dead_letters(&desk).list(&DeadMessageFilter::all(), 9).await.unwrap();
    assert_eq!(found.len(), 3);

    let bodies: Vec<String> = (3..40).map(|n| n.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let desk = with_dead_letters_beside(desk, &bodies).await;
    // What it did not give counts only until it gives something.
    desk.queues.give_nothing_between_receives(3);
    let found = dead_letters(&desk).list(&DeadMessageFilter::all(), 100).await.unwrap();
    assert_eq!(found.len(), 40);
    desk.queues.give_nothing_between_receives(0);

    let before = receives(&desk);
    for _ in 0..9 {
        desk.queues.next(Request::Receive, Mishap::GivesNothing);
    }
    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();
    assert_eq!((redriven.moved, redriven.unseen), (0, Some(40)));
    assert_eq!(receives(&desk) - before, 4, "not for ever");
}

#[tokio::test]
async fn what_comes_from_nowhere_stays() {
    let desk = Desk::new().await;
    desk.queues.inner.send(&desk.dead, NewMessage::new("sent by hand")).await.unwrap();
    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();
    assert_eq!((redriven.moved, redriven.stayed.len()), (0, 1));
    assert_eq!(visible(&desk).await, (0, 1));
}

#[tokio::test]
async fn a_group_goes_back_in_its_order() {
    let desk = with_dead_letters(Desk::fifo().await, &["0", "1", "2", "3"]).await;
    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();
    assert_eq!(redriven.moved, 4);
    let bodies: Vec<_> =
        desk.received_by_another().await.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn what_is_dropped_is_gone() {
    let desk = with_dead_letters(Desk::new().await, &["a", "b"]).await;
    let dead = dead_letters(&desk);
    let id = dead.list(&DeadMessageFilter::all(), 1).await.unwrap().remove(0).id;
    assert_eq!(dead.drop_message(&id).await.unwrap().unwrap().id, id);
    assert!(dead.drop_message(&id).await.unwrap().is_none());
    assert_eq!(visible(&desk).await, (0, 1));
}

#[tokio::test]
async fn a_redrive_that_is_broken_off_anywhere_loses_nothing() {
    let fresh = async || with_dead_letters(Desk::suspending().await, &["0", "1", "2"]).await;
    let scenario = async |desk: &Desk| {
        dead_letters(desk).redrive(&DeadMessageRedrive::all()).await.unwrap();
    };
    let crashes = crash_at_every_await(fresh, scenario, async |desk| {
        // What was looked at is hidden for two minutes.
        desk.clock.advance(3 * MINUTE);
        scenario(desk).await;
        let mut bodies = Vec::new();
        loop {
            let options = ReceiveOptions::default().visibility_timeout(HOUR);
            let received = desk.queues.inner.receive(&desk.orders, options).await.unwrap();
            if received.is_empty() {
                break;
            }
            bodies.extend(received.into_iter().map(|message| message.body));
        }
        bodies.sort();
        bodies.dedup();
        assert_eq!(bodies, ["0", "1", "2"]);
        assert_eq!(desk.buried().await, 0);
    });
    let crashes = crashes.await;
    assert!(crashes >= 6, "{crashes} crashes");
}

#[tokio::test]
async fn a_redrive_that_fails_gives_back_what_it_holds() {
    for request in [Request::Send, Request::Acknowledge] {
        let desk = with_dead_letters(Desk::new().await, &["0", "1"]).await;
        desk.queues.next(request, Mishap::Lost);
        let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await;
        assert!(matches!(redriven, Err(Error::Unavailable { .. })), "{request:?}");
        let dead = desk.queues.inner.counts(&desk.dead).await.unwrap();
        assert_eq!(dead, QueueCounts { visible: 2, ..QueueCounts::default() }, "{request:?}");
    }
}

#[tokio::test]
async fn dead_letters_that_are_kept_no_longer_than_the_rest_are_reported() {
    let desk = Desk::new().await;
    let dead = dead_letters(&desk);
    let day = Duration::from_secs(24 * 60 * 60);
    for (days, short) in [(13, false), (14, true)] {
        let options = QueueOptions::default().retention(day * days);
        desk.queues.configure(&desk.orders, options).await.unwrap();
        let report = dead.check_retention(&desk.orders).await.unwrap();
        assert_eq!(report.is_some(), short, "{days} days");
    }
    let text = dead.check_retention(&desk.orders).await.unwrap().unwrap().to_string();
    assert!(text.starts_with("orders-dead keeps dead letters for 1209600s"), "{text}");
}

#[tokio::test]
async fn what_fails_again_is_not_sent_back_twice_even_if_no_time_passes() {
    let bodies: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let desk = with_dead_letters(Desk::suspending().await, &bodies).await;
    let clerk = Clerk::new();
    for body in &bodies {
        clerk.tell(body, Does::FailsForGood);
    }
    let consumer = desk.consumer(clerk.clone());
    // A mark that stops nothing.
    let filter = DeadMessageFilter::all().until("2030-01-01T00:00:00Z".parse().unwrap());
    let (dead, redrive) = (dead_letters(&desk), DeadMessageRedrive::of(filter));

    let (redriven, ()) = futures::join!(dead.redrive(&redrive), async {
        for _ in 0..20 {
            consumer.work_off().await.unwrap();
        }
    });

    assert_eq!(redriven.unwrap().moved, 12);
}

#[tokio::test]
async fn what_a_redrive_policy_moved_goes_back_to_its_queue_whatever_its_sender_wrote() {
    let desk = Desk::new().await;
    let payments = QueueName::new("payments").unwrap();
    desk.queues.configure(&payments, QueueOptions::default()).await.unwrap();
    let options = QueueOptions::default().dead_letters(desk.dead.clone(), 1);
    desk.queues.configure(&desk.orders, options).await.unwrap();
    let forged = NewMessage::new("pay me").attribute("deadletter", written_about("payments"));
    desk.queues.inner.send(&desk.orders, forged).await.unwrap();
    for _ in 0..2 {
        desk.received_by_another().await;
        desk.clock.advance(MINUTE);
    }
    assert_eq!(desk.buried().await, 1);

    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();

    assert_eq!((redriven.moved, desk.counts().await.visible), (1, 1));
    assert_eq!(desk.queues.inner.counts(&payments).await.unwrap(), QueueCounts::default());
}

#[tokio::test]
async fn a_letter_from_a_queue_that_is_gone_does_not_keep_the_others() {
    let desk = Desk::new().await;
    let of_nobody = NewMessage::new("x").attribute("deadletter", written_about("gone"));
    desk.queues.inner.send(&desk.dead, of_nobody).await.unwrap();
    let clerk = Clerk::new().told("0", Does::FailsForGood);
    desk.send("0").await;
    desk.consumer(clerk).work_off().await.unwrap();

    let redriven = dead_letters(&desk).redrive(&DeadMessageRedrive::all()).await.unwrap();

    assert_eq!((redriven.moved, redriven.stayed.len()), (1, 1));
    assert_eq!(visible(&desk).await, (1, 1));
}

#[tokio::test]
async fn behind_one_that_stays_its_group_stays() {
    let desk = with_dead_letters(Desk::fifo().await, &["0", "1", "2", "3"]).await;
    let redrive = DeadMessageRedrive::all().transform(|dead| match &*dead.body {
        "1" => Err("it is too old".into()),
        body => Ok(body.to_owned()),
    });
    let redriven = dead_letters(&desk).redrive(&redrive).await.unwrap();
    assert_eq!((redriven.moved, redriven.stayed.len()), (1, 3));
    let back = desk.received_by_another().await;
    assert_eq!(back.iter().map(|message| &*message.body).collect::<Vec<_>>(), ["0"]);
    assert_eq!(desk.buried().await, 3);
}

#[tokio::test]
async fn a_group_stays_behind_one_that_its_queue_does_not_take() {
    let desk = with_dead_letters(Desk::fifo().await, &["0", "1", "2", "3"]).await;
    let options = QueueOptions::default().max_message_size(1024);
    desk.queues.configure(&desk.orders, options).await.unwrap();
    let redrive = DeadMessageRedrive::all().transform(|dead| match &*dead.body {
        "1" => Ok("x".repeat(2_000)),
        body => Ok(body.to_owned()),
    });
    let redriven = dead_letters(&desk).redrive(&redrive).await.unwrap();
    assert_eq!((redriven.moved, redriven.stayed.len()), (1, 3));
}

#[tokio::test]
async fn a_redrive_that_takes_long_holds_what_it_passes_over_and_comes_to_the_end() {
    let mut bodies = vec!["old".to_owned(); 10];
    bodies.extend((0..140).map(|n| n.to_string()));
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let desk = with_dead_letters(Desk::new().await, &bodies).await;
    let dead = dead_letters(&desk);
    let redrive = DeadMessageRedrive::all().per_second(1).transform(|dead| match &*dead.body {
        "old" => Err("it is too old".into()),
        body => Ok(body.to_owned()),
    });

    let (redriven, visible) = futures::join!(dead.redrive(&redrive), async {
        desk.pass_by(130 * SECOND, SECOND).await;
        let visible = desk.queues.inner.counts(&desk.dead).await.unwrap().visible;
        desk.pass_by(2 * MINUTE, SECOND).await;
        visible
    });

    assert!(visible <= 12, "{visible} are there, with those that were passed over");
    let redriven = redriven.unwrap();
    assert_eq!((redriven.moved, redriven.stayed.len()), (140, 10));
}

#[tokio::test]
async fn an_operator_whose_clock_is_behind_moves_what_there_is() {
    let desk = with_dead_letters(Desk::new().await, &["0", "1"]).await;
    let behind = Arc::new(VirtualClock::at("2026-02-28T12:00:00Z"));
    let dead = dead_letters(&desk).with_clock(behind);
    let redriven = dead.redrive(&DeadMessageRedrive::all()).await.unwrap();
    assert_eq!(redriven.moved, 2);
}
