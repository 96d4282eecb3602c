//! Giving messages up, and moving them back.

use super::*;

pub(super) async fn a_message_received_too_often_becomes_a_dead_letter(q: QueuesAndClock) {
    let (queue, dead) = q.giving_up("q", "dead", 3).await;
    let sent_at = q.now();
    let message = NewMessage::new("poison").attribute("a", "1").attribute("b", "2");
    let id = q.send(&queue, message.clone()).await;
    for receive in 1..=3 {
        q.assert_nothing_comes(&dead, "before the last receive").await;
        assert_eq!(q.receive_one(&queue).await.receive_count, receive);
        q.advance(TIMEOUT);
    }
    q.assert_nothing_comes(&queue, "received three times").await;
    let given_up = q.receive_one(&dead).await;
    assert_eq!(given_up.id, id, "the id of a dead letter");
    assert_eq!(given_up.body, "poison");
    assert_eq!(given_up.attributes, message.attributes, "the attributes of a dead letter");
    assert_eq!(given_up.dead_letter_source, Some(queue.clone()), "where it came from");
    assert!(given_up.moved_by_policy, "nobody has sent it there");
    assert_eq!((given_up.sent_at, given_up.receive_count), (sent_at, 1));
    q.advance(HOUR);
    q.assert_nothing_comes(&queue, "a dead letter is there once").await;
}

pub(super) async fn a_dead_letter_is_in_one_queue_at_a_time(q: QueuesAndClock) {
    let (queue, dead) = q.giving_up("q", "dead", 1).await;
    q.send_bodies(&queue, &["poison", "poison too"]).await;
    q.receive_all(&queue).await;
    q.advance(TIMEOUT);
    q.send_bodies(&queue, &["sound"]).await;
    // One receive gives the poison up and goes on to what can be received.
    assert_eq!(q.bodies(&queue).await, ["sound"]);
    assert_eq!(q.counts(&queue).await, QueueCounts { in_flight: 1, ..QueueCounts::default() });
    assert_eq!(q.counts(&dead).await, QueueCounts { visible: 2, ..QueueCounts::default() });
    assert_eq!(sorted_bodies(&q.receive_all(&dead).await), ["poison", "poison too"]);
}

pub(super) async fn the_receipt_of_a_dead_letter_is_lost(q: QueuesAndClock) {
    let (queue, dead) = q.giving_up("q", "dead", 1).await;
    q.send_bodies(&queue, &["poison"]).await;
    let held = q.receive_one(&queue).await;
    q.advance(TIMEOUT);
    q.assert_nothing_comes(&queue, "received as often as allowed").await;
    for queue in [&queue, &dead] {
        q.assert_lost(queue, &held.receipt, "the receipt of a dead letter").await;
    }
    assert_eq!(q.bodies(&dead).await, ["poison"]);
}

pub(super) async fn a_dead_letter_has_a_retention_of_its_own(q: QueuesAndClock) {
    let dead = q.configure("dead", QueueOptions::default().retention(HOUR)).await;
    let options = QueueOptions::default().retention(MINUTE).dead_letters(dead.clone(), 1);
    let queue = q.configure("q", options).await;
    q.send_bodies(&queue, &["x"]).await;
    q.advance(MINUTE / 2);
    q.exhaust(&queue, 1).await;
    q.advance(HOUR - SECOND);
    let message = q.receive_one(&dead).await;
    q.release(&dead, &message, Duration::ZERO).await;
    q.advance(SECOND);
    q.assert_nothing_comes(&dead, "after the retention of the dead-letter queue").await;
}

