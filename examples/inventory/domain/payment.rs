use es_core::{Aggregate, Command, Event};

use super::Money;

/// The payment of one order, folded from its events. Its id is the order's.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Payment {
    /// Where it is; `None` before it is asked for.
    pub status: Option<PaymentStatus>,
}

/// The stations of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// The one who takes the money is asked for it.
    Requested,
    /// The money is there.
    Captured,
    /// The money is refused.
    Declined,
    /// There was no money to give back, and there will be none.
    CalledOff,
    /// The money went back.
    Refunded,
}

/// What can be asked of a payment.
#[derive(Debug, Clone, Command)]
pub enum PaymentCommand {
    /// Ask for the money.
    Request {
        /// How much.
        amount: Money,
    },
    /// The money is there.
    Capture {
        /// What the payment is called where it was made.
        reference: String,
    },
    /// The money is refused.
    Decline {
        /// Why.
        reason: String,
    },
    /// Whoever takes the money takes none any more.
    TakeBack {
        /// What he has given back, if he had taken any.
        returned: Option<Money>,
    },
}

/// What can happen to a payment.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Payment")]
pub enum PaymentEvent {
    /// The money is asked for.
    Requested {
        /// How much.
        amount: Money,
    },
    /// The money is there.
    Captured {
        /// What the payment is called where it was made.
        reference: String,
    },
    /// The money is refused.
    Declined {
        /// Why.
        reason: String,
    },
    /// There was no money to give back, and there will be none.
    CalledOff,
    /// The money went back.
    Refunded {
        /// How much.
        amount: Money,
    },
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// Nobody asked for the money.
    #[error("the payment was not asked for")]
    NotRequested,
    /// There is no payment any more.
    #[error("the payment is called off")]
    IsCalledOff,
}

impl Aggregate for Payment {
    const CATEGORY: &'static str = "payment";
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Error = PaymentError;

    fn handle(&self, command: PaymentCommand) -> Result<Vec<PaymentEvent>, PaymentError> {
        match command {
            PaymentCommand::Request { amount } => self.request(amount),
            PaymentCommand::Capture { reference } => {
                self.answer(PaymentEvent::Captured { reference })
            }
            PaymentCommand::Decline { reason } => self.answer(PaymentEvent::Declined { reason }),
            PaymentCommand::TakeBack { returned } => Ok(self.take_back(returned)),
        }
    }

    fn apply(&mut self, event: PaymentEvent) {
        self.status = Some(match event {
            PaymentEvent::Requested { .. } => PaymentStatus::Requested,
            PaymentEvent::Captured { .. } => PaymentStatus::Captured,
            PaymentEvent::Declined { .. } => PaymentStatus::Declined,
            PaymentEvent::CalledOff => PaymentStatus::CalledOff,
            PaymentEvent::Refunded { .. } => PaymentStatus::Refunded,
        });
    }
}

impl Payment {
    fn request(&self, amount: Money) -> Result<Vec<PaymentEvent>, PaymentError> {
        match self.status {
            None => Ok(vec![PaymentEvent::Requested { amount }]),
            Some(PaymentStatus::CalledOff | PaymentStatus::Refunded) => {
                Err(PaymentError::IsCalledOff)
            }
            Some(_) => Ok(vec![]),
        }
    }

    /// The first answer counts. One that comes when the payment is called off is late: whoever called it off has
    /// had the money given back.
    fn answer(&self, answer: PaymentEvent) -> Result<Vec<PaymentEvent>, PaymentError> {
        match self.status {
            None => Err(PaymentError::NotRequested),
            Some(PaymentStatus::Requested) => Ok(vec![answer]),
            Some(_) => Ok(vec![]),
        }
    }

    /// Never rejected: it undoes whatever was done, and nothing if nothing was.
    fn take_back(&self, returned: Option<Money>) -> Vec<PaymentEvent> {
        match (self.status, returned) {
            (Some(PaymentStatus::CalledOff | PaymentStatus::Refunded), _) => vec![],
            (_, Some(amount)) => vec![PaymentEvent::Refunded { amount }],
            (_, None) => vec![PaymentEvent::CalledOff],
        }
    }
}
