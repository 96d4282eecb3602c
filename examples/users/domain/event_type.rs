use std::fmt;
use std::str::FromStr;

use super::UserEvent;

/// What can happen to a user, as the API names it.
///
/// | in the API | in the log | payload |
/// |---|---|---|
/// | `USER_CREATED` | `User:Created` | `name`, `email` |
/// | `USER_NAME_CHANGED` | `User:NameChanged` | `name` |
/// | `USER_EMAIL_CHANGED` | `User:EmailChanged` | `email` |
/// | `BALANCE_CREDITED` | `User:BalanceCredited` | `amount`, in cents |
/// | `BALANCE_DEBITED` | `User:BalanceDebited` | `amount`, in cents |
/// | `USER_DEACTIVATED` | `User:Deactivated` | none |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// The user begins.
    UserCreated,
    /// The user is called something else.
    UserNameChanged,
    /// The user is written to elsewhere.
    UserEmailChanged,
    /// The user has more.
    BalanceCredited,
    /// The user has less.
    BalanceDebited,
    /// Nothing changes any more.
    UserDeactivated,
}

/// There is no such type. What was given is not said: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an event type; there are {}", EventType::ALL.map(EventType::as_str).join(", "))]
pub struct UnknownEventType;

impl EventType {
    /// All types, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::UserCreated,
        Self::UserNameChanged,
        Self::UserEmailChanged,
        Self::BalanceCredited,
        Self::BalanceDebited,
        Self::UserDeactivated,
    ];

    /// The type of something that happened.
    pub fn of(event: &UserEvent) -> Self {
        match event {
            UserEvent::Created { .. } => Self::UserCreated,
            UserEvent::NameChanged { .. } => Self::UserNameChanged,
            UserEvent::EmailChanged { .. } => Self::UserEmailChanged,
            UserEvent::BalanceCredited { .. } => Self::BalanceCredited,
            UserEvent::BalanceDebited { .. } => Self::BalanceDebited,
            UserEvent::Deactivated => Self::UserDeactivated,
        }
    }

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserCreated => "USER_CREATED",
            Self::UserNameChanged => "USER_NAME_CHANGED",
            Self::UserEmailChanged => "USER_EMAIL_CHANGED",
            Self::BalanceCredited => "BALANCE_CREDITED",
            Self::BalanceDebited => "BALANCE_DEBITED",
            Self::UserDeactivated => "USER_DEACTIVATED",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(name: &str) -> Result<Self, UnknownEventType> {
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or(UnknownEventType)
    }
}
