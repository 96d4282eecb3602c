//! The traits themselves: full batches, four calls at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

use es_core::{ReceiveOptions, cloud_events::CloudEvent};
use futures::{StreamExt as _, TryStreamExt as _, stream};

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
    let queue = &queue()?;
    let left = &AtomicUsize::new(place.messages);
    let receiver = || async move {
        while left.load(Ordering::Relaxed) > 0 {
            let received = place.queues.receive(queue, ReceiveOptions::up_to(10)).await?;
            if received.is_empty() {
                break;
            }
            let receipts: Vec<_> = received.into_iter().map(|message| message.receipt).collect();
            for acknowledged in place.queues.acknowledge_batch(queue, &receipts).await? {
                acknowledged?;
            }
            left.fetch_sub(receipts.len(), Ordering::Relaxed);
        }
        Ok::<_, AnyError>(())
    };
    let measured = Measured::of(place.messages, async {
        futures::try_join!(receiver(), receiver(), receiver(), receiver())?;
        Ok(())
    })
    .await?;
    assert_eq!(left.load(Ordering::Relaxed), 0, "messages are missing");
    Ok(measured)
}
