//! How the systems find AWS, or a server that stands for it.

mod connection;

pub use connection::ConnectionArguments;
