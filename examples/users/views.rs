//! The read models: a summary of each user for lists, and the detail.

use es_core::{Aggregate as _, BoxError, Projector, Recorded, Timestamp};
use serde::{Deserialize, Serialize};

use super::domain::{Account, Name, Status, User, UserEvent};

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSummary {
    /// The user's id.
    pub user_id: String,
    /// What the user is called.
    pub name: Name,
    /// Whether anything can change.
    pub status: Status,
    /// The sequence number of the newest event that is in here.
    pub sequence: u64,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When that event was recorded.
    pub updated_at: Timestamp,
}

/// A user in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDetail {
    /// The user's id.
    pub user_id: String,
    /// The sequence number of the newest event that is in here.
    pub sequence: u64,
    /// What is known.
    pub account: Account,
}

impl UserDetail {
    /// The detail of a state; `None` before the user was created.
    pub fn of(user_id: &str, sequence: u64, user: User) -> Option<Self> {
        Some(Self { user_id: user_id.to_owned(), sequence, account: user.account? })
    }
}

/// Builds [`UserSummary`]s.
#[derive(Debug)]
pub struct UserSummaries;

impl Projector for UserSummaries {
    const NAME: &'static str = "user_summary";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["user"];
    const INDEXED_FIELDS: &'static [&'static str] = &["status"];
    type Event = UserEvent;
    type View = UserSummary;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<UserSummary>,
        event: &Recorded<'_, UserEvent>,
    ) -> Result<(), BoxError> {
        if let UserEvent::Created { name, .. } = &event.event {
            *view = Some(UserSummary {
                user_id: event.aggregate_id().to_owned(),
                name: name.clone(),
                status: Status::Active,
                sequence: 0,
                created_at: event.recorded_at(),
                updated_at: event.recorded_at(),
            });
        }
        let summary = view.as_mut().ok_or("the first event is not that the user was created")?;
        summary.sequence = event.version().get();
        summary.updated_at = event.recorded_at();
        match &event.event {
            UserEvent::NameChanged { name } => summary.name = name.clone(),
            UserEvent::Deactivated => summary.status = Status::Deactivated,
            UserEvent::Created { .. }
            | UserEvent::EmailChanged { .. }
            | UserEvent::BalanceCredited { .. }
            | UserEvent::BalanceDebited { .. } => {}
        }
        Ok(())
    }
}

/// Builds [`UserDetail`]s.
#[derive(Debug)]
pub struct UserDetails;

impl Projector for UserDetails {
    const NAME: &'static str = "user_detail";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["user"];
    type Event = UserEvent;
    type View = UserDetail;

    fn project(
        &self,
        _key: &str,
        view: &mut Option<UserDetail>,
        event: &Recorded<'_, UserEvent>,
    ) -> Result<(), BoxError> {
        // The detail shows what the aggregate knows, so it takes events in the same way.
        let mut user = User { account: view.take().map(|detail| detail.account) };
        user.apply(event.event.clone());
        *view = UserDetail::of(event.aggregate_id(), event.version().get(), user);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
