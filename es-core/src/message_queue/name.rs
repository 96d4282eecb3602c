//! What queues are called.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};

/// How the names of FIFO queues and topics end; on AWS, too.
const FIFO_SUFFIX: &str = ".fifo";

/// The name of a queue, unique in its store: 1–80 ASCII letters, digits, `_` and `-`. A FIFO queue's
/// name ends in `.fifo` on top, within the 80, and this is what makes it one: the kind of a queue can
/// neither change nor be mistaken.
///
/// ```
/// use es_core::QueueName;
///
/// assert!(!QueueName::new("orders")?.is_fifo());
/// assert!(QueueName::new("orders.fifo")?.is_fifo());
/// assert!(QueueName::new("orders.v2").is_err());
/// # Ok::<(), es_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// The longest name, in bytes: that of SQS.
    pub const MAX_LEN: usize = 80;

    /// A queue's name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when it is empty, longer than [`MAX_LEN`](Self::MAX_LEN) or has other
    /// characters.
    pub fn new(name: &str) -> Result<Self> {
        check_name("queue", name, Self::MAX_LEN)?;
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the queue keeps the order of its message groups.
    pub fn is_fifo(&self) -> bool {
        is_fifo(&self.0)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueueName({:?})", &*self.0)
    }
}

pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(FIFO_SUFFIX)
}

/// Checks the name of a queue or a topic.
pub(crate) fn check_name(what: &'static str, name: &str, max_len: usize) -> Result<()> {
    let stem = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
    let reason = if stem.is_empty() {
        "it is empty"
    } else if name.len() > max_len {
        "it is too long"
    } else if !stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        "it may have ASCII letters, digits, '_' and '-' only, and end in '.fifo'"
    } else {
        return Ok(());
    };
    Err(Error::invalid_id(what, name, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        let long = "q".repeat(81);
        let long_fifo = format!("{}.fifo", "q".repeat(76));
        let hostile =
            ["", ".fifo", "a b", "a.b", "ä", "a/b", "a\n", "a.fifo.fifo", "a.FIFO", &*long];
        for name in hostile.into_iter().chain([&*long_fifo]) {
            let refused = QueueName::new(name);
            assert!(matches!(refused, Err(Error::InvalidId { .. })), "{name:?} was accepted");
        }
        assert!(QueueName::new(&"q".repeat(80)).is_ok());
        assert!(QueueName::new(&format!("{}.fifo", "q".repeat(75))).is_ok());
    }
}
