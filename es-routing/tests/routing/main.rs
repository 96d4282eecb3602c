//! Routing as programs use it.
#![allow(missing_docs, reason = "tests")]

mod documented;
mod engine;
mod faults;
mod hostile;
mod inputs;
mod oracle;
mod rule_files;
mod scene;
mod whole_way;
