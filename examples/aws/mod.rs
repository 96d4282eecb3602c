//! How the systems find AWS, or a server that stands for it.

#[cfg(feature = "aws")]
mod bucket_error;
mod connection;
mod data;
#[cfg(feature = "aws")]
mod objects;
#[cfg(all(test, feature = "aws"))]
pub(crate) mod template_rules;
mod topic;

#[cfg(feature = "aws")]
pub use bucket_error::{BucketError, Refusal};
pub use connection::ConnectionArguments;
pub use data::DataArguments;
#[cfg(feature = "aws")]
pub use objects::BucketObjects;
pub use topic::NamedTopic;
