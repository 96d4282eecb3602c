use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::codec::PayloadError;
use crate::commit::CommitId;
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::stream_id::{StreamId, check_id};
use crate::version::Version;

/// What a caller can ask for beside the command.
#[derive(Debug, Clone, Default)]
pub struct ExecuteOptions {
    pub(super) idempotency_key: Option<IdempotencyKey>,
    pub(super) expected_version: Option<Version>,
    pub(super) metadata: Metadata,
}

impl ExecuteOptions {
    /// Nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// The command has its effect once per aggregate and key, however often and however much later
    /// it comes again; repetitions get the receipt of the first. Checked when the command is
    /// executed: 1–200 bytes, no control characters.
    ///
    /// A command that had nothing to do, or was rejected, leaves no trace: it is decided anew when it
    /// comes again.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// The idempotency key, for those who hand the command on to somebody else.
    pub fn key(&self) -> Option<&str> {
        self.idempotency_key.as_ref().map(|key| key.key.as_str())
    }

    /// What is stored with the commit, for those who hand the command on to somebody else.
    pub fn context(&self) -> &Metadata {
        &self.metadata
    }

    /// The command is only executed on this version of the aggregate
    /// (0: it must not exist). Otherwise it fails with
    /// [`Error::VersionMismatch`](crate::Error::VersionMismatch).
    #[must_use]
    pub fn expected_version(mut self, version: Version) -> Self {
        self.expected_version = Some(version);
        self
    }

    /// Stores `metadata` with the commit. The framework adds the command's name and the idempotency
    /// key.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}

/// A name for one request, chosen by the one who asks, so that it can ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub(super) key: String,
    pub(super) request_digest: Option<String>,
    asked_by: AskedBy,
}

/// Keys of clients and of policies are different sets: a client that guesses a policy's key must not
/// be able to take its command's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedBy {
    Client,
    Policy,
}

impl IdempotencyKey {
    /// The longest key, in bytes.
    pub const MAX_LEN: usize = 200;

    /// A key alone. A repetition with another command of the same name is not noticed; with a command
    /// of another name it is refused.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), request_digest: None, asked_by: AskedBy::Client }
    }

    /// The key of a policy's reaction.
    pub(crate) fn of_policy(key: String) -> Self {
        Self { key, request_digest: None, asked_by: AskedBy::Policy }
    }

    /// The id of the commit that the command under this key leads to.
    pub(crate) fn commit_id(&self, stream: &StreamId) -> CommitId {
        match self.asked_by {
            AskedBy::Client => CommitId::derive(stream, &self.key),
            // No client's key begins like this: keys have no control characters.
            AskedBy::Policy => CommitId::derive(stream, &format!("\u{1}{}", self.key)),
        }
    }

    /// A key with a digest of the request. The key on another request is
    /// [`Error::IdempotencyKeyReused`](crate::Error::IdempotencyKeyReused).
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] when the request cannot be written as JSON.
    pub fn for_request<R: Serialize + ?Sized>(key: impl Into<String>, request: &R) -> Result<Self> {
        let json = serde_json::to_vec(request).map_err(|error| Error::Encode {
            what: "the request of an idempotency key".to_owned(),
            source: PayloadError::new(error).into(),
        })?;
        let request_digest = hex::encode(&Sha256::digest(&json)[..16]);
        Ok(Self { request_digest: Some(request_digest), ..Self::new(key) })
    }

    pub(super) fn check(&self) -> Result<()> {
        check_id("idempotency key", &self.key, Self::MAX_LEN)
    }
}

impl From<&str> for IdempotencyKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for IdempotencyKey {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}
