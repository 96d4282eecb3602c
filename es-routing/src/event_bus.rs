//! Buses.

use std::fmt::Debug;

use async_trait::async_trait;
use es_core::{Error, Result};

use crate::bus_event::{EventId, InvalidBusEvent, NewBusEvent};
use crate::pattern::Undecidable;

/// Takes events, and hands them to whoever its rules say. [`LocalBus`](crate::LocalBus) does it in the process;
/// the crate `es-eventbridge` has one in AWS.
///
/// # What is promised
///
/// **At least once.** An event that was accepted comes to every target of every rule that matches, or into the
/// dead letters of the target. One whose answer was lost may have been accepted: it is put again, and may then come
/// twice, under two [ids](EventId). So targets are idempotent, with the id of the
/// [CloudEvent](NewBusEvent::from_cloud_event) in it for a key.
///
/// **No order.** What was put first may come last.
///
/// **Each for itself.** Of several events some can be accepted and others not.
#[async_trait]
pub trait EventBus: Debug + Send + Sync + 'static {
    /// Puts any number of events on the bus, and says of each what became of it, in their order. No events are no
    /// request.
    ///
    /// A call that is dropped may have put any of them.
    ///
    /// # Errors
    ///
    /// Only before anything was put: from then on each event has an answer of its own, also when all of them failed
    /// for one cause.
    async fn put_events(&self, events: &[NewBusEvent]) -> Result<Vec<Result<EventId, NotPut>>>;

    /// Puts one event on the bus.
    ///
    /// # Errors
    ///
    /// [`NotPut`].
    async fn put_event(&self, event: &NewBusEvent) -> Result<EventId, NotPut> {
        let put = self.put_events(std::slice::from_ref(event)).await.map_err(NotPut::Failed)?;
        put.into_iter().next().unwrap_or_else(|| {
            Err(NotPut::Failed(Error::Backend {
                what: "putting an event on a bus".to_owned(),
                source: "the bus gave no answer for the only event".into(),
            }))
        })
    }
}

/// Why a bus has not accepted an event, as far as one knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotPut {
    /// No bus takes such an event.
    #[error("the event is not taken: {0}")]
    Invalid(InvalidBusEvent),
    /// Nobody can say where it has to go.
    #[error(transparent)]
    Undecidable(Undecidable),
    /// It was given up. A [transient](Error::is_transient) error: it may be accepted, or be with some of its
    /// targets; put it again. Another error: putting it again does not help; it was not put, unless the answer to an
    /// attempt before was lost.
    #[error(transparent)]
    Failed(Error),
}

impl NotPut {
    /// Whether putting it again can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_transient())
    }
}
