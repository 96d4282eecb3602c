//! Views in DynamoDB, beyond what the contract asks of every store.

#[path = "../support/mod.rs"]
mod support;

mod costs;
mod moving;
mod native;
mod preparing;
mod scene;
