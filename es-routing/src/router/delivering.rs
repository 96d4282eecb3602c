//! One event to one target.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use es_core::{Error, MessageError};
use futures::FutureExt as _;

use super::Router;
use super::dead_letter::{DeadLetter, Exhausted, MAX_MESSAGE_LEN};
use crate::bus_event::BusEvent;
use crate::excerpt::excerpt;
use crate::input::Surroundings;
use crate::rules::{Destination, Rule, RuleTarget};
use crate::target::{Delivery, DeliveryInput};
use crate::telemetry;

/// A target does not have an event, and neither do its dead letters.
#[derive(Debug, thiserror::Error)]
#[error("target {target} of rule {rule} does not have the event")]
#[non_exhaustive]
pub struct NotDelivered {
    /// The rule.
    pub rule: String,
    /// The target's id in it.
    pub target: String,
    /// Why.
    pub source: Box<Error>,
}

/// What became of a delivery.
pub(super) enum Outcome {
    Delivered,
    DeadLettered,
    Dropped,
}

/// One event on its way to one target.
pub(super) struct Task<'a> {
    pub(super) router: &'a Router,
    pub(super) rule: &'a Rule,
    pub(super) target: &'a RuleTarget,
    pub(super) event: Arc<BusEvent>,
    /// When the bus took the event.
    pub(super) began: Duration,
}

/// Why a delivery is given up.
struct GivenUp {
    code: &'static str,
    message: String,
    exhausted: Option<Exhausted>,
    retries: u32,
}

/// What comes after a delivery that failed.
enum Next {
    Retry,
    GiveUp(GivenUp),
    PutOff(String),
}

