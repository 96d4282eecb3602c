//! A book that a reader has sent home.

use es_core::{Aggregate, Command, Event};

#[derive(Debug, Clone, Command)]
pub enum ParcelCommand {
    Ask { reader: String, postage: u32 },
    SetAside,
    PutBack,
    Post,
}

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Parcel")]
pub enum ParcelEvent {
    Asked { reader: String, postage: u32 },
    SetAside,
    PutBack,
    Posted,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ParcelError {
    #[error("the book went back to the shelf")]
    PutBack,
    #[error("no book was set aside")]
    NotSetAside,
}

#[derive(Debug, Default, PartialEq)]
pub struct Parcel {
    pub set_aside: bool,
    pub posted: bool,
    put_back: bool,
}

impl Aggregate for Parcel {
    const CATEGORY: &'static str = "parcel";
    type Command = ParcelCommand;
    type Event = ParcelEvent;
    type Error = ParcelError;

    fn handle(
        &self,
        command: ParcelCommand,
    ) -> Result<Vec<ParcelEvent>, ParcelError> {
        Ok(vec![match command {
            ParcelCommand::Ask { reader, postage } => {
                ParcelEvent::Asked { reader, postage }
            }
            ParcelCommand::SetAside if self.put_back => {
                return Err(ParcelError::PutBack);
            }
            ParcelCommand::SetAside => ParcelEvent::SetAside,
            ParcelCommand::PutBack => ParcelEvent::PutBack,
            ParcelCommand::Post if !self.set_aside => {
                return Err(ParcelError::NotSetAside);
            }
            ParcelCommand::Post => ParcelEvent::Posted,
        }])
    }

    fn apply(&mut self, event: ParcelEvent) {
        match event {
            ParcelEvent::Asked { .. } => {}
            ParcelEvent::SetAside => self.set_aside = true,
            ParcelEvent::PutBack => {
                self.set_aside = false;
                self.put_back = true;
            }
            ParcelEvent::Posted => self.posted = true,
        }
    }
}
