use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;

use crate::aggregate::Aggregate;
use crate::command::Addressed;
use crate::error::{BoxError, Error};
use crate::repository::{ExecuteError, ExecuteOptions, Receipt, Repository};

/// Takes each command to the aggregate that it is for.
///
/// The commands of a [`ProcessManager`](super::ProcessManager) are one enum over everything that it asks for; a bus is
/// the one place that says who does it, and the compiler sees that nothing is left out. A [`Repository`] is a
/// bus for the commands of its own aggregate, if they say [who they are for](Addressed).
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use async_trait::async_trait;
/// use es_core::{Command, CommandBus, DispatchError, Dispatched, ExecuteOptions, Repository};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Command, Serialize, Deserialize)]
/// enum TransferCommand {
///     Debit { account: String, amount: u64 },
///     Credit { account: String, amount: u64 },
/// }
///
/// struct Bank { accounts: Repository<Account> }
///
/// #[async_trait]
/// impl CommandBus<TransferCommand> for Bank {
///     async fn dispatch(
///         &self,
///         command: TransferCommand,
///         options: ExecuteOptions,
///     ) -> Result<Dispatched, DispatchError> {
///         let (account, command) = match command {
///             TransferCommand::Debit { account, amount } => (account, AccountCommand::Debit(amount)),
///             TransferCommand::Credit { account, amount } => (account, AccountCommand::Credit(amount)),
///         };
///         Ok(self.accounts.execute_with(&account, command, options).await?.into())
///     }
/// }
/// ```
#[async_trait]
pub trait CommandBus<C>: Send + Sync + 'static {
    /// Executes `command` with these `options`: they carry the identity that makes it have its effect once,
    /// so they must come through to [`Repository::execute_with`]. Who is no aggregate, as a payment provider, is given
    /// their [key](ExecuteOptions::key). One command is one call of it: a second one
    /// with the same options on the same aggregate has no effect.
    ///
    /// # Errors
    ///
    /// [`DispatchError`], which every [`ExecuteError`] becomes by `?`.
    async fn dispatch(
        &self,
        command: C,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError>;
}

#[async_trait]
impl<A: Aggregate> CommandBus<A::Command> for Repository<A>
where
    A::Command: Addressed,
{
    async fn dispatch(
        &self,
        command: A::Command,
        options: ExecuteOptions,
    ) -> Result<Dispatched, DispatchError> {
        let id = command.aggregate_id().to_owned();
        Ok(self.execute_with(&id, command, options).await?.into())
    }
}

/// A command of a process manager was carried out.
///
/// The [`Receipt`] of a command becomes one by `into()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatched {
    leaves_trace: bool,
}

impl Dispatched {
    /// By somebody who is no aggregate of this system, and who sees by the [key](ExecuteOptions::key) that it is the same
    /// command when it comes again.
    pub fn elsewhere() -> Self {
        Self { leaves_trace: true }
    }

    /// There was nothing to do. It is written down that the command succeeded: should it come again, it could have
    /// something to do.
    pub fn nothing_to_do() -> Self {
        Self { leaves_trace: false }
    }

    /// Whether the same command, when it comes again, is recognised by who carried it out.
    pub(super) fn leaves_trace(&self) -> bool {
        self.leaves_trace
    }
}

impl From<Receipt> for Dispatched {
    fn from(receipt: Receipt) -> Self {
        match receipt.commit() {
            Some(_) => Self::elsewhere(),
            None => Self::nothing_to_do(),
        }
    }
}

/// Why a command of a process manager was not carried out. As a text it is what its source says, which may be about a
/// person: it is written down with the process, cut after 2,048 bytes and marked as
/// [personal data](crate::PersonalData), and is not logged if the domain rejected the command.
#[derive(thiserror::Error)]
#[error("{source}")]
pub struct DispatchError {
    kind: Kind,
    source: BoxError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rejected,
    Transient,
    Permanent,
}

impl DispatchError {
    /// The domain rejected it, with its own error.
    pub fn rejected(rejection: impl Into<BoxError>) -> Self {
        Self { kind: Kind::Rejected, source: rejection.into() }
    }

    /// It failed, and trying again can help.
    pub fn transient(source: impl Into<BoxError>) -> Self {
        Self { kind: Kind::Transient, source: source.into() }
    }

    /// It failed, and trying again does not help.
    pub fn permanent(source: impl Into<BoxError>) -> Self {
        Self { kind: Kind::Permanent, source: source.into() }
    }

    /// Whether the domain rejected it.
    pub fn is_rejected(&self) -> bool {
        self.kind == Kind::Rejected
    }

    /// Whether the same command can succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        self.kind == Kind::Transient
    }

    /// The error, if it is a `D`: the domain's own, when that [rejected](Self::is_rejected) the command.
    pub fn downcast_ref<D: StdError + 'static>(&self) -> Option<&D> {
        self.source.downcast_ref()
    }
}

impl fmt::Debug for DispatchError {
    /// Without what was said: it may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DispatchError({:?})", self.kind)
    }
}

impl<D: StdError + Send + Sync + 'static> From<ExecuteError<D>> for DispatchError {
    fn from(error: ExecuteError<D>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::rejected(rejection),
            ExecuteError::Failed(error) => error.into(),
        }
    }
}

impl From<Error> for DispatchError {
    fn from(error: Error) -> Self {
        match error.is_transient() {
            true => Self::transient(error),
            false => Self::permanent(error),
        }
    }
}
