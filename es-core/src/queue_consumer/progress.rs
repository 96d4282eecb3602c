//! How far the work on a message is, when it is broken off.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

/// How far the work on one message is. A handler can be broken off; once it has come to its end, what it
/// came to is recorded before anything else: an effect without its record would come a second time.
#[derive(Debug, Default)]
pub(super) struct Progress {
    handled: AtomicBool,
    broken_off: AtomicBool,
}

impl Progress {
    /// The handler has come to its end: what follows records that.
    pub(super) fn is_handled(&self) {
        self.handled.store(true, Ordering::Relaxed);
    }

    /// All that came to its end is recorded, and the next begins: never, if the work was broken off
    /// meanwhile.
    pub(super) async fn goes_on(&self) {
        self.handled.store(false, Ordering::Relaxed);
        if self.stops() {
            std::future::pending().await
        }
    }

    fn stops(&self) -> bool {
        self.broken_off.load(Ordering::Relaxed) && !self.handled.load(Ordering::Relaxed)
    }

    /// What the work comes to; nothing when it was broken off before its handler came to an end.
    pub(super) async fn of<T>(
        &self,
        work: impl Future<Output = T>,
        broken_off: impl Future,
    ) -> Option<T> {
        let (mut work, mut broken_off) = (pin!(work), pin!(broken_off));
        poll_fn(|context| {
            // First, so that after a standstill no handler goes on with what is over.
            if !self.broken_off.load(Ordering::Relaxed)
                && broken_off.as_mut().poll(context).is_ready()
            {
                self.broken_off.store(true, Ordering::Relaxed);
            }
            if self.stops() {
                return Poll::Ready(None);
            }
            match work.as_mut().poll(context) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending if self.stops() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
