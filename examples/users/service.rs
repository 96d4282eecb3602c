//! The parts, put together on a backend.

use std::sync::Arc;
use std::time::Duration;

use es_core::{
    ConsumerState, Consumers, Error, Projection, Projector, Repository, SnapshotPolicy, Version,
    Workers,
};

use super::backend::Backend;
use super::domain::User;
use super::views::{UserDetails, UserSummaries};

/// The system.
#[derive(Debug)]
pub struct Users {
    /// The aggregates.
    pub users: Repository<User>,
    /// The read model for lists.
    pub summaries: Arc<Projection<UserSummaries>>,
    /// The read model for one user.
    pub details: Arc<Projection<UserDetails>>,
}

impl Users {
    /// Puts the parts together and makes the read models readable. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn new(backend: Backend) -> Result<Self, Error> {
        let users = Self::assembled(backend)?;
        users.prepare().await?;
        Ok(users)
    }

    /// Puts the parts together and asks nobody for anything. The read models can be read once they are
    /// [prepared](Self::prepare), or were written.
    ///
    /// # Errors
    ///
    /// None: its parts fit together.
    pub fn assembled(backend: Backend) -> Result<Self, Error> {
        let Backend { log, feed, snapshots, views } = backend;
        let users = Repository::<User>::new(log.clone())
            .with_cache(10_000)
            .with_snapshots(snapshots, SnapshotPolicy::Every(50));
        let summaries = Projection::new(UserSummaries, feed.clone(), log.clone(), views.clone())?;
        let details = Projection::new(UserDetails, feed, log, views)?;
        Ok(Self { users, summaries: Arc::new(summaries), details: Arc::new(details) })
    }

    /// Makes the read models readable, where nothing was written yet.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    pub async fn prepare(&self) -> Result<(), Error> {
        futures::try_join!(self.summaries.prepare(), self.details.prepare())?;
        Ok(())
    }

    /// Starts the projections.
    pub fn start_workers(&self) -> Workers {
        self.consumers().start()
    }

    /// The projections.
    pub fn consumers(&self) -> Consumers {
        Consumers::new().with(self.summaries.clone()).with(self.details.clone())
    }

    /// Whether there is such a user, by the log: a read model may not know it yet.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`], and those of the backend.
    pub async fn exists(&self, user_id: &str) -> Result<bool, Error> {
        let stream = User::stream(user_id)?;
        Ok(self.users.store().head(&stream).await?.is_some())
    }

    /// Waits until the list shows what happened to the user up to `sequence`.
    ///
    /// # Errors
    ///
    /// As [`detail_shows`](Self::detail_shows).
    pub async fn list_shows(
        &self,
        user_id: &str,
        sequence: Version,
        timeout: Duration,
    ) -> Result<(), Error> {
        shows(&self.summaries, user_id, sequence, timeout).await
    }

    /// Waits until the detail shows what happened to the user up to `sequence`.
    ///
    /// # Errors
    ///
    /// [`Error::Parked`] when it does not come that far until an operator has looked at it;
    /// [`Error::Paused`] or [`Error::DeadlineExceeded`] after `timeout`.
    pub async fn detail_shows(
        &self,
        user_id: &str,
        sequence: Version,
        timeout: Duration,
    ) -> Result<(), Error> {
        shows(&self.details, user_id, sequence, timeout).await
    }
}

async fn shows<P: Projector>(
    projection: &Projection<P>,
    user_id: &str,
    sequence: Version,
    timeout: Duration,
) -> Result<(), Error> {
    let stream = User::stream(user_id)?;
    match projection.wait_for_version(&stream, sequence, timeout).await {
        Err(Error::DeadlineExceeded { .. })
            if projection.health().await?.state == ConsumerState::Paused =>
        {
            Err(Error::Paused { consumer: projection.id().to_string() })
        }
        waited => waited,
    }
}

#[cfg(test)]
mod tests;
