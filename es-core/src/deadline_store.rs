//! What is due when.

use std::fmt::{self, Debug};
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::checkpoint_store::ConsumerId;
use crate::clock::{Timestamp, whole_microseconds};
use crate::error::{Error, Result};
use crate::stream_id::{StreamId, check_id};

/// Keeps the deadlines of process managers, so that somebody can ask what is due.
///
/// It is an index. What a deadline means, whether it still counts and whether it has been acted on is in
/// the stream of the process; here it may stay longer than it counts, or come again. So nothing here is
/// conditional, and whoever is told that a deadline has passed must bear to be told twice, as
/// a [`DeadlineSweeper`](crate::DeadlineSweeper) does.
///
/// # What an implementation promises
///
/// **A set.** The store keeps a set of [`Deadline`]s, each of which is the whole of its parts: the same id
/// at another time is another deadline. Setting one that is set, and removing one that is not, changes
/// nothing; so both can be repeated when their answer was lost.
///
/// **What was set is there**, for every call that begins after [`set`](Self::set) has returned, until it is
/// removed, and whether its time is in the far past or in the far future.
///
/// **An order.** [`due`](Self::due) gives the earliest first; of the same time in the order of their ids,
/// and then of their instances (byte order). Pages follow each other by that order, whatever is set and
/// removed meanwhile: what is set throughout is in one of them, once.
///
/// **Time** is what the caller says. The store has no clock. Times are kept to the microsecond.
///
/// Several deadlines in one call are not one step: when the call fails, some may be done.
///
/// The suite `es_core::testing::conformance::deadline_store` holds any implementation to this.
///
/// ```
/// use es_core::memory::MemoryStore;
/// use es_core::{ConsumerId, Deadline, DeadlineId, DeadlineStore, DueQuery, Timestamp};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let process = ConsumerId::new("checkout")?;
/// let noon: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let pay = Deadline::new(process.clone(), "order-17", DeadlineId::from_bytes([7; 16]), noon)?;
/// store.set(&[pay.clone()]).await?;
///
/// let early = DueQuery::new(process.clone(), "2026-03-01T11:59:59Z".parse()?);
/// assert!(store.due(&early).await?.deadlines.is_empty());
/// assert_eq!(store.next(&process).await?, Some(noon));
/// assert_eq!(store.due(&DueQuery::new(process, noon)).await?.deadlines, [pay.clone()]);
///
/// store.remove(&[pay]).await?;
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait DeadlineStore: Debug + Send + Sync + 'static {
    /// Puts these into the set.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]: some of them may be set.
    async fn set(&self, deadlines: &[Deadline]) -> Result<()>;

    /// Takes these out of the set.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]: some of them may be removed.
    async fn remove(&self, deadlines: &[Deadline]) -> Result<()>;

    /// The deadlines that the query asks for, the earliest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn due(&self, query: &DueQuery) -> Result<DuePage>;

    /// The time of the earliest deadline of the process, due or not; `None` if it has none.
    ///
    /// This is what is asked while nothing is due, so it should cost little.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn next(&self, process: &ConsumerId) -> Result<Option<Timestamp>>;
}

/// A time at which an instance of a process wants to hear.
///
/// Deadlines are ordered by process, then as a [`DeadlineStore`] gives them: by time, id and instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline {
    process: ConsumerId,
    due: Timestamp,
    id: DeadlineId,
    instance: Arc<str>,
}

impl Deadline {
    /// The longest id of an instance, in bytes: that of an aggregate's.
    pub const MAX_INSTANCE_LEN: usize = StreamId::MAX_ID_LEN;

    /// The deadline `id` of `instance`, which is due from `due` on, that time included. What is finer than
    /// microseconds is cut off.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidId`] when the instance is empty, longer than
    /// [`MAX_INSTANCE_LEN`](Self::MAX_INSTANCE_LEN), has control characters or noncharacters, or white
    /// space at an end, as the id of an aggregate.
    pub fn new(
        process: ConsumerId,
        instance: &str,
        id: DeadlineId,
        due: Timestamp,
    ) -> Result<Self> {
        check_id("process instance", instance, Self::MAX_INSTANCE_LEN)?;
        Ok(Self { process, due: whole_microseconds(due), id, instance: instance.into() })
    }

