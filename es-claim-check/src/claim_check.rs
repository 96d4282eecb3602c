//! What is kept where: keeping bodies, fetching and sweeping them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use es_core::{
    BoxError, Clock, Entropy, Error, InvalidMessage, MessageQueue, NewMessage, Result, SystemClock,
    SystemEntropy, Topic,
};
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};

use crate::pointer::Pointer;
use crate::queues::CheckedQueues;
use crate::topics::CheckedTopics;

/// For how long a fetch may not get on.
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// Where large bodies are kept, and which ones those are. Clones share the object store.
///
/// ```
/// use std::sync::Arc;
///
/// use es_claim_check::ClaimCheck;
/// use es_core::memory::MemoryQueues;
/// use object_store::local::LocalFileSystem;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// let files = LocalFileSystem::new_with_prefix(directory.path())?;
/// let check = ClaimCheck::new(Arc::new(files), "bodies").larger_than(64 * 1024);
/// let store = Arc::new(MemoryQueues::default());
/// let (queues, topics) = (check.queues(store.clone()), check.topics(store));
/// # let _ = (queues, topics);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClaimCheck {
    objects: Arc<dyn ObjectStore>,
    bucket: Arc<str>,
    folder: Path,
    larger_than: usize,
    at_most: usize,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What a sweep has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Bodies that were removed.
    pub removed: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Bodies that are still there.
    pub kept: u64,
}

impl ClaimCheck {
    /// Bodies are kept in `objects`, which others know as the bucket `bucket`.
    pub fn new(objects: Arc<dyn ObjectStore>, bucket: &str) -> Self {
        Self {
            objects,
            bucket: bucket.into(),
            folder: Path::from("claim-checks"),
            larger_than: 240 * 1024,
            at_most: 64 << 20,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// Keeps bodies of messages of more than so many bytes, [counted](NewMessage::size) with their
    /// attributes. Default: 240 KiB, which leaves room in 256 KiB for what a dead letter says beside
    /// the body.
    #[must_use]
    pub fn larger_than(mut self, bytes: usize) -> Self {
        self.larger_than = bytes;
        self
    }

    /// Keeps and fetches bodies of up to so many bytes. All that are received at the same time are in
    /// memory. Default: 64 MiB.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.at_most = bytes;
        self
    }

    /// Keeps bodies in this folder of the bucket, and follows no claim check out of it. Default:
    /// `claim-checks`.
    #[must_use]
    pub fn in_folder(mut self, folder: &str) -> Self {
        self.folder = Path::from(folder);
        self
    }

    /// The clock that a [sweep](Self::sweep) and the limits of fetching go by. Default: the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What the names of objects are made from, beside the hash. Default: the machine's.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// The queues, for messages of any size.
    pub fn queues(&self, queues: Arc<dyn MessageQueue>) -> CheckedQueues {
        CheckedQueues::new(self.clone(), queues)
    }

    /// The topics, for messages of any size. Who receives them does so through wrapped queues.
    pub fn topics(&self, topics: Arc<dyn Topic>) -> CheckedTopics {
        CheckedTopics::new(self.clone(), topics)
    }

    /// Removes bodies that were written more than `older_than` ago. Let it be longer than messages are
    /// kept: the retention of the queue and that of its dead-letter queue together are at most 28 days,
    /// and redriving begins anew.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] and [`Error::Backend`]: some may have been removed.
    pub async fn sweep(&self, older_than: Duration) -> Result<Swept> {
        let what = || format!("sweeping {} of bucket {}", self.folder, self.bucket);
        let now = self.clock.now().as_millisecond();
        let oldest = i64::try_from(older_than.as_millis()).map_or(i64::MIN, |age| now - age);
        let mut swept = Swept::default();
        let mut listed = self.objects.list(Some(&self.folder));
        while let Some(object) = listed.try_next().await.map_err(|error| failed(what(), error))? {
            if object.last_modified.timestamp_millis() >= oldest {
                swept.kept += 1;
                continue;
            }
            match self.objects.delete(&object.location).await {
                Ok(()) => {
                    swept.removed += 1;
                    swept.bytes += object.size;
                }
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(what(), error)),
            }
        }
        Ok(swept)
    }

    /// The bytes of the message as it is sent. What is too large to be kept counts as it is.
    pub(crate) fn size_of(&self, message: &NewMessage) -> usize {
        let whole = message.size();
        if whole <= self.larger_than || whole > self.at_most {
            return whole;
        }
        // The parts of a key that differ have the same length in all.
        let key = self.location(&"0".repeat(HASH_LEN), 0).to_string();
        let pointer = Pointer { bucket: self.bucket.to_string(), key };
        pointer.size_in_place_of_body(message)
    }

    /// Where a body with this hash is kept: each its own, as a body that is sent again must not be swept with
    /// what was sent long ago.
    fn location(&self, hash: &str, number: u64) -> Path {
        self.folder.clone().join(hash).join(format!("{number:016x}"))
    }

