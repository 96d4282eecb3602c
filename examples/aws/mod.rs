//! How the systems find AWS, or a server that stands for it.

mod connection;
mod topic;

pub use connection::ConnectionArguments;
pub use topic::NamedTopic;
