use std::fmt;
use std::time::Duration;

use super::ProcessManager;

pub(super) const MAX_NAME_LEN: usize = 100;

/// What a process manager does about what it met: facts about itself, commands to others, deadlines. All of
/// it is written in one commit, and done from there.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/transfer.rs"));
/// # }
/// # use doc::*;
/// use std::time::Duration;
///
/// use es_core::Decision;
///
/// let decision: Decision<Transfer> = Decision::new()
///     .event(TransferEvent::Begun { from: "a-1".into(), to: "a-2".into(), amount: 5 })
///     .command(TransferCommand::Debit { account: "a-1".into(), amount: 5 })
///     .deadline("answer", Duration::from_secs(60));
/// assert_eq!(decision.commands().len(), 1);
/// ```
pub struct Decision<P: ProcessManager> {
    pub(super) ignored: bool,
    pub(super) refusal: Option<String>,
    pub(super) events: Vec<P::Event>,
    pub(super) commands: Vec<(P::Command, Confirmation)>,
    pub(super) deadlines: Vec<(String, Duration)>,
    pub(super) cancelled: Vec<String>,
    pub(super) withdraws: bool,
    pub(super) outcome: Option<String>,
}

/// Whether the process manager is told when a command has succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirmation {
    NotNeeded,
    Wanted,
}

impl<P: ProcessManager> Decision<P> {
    /// The longest name of a deadline and the longest outcome, in bytes.
    pub const MAX_NAME_LEN: usize = MAX_NAME_LEN;

    /// Nothing but the note that it was met.
    pub fn new() -> Self {
        Self {
            ignored: false,
            refusal: None,
            events: Vec::new(),
            commands: Vec::new(),
            deadlines: Vec::new(),
            cancelled: Vec::new(),
            withdraws: false,
            outcome: None,
        }
    }

    /// Nothing at all: it is not even written down, and should it come again, it is decided again. With anything added
    /// to it, it is not ignored.
    pub fn ignore() -> Self {
        Self { ignored: true, ..Self::new() }
    }

    /// It cannot be handled, for this reason: something is wrong with the program, or with what came. Nothing is written.
    /// An event is parked among the dead letters; a deadline, or the outcome of a command, is tried again, and told
    /// each time.
    pub fn refuse(reason: impl Into<String>) -> Self {
        Self { refusal: Some(reason.into()), ..Self::new() }
    }

    /// A fact about the process, from which its state is folded.
    #[must_use]
    pub fn event(mut self, event: P::Event) -> Self {
        self.ignored = false;
        self.events.push(event);
        self
    }

    /// A command to somebody. The commands of a decision are executed one after the other, in this order,
    /// each once in effect; one that fails does not keep back the others. Between two of them the stream of the process is
    /// asked whether the next one is still wanted: one request, and none where the outcome of the first is written and
    /// nobody came in between.
    #[must_use]
    pub fn command(mut self, command: P::Command) -> Self {
        self.ignored = false;
        self.commands.push((command, Confirmation::NotNeeded));
        self
    }

    /// As [`command`](Self::command), and once it has succeeded the process manager meets
    /// [`Trigger::CommandSucceeded`](super::Trigger::CommandSucceeded). It costs a write: where the command leads to
    /// an event that the process manager follows, that tells the same.
    #[must_use]
    pub fn confirmed_command(mut self, command: P::Command) -> Self {
        self.ignored = false;
        self.commands.push((command, Confirmation::Wanted));
        self
    }

    /// Withdraws the commands of earlier decisions that have no outcome yet: what waits for another attempt or
    /// for an operator is not tried any more.
    ///
    /// A command that is executed at this moment, or that a worker has just seen to be wanted, may have its effect all the
    /// same; each worker looks again before it begins the next one. If it was to be
    /// [confirmed](Self::confirmed_command), the process manager meets its success as that of any other.
    #[must_use]
    pub fn withdraw_commands(mut self) -> Self {
        self.ignored = false;
        self.withdraws = true;
        self
    }

    /// Sets a deadline, so long after this decision by the clock of who decides: then the process manager
    /// meets [`Trigger::DeadlinePassed`](super::Trigger::DeadlinePassed) with this name, once, unless the deadline is
    /// cancelled, or set again, or the process completes before, or by this decision. A name has 1 to
    /// [`MAX_NAME_LEN`](Self::MAX_NAME_LEN) bytes.
    #[must_use]
    pub fn deadline(mut self, name: impl Into<String>, after: Duration) -> Self {
        self.ignored = false;
        self.deadlines.push((name.into(), after));
        self
    }

    /// Cancels a deadline. One that is not set, or has passed, is nothing to cancel.
    #[must_use]
    pub fn cancel_deadline(mut self, name: impl Into<String>) -> Self {
        self.ignored = false;
        self.cancelled.push(name.into());
        self
    }

    /// The process is complete, with an outcome that can be queried, as `"paid"`: 1 to
    /// [`MAX_NAME_LEN`](Self::MAX_NAME_LEN) bytes. Its deadlines are cancelled, and those that this decision sets are
    /// not set; what it meets later goes to
    /// [`ProcessManager::handle_late`]. The commands of this decision are still executed.
    #[must_use]
    pub fn complete(mut self, outcome: impl Into<String>) -> Self {
        self.ignored = false;
        self.outcome = Some(outcome.into());
        self
    }

    /// Whether it is [`ignore`](Self::ignore).
    pub fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// Why it is [refused](Self::refuse).
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// The facts.
    pub fn events(&self) -> &[P::Event] {
        &self.events
    }

    /// The commands, in order.
    pub fn commands(&self) -> Vec<&P::Command> {
        self.commands.iter().map(|(command, _)| command).collect()
    }

    /// The deadlines that are set, each with how long it takes.
    pub fn deadlines(&self) -> &[(String, Duration)] {
        &self.deadlines
    }

    /// Whether it withdraws commands.
    pub fn withdraws_commands(&self) -> bool {
        self.withdraws
    }

    /// The names of the deadlines that are cancelled.
    pub fn cancelled_deadlines(&self) -> &[String] {
        &self.cancelled
    }

    /// The outcome, if the process is complete.
    pub fn outcome(&self) -> Option<&str> {
        self.outcome.as_deref()
    }
}

impl<P: ProcessManager> Default for Decision<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: ProcessManager> fmt::Debug for Decision<P> {
    /// Without contents: they may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::command::Command as _;
        use crate::event::Event as _;
        let events: Vec<_> = self.events.iter().map(|event| event.name()).collect();
        let commands: Vec<_> = self.commands.iter().map(|(command, _)| command.name()).collect();
        f.debug_struct("Decision")
            .field("ignored", &self.ignored)
            .field("events", &events)
            .field("commands", &commands)
            .field("deadlines", &self.deadlines)
            .field("cancelled", &self.cancelled)
            .field("withdraws", &self.withdraws)
            .field("outcome", &self.outcome)
            .finish()
    }
}
