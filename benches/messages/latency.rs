//! How long a message takes when nothing else is going on.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use comfy_table::{Cell, Table};
use es_core::{
    Incoming, MessageError, MessageHandler, MessageSender, QueueConsumer, ReceiveOptions,
};
use tokio::sync::mpsc;

use crate::place::{Place, Size, events, queue, topic};
use crate::{AnyError, headed, right};

const MESSAGES: usize = 100;

pub(crate) async fn table(size: Size) -> Result<Table, AnyError> {
    let mut table = headed(["", "median ms", "90th ms", "over the floor"]);
    for place in &Place::all(size).await? {
        let floor = received(place).await?;
        let name = place.name;
        row(
            &mut table,
            &format!("{name}: until a waiting receive has it (the floor)"),
            floor,
            floor,
        );
        let handled = handled(place).await?;
        row(&mut table, &format!("{name}: until a QueueConsumer's handler has it"), handled, floor);
    }
    Ok(table)
}

/// The median and the 90th percentile.
type Times = (Duration, Duration);

fn row(table: &mut Table, what: &str, times: Times, floor: Times) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    let text = |time| right(format!("{:.2}", milliseconds(time)));
    let over = milliseconds(times.0) - milliseconds(floor.0);
    table.add_row([Cell::new(what), text(times.0), text(times.1), right(format!("{over:+.2}"))]);
}

async fn received(place: &Place) -> Result<Times, AnyError> {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let queues = place.queues.clone();
    let receiver = tokio::spawn(async move {
        let long_poll = ReceiveOptions::up_to(10).wait(ReceiveOptions::MAX_WAIT);
        loop {
            for message in queues.receive(&queue()?, long_poll).await? {
                arrived.send(Instant::now())?;
                queues.acknowledge(&queue()?, &message.receipt).await?;
            }
        }
        #[allow(unreachable_code, reason = "it gives the block its type")]
        Ok::<(), AnyError>(())
    });
    let times = times(place, &mut arrivals).await;
    receiver.abort();
    times
}

async fn handled(place: &Place) -> Result<Times, AnyError> {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let consumer =
        QueueConsumer::new("latency", place.queues.clone(), queue()?, Arriving(arrived))?;
    let worker = tokio::spawn(async move { consumer.run(std::future::pending()).await });
    let times = times(place, &mut arrivals).await;
    worker.abort();
    times
}

async fn times(
    place: &Place,
    arrivals: &mut mpsc::UnboundedReceiver<Instant>,
) -> Result<Times, AnyError> {
    let sender = MessageSender::to_topic(place.topics.clone(), topic()?);
    let mut times = Vec::new();
    for event in events(MESSAGES)? {
        let began = Instant::now();
        for sent in sender.send(&[event]).await? {
            sent?;
        }
        times.push(arrivals.recv().await.ok_or("nobody receives")? - began);
    }
    times.sort_unstable();
    let of = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    Ok((of(50), of(90)))
}

struct Arriving(mpsc::UnboundedSender<Instant>);

#[async_trait]
impl MessageHandler for Arriving {
    async fn handle(&self, _: &Incoming) -> Result<(), MessageError> {
        self.0.send(Instant::now()).map_err(|_| MessageError::transient("nobody counts"))
    }
}
