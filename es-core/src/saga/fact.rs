use std::fmt;

use serde::{Deserialize, Serialize};

use crate::codec::{Codec, PayloadError};
use crate::encoded_events::EncodedEvent;
use crate::event::{DecodeError, Event, EventSchema, PersonalData, PersonalPart};

use super::Saga;

/// What happens to a saga. In its history it stands between what the framework wrote down about the process.
///
/// ```text
/// Saga:StepBegun       stock
/// Saga:StepDone        stock
/// Saga:StepFailed      payment
/// Saga:TurnedBack      the card was declined
/// Saga:UndoBegun       stock
/// Saga:StepUndone      stock
/// ```
#[derive(Clone, PartialEq, Eq, es_derive::Event)]
#[event(prefix = "Saga")]
#[non_exhaustive]
pub enum SagaEvent {
    /// The command of a step is to be executed.
    StepBegun {
        /// Its name.
        step: String,
    },
    /// A step is done.
    StepDone {
        /// Its name.
        step: String,
    },
    /// A step has failed.
    StepFailed {
        /// Its name.
        step: String,
        /// Whether it is certain that it had no effect. What is not certain is undone.
        without_effect: bool,
    },
    /// All steps are done.
    Completed,
    /// From here on the saga goes back.
    TurnedBack {
        /// What was the cause.
        cause: TurnBackCause,
        /// What was said about it, cut after 2,048 bytes.
        #[event(personal)]
        reason: String,
    },
    /// The command that undoes a step is to be executed.
    UndoBegun {
        /// Its name.
        step: String,
    },
    /// A step is undone.
    StepUndone {
        /// Its name.
        step: String,
    },
    /// A step stays as it is.
    StepLeft {
        /// Its name.
        step: String,
        /// Whether it was given up, by an operator or because the plan does not have it any more. Otherwise nothing
        /// undoes it.
        given_up: bool,
    },
}

/// Why a saga turns back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TurnBackCause {
    /// The step of this name has failed.
    StepFailed(String),
    /// The step of this name was not done in its time.
    StepLate(String),
    /// The whole was not done in its time.
    Late,
    /// It was [called off](super::Answer::CalledOff).
    CalledOff,
    /// An operator [turned it back](crate::Processes::turn_back).
    Operator,
}

impl fmt::Display for TurnBackCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepFailed(step) => write!(f, "{step} has failed"),
            Self::StepLate(step) => write!(f, "{step} was not done in time"),
            Self::Late => f.write_str("the saga was not done in time"),
            Self::CalledOff => f.write_str("it was called off"),
            Self::Operator => f.write_str("an operator turned it back"),
        }
    }
}

/// A fact about a saga whose data are an `S`.
#[derive(Clone, PartialEq)]
pub enum SagaFact<S> {
    /// It began, with these data. Stored as `Saga:Begun`.
    Begun(S),
    /// It has learned something; these are its data now. Stored as `Saga:Learned`.
    Learned(S),
    /// Something happened to it.
    Happened(SagaEvent),
}

pub(super) const BEGUN: &str = "Saga:Begun";
const LEARNED: &str = "Saga:Learned";

/// The facts with data, which have the version of the data, and all others.
const fn schemas(of_data: u32) -> [EventSchema; 2 + SagaEvent::SCHEMAS.len()] {
    let data = EventSchema { name: BEGUN, version: of_data };
    let mut schemas = [data; 2 + SagaEvent::SCHEMAS.len()];
    schemas[1] = EventSchema { name: LEARNED, version: of_data };
    let mut at = 0;
    while at < SagaEvent::SCHEMAS.len() {
        schemas[2 + at] = SagaEvent::SCHEMAS[at];
        at += 1;
    }
    schemas
}

impl<S: Saga> Event for SagaFact<S> {
    const SCHEMAS: &'static [EventSchema] = &schemas(S::DATA_VERSION);

    const ALIASES: &'static [&'static str] = SagaEvent::ALIASES;

    const PERSONAL: &'static [PersonalData] = &[
        PersonalData { event: BEGUN, part: PersonalPart::Everything },
        PersonalData { event: LEARNED, part: PersonalPart::Everything },
        PersonalData { event: "Saga:TurnedBack", part: PersonalPart::Fields(&["reason"]) },
    ];

    fn name(&self) -> &'static str {
        match self {
            Self::Begun(_) => BEGUN,
            Self::Learned(_) => LEARNED,
            Self::Happened(event) => event.name(),
        }
    }

    fn schema_version(&self) -> u32 {
        match self {
            Self::Begun(_) | Self::Learned(_) => S::DATA_VERSION,
            Self::Happened(event) => event.schema_version(),
        }
    }

    fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        match self {
            Self::Begun(data) | Self::Learned(data) => codec.encode(data, out),
            Self::Happened(event) => event.encode(codec, out),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Self, DecodeError> {
        match stored.name {
            BEGUN => read_data(stored).map(Self::Begun),
            LEARNED => read_data(stored).map(Self::Learned),
            _ => SagaEvent::decode(stored).map(Self::Happened),
        }
    }
}

fn read_data<S: Saga>(stored: EncodedEvent<'_>) -> Result<S, DecodeError> {
    match stored.schema_version {
        version if version == S::DATA_VERSION => Ok(stored.payload.decode()?),
        version if version > S::DATA_VERSION => {
            Err(DecodeError::UnknownVersion { newest: S::DATA_VERSION })
        }
        older => S::upcast(older, stored.payload),
    }
}

impl fmt::Display for SagaEvent {
    /// A line of the saga's history, without contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepBegun { step } => write!(f, "{step} begins"),
            Self::StepDone { step } => write!(f, "{step} is done"),
            Self::StepFailed { step, without_effect: true } => write!(f, "{step} has failed"),
            Self::StepFailed { step, without_effect: false } => {
                write!(f, "{step} has failed, perhaps not without effect")
            }
            Self::Completed => f.write_str("all is done"),
            Self::TurnedBack { cause, .. } => write!(f, "turns back: {cause}"),
            Self::UndoBegun { step } => write!(f, "undoing {step} begins"),
            Self::StepUndone { step } => write!(f, "{step} is undone"),
            Self::StepLeft { step, given_up: true } => {
                write!(f, "{step} was given up, and stays as it is")
            }
            Self::StepLeft { step, given_up: false } => write!(f, "{step} stays"),
        }
    }
}

impl fmt::Debug for SagaEvent {
    /// Without the reason of turning back: it may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SagaEvent({self})")
    }
}

impl<S> fmt::Display for SagaFact<S> {
    /// A line of the saga's history, without contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun(_) => f.write_str("begins"),
            Self::Learned(_) => f.write_str("learns something"),
            Self::Happened(event) => event.fmt(f),
        }
    }
}

impl<S> fmt::Debug for SagaFact<S> {
    /// Without the data and the reason of turning back: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SagaFact({self})")
    }
}
