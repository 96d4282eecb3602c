use std::fmt;

use super::Call;

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The request never arrives: nothing happens, and the caller gets `Unavailable`.
    LostRequest,
    /// The write is done, and the caller gets `Unavailable`.
    LostAcknowledgement,
    /// The caller gets `Unavailable`, as when it has waited long enough, and the write arrives all the
    /// same, before one of the next requests: behind the caller's own later writes, perhaps.
    LateRequest,
    /// This request and the next ones, of whatever kind, get `Unavailable`: a
    /// [number](super::Faults::with_throttling) of them, this one included.
    Throttling,
    /// The request takes [time](super::Faults::with_delay) on its way there.
    Delay,
    /// Another writer's commit gets into the stream first: the one that the
    /// [rival](super::FaultyEventStore::with_rival) has.
    Overtaken,
    /// Of a page only the beginning comes. In the middle of a read of a stream the connection breaks
    /// behind it; of a feed it is a short page. A receive gives fewer messages than there are.
    TornPage,
    /// Of a batch some entries fail, each with `Unavailable`, and nothing happens for them; the others are
    /// done.
    FailedEntries,
    /// What is stored is damaged, and the store notices: the caller gets the error that names it.
    CorruptBytes,
    /// One bit of what is stored is flipped, and the store does not notice. Where the bytes then no
    /// longer fit together, it is as [`CorruptBytes`](Self::CorruptBytes).
    DamagedBytes,
    /// A page of a feed has some commits twice, and some that were delivered before. A receive from a
    /// standard queue gives a message once more that is in flight, or was just acknowledged. A standard
    /// topic sends messages twice.
    Duplicates,
    /// A page of a feed, or what a standard queue gives, comes in any order.
    Reordering,
    /// A commit is left out of its page of a feed and comes behind it. Messages are taken by a receive
    /// and not given: they come when their visibility timeout is over.
    LateDelivery,
}

impl Fault {
    /// Those that pass: asking again, and only that, gets a correct system over them.
    pub const TRANSIENT: &[Self] = &[
        Self::LostRequest,
        Self::LostAcknowledgement,
        Self::LateRequest,
        Self::Throttling,
        Self::Delay,
        Self::Overtaken,
        Self::TornPage,
        Self::FailedEntries,
        Self::Duplicates,
        Self::Reordering,
        Self::LateDelivery,
    ];

    /// Those that stay until somebody repairs what is stored.
    pub const DAMAGE: &[Self] = &[Self::CorruptBytes, Self::DamagedBytes];
}

/// A fault that a request met. It is the `source` of the `Unavailable` that its caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injection {
    /// The kind of request.
    pub call: Call,
    /// Which one of its kind, counted from 1.
    pub nth: u64,
    /// The fault.
    pub fault: Fault,
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "injected {:?} at {:?} {}", self.fault, self.call, self.nth)
    }
}

impl std::error::Error for Injection {}
