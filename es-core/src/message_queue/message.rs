//! A message on its way into a queue.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{QueueName, QueueOptions};
use crate::clock::Timestamp;
use crate::commit::CommitId;
use crate::entropy::Entropy;
use crate::error::{Error, Result};

/// What is sent: a body and what stands beside it. It is checked when it is sent, against the limits
/// of SQS and of the queue.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The text, at least one character. What is not text is encoded by the sender.
    pub body: String,
    /// What a receiver or a [filter policy](crate::FilterPolicy) needs to know without the body: at
    /// most [`MAX_ATTRIBUTES`](Self::MAX_ATTRIBUTES).
    pub attributes: BTreeMap<String, String>,
    /// How long it is invisible at first, at most 15 minutes; `None` for the queue's own delay. Not
    /// for FIFO queues, where a message must not overtake.
    pub delay: Option<Duration>,
    /// The group whose order it keeps: on a FIFO queue always, on others never.
    pub group: Option<String>,
    /// Messages to one FIFO queue with the same id within [`DEDUPLICATION`](Self::DEDUPLICATION) are
    /// one message. `None`: it is not compared.
    pub deduplication_id: Option<String>,
}

impl fmt::Debug for NewMessage {
    /// Without what is in it: that does not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("bytes", &self.body.len())
            .field("attributes", &self.attributes.len())
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}

impl NewMessage {
    /// The most attributes: what SQS hands on with raw delivery.
    pub const MAX_ATTRIBUTES: usize = 10;
    /// The longest name of an attribute, in bytes.
    pub const MAX_ATTRIBUTE_NAME_LEN: usize = 256;
    /// The longest group or deduplication id, in bytes.
    pub const MAX_FIFO_ID_LEN: usize = 128;
    /// For how long a deduplication id is remembered, counted from the first message that has it:
    /// 5 minutes.
    pub const DEDUPLICATION: Duration = Duration::from_secs(5 * 60);

    /// A message with this body and nothing else.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            attributes: BTreeMap::new(),
            delay: None,
            group: None,
            deduplication_id: None,
        }
    }

    /// Adds an attribute, in the place of one of the same name.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Sets how long it is invisible at first.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Sets the group whose order it keeps.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Sets the id that makes repetitions of it one message.
    #[must_use]
    pub fn deduplication_id(mut self, id: impl Into<String>) -> Self {
        self.deduplication_id = Some(id.into());
        self
    }

    /// The bytes that count against a queue's limit, as SQS counts them: of the body, and of each
    /// attribute the name, the value and the name of its type, `String`.
    pub fn size(&self) -> usize {
        let attribute =
            |(name, value): (&String, &String)| name.len() + value.len() + "String".len();
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    /// Whether `queue` takes it. For stores.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidMessage`] with the first thing that is wrong.
    pub fn check(&self, queue: &QueueName, options: &QueueOptions) -> Result<()> {
        self.find_fault(queue, options).map_err(|source| Error::InvalidMessage {
            destination: format!("queue {queue}"),
            source,
        })
    }

    fn find_fault(&self, queue: &QueueName, options: &QueueOptions) -> Result<(), InvalidMessage> {
        self.check_text()?;
        self.check_fifo(queue.is_fifo())?;
        if let Some(asked) = self.delay
            && asked > QueueOptions::MAX_DELAY
        {
            return Err(InvalidMessage::DelayTooLong { asked, limit: QueueOptions::MAX_DELAY });
        }
        let (actual, limit) = (self.size(), options.max_message_size);
        if actual > limit {
            return Err(InvalidMessage::TooLarge { actual, limit });
        }
        Ok(())
    }

    /// What holds for every destination.
    pub(crate) fn check_text(&self) -> Result<(), InvalidMessage> {
        if self.body.is_empty() {
            return Err(InvalidMessage::EmptyBody);
        }
        check_characters(|| "the body".to_owned(), &self.body)?;
        let (actual, limit) = (self.attributes.len(), Self::MAX_ATTRIBUTES);
        if actual > limit {
            return Err(InvalidMessage::TooManyAttributes { actual, limit });
        }
        for (name, value) in &self.attributes {
            check_attribute_name(name)?;
            if value.is_empty() {
                return Err(InvalidMessage::EmptyAttribute { name: name.clone() });
            }
            check_characters(|| format!("the attribute {name:?}"), value)?;
        }
        Ok(())
    }

    /// What only FIFO queues and topics take, and what they do not.
    pub(crate) fn check_fifo(&self, fifo: bool) -> Result<(), InvalidMessage> {
        match (&self.group, &self.deduplication_id) {
            (None, _) if fifo => return Err(InvalidMessage::NoGroup),
            (Some(_), _) if !fifo => return Err(InvalidMessage::OnlyForFifo { what: "a group" }),
            (_, Some(_)) if !fifo => {
                return Err(InvalidMessage::OnlyForFifo { what: "a deduplication id" });
            }
            _ => {}
        }
        if fifo && self.delay.is_some() {
            return Err(InvalidMessage::DelayOnFifo);
        }
        for (what, id) in [("group", &self.group), ("deduplication id", &self.deduplication_id)] {
            if let Some(id) = id {
                check_fifo_id(what, id)?;
            }
        }
        Ok(())
    }
}

