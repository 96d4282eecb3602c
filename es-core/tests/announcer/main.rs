//! Announcing what happened, and sending what is in no log, to topics and queues that lose, refuse and
//! repeat.
#![allow(clippy::unwrap_used)]

mod crashes;
mod dead_letters;
mod faults;
mod patient;
mod personal_data;
mod post;
mod requests;
mod scene;
mod sender;
