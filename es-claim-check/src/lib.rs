//! Large messages for [`es_core`]: the body is kept in an object store, the message carries a claim check.
//!
//! SQS and SNS take messages up to 256 KiB or 1 MiB. [`ClaimCheck`] wraps any
//! [`MessageQueue`](es_core::MessageQueue) and any [`Topic`](es_core::Topic): what is larger than a limit goes
//! into any [`ObjectStore`](object_store::ObjectStore) — S3, a directory, memory — and whoever receives
//! through a wrapped queue gets the body as it was sent.
//!
//! ```
//! use std::sync::Arc;
//!
//! use es_claim_check::ClaimCheck;
//! use es_core::memory::MemoryQueues;
//! use es_core::{MessageQueue, NewMessage, QueueName, QueueOptions, ReceiveOptions};
//! use object_store::memory::InMemory;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> es_core::Result<()> {
//! let check = ClaimCheck::new(Arc::new(InMemory::new()), "scans");
//! let plain = Arc::new(MemoryQueues::default());
//! let queues = check.queues(plain.clone());
//! let uploads = QueueName::new("uploads")?;
//! queues.configure(&uploads, QueueOptions::default()).await?;
//!
//! let large = "x".repeat(3_000_000);
//! queues.send(&uploads, NewMessage::new(large.clone())).await?;
//! let received = queues.receive(&uploads, ReceiveOptions::up_to(1)).await?;
//! assert_eq!(received[0].body, large);
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **Nothing without its body.** The object is written before the message is sent. A message whose object
//!   cannot be read for now is given back and comes again, and on a FIFO queue holds up its group; it is
//!   never given out without its body. The queue counts these receives: let a redrive policy allow for an
//!   outage of the object store.
//! - **The same bytes.** The SHA-256 of the body is in the name of its object; what is read is compared with
//!   it.
//! - **A form that others know.** Messages look like those of the
//!   [Amazon SQS Extended Client Library](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-s3-messages.html)
//!   and of that for SNS, which read them, and whose messages are read.
//! - **Only what is meant.** A claim check for another bucket, or for an object elsewhere in it, is not
//!   followed.
//!
//! A claim check that will never be good — its object is gone, too large, or not what was sent — is given
//! out as it came. [`Incoming`](es_core::Incoming) knows it by its attribute and calls it undecodable, so that
//! it becomes a dead letter.
//!
//! # What it does not
//!
//! Objects are not removed with their messages: the queues behind a topic share one, and a dead letter needs it
//! again. [`ClaimCheck::sweep`] removes those that are older than any message can be, as a lifecycle rule of
//! the bucket does. Queues have to be subscribed with raw delivery, as the backends of this framework do.
//!
//! # Map
//!
//! | module | is about |
//! |---|---|
//! | `claim_check` | [`ClaimCheck`]: what is kept where; keeping, fetching, sweeping |
//! | `pointer` | what a message says instead of its body |
//! | `queues`, `topics` | the wrapped [`MessageQueue`](es_core::MessageQueue) and [`Topic`](es_core::Topic) |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod claim_check;
mod pointer;
mod queues;
mod topics;

pub use claim_check::{ClaimCheck, Swept};
pub use queues::CheckedQueues;
pub use topics::CheckedTopics;
