//! What `POST /command` takes.
//!
//! ```json
//! {"user_id": "u-1", "event_type": "USER_CREATED",
//!  "payload": {"name": "Ada Example", "email": "ada@example.org"}}
//! ```
//!
//! Names and addresses are personal data and can be anywhere in a body that is wrong. So it is read by hand,
//! where a derived reader would quote in its errors what it found.

use serde_json::{Map, Value};

use super::domain::{
    Email, EventType, InvalidEmail, InvalidName, Money, Name, UnknownEventType, UserCommand,
};

/// A command, and for whom it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRequest {
    /// The user. Whether this can be an id is the log's to say.
    pub user_id: String,
    /// What is to happen.
    pub event_type: EventType,
    /// The same, with what it takes.
    pub command: UserCommand,
}

/// Why a body is no command. Nothing of the body is in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// It is some other JSON value.
    #[error("{0} is not a JSON object")]
    NotAnObject(&'static str),
    /// There is a field that means nothing.
    #[error("{part} has a field that is not known; it takes {}", listed(.takes))]
    UnknownField {
        /// Of what.
        part: &'static str,
        /// The fields that there are.
        takes: &'static [&'static str],
    },
    /// A field is missing, or something else than text.
    #[error("{0} is missing, or no text")]
    NotText(&'static str),
    /// There is no such type.
    #[error("event_type: {0}")]
    UnknownType(#[from] UnknownEventType),
    /// An amount is missing, or has a sign, a fraction, or too many digits.
    #[error(
        "payload.amount is missing, or not a number of whole cents up to {}",
        Money::MAX.as_cents()
    )]
    NotMoney,
    /// Nobody can be called so.
    #[error("payload.name: {0}")]
    Name(#[from] InvalidName),
    /// Nobody can be written to there.
    #[error("payload.email: {0}")]
    Email(#[from] InvalidEmail),
}

impl CommandRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn of(body: &Value) -> Result<Self, InvalidRequest> {
        let body = Fields::of(Some(body), "the body", &["user_id", "event_type", "payload"])?;
        let user_id = body.text("user_id", "user_id")?.to_owned();
        let event_type = body.text("event_type", "event_type")?.parse()?;
        let command = command(event_type, body.0.get("payload"))?;
        Ok(Self { user_id, event_type, command })
    }
}

/// What an event type and its payload ask for.
fn command(event_type: EventType, payload: Option<&Value>) -> Result<UserCommand, InvalidRequest> {
    let fields = |takes| Fields::of(payload, "payload", takes);
    match event_type {
        EventType::UserCreated => {
            let fields = fields(&["name", "email"])?;
            Ok(UserCommand::Create { name: fields.name()?, email: fields.email()? })
        }
        EventType::UserNameChanged => Ok(UserCommand::ChangeName(fields(&["name"])?.name()?)),
        EventType::UserEmailChanged => Ok(UserCommand::ChangeEmail(fields(&["email"])?.email()?)),
        EventType::BalanceCredited => Ok(UserCommand::Credit(fields(&["amount"])?.amount()?)),
        EventType::BalanceDebited => Ok(UserCommand::Debit(fields(&["amount"])?.amount()?)),
        // There is nothing to say, so it can be left out.
        EventType::UserDeactivated if payload.is_none() => Ok(UserCommand::Deactivate),
        EventType::UserDeactivated => fields(&[]).map(|_| UserCommand::Deactivate),
    }
}

/// The fields in a sentence.
fn listed(fields: &[&str]) -> String {
    match fields {
        [] => "none".to_owned(),
        fields => fields.join(", "),
    }
}

/// The fields of an object.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Those of `value`, if they are all among `takes`.
    fn of(
        value: Option<&'a Value>,
        part: &'static str,
        takes: &'static [&'static str],
    ) -> Result<Self, InvalidRequest> {
        let fields = value.and_then(Value::as_object).ok_or(InvalidRequest::NotAnObject(part))?;
        match fields.keys().all(|field| takes.contains(&field.as_str())) {
            true => Ok(Self(fields)),
            false => Err(InvalidRequest::UnknownField { part, takes }),
        }
    }

    fn text(&self, field: &str, place: &'static str) -> Result<&'a str, InvalidRequest> {
        self.0.get(field).and_then(Value::as_str).ok_or(InvalidRequest::NotText(place))
    }

    fn name(&self) -> Result<Name, InvalidRequest> {
        Ok(Name::new(self.text("name", "payload.name")?)?)
    }

    fn email(&self) -> Result<Email, InvalidRequest> {
        Ok(Email::new(self.text("email", "payload.email")?)?)
    }

    fn amount(&self) -> Result<Money, InvalidRequest> {
        let cents = self.0.get("amount").and_then(Value::as_u64);
        cents.and_then(Money::cents).ok_or(InvalidRequest::NotMoney)
    }
}

#[cfg(test)]
mod tests;
