//! Trying again what others were in the way of.

use es_core::{Backoff, Error, Result};

use crate::store::DynamoStore;

/// How often something is tried again when other requests were in its way, with growing, jittered
/// waits on the store's clock.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: u32,
}

impl Attempts {
    /// With the default [`Backoff`] these are several seconds: more than a burst of writers takes.
    const MAX: u32 = 16;

    /// Waits before the next attempt.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] after so many attempts, with `reason` for the last.
    pub(crate) async fn pause(
        &mut self,
        store: &DynamoStore,
        what: &str,
        reason: &str,
    ) -> Result<()> {
        self.failed += 1;
        if self.failed >= Self::MAX {
            let what = format!("{what} at {}", store.place());
            let source = format!("given up after {} attempts: {reason}", self.failed).into();
            return Err(Error::Unavailable { what, source });
        }
        let options = store.options();
        let delay = Backoff::default().delay(self.failed, &*options.entropy);
        options.clock.sleep(delay).await;
        Ok(())
    }
}