pub(super) async fn redriven_messages_are_as_if_sent_anew(q: QueuesAndClock) {
    let dead = q.queue("dead").await;
    let options = QueueOptions::default().retention(10 * MINUTE).dead_letters(dead.clone(), 2);
    let queue = q.configure("q", options).await;
    let message = NewMessage::new("poison").attribute("a", "1");
    q.send(&queue, message.clone()).await;
    q.exhaust(&queue, 2).await;
    q.advance(HOUR);
    let redriven_at = q.now();
    assert_eq!(q.redrive(&dead, Redrive::all()).await, 1, "messages moved");
    assert_eq!(q.counts(&dead).await, QueueCounts::default());
    q.advance(MINUTE);
    let first_received_at = q.now();
    for receive in 1..=2 {
        let again = q.receive_one(&queue).await;
        assert_eq!((&again.body, &again.attributes), (&message.body, &message.attributes));
        assert_eq!(again.receive_count, receive, "receives are counted anew");
        assert_eq!((again.sent_at, again.first_received_at), (redriven_at, first_received_at));
        assert_eq!(again.dead_letter_source, None, "it is no dead letter any more");
        assert!(!again.moved_by_policy, "it is no dead letter any more");
        q.release(&queue, &again, Duration::ZERO).await;
    }
    q.exhaust(&queue, 0).await;
    assert_eq!(q.bodies(&dead).await, ["poison"], "given up again");
}

pub(super) async fn a_redrive_moves_what_was_asked_for(q: QueuesAndClock) {
    let (queue, dead) = q.giving_up("q", "dead", 1).await;
    let mut ids = Vec::new();
    let mut times = Vec::new();
    for body in ["a", "b", "c", "d", "e"] {
        ids.push(q.send(&queue, NewMessage::new(body)).await);
        q.exhaust(&queue, 1).await;
        times.push(q.now());
        q.advance(MINUTE);
    }
    let back = async |redrive: Redrive, expected: &[&str]| {
        let moved = q.redrive(&dead, redrive.clone()).await;
        let received = q.receive_all(&queue).await;
        assert_eq!(sorted_bodies(&received), expected, "{redrive:?}");
        assert_eq!(moved, expected.len() as u64, "how many {redrive:?} moved");
        for message in received {
            q.acknowledge(&queue, &message).await;
        }
    };
    back(Redrive::all().up_to(0), &[]).await;
    back(Redrive::all().until(times[0] - MINUTE), &[]).await;
    back(Redrive::all().only([]), &[]).await;
    back(Redrive::all().up_to(1), &["a"]).await;
    back(Redrive::all().only([ids[0].clone(), ids[3].clone()]), &["d"]).await;
    back(Redrive::all().until(times[1]), &["b"]).await;
    back(Redrive::all(), &["c", "e"]).await;
    back(Redrive::all(), &[]).await;
}

pub(super) async fn dead_letters_go_back_to_where_they_came_from(q: QueuesAndClock) {
    let (one, dead) = q.giving_up("one", "dead", 1).await;
    let (two, _) = q.giving_up("two", "dead", 1).await;
    for n in 0..30 {
        q.send(&one, NewMessage::new(format!("one {n:02}"))).await;
        q.send(&two, NewMessage::new(format!("two {n:02}"))).await;
    }
    q.exhaust(&one, 1).await;
    q.exhaust(&two, 1).await;
    assert_eq!(q.redrive(&dead, Redrive::all()).await, 60);
    for (queue, name) in [(&one, "one"), (&two, "two")] {
        let expected: Vec<String> = (0..30).map(|n| format!("{name} {n:02}")).collect();
        assert_eq!(sorted_bodies(&q.receive_all(queue).await), expected);
    }
}

pub(super) async fn only_dead_letters_are_redriven(q: QueuesAndClock) {
    let (queue, dead) = q.giving_up("q", "dead", 1).await;
    q.send_bodies(&queue, &["looked at", "dead"]).await;
    q.exhaust(&queue, 1).await;
    let held = q.receive_one(&dead).await;
    q.send_bodies(&dead, &["sent there"]).await;
    assert_eq!(q.redrive(&dead, Redrive::all()).await, 1);
    let back = q.receive_all(&queue).await;
    assert_eq!(back.len(), 1);
    assert_ne!(back[0].body, held.body, "a message in flight was moved");
    q.acknowledge(&dead, &held).await;
    assert_eq!(q.bodies(&dead).await, ["sent there"]);
}
