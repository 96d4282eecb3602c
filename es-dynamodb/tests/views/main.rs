//! Views in DynamoDB, beyond what the contract asks of every store.

#[path = "../support/mod.rs"]
mod support;

mod costs;
mod doc {
    #![allow(dead_code, unreachable_pub, reason = "a part is used")]
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/account.rs"));
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/statements.rs"));
}
mod moving;
mod native;
mod preparing;
mod read_only;
mod scene;
