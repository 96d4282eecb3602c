//! How the systems find AWS, or a server that stands for it.

#[cfg(feature = "aws")]
mod bucket_error;
mod connection;
mod data;
#[cfg(feature = "lambda")]
mod functions;
#[cfg(feature = "aws")]
mod objects;
mod place;
mod template;
#[cfg(all(test, feature = "aws"))]
pub(crate) mod template_rules;
mod topic;

#[cfg(feature = "aws")]
pub use bucket_error::{BucketError, Refusal};
pub use connection::ConnectionArguments;
pub use data::DataArguments;
#[cfg(feature = "lambda")]
pub use functions::{LogStream, feed_of, views_of};
#[cfg(feature = "aws")]
pub use objects::BucketObjects;
pub use place::{BackendKind, Place};
pub use template::{MakeTemplate, TemplateArguments, Templates, print_template};
pub use topic::NamedTopic;
