use std::fmt;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::command::Command;
use crate::process_manager::{CommandBus, DispatchError, Dispatched};
use crate::repository::ExecuteOptions;

/// A command of a saga, with the step that it is of.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "C: Serialize", deserialize = "C: DeserializeOwned"))]
pub struct StepCommand<C> {
    /// The step's name.
    pub step: String,
    /// Whether it does or undoes the step.
    pub direction: Direction,
    /// The command.
    pub command: Readable<C>,
}

/// What was written, if this program can read it. Which step it is of is known in any case.
#[derive(Clone)]
pub enum Readable<C> {
    /// It can.
    Yes(C),
    /// It cannot: the JSON text as it was written.
    No(Box<RawValue>),
}

impl<C: Serialize> Serialize for Readable<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Yes(command) => command.serialize(serializer),
            Self::No(text) => text.serialize(serializer),
        }
    }
}

impl<'de, C: DeserializeOwned> Deserialize<'de> for Readable<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(serde_json::from_str(text.get()).map_or_else(|_| Self::No(text), Self::Yes))
    }
}

/// Which way a saga goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Steps are done.
    Forth,
    /// Steps are undone.
    Back,
}

impl<C: Command> Command for StepCommand<C> {
    fn name(&self) -> &'static str {
        match &self.command {
            Readable::Yes(command) => command.name(),
            Readable::No(_) => "Unreadable",
        }
    }
}

/// Takes the commands of steps to a bus that knows nothing of steps.
pub(super) struct ForwardingBus<B>(pub(super) B);

#[async_trait]
impl<C: Command, B: CommandBus<C>> CommandBus<StepCommand<C>> for ForwardingBus<B> {
    async fn dispatch(
        &self,
        command: StepCommand<C>,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        match command.command {
            Readable::Yes(command) => self.0.dispatch(command, options).await,
            Readable::No(_) => Err(DispatchError::permanent(format!(
                "this program cannot read what the step {} asks for",
                command.step
            ))),
        }
    }
}

impl<C> fmt::Debug for StepCommand<C> {
    /// Without the command: it may have personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepCommand({} {:?})", self.step, self.direction)
    }
}

impl<C> fmt::Debug for Readable<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes(_) => "Readable::Yes",
            Self::No(_) => "Readable::No",
        })
    }
}
