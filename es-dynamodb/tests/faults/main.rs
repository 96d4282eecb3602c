//! The backend on a network and a server that fail: what must hold whatever is lost, late, cut short or
//! repeated below the SDK. The oracle is the log itself, read without faults.

#[path = "../support/mod.rs"]
mod support;

mod consuming;
mod damaged_items;
mod hostile_ids;
mod lost_acknowledgements;
mod oversized;
mod scene;
mod short_pages;
mod throttling;
mod two_writers;
