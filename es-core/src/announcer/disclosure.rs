//! What of a commit goes out.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use super::is_one_of;
use crate::checkpoint_store::ConsumerId;
use crate::cloud_events::{CloudEvent, Source};
use crate::commit::Commit;
use crate::consumer::panicked;
use crate::error::{Error, Result};
use crate::event::{DecodeError, Event};
use crate::message_queue::NewMessage;
use crate::message_sender::MessageSender;
use crate::personal_data::without_personal_data;

/// From commits to messages.
#[derive(Debug)]
pub(super) struct Disclosure {
    pub(super) source: Source,
    /// `None` is all of them.
    pub(super) types: Option<BTreeSet<String>>,
    pub(super) data: Data,
    pub(super) redact: Redact,
}

/// Which data go out.
pub(super) enum Data {
    None,
    /// Those of these event types, without what is personal.
    Of(Vec<DisclosedType>),
    /// Everything as it is in the log.
    All,
}

/// An event type whose data go out.
#[derive(Clone, Copy)]
pub(super) struct DisclosedType {
    /// Whether it reads events of this stored name.
    reads: fn(&str) -> bool,
    /// The event as the type writes it now, without what is personal.
    rewritten: fn(CloudEvent) -> Result<CloudEvent, DecodeError>,
}

/// What is done to each event on top.
#[derive(Clone, Default)]
pub(super) struct Redact(Option<Arc<dyn Fn(CloudEvent) -> Result<CloudEvent> + Send + Sync>>);

impl Disclosure {
    /// The messages about a commit: all of them can be sent, as far as it can be known here.
    ///
    /// # Errors
    ///
    /// What makes a dead letter of it.
    pub(super) fn messages(
        &self,
        commit: &Commit,
        sender: &MessageSender,
        consumer: &ConsumerId,
    ) -> Result<Vec<NewMessage>> {
        // Upcasters and the redaction are not ours.
        let made = AssertUnwindSafe(|| self.made(commit, sender));
        std::panic::catch_unwind(made).unwrap_or_else(|panic| {
            Err(Error::Handler {
                consumer: consumer.to_string(),
                stream: commit.stream().clone(),
                version: commit.first_version(),
                transient: false,
                source: panicked(&*panic),
            })
        })
    }

    fn made(&self, commit: &Commit, sender: &MessageSender) -> Result<Vec<NewMessage>> {
        let mut messages = Vec::with_capacity(commit.events().len());
        for event in CloudEvent::from_commit(commit, &self.source)? {
            let Some(event) = self.announced(commit, event)? else { continue };
            let message = sender.message_of(&event)?;
            sender.check(&message)?;
            messages.push(message);
        }
        Ok(messages)
    }

    /// The event as it goes out, if it does.
    fn announced(&self, commit: &Commit, stored: CloudEvent) -> Result<Option<CloudEvent>> {
        let is_asked_for = self.asks_for(stored.event_type());
        let disclosed = self.data.type_of(&stored);
        // A type may read the event under a name of the past, and announce it under that of today.
        if !is_asked_for && disclosed.is_none() {
            return Ok(None);
        }
        let event = match (&self.data, disclosed) {
            (Data::All, _) => stored,
            (_, None) => stored.without_data(),
            (_, Some(disclosed)) => rewritten(commit, stored, disclosed)?,
        };
        if !is_asked_for && !self.asks_for(event.event_type()) {
            return Ok(None);
        }
        self.redact.applied(event).map(Some)
    }

    fn asks_for(&self, event_type: &str) -> bool {
        is_one_of(self.types.as_ref(), event_type)
    }
}

impl Data {
    pub(super) fn add<E: Event>(&mut self) {
        let disclosed = DisclosedType { reads: reads::<E>, rewritten: as_written_now::<E> };
        match self {
            Self::Of(types) => types.push(disclosed),
            Self::None | Self::All => *self = Self::Of(vec![disclosed]),
        }
    }

    fn type_of(&self, event: &CloudEvent) -> Option<DisclosedType> {
        match self {
            Self::Of(types) => types.iter().find(|it| (it.reads)(event.event_type())).copied(),
            Self::None | Self::All => None,
        }
    }
}

fn reads<E: Event>(name: &str) -> bool {
    E::SCHEMAS.iter().any(|schema| schema.name == name) || E::ALIASES.contains(&name)
}

/// What is stored may have fields that the type does not have any more, or has under other names. So
/// nothing of it goes out, only what the type itself writes.
fn as_written_now<E: Event>(stored: CloudEvent) -> Result<CloudEvent, DecodeError> {
    let event = stored.event::<E>()?;
    let data = without_personal_data(&event)?;
    Ok(stored.rewritten(event.name(), event.schema_version(), data))
}

fn rewritten(commit: &Commit, stored: CloudEvent, disclosed: DisclosedType) -> Result<CloudEvent> {
    let name = stored.event_type().to_owned();
    let version = stored.stream_version().unwrap_or(commit.first_version());
    let schema_version = stored.schema_version().unwrap_or_default();
    (disclosed.rewritten)(stored).map_err(|source| Error::Decode {
        stream: commit.stream().clone(),
        version,
        name,
        schema_version,
        source,
    })
}

impl Redact {
    pub(super) fn with(
        redact: impl Fn(CloudEvent) -> Result<CloudEvent> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(redact)))
    }

    fn applied(&self, event: CloudEvent) -> Result<CloudEvent> {
        match &self.0 {
            Some(redact) => redact(event),
            None => Ok(event),
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Of(types) => write!(f, "Of({} event types)", types.len()),
            Self::All => f.write_str("All"),
        }
    }
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Redact" } else { "None" })
    }
}
