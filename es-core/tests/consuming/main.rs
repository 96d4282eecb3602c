//! Consumers of queues: what they hold, what becomes of messages, and what it costs.

mod dead_letters;
mod groups;
mod heartbeats;
mod kit;
mod once;
mod operating;
mod outages;
mod pushed;
mod redriving;
mod requests;
mod retries;
mod shutdown;
mod watched;
