use std::convert::Infallible;

use es_core::{Aggregate, Command, Event};

/// What a customer is told about one order. Its id is the order's.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Notification {
    /// Whether it was said.
    pub sent: bool,
}

/// What can be asked of a notification.
#[derive(Debug, Clone, Command)]
pub enum NotificationCommand {
    /// Tell the customer that the goods are on their way.
    Send,
}

/// What can happen to a notification.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Notification")]
pub enum NotificationEvent {
    /// The customer was told.
    Sent,
}

impl Aggregate for Notification {
    const CATEGORY: &'static str = "notification";
    type Command = NotificationCommand;
    type Event = NotificationEvent;
    type Error = Infallible;

    fn handle(&self, command: NotificationCommand) -> Result<Vec<NotificationEvent>, Infallible> {
        let NotificationCommand::Send = command;
        Ok(if self.sent { vec![] } else { vec![NotificationEvent::Sent] })
    }

    fn apply(&mut self, event: NotificationEvent) {
        let NotificationEvent::Sent = event;
        self.sent = true;
    }
}
