//! Where decisions are made.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::Command;
use crate::event::Event;

/// The consistency boundary: a state folded from the events of one stream, and the decisions on it.
///
/// Both functions are pure: no I/O, no clock, no randomness. What a decision needs from the world
/// comes with the command; what should happen in the world is a reaction to the event. Then a
/// decision can be made again on a newer state, and any state be folded again from its events.
///
/// ```
/// use es_core::{Aggregate, Command, Event};
///
/// #[derive(Debug, Default)]
/// struct Account { balance: u64 }
///
/// #[derive(Debug, Clone, Command)]
/// enum AccountCommand { Credit(u64), Debit(u64) }
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(prefix = "Account")]
/// enum AccountEvent { Credited { amount: u64 }, Debited { amount: u64 } }
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("the balance is {0}")]
/// struct Overdrawn(u64);
///
/// impl Aggregate for Account {
///     const CATEGORY: &'static str = "account";
///     type Command = AccountCommand;
///     type Event = AccountEvent;
///     type Error = Overdrawn;
///
///     fn handle(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, Overdrawn> {
///         match command {
///             AccountCommand::Credit(amount) => Ok(vec![AccountEvent::Credited { amount }]),
///             AccountCommand::Debit(amount) if amount > self.balance => Err(Overdrawn(self.balance)),
///             AccountCommand::Debit(amount) => Ok(vec![AccountEvent::Debited { amount }]),
///         }
///     }
///
///     fn apply(&mut self, event: AccountEvent) {
///         match event {
///             AccountEvent::Credited { amount } => self.balance += amount,
///             AccountEvent::Debited { amount } => self.balance -= amount,
///         }
///     }
/// }
///
/// let mut account = Account::default();
/// for event in account.handle(AccountCommand::Credit(5)).unwrap() {
///     account.apply(event);
/// }
/// assert_eq!(account.handle(AccountCommand::Debit(6)), Err(Overdrawn(5)));
/// ```
pub trait Aggregate: Default + Send + Sync + 'static {
    /// The category of the streams, as in `dispense`: 1–50 ASCII letters, digits, `_` or `-`. It is
    /// part of every stored key; it cannot change.
    const CATEGORY: &'static str;
    /// What can be asked for. It is cloned for each decision, as one may have to be made again
    /// after a conflict.
    type Command: Command;
    /// What can happen.
    type Event: Event;
    /// Why a command is rejected.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Decides: the events that carry out `command` on this state. No events: there is nothing to
    /// do, as when it was done before.
    ///
    /// # Errors
    ///
    /// The domain's reason to reject the command.
    fn handle(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// Takes a fact into the state. It cannot fail: the fact has happened.
    fn apply(&mut self, event: Self::Event);
}

/// An aggregate whose state can be kept as a snapshot.
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use std::sync::Arc;
///
/// use es_core::memory::MemoryStore;
/// use es_core::{Repository, SnapshotPolicy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // In its crate: impl Snapshot for Account { const SCHEMA_VERSION: u32 = 1; }
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Repository::<Account>::new(store.clone())
///     .with_snapshots(store, SnapshotPolicy::Every(50));
/// accounts.execute("a-1", AccountCommand::Credit(5)).await?;
/// # Ok(())
/// # }
/// ```
pub trait Snapshot: Aggregate + Serialize + DeserializeOwned {
    /// The version of the state's serialized form *and meaning*. Raise it whenever the fields, or
    /// what `apply` does with past events, change: snapshots of another version are ignored.
    const SCHEMA_VERSION: u32;
}
