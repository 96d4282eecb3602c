//! How the systems find AWS, or a server that stands for it.

mod connection;
mod data;
#[cfg(feature = "aws")]
pub mod stack;
mod topic;

pub use connection::ConnectionArguments;
pub use data::DataArguments;
pub use topic::NamedTopic;