    /// The process manager's name.
    pub fn process(&self) -> &ConsumerId {
        &self.process
    }

    /// Which of its instances it is about.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Which of the instance's deadlines it is.
    pub fn id(&self) -> DeadlineId {
        self.id
    }

    /// From when on it is due, in whole microseconds.
    pub fn due(&self) -> Timestamp {
        self.due
    }
}

/// Tells the deadlines of an instance apart. The process manager derives it, so that a deadline that is set
/// again has the id that it had.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadlineId([u8; 16]);

impl DeadlineId {
    /// An id of 16 bytes. All are allowed.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for DeadlineId {
    /// 32 hexadecimal digits, in lower case. Ids and their written forms are in the same order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for DeadlineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeadlineId({self})")
    }
}

impl FromStr for DeadlineId {
    type Err = Error;

    /// Takes the written form, and no other.
    fn from_str(text: &str) -> Result<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 32
            && text.bytes().all(is_digit)
            && let Ok(number) = u128::from_str_radix(text, 16)
        {
            return Ok(Self(number.to_be_bytes()));
        }
        Err(Error::invalid_id("deadline id", text, "it is not 32 hexadecimal digits"))
    }
}

/// Which deadlines are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueQuery {
    /// Those of this process.
    pub process: ConsumerId,
    /// Those that are due then, or were before. What is finer than microseconds counts as cut off.
    pub until: Timestamp,
    /// Only those behind this one, the last of the page before, whether it is still set or not.
    pub after: Option<Deadline>,
    /// The most deadlines.
    pub limit: usize,
}

impl DueQuery {
    /// The first 100 that are due at `until`.
    pub fn new(process: ConsumerId, until: Timestamp) -> Self {
        Self { process, until, after: None, limit: 100 }
    }

    /// Only those behind `deadline`, in the order of the store.
    #[must_use]
    pub fn after(mut self, deadline: Deadline) -> Self {
        self.after = Some(deadline);
        self
    }

    /// At most `limit` deadlines.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// Deadlines that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuePage {
    /// As many as there are, up to the limit, the earliest first.
    pub deadlines: Vec<Deadline>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl DuePage {
    /// These deadlines, and whether there are more behind them.
    pub fn new(deadlines: Vec<Deadline>, more: bool) -> Self {
        Self { deadlines, more }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn process() -> ConsumerId {
        ConsumerId::new("checkout").expect("a valid name")
    }

    #[test]
    fn hostile_instances_are_refused() {
        let long = "x".repeat(Deadline::MAX_INSTANCE_LEN + 1);
        for instance in ["", " a", "a ", "a\nb", "a\0b", "a\u{FFFE}", long.as_str()] {
            let id = DeadlineId::from_bytes([0; 16]);
            let refused = Deadline::new(process(), instance, id, Timestamp::UNIX_EPOCH);
            assert!(matches!(refused, Err(Error::InvalidId { .. })), "{instance:?} was accepted");
        }
    }

    #[test]
    fn a_deadline_is_due_at_a_whole_microsecond() {
        let due = |time| {
            Deadline::new(process(), "i", DeadlineId::from_bytes([0; 16]), time).unwrap().due()
        };
        let fine = Timestamp::new(1, 1_999).unwrap();
        assert_eq!(due(fine), Timestamp::new(1, 1_000).unwrap());
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(due(end), whole_microseconds(end));
        }
    }

    #[test]
    fn only_the_written_form_of_an_id_reads_back() {
        let id = DeadlineId::from_bytes([0xab; 16]);
        let upper = id.to_string().to_uppercase();
        let signed = format!("+{}", "0".repeat(31));
        for text in ["", "ab", upper.as_str(), signed.as_str(), &format!("{id}0")] {
            assert!(text.parse::<DeadlineId>().is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn ids_are_ordered_as_their_written_forms(a: [u8; 16], b: [u8; 16]) {
            let (a, b) = (DeadlineId::from_bytes(a), DeadlineId::from_bytes(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(a.to_string().parse::<DeadlineId>().unwrap(), a);
        }
    }
}