impl Task<'_> {
    pub(super) async fn run(self) -> Result<Outcome, NotDelivered> {
        let given_up = match self.tried().await {
            Ok(None) => {
                self.count("delivered");
                return Ok(Outcome::Delivered);
            }
            Ok(Some(given_up)) => given_up,
            Err(cause) => {
                self.count("put_off");
                return Err(self.not_delivered(cause));
            }
        };
        self.bury(given_up).await
    }

    /// Tries until it is delivered, given up, or put off for the cause that is the error.
    async fn tried(&self) -> Result<Option<GivenUp>, String> {
        let delivery = match self.delivery() {
            Ok(delivery) => delivery,
            Err(given_up) => return Ok(Some(given_up)),
        };
        let mut retries = 0;
        loop {
            let Err(error) = self.delivered(&delivery).await else { return Ok(None) };
            match self.next(&error, retries) {
                Next::GiveUp(given_up) => return Ok(Some(given_up)),
                Next::PutOff(cause) => return Err(cause),
                Next::Retry => {}
            }
            retries += 1;
            metrics::counter!(telemetry::RETRIES, &self.labels()).increment(1);
            let wait = self.router.backoff.delay(retries, &*self.router.entropy);
            self.router.clock.sleep(wait.min(self.time_left())).await;
        }
    }

    fn delivery(&self) -> Result<Delivery, GivenUp> {
        let rule_arn = self.rule_arn();
        let around = Surroundings {
            rule_arn: &rule_arn,
            rule_name: self.rule.name(),
            ingested_at: self.router.clock.now(),
        };
        let input = self.target.input().of(&self.event, &around).map_err(|no_input| GivenUp {
            code: "NO_INPUT",
            message: no_input.to_string(),
            exhausted: None,
            retries: 0,
        })?;
        Ok(Delivery {
            event: Arc::clone(&self.event),
            input: DeliveryInput(input.into()),
            rule: self.rule.name().into(),
            target: self.target.id().into(),
        })
    }

    async fn delivered(&self, delivery: &Delivery) -> Result<(), MessageError> {
        let Some(target) = self.router.targets.get(self.target.destination()) else {
            return Err(MessageError::permanent("there is no such target"));
        };
        // A target is not ours.
        let delivered = AssertUnwindSafe(target.deliver(delivery)).catch_unwind().await;
        delivered.unwrap_or_else(|_| Err(MessageError::permanent("the target panicked")))
    }

    fn next(&self, error: &MessageError, retries: u32) -> Next {
        let policy = self.target.retry_policy();
        let message = excerpt(&error.with_causes(), MAX_MESSAGE_LEN).to_owned();
        let give_up = |code, exhausted| {
            let message = message.clone();
            Next::GiveUp(GivenUp { code, message, exhausted, retries })
        };
        if !error.is_transient() {
            return give_up("PERMANENT_FAILURE", None);
        }
        if retries >= policy.maximum_retry_attempts {
            return give_up("RETRIES_EXHAUSTED", Some(Exhausted::MaximumRetryAttempts));
        }
        if self.time_left().is_zero() {
            return give_up("RETRIES_EXHAUSTED", Some(Exhausted::MaximumEventAgeInSeconds));
        }
        if retries + 1 >= self.router.patience {
            return Next::PutOff(message);
        }
        Next::Retry
    }

    fn time_left(&self) -> Duration {
        let age = self.router.clock.monotonic().saturating_sub(self.began);
        self.target.retry_policy().maximum_event_age.saturating_sub(age)
    }

    /// Puts the event into the target's dead letters.
    async fn bury(&self, given_up: GivenUp) -> Result<Outcome, NotDelivered> {
        let GivenUp { code, message, exhausted, retries } = given_up;
        let (rule, target) = (self.rule.name(), self.target.id());
        let queue = self.target.dead_letter_queue().zip(self.router.dead_letters.as_ref());
        let Some((queue, queues)) = queue else {
            tracing::warn!(
                event = self.event.id.shown(),
                rule,
                target,
                code,
                message,
                "an event is dropped"
            );
            self.count("dropped");
            return Ok(Outcome::Dropped);
        };
        let letter = DeadLetter {
            event: &self.event,
            rule_arn: self.rule_arn(),
            target_arn: self.target_arn(),
            code,
            message: &message,
            exhausted,
            retries,
        };
        let sent = self.send_letter(&**queues, queue, &letter).await;
        if let Err(error) = sent {
            self.count("put_off");
            return Err(NotDelivered {
                rule: rule.to_owned(),
                target: target.to_owned(),
                source: Box::new(error),
            });
        }
        tracing::warn!(event = self.event.id.shown(), rule, target, code, %queue, "an event is a dead letter");
        self.count("dead_lettered");
        Ok(Outcome::DeadLettered)
    }

    /// As often as an event is put into a queue anywhere else; then the event is given back.
    async fn send_letter(
        &self,
        queues: &dyn es_core::MessageQueue,
        queue: &es_core::QueueName,
        letter: &DeadLetter<'_>,
    ) -> Result<(), Error> {
        const ATTEMPTS: u32 = 8;
        let mut attempt = 1;
        loop {
            match queues.send(queue, letter.message()).await {
                Ok(_) => return Ok(()),
                Err(error) if !error.is_transient() || attempt >= ATTEMPTS => return Err(error),
                Err(_) => {
                    let wait = self.router.backoff.delay(attempt, &*self.router.entropy);
                    self.router.clock.sleep(wait).await;
                    attempt += 1;
                }
            }
        }
    }

    fn not_delivered(&self, cause: String) -> NotDelivered {
        let (rule, target) = (self.rule.name().to_owned(), self.target.id().to_owned());
        let what = format!("delivering to {}", self.target.destination());
        let source = Box::new(Error::Unavailable { what, source: cause.into() });
        NotDelivered { rule, target, source }
    }

    fn rule_arn(&self) -> String {
        let BusEvent { account, region, .. } = &*self.event;
        let (bus, rule) = (&self.router.bus_name, self.rule.name());
        // Rules of the default bus are called without it.
        let bus = if bus == "default" { String::new() } else { format!("{bus}/") };
        format!("arn:aws:events:{region}:{account}:rule/{bus}{rule}")
    }

    fn target_arn(&self) -> String {
        let BusEvent { account, region, .. } = &*self.event;
        match self.target.destination() {
            Destination::Queue(queue) => format!("arn:aws:sqs:{region}:{account}:{queue}"),
            Destination::Topic(topic) => format!("arn:aws:sns:{region}:{account}:{topic}"),
            Destination::Function(name) => {
                format!("arn:aws:lambda:{region}:{account}:function:{name}")
            }
        }
    }

    fn labels(&self) -> [(&'static str, String); 2] {
        [("rule", self.rule.name().to_owned()), ("target", self.target.id().to_owned())]
    }

    fn count(&self, outcome: &'static str) {
        let [rule, target] = self.labels();
        let labels = [rule, target, ("outcome", outcome.to_owned())];
        metrics::counter!(telemetry::DELIVERIES, &labels).increment(1);
    }
}