/// Why a message is not taken. Trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// There is no text.
    #[error("its body is empty")]
    EmptyBody,
    /// SQS takes what XML can carry: no control characters but tab, line feed and carriage return,
    /// and neither U+FFFE nor U+FFFF.
    #[error("{part} has the character {character:?}, which XML cannot carry")]
    IllegalCharacter {
        /// The body, or which attribute.
        part: String,
        /// The first such character.
        character: char,
    },
    /// It has more bytes than the queue takes.
    #[error("it has {actual} bytes, over the limit of {limit}")]
    TooLarge {
        /// Its [size](NewMessage::size).
        actual: usize,
        /// The most that the queue takes.
        limit: usize,
    },
    /// It has too many attributes.
    #[error("it has {actual} attributes, over the limit of {limit}")]
    TooManyAttributes {
        /// How many.
        actual: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// An attribute cannot have this name.
    #[error("the attribute name {name:?} is not valid: {reason}")]
    AttributeName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An attribute has an empty value.
    #[error("the attribute {name:?} has no value")]
    EmptyAttribute {
        /// Its name.
        name: String,
    },
    /// The delay is longer than a queue holds messages back.
    #[error("its delay of {asked:?} is over the limit of {limit:?}")]
    DelayTooLong {
        /// The delay.
        asked: Duration,
        /// The longest.
        limit: Duration,
    },
    /// A message to a FIFO queue has a delay of its own.
    #[error("it has a delay, and FIFO queues have one for all their messages only")]
    DelayOnFifo,
    /// A message to a topic has a delay.
    #[error("it has a delay, and topics do not hold messages back")]
    DelayOnTopic,
    /// A message to a FIFO queue or topic has no group.
    #[error("it has no group, and FIFO needs one")]
    NoGroup,
    /// A message to a queue or topic that is not FIFO has something of those.
    #[error("it has {what}, which only FIFO queues and topics know")]
    OnlyForFifo {
        /// What it has.
        what: &'static str,
    },
    /// A group or deduplication id is not 1–128 ASCII letters, digits and punctuation.
    #[error("its {what} {value:?} is not 1 to 128 ASCII letters, digits and punctuation")]
    FifoId {
        /// Which of the two.
        what: &'static str,
        /// The id, cut after 128 characters.
        value: String,
    },
}

fn check_characters(part: impl FnOnce() -> String, text: &str) -> Result<(), InvalidMessage> {
    match text.chars().find(|&character| !is_xml(character)) {
        Some(character) => Err(InvalidMessage::IllegalCharacter { part: part(), character }),
        None => Ok(()),
    }
}

/// The `Char` of XML 1.0; a Rust `char` is no surrogate.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

fn check_attribute_name(name: &str) -> Result<(), InvalidMessage> {
    let character = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let reserved = |prefix: &str| {
        name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > NewMessage::MAX_ATTRIBUTE_NAME_LEN {
        "it is longer than 256 bytes"
    } else if !name.bytes().all(character) {
        "it may have ASCII letters, digits, '_', '-' and '.' only"
    } else if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        "a '.' may stand between two other characters only"
    } else if reserved("AWS.") || reserved("Amazon.") {
        "it begins with a prefix that is reserved"
    } else {
        return Ok(());
    };
    let name = name.chars().take(64).collect();
    Err(InvalidMessage::AttributeName { name, reason })
}

fn check_fifo_id(what: &'static str, id: &str) -> Result<(), InvalidMessage> {
    if is_fifo_id(id) {
        return Ok(());
    }
    let value = id.chars().take(NewMessage::MAX_FIFO_ID_LEN).collect();
    Err(InvalidMessage::FifoId { what, value })
}

/// Whether a text can be a group or a deduplication id.
pub(crate) fn is_fifo_id(text: &str) -> bool {
    let length = 1..=NewMessage::MAX_FIFO_ID_LEN;
    length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The identity of a message: given by the queue when it is sent, kept when it becomes a dead letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Arc<str>);

