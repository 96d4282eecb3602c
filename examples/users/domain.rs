//! The user: what can be asked for, what can happen, and when.

mod event_type;
mod money;
mod personal;

use es_core::{Aggregate, Command, Event, Snapshot, StreamId};
use serde::{Deserialize, Serialize};

pub use event_type::{EventType, UnknownEventType};
pub use money::Money;
pub use personal::{Email, InvalidEmail, InvalidName, Name};

/// One user, folded from the events.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What there is since the user was created.
    pub account: Option<Account>,
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whether anything can change.
    pub status: Status,
    /// What the user is called.
    pub name: Name,
    /// Where the user is written to.
    pub email: Email,
    /// What the user has.
    pub balance: Money,
}

/// The stations of a user's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Created.
    Active,
    /// Nothing changes any more.
    Deactivated,
}

impl Status {
    /// All stations, in the order of a life.
    pub const ALL: [Self; 2] = [Self::Active, Self::Deactivated];

    /// The name in the API, in views and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deactivated => "deactivated",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{name:?} is not a status; there are {names}")
        })
    }
}

/// What can be asked of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Command)]
pub enum UserCommand {
    /// Begin.
    Create {
        /// What the user is called.
        name: Name,
        /// Where the user is written to.
        email: Email,
    },
    /// The user is called something else now.
    ChangeName(Name),
    /// The user is written to elsewhere now.
    ChangeEmail(Email),
    /// The user is to have more.
    Credit(Money),
    /// The user is to have less.
    Debit(Money),
    /// Nothing is to change any more.
    Deactivate,
}

/// What can happen to a user.
#[derive(Debug, Clone, PartialEq, Eq, Event)]
#[event(prefix = "User")]
pub enum UserEvent {
    /// It began, with nothing on the balance.
    Created {
        /// What the user is called.
        #[event(personal)]
        name: Name,
        /// Where the user is written to.
        #[event(personal)]
        email: Email,
    },
    /// The user is called something else.
    NameChanged {
        /// The new name.
        #[event(personal)]
        name: Name,
    },
    /// The user is written to elsewhere.
    EmailChanged {
        /// The new address.
        #[event(personal)]
        email: Email,
    },
    /// The user has more.
    BalanceCredited {
        /// How much more.
        amount: Money,
    },
    /// The user has less.
    BalanceDebited {
        /// How much less.
        amount: Money,
    },
    /// Nothing changes any more.
    Deactivated,
}

/// Why a command is rejected. Nothing here says what the user is called, or has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Nobody was created under this id.
    #[error("there is no such user")]
    NotCreated,
    /// Somebody was created under this id before.
    #[error("there is a user of this id already")]
    AlreadyCreated,
    /// The user's life is over.
    #[error("the user is deactivated and cannot change any more")]
    Deactivated,
    /// Nothing is to be credited or debited.
    #[error("the amount is zero")]
    NoAmount,
    /// A balance is never below zero.
    #[error("the balance is less than the amount")]
    InsufficientBalance,
    /// A balance is never above [`Money::MAX`].
    #[error("the balance would be more than {} cents", Money::MAX.as_cents())]
    BalanceTooLarge,
}

impl User {
    /// Where the events of a user are: the aggregate's id is the user's.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`](es_core::Error::InvalidId) when this is no id.
    pub fn stream(user_id: &str) -> Result<StreamId, es_core::Error> {
        StreamId::new(Self::CATEGORY, user_id)
    }
}

type Decision = Result<Vec<UserEvent>, UserError>;

impl Aggregate for User {
    const CATEGORY: &'static str = "user";
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;

    fn handle(&self, command: UserCommand) -> Decision {
        match (&self.account, command) {
            (None, UserCommand::Create { name, email }) => {
                Ok(vec![UserEvent::Created { name, email }])
            }
            (None, _) => Err(UserError::NotCreated),
            (Some(_), UserCommand::Create { .. }) => Err(UserError::AlreadyCreated),
            (Some(account), _) if account.status == Status::Deactivated => {
                Err(UserError::Deactivated)
            }
            (Some(account), UserCommand::ChangeName(name)) => Ok(account.change_name(name)),
            (Some(account), UserCommand::ChangeEmail(email)) => Ok(account.change_email(email)),
            (Some(account), UserCommand::Credit(amount)) => account.credit(amount),
            (Some(account), UserCommand::Debit(amount)) => account.debit(amount),
            (Some(_), UserCommand::Deactivate) => Ok(vec![UserEvent::Deactivated]),
        }
    }

    fn apply(&mut self, event: UserEvent) {
        match (&mut self.account, event) {
            (account, UserEvent::Created { name, email }) => {
                let (status, balance) = (Status::Active, Money::ZERO);
                *account = Some(Account { status, name, email, balance });
            }
            (Some(account), event) => account.apply(event),
            // The first event of every user is that it was created.
            (None, _) => {}
        }
    }
}

impl Account {
    /// The same name again changes nothing.
    fn change_name(&self, name: Name) -> Vec<UserEvent> {
        match self.name == name {
            true => vec![],
            false => vec![UserEvent::NameChanged { name }],
        }
    }

    /// The same address again changes nothing.
    fn change_email(&self, email: Email) -> Vec<UserEvent> {
        match self.email == email {
            true => vec![],
            false => vec![UserEvent::EmailChanged { email }],
        }
    }

    fn credit(&self, amount: Money) -> Decision {
        if amount == Money::ZERO {
            return Err(UserError::NoAmount);
        }
        match self.balance.plus(amount) {
            Some(_) => Ok(vec![UserEvent::BalanceCredited { amount }]),
            None => Err(UserError::BalanceTooLarge),
        }
    }

    fn debit(&self, amount: Money) -> Decision {
        if amount == Money::ZERO {
            return Err(UserError::NoAmount);
        }
        match self.balance.minus(amount) {
            Some(_) => Ok(vec![UserEvent::BalanceDebited { amount }]),
            None => Err(UserError::InsufficientBalance),
        }
    }

    /// What is recorded was allowed, so the limits of the balance are met by no recorded event.
    fn apply(&mut self, event: UserEvent) {
        match event {
            UserEvent::Created { name, email } => (self.name, self.email) = (name, email),
            UserEvent::NameChanged { name } => self.name = name,
            UserEvent::EmailChanged { email } => self.email = email,
            UserEvent::BalanceCredited { amount } => {
                self.balance = self.balance.plus(amount).unwrap_or(Money::MAX);
            }
            UserEvent::BalanceDebited { amount } => {
                self.balance = self.balance.minus(amount).unwrap_or(Money::ZERO);
            }
            UserEvent::Deactivated => self.status = Status::Deactivated,
        }
    }
}

impl Snapshot for User {
    const SCHEMA_VERSION: u32 = 1;
}

#[cfg(test)]
mod tests;
