//! The messages that a consumer holds.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::AbortHandle;

use crate::dead_letter_queue::GivenUp;
use crate::message_queue::{MessageId, QueueOptions, ReceiptHandle, ReceivedMessage};

/// One stay of a message in the hand. If it comes a second time, that is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token(u64);

/// A message in the hand.
#[derive(Debug)]
pub(super) struct InHand {
    pub(super) message: Arc<ReceivedMessage>,
    /// The newest that is known.
    pub(super) receipt: ReceiptHandle,
    pub(super) hold: Hold,
    pub(super) stage: Stage,
    /// How often the records could not be asked about it.
    pub(super) not_begun: u32,
}

/// Where a message is on its way through the hand.
#[derive(Debug)]
pub(super) enum Stage {
    /// An earlier one of its group is being handled.
    Waiting,
    /// The records cannot be asked whether it was handled: it is held, and tried again then.
    Stalled(Duration),
    Handling {
        abort: AbortHandle,
        /// When its time is over.
        until: Duration,
        /// Why it was broken off, if it was; its future is still to be dropped.
        cancelled: Option<Cancelled>,
    },
    /// It is being sent to the dead letters.
    Burying(Burial),
    /// It is to be acknowledged.
    Done,
    /// It is to be released, to come again after this time.
    GivenBack(Duration),
}

/// A message on its way to the dead letters.
#[derive(Debug)]
pub(super) struct Burial {
    pub(super) given_up: Arc<GivenUp>,
    /// How often it was sent without success.
    pub(super) failures: u32,
    /// When it is sent, if it is not being sent.
    pub(super) due: Option<Duration>,
}

/// Why a handler was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// Somebody else has the message, or it is gone.
    ReceiptLost,
    /// The hold is over, or about to be, as far as is known here.
    HoldOver,
    /// One receive cannot hold a message for longer.
    HeldTooLong,
    /// The handler had its time.
    TimedOut,
    /// The consumer stops.
    Shutdown,
}

/// For how long a message is hidden from others, on the local monotonic clock, and never longer than it
/// is: counted from before the request that hides it.
#[derive(Debug)]
pub(super) struct Hold {
    until: Duration,
    /// How far it can be extended at most.
    limit: Duration,
    extend_at: Option<Duration>,
    /// A request to extend it is under way.
    is_being_extended: bool,
    failures: u32,
    timeout: Duration,
}

impl Hold {
    /// Before the limit, for a queue that counts in whole seconds and rounds up.
    const LIMIT_MARGIN: Duration = Duration::from_secs(5);

    /// The most by which work ends before a hold does: clocks do not differ by more in twelve hours, and
    /// the longest handler has its time.
    const MAX_MARGIN: Duration = Duration::from_secs(30);

    /// That of a receive which was asked for then.
    pub(super) fn new(asked_at: Duration, timeout: Duration) -> Self {
        let limit = asked_at + QueueOptions::MAX_VISIBILITY_TIMEOUT - Self::LIMIT_MARGIN;
        let (extend_at, is_being_extended, failures) = (None, false, 0);
        let mut hold =
            Self { until: asked_at, limit, extend_at, is_being_extended, failures, timeout };
        hold.extended(asked_at, timeout);
        hold
    }

    /// It was hidden for `by`, by a request that was made then.
    pub(super) fn extended(&mut self, asked_at: Duration, by: Duration) {
        self.until = asked_at + by;
        self.failures = 0;
        self.extend_at = (self.until < self.limit).then(|| asked_at + by / 2);
    }

    /// When it is to be extended, unless that is being done or cannot be.
    pub(super) fn extend_at(&self) -> Option<Duration> {
        self.extend_at
    }

    /// Begins to extend it: by how much.
    pub(super) fn extend(&mut self, now: Duration) -> Duration {
        self.extend_at = None;
        let by = self.timeout.min(self.limit.saturating_sub(now));
        self.is_being_extended = !by.is_zero();
        by
    }

    /// There is an answer to the request, whatever it says.
    pub(super) fn is_answered(&mut self) {
        self.is_being_extended = false;
    }

    /// Whether a request is under way that could come after a release, and undo it.
    pub(super) fn is_being_extended(&self) -> bool {
        self.is_being_extended
    }

