//! A parcel is paid and packed, and then posted; or neither.

// ANCHOR: data
use std::time::Duration;

use async_trait::async_trait;
use es_core::saga::{Saga, Step, Steps};
use es_core::{
    Command, CommandBus, Correlation, DispatchError, Dispatched,
    ExecuteOptions, Recorded, Repository,
};
use serde::{Deserialize, Serialize};

use super::parcel::{Parcel, ParcelCommand, ParcelEvent};
use super::purse::{Purse, PurseCommand};

/// What the commands are made of.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sending {
    parcel: String,
    reader: String,
    postage: u32,
}

/// What is asked of others.
#[derive(Debug, Clone, PartialEq, Command, Serialize, Deserialize)]
pub enum SendingCommand {
    SetAside { parcel: String },
    PutBack { parcel: String },
    Post { parcel: String },
    Charge { reader: String, parcel: String, cents: u32 },
    Refund { reader: String, parcel: String },
}
// ANCHOR_END: data

// ANCHOR: saga
impl Saga for Sending {
    const NAME: &'static str = "sending";
    const CATEGORIES: &'static [&'static str] = &["parcel"];
    type Input = ParcelEvent;
    type Command = SendingCommand;

    fn correlate(event: &Recorded<'_, &ParcelEvent>) -> Correlation {
        match event.event {
            ParcelEvent::Asked { .. } => {
                Correlation::start(event.aggregate_id())
            }
            _ => Correlation::Ignore,
        }
    }

    fn begin(event: &Recorded<'_, &ParcelEvent>) -> Option<Self> {
        let ParcelEvent::Asked { reader, postage } = event.event else {
            return None;
        };
        let parcel = event.aggregate_id().to_owned();
        Some(Self { parcel, reader: reader.clone(), postage: *postage })
    }

    fn steps() -> Steps<Self> {
        Steps::new()
            .step(Step::new("book", Self::set_aside).undone_by(Self::put_back))
            .step(Step::new("postage", Self::charge).undone_by(Self::refund))
            .step(Step::new("post", Self::post).point_of_no_return())
            .within(Duration::from_secs(5 * 24 * 3600))
    }
}
// ANCHOR_END: saga

impl Sending {
    fn set_aside(&self) -> SendingCommand {
        SendingCommand::SetAside { parcel: self.parcel.clone() }
    }

    fn put_back(&self) -> SendingCommand {
        SendingCommand::PutBack { parcel: self.parcel.clone() }
    }

    fn post(&self) -> SendingCommand {
        SendingCommand::Post { parcel: self.parcel.clone() }
    }

    fn charge(&self) -> SendingCommand {
        let (reader, parcel) = (self.reader.clone(), self.parcel.clone());
        SendingCommand::Charge { reader, parcel, cents: self.postage }
    }

    fn refund(&self) -> SendingCommand {
        let (reader, parcel) = (self.reader.clone(), self.parcel.clone());
        SendingCommand::Refund { reader, parcel }
    }
}

// ANCHOR: bus
pub struct PostRoom {
    pub parcels: Repository<Parcel>,
    pub purses: Repository<Purse>,
}

#[async_trait]
impl CommandBus<SendingCommand> for PostRoom {
    async fn dispatch(
        &self,
        command: SendingCommand,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        use SendingCommand as Ask;
        let (parcel, command) = match command {
            Ask::SetAside { parcel } => (parcel, ParcelCommand::SetAside),
            Ask::PutBack { parcel } => (parcel, ParcelCommand::PutBack),
            Ask::Post { parcel } => (parcel, ParcelCommand::Post),
            Ask::Charge { reader, parcel, cents } => {
                let charge = PurseCommand::Charge { parcel, cents };
                let done = self.purses.execute_with(&reader, charge, options);
                return Ok(done.await?.into());
            }
            Ask::Refund { reader, parcel } => {
                let refund = PurseCommand::Refund { parcel };
                let done = self.purses.execute_with(&reader, refund, options);
                return Ok(done.await?.into());
            }
        };
        let done = self.parcels.execute_with(&parcel, command, options);
        Ok(done.await?.into())
    }
}
// ANCHOR_END: bus

#[cfg(test)]
// ANCHOR: test
mod tests {
    use es_core::saga::SagaRun;
    use es_core::testing::{GivenProcess, ThenDecided};

    use super::*;
    use crate::release_3::purse::PurseError;

    fn asked() -> ThenDecided<SagaRun<Sending>> {
        let asked = ParcelEvent::Asked { reader: "ada".into(), postage: 250 };
        GivenProcess::nothing().when_event("parcel", "p-1", asked)
    }

    #[test]
    fn what_is_paid_and_packed_is_posted() {
        asked()
            .then_commands_named(["SetAside", "Charge"])
            .when_succeeded("SetAside")
            .then_commands_named([])
            .when_succeeded("Charge")
            .then_commands_named(["Post"])
            .when_succeeded("Post")
            .then_completed("completed");
    }

    #[test]
    fn what_is_not_paid_goes_back_to_the_shelf() {
        asked()
            .when_succeeded("SetAside")
            .when_rejected("Charge", PurseError::TooLittle(50))
            .then_commands_named(["PutBack"])
            .when_succeeded("PutBack")
            .then_completed("compensated");
    }

    #[test]
    fn what_takes_too_long_is_called_off() {
        asked()
            .when_succeeded("Charge")
            .when_deadline("saga")
            .then_commands_named(["Refund"]);
    }
}
// ANCHOR_END: test