impl MessageId {
    /// A new id, a UUIDv7. For stores.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self(CommitId::generate(now, entropy).to_string().into())
    }

    /// The id that a store has kept, or a service has given.
    pub fn from_stored(id: &str) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(queue: &str, message: &NewMessage) -> Option<InvalidMessage> {
        let queue = QueueName::new(queue).unwrap();
        match message.check(&queue, &QueueOptions::default()) {
            Ok(()) => None,
            Err(Error::InvalidMessage { destination, source }) => {
                assert_eq!(destination, format!("queue {queue}"));
                Some(source)
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn text_is_what_xml_can_carry() {
        for legal in ["\t\n\r ~", "\u{7f}\u{85}\u{d7ff}\u{e000}\u{fffd}", "\u{10000}\u{10ffff}"] {
            assert_eq!(fault("q", &NewMessage::new(legal)), None, "{legal:?}");
        }
        for illegal in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
            let text = format!("a{illegal}");
            let found = fault("q", &NewMessage::new(&text));
            let Some(InvalidMessage::IllegalCharacter { part, character }) = found else {
                panic!("{illegal:?} was accepted");
            };
            assert_eq!((&*part, character), ("the body", illegal));
            let found = fault("q", &NewMessage::new("x").attribute("a", text));
            assert!(matches!(found, Some(InvalidMessage::IllegalCharacter { .. })), "{found:?}");
        }
        assert_eq!(fault("q", &NewMessage::new("")), Some(InvalidMessage::EmptyBody));
    }

    #[test]
    fn attributes_are_those_that_sqs_takes() {
        let long = "n".repeat(257);
        let hostile = ["", "a b", "ä", ".a", "a.", "a..b", "aws.x", "AMAZON.x", long.as_str()];
        for name in hostile {
            let found = fault("q", &NewMessage::new("x").attribute(name, "v"));
            assert!(matches!(found, Some(InvalidMessage::AttributeName { .. })), "{name:?}");
        }
        let longest = "n".repeat(256);
        for name in ["a", "A-b_c.d", "awsome", longest.as_str()] {
            assert_eq!(fault("q", &NewMessage::new("x").attribute(name, "v")), None, "{name:?}");
        }
        let empty = fault("q", &NewMessage::new("x").attribute("a", ""));
        assert_eq!(empty, Some(InvalidMessage::EmptyAttribute { name: "a".to_owned() }));

        let numbered = |count: usize| {
            let with = |message: NewMessage, n: usize| message.attribute(format!("a{n}"), "v");
            (0..count).fold(NewMessage::new("x"), with)
        };
        assert_eq!(fault("q", &numbered(10)), None);
        let many = InvalidMessage::TooManyAttributes { actual: 11, limit: 10 };
        assert_eq!(fault("q", &numbered(11)), Some(many));
    }

    #[test]
    fn the_size_counts_attributes_with_name_type_and_value() {
        let message = NewMessage::new("äb").attribute("name", "value");
        assert_eq!(message.size(), 3 + 4 + 5 + 6);
        let limit = QueueOptions::default().max_message_size;
        assert_eq!(fault("q", &NewMessage::new("x".repeat(limit))), None);
        let large = InvalidMessage::TooLarge { actual: limit + 1, limit };
        assert_eq!(fault("q", &NewMessage::new("x".repeat(limit + 1))), Some(large));
    }

    #[test]
    fn groups_and_deduplication_ids_are_for_fifo_queues() {
        let message = || NewMessage::new("x");
        assert_eq!(fault("q.fifo", &message()), Some(InvalidMessage::NoGroup));
        for wrong in [message().group("g"), message().deduplication_id("d")] {
            let found = fault("q", &wrong);
            assert!(matches!(found, Some(InvalidMessage::OnlyForFifo { .. })), "{found:?}");
        }
        assert_eq!(fault("q.fifo", &message().group("g").deduplication_id("d~!")), None);
        let long = "g".repeat(129);
        for id in ["", "a b", "ä", long.as_str()] {
            let ids = [message().group(id), message().group("g").deduplication_id(id)];
            for found in ids.map(|message| fault("q.fifo", &message)) {
                assert!(matches!(found, Some(InvalidMessage::FifoId { .. })), "{found:?}");
            }
        }
        let delayed = message().group("g").delay(Duration::ZERO);
        assert_eq!(fault("q.fifo", &delayed), Some(InvalidMessage::DelayOnFifo));
        let longest = message().delay(QueueOptions::MAX_DELAY);
        assert_eq!(fault("q", &longest), None);
        let longer = message().delay(QueueOptions::MAX_DELAY + Duration::from_nanos(1));
        assert!(matches!(fault("q", &longer), Some(InvalidMessage::DelayTooLong { .. })));
    }
}