    /// It was not extended, and is to be tried again; how often that was so.
    pub(super) fn extend_again(&mut self, at: Duration) {
        self.extend_at = Some(at);
    }

    /// How often in a row it could not be extended.
    pub(super) fn failed(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// When whoever works on the message has to stop: so long before its end that a clock that goes a
    /// little slower does not make it too late.
    pub(super) fn over_at(&self) -> Duration {
        self.until.saturating_sub((self.timeout / 10).min(Self::MAX_MARGIN))
    }

    /// Whether it has come to the most that one receive can hold.
    pub(super) fn is_at_limit(&self) -> bool {
        self.until >= self.limit
    }

    /// For how long a release can hide the message.
    pub(super) fn room(&self, now: Duration) -> Duration {
        self.limit.saturating_sub(now)
    }
}

/// All messages in the hand.
#[derive(Debug, Default)]
pub(super) struct Hand {
    messages: BTreeMap<Token, InHand>,
    by_id: HashMap<MessageId, Token>,
    /// Of each group the one that is being handled, and those behind it.
    groups: HashMap<String, VecDeque<Token>>,
    last_token: u64,
}

impl Hand {
    /// Takes a message, which waits at first.
    pub(super) fn take(&mut self, message: ReceivedMessage, hold: Hold) -> Token {
        self.last_token += 1;
        let token = Token(self.last_token);
        self.by_id.insert(message.id.clone(), token);
        let receipt = message.receipt.clone();
        let (message, stage) = (Arc::new(message), Stage::Waiting);
        let in_hand = InHand { message, receipt, hold, stage, not_begun: 0 };
        self.messages.insert(token, in_hand);
        token
    }

    /// Puts a message in line behind those of its group; whether it is the first.
    pub(super) fn line_up(&mut self, token: Token) -> bool {
        let Some(group) = self.get(token).and_then(|held| held.message.group.clone()) else {
            return true;
        };
        let line = self.groups.entry(group).or_default();
        line.push_back(token);
        line.len() == 1
    }

    /// Takes a message out of its line, and says which ones are behind it.
    pub(super) fn step_out(&mut self, token: Token) -> Vec<Token> {
        let group = self.messages.get(&token).and_then(|held| held.message.group.as_ref());
        let Some(line) = group.and_then(|group| self.groups.get_mut(group)) else {
            return Vec::new();
        };
        let Some(place) = line.iter().position(|&other| other == token) else { return Vec::new() };
        line.remove(place);
        line.iter().skip(place).copied().collect()
    }

    pub(super) fn get(&self, token: Token) -> Option<&InHand> {
        self.messages.get(&token)
    }

    pub(super) fn get_mut(&mut self, token: Token) -> Option<&mut InHand> {
        self.messages.get_mut(&token)
    }

    pub(super) fn of(&self, id: &MessageId) -> Option<Token> {
        self.by_id.get(id).copied()
    }

    /// Lets a message go, out of its line, too.
    pub(super) fn let_go(&mut self, token: Token) -> Option<InHand> {
        self.step_out(token);
        let held = self.messages.remove(&token)?;
        if self.by_id.get(&held.message.id) == Some(&token) {
            self.by_id.remove(&held.message.id);
        }
        if let Some(group) = &held.message.group
            && self.groups.get(group).is_some_and(VecDeque::is_empty)
        {
            self.groups.remove(group);
        }
        Some(held)
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Token, &InHand)> {
        self.messages.iter().map(|(&token, held)| (token, held))
    }

    pub(super) fn tokens_of(&self, wanted: impl Fn(&InHand) -> bool) -> Vec<Token> {
        self.iter().filter(|(_, held)| wanted(held)).map(|(token, _)| token).collect()
    }
}

impl InHand {
    /// The message has come a second time while it is worked on: what counts is the new receipt.
    pub(super) fn comes_again(&mut self, receipt: ReceiptHandle, hold: Hold) {
        self.receipt = receipt;
        self.hold = hold;
    }

    /// Whether the work on it goes on, so that another delivery of it is a duplicate.
    pub(super) fn is_at_work(&self) -> bool {
        !matches!(self.stage, Stage::GivenBack(_) | Stage::Handling { cancelled: Some(_), .. })
    }
}
