use async_trait::async_trait;

use crate::commit::Commit;
use crate::error::{Error, Result};
use crate::projector::Projector;

use super::{Consumer, Handler, Projecting};

/// A projection that a repository runs in the call of a command.
#[async_trait]
pub(crate) trait Inline: Send + Sync {
    /// Lets a commit that was just appended have its effect.
    async fn apply(&self, commit: Commit) -> Result<()>;
}

#[async_trait]
impl<P: Projector> Inline for Consumer<Projecting<P>> {
    /// Beside the feed: it moves the stream on, no partition. The feed delivers the commit as well,
    /// and finds that it had its effect.
    async fn apply(&self, commit: Commit) -> Result<()> {
        /// Others that write the same documents come in between at most so often.
        const ATTEMPTS: u32 = 8;
        self.prepared.get_or_try_init(|| self.handler.prepare()).await?;
        self.check_not_paused().await?;
        for attempt in 0..=ATTEMPTS {
            match self.take(vec![commit.clone()], None).await {
                Ok(taken) if taken.complete && taken.applied > 0 => return Ok(()),
                Ok(taken) if taken.complete => {
                    // It had its effect before, or it is parked.
                    return self.has_seen(commit.stream(), commit.last_version()).await.map(drop);
                }
                // A caller does not wait for the past of a long stream.
                Ok(_) => break,
                Err(Error::Fenced { .. }) if attempt < ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Unavailable {
            what: format!("{}, inline", self.id),
            source: "it has more of the stream to catch up with than one step takes".into(),
        })
    }
}