    /// The message as it is sent: with a pointer, if it is large.
    pub(crate) async fn check_in(&self, to: &str, message: NewMessage) -> Result<NewMessage> {
        if message.size() <= self.larger_than {
            return Ok(message);
        }
        let (actual, limit) = (message.size(), self.at_most);
        if actual > limit {
            let source = InvalidMessage::TooLarge { actual, limit };
            return Err(Error::InvalidMessage { destination: to.to_owned(), source });
        }
        let what = || format!("keeping the body of a message to the {to}");
        let location = self.location(&hash_of(message.body.as_bytes()), self.entropy.next_u64());
        let pointer = Pointer { bucket: self.bucket.to_string(), key: location.to_string() };
        let body = message.body.clone();
        let message = pointer
            .replace_body(message)
            .map_err(|source| Error::Encode { what: what(), source: source.into() })?;
        self.objects.put(&location, body.into()).await.map_err(|error| failed(what(), error))?;
        Ok(message)
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    pub(crate) fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The body that the pointer stands for, if it comes until that time of the monotonic clock.
    pub(crate) async fn fetch_until(
        &self,
        until: Duration,
        pointer: &Pointer,
    ) -> Result<String, NotFetched> {
        let time = until.saturating_sub(self.monotonic());
        if time.is_zero() {
            return Err(NotFetched::NotBegun);
        }
        tokio::select! {
            biased;
            fetched = self.fetch(pointer) => fetched,
            () = self.clock.sleep(time) => {
                Err(NotFetched::Now(format!("it did not come within {time:?}").into()))
            }
        }
    }

    async fn fetch(&self, pointer: &Pointer) -> Result<String, NotFetched> {
        if *pointer.bucket != *self.bucket {
            return Err(NotFetched::Never("it is in another bucket".into()));
        }
        let location =
            Path::parse(&pointer.key).map_err(|error| NotFetched::Never(error.into()))?;
        if !location.prefix_matches(&self.folder) {
            return Err(NotFetched::Never("it is in another folder of the bucket".into()));
        }
        let found = self.unless_stalled(self.objects.get(&location)).await?;
        if found.meta.size > self.at_most as u64 {
            return Err(NotFetched::Never("it is larger than is fetched".into()));
        }
        let mut bytes = Vec::new();
        let mut parts = found.into_stream();
        while let Some(part) = self.unless_stalled(parts.try_next()).await? {
            bytes.extend_from_slice(&part);
        }
        // Names that others have made say nothing about what is in the object.
        let parts: Vec<_> = location.parts().collect();
        let named = parts.len().checked_sub(2).and_then(|at| parts.get(at));
        if named.is_some_and(|hash| is_hash(hash.as_ref()) && hash.as_ref() != hash_of(&bytes)) {
            return Err(NotFetched::Never("it is not what was sent".into()));
        }
        String::from_utf8(bytes).map_err(|_| NotFetched::Never("it is not text".into()))
    }

    async fn unless_stalled<T>(
        &self,
        step: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, NotFetched> {
        tokio::select! {
            biased;
            done = step => done.map_err(NotFetched::of),
            () = self.clock.sleep(STALLED_AFTER) => {
                Err(NotFetched::Now(format!("nothing came for {STALLED_AFTER:?}").into()))
            }
        }
    }
}

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum NotFetched {
    /// There was no time left for it.
    NotBegun,
    /// Trying again can help.
    Now(BoxError),
    /// It does not.
    Never(BoxError),
}

impl NotFetched {
    fn of(error: object_store::Error) -> Self {
        if is_permanent(&error) { Self::Never(error.into()) } else { Self::Now(error.into()) }
    }
}

fn failed(what: String, error: object_store::Error) -> Error {
    let is_permanent = is_permanent(&error);
    let source = error.into();
    if is_permanent { Error::Backend { what, source } } else { Error::Unavailable { what, source } }
}

/// A wrong key or a missing permission can be put right, and nothing is lost by waiting for that: only
/// an object that is not there is final.
fn is_permanent(error: &object_store::Error) -> bool {
    use object_store::Error::{InvalidPath, NotFound, NotImplemented, NotSupported};
    matches!(
        error,
        NotFound { .. } | InvalidPath { .. } | NotSupported { .. } | NotImplemented { .. }
    )
}

/// The length of a SHA-256 in hexadecimal.
const HASH_LEN: usize = 64;

/// The SHA-256 in hexadecimal.
fn hash_of(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

fn is_hash(name: &str) -> bool {
    name.len() == HASH_LEN && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Debug for ClaimCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimCheck")
            .field("bucket", &self.bucket)
            .field("folder", &self.folder.as_ref())
            .field("larger_than", &self.larger_than)
            .finish_non_exhaustive()
    }
}
