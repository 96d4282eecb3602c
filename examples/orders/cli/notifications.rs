//! Watching notifications come in.

use es_core::{Incoming, MAX_BATCH, MessageQueue, QueueName, ReceiveOptions};
use serde_json::json;
use serde_json::value::RawValue;

use crate::command_line::{AnyError, print_line, printable};
use crate::orders::channels::Subscriber;

use super::opened::Opened;
use super::place::Place;
use super::until::Until;

pub(super) async fn run(
    place: &Place,
    subscriber: Subscriber,
    until: Until,
    json: bool,
) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let queue = opened.backend.channels.queue_of(subscriber)?;
    tokio::select! {
        // In this order: who reads that it can be ended can end it.
        biased;
        over = until.over() => over?,
        shown = show(&*opened.backend.queues, &queue, until, json) => shown?,
    }
    opened.close().await
}

/// Shows messages and takes them out of the queue, those that were shown and no others.
async fn show(
    queues: &dyn MessageQueue,
    queue: &QueueName,
    until: Until,
    json: bool,
) -> Result<(), AnyError> {
    eprintln!("watching {queue}; Ctrl-C ends it");
    let mut shown = 0;
    while !until.is_enough(shown) {
        let left = until.count.map_or(u64::MAX, |count| count - shown);
        let room = MAX_BATCH.min(usize::try_from(left).unwrap_or(MAX_BATCH));
        let options = ReceiveOptions::up_to(room).wait(ReceiveOptions::MAX_WAIT);
        for message in queues.receive(queue, options).await? {
            for notification in Incoming::of(&message)? {
                print_line(line(&notification, json)?)?;
            }
            shown += 1;
            queues.acknowledge(queue, &message.receipt).await?;
        }
    }
    Ok(())
}

fn line(notification: &Incoming, json: bool) -> Result<String, AnyError> {
    if json {
        let event: &RawValue = serde_json::from_str(notification.body())?;
        let attributes = notification.attributes();
        return Ok(json!({ "attributes": attributes, "event": event }).to_string());
    }
    let Some(event) = notification.as_cloud_event() else {
        return Ok(printable(notification.body()));
    };
    let data: Option<Box<RawValue>> = event.data().map(|_| event.data_as()).transpose()?;
    let time = event.time().map_or_else(|| "–".to_owned(), |time| time.to_string());
    let (subject, data) = (event.subject().unwrap_or("–"), data.as_ref().map_or("", |it| it.get()));
    Ok(format!(
        "{time} {} {} {}",
        printable(subject),
        printable(event.event_type()),
        printable(data)
    ))
}
