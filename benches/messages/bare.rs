//! The traits themselves: full batches, four calls at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use es_core::{ReceiveOptions, cloud_events::CloudEvent};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Notify;

use crate::AnyError;
use crate::flow::Measured;
use crate::place::{Place, queue, topic};

pub(crate) async fn publish(place: &Place) -> Result<Measured, AnyError> {
    let messages = place.events()?;
    let messages: Vec<_> =
        messages.iter().map(CloudEvent::message).collect::<es_core::Result<_>>()?;
    let topic = &topic()?;
    Measured::of(messages.len(), async {
        stream::iter(messages.chunks(10).map(<[_]>::to_vec))
            .map(|batch| async move {
                place
                    .topics
                    .publish_batch(topic, batch)
                    .await?
                    .into_iter()
                    .try_for_each(|it| it.map(drop))
            })
            .buffer_unordered(4)
            .try_collect::<()>()
            .await?;
        Ok(())
    })
    .await
}

pub(crate) async fn consume(place: &Place) -> Result<Measured, AnyError> {
    Measured::of(place.messages, received(place, Duration::ZERO)).await
}

/// Publishes and consumes at the same time.
pub(crate) async fn all_the_way(place: &Place) -> Result<Measured, AnyError> {
    Measured::of(place.messages, async {
        let patient = received(place, Duration::from_secs(10));
        futures::try_join!(publish(place), patient).map(drop)
    })
    .await
}

/// Receives and acknowledges all messages, those that come within the wait, too.
async fn received(place: &Place, wait: Duration) -> Result<(), AnyError> {
    let queue = &queue()?;
    let (left, nothing_left) = (&AtomicUsize::new(place.messages), &Notify::new());
    let receiver = || async move {
        while left.load(Ordering::Relaxed) > 0 {
            let options = ReceiveOptions::up_to(10).wait(wait);
            let received = place.queues.receive(queue, options).await?;
            if received.is_empty() {
                break;
            }
            let receipts: Vec<_> = received.into_iter().map(|message| message.receipt).collect();
            for acknowledged in place.queues.acknowledge_batch(queue, &receipts).await? {
                acknowledged?;
            }
            if left.fetch_sub(receipts.len(), Ordering::Relaxed) == receipts.len() {
                nothing_left.notify_one();
            }
        }
        Ok::<_, AnyError>(())
    };
    tokio::select! {
        all = async { futures::try_join!(receiver(), receiver(), receiver(), receiver()) } => {
            all?;
        }
        // Those that wait for more need not.
        () = nothing_left.notified() => {}
    }
    assert_eq!(left.load(Ordering::Relaxed), 0, "messages are missing");
    Ok(())
}
