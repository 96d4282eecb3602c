//! Real systems, rebuilt on the framework. Each is a program of its own, `cargo run --example NAME`;
//! its parts are here, so that a test or another host (a Lambda function) can run them too.
//!
//! | module | system |
//! |---|---|
//! | [`dispensary`] | prescriptions from upload to hand-over: API → log → policy → views |
//! | [`inventory`] | orders over a small stock: a saga that pays, reserves and sends, or undoes what it has done |
//! | [`ingest`] | readings from files, HTTP and the command line: topic → queue → log → confirmation |
//! | [`orders`] | orders from creation to notification: log → queue → processor → topic, with dead letters |
//! | [`users`] | users with a balance: one command API → log → two read models |
//! | [`command_line`] | what the systems' command lines share |
//! | [`data_directory`] | what is in the directories of embedded systems |
//! | [`aws`] | how the systems find AWS |
//! | [`health`] | how those are who follow a feed |
//! | [`http`] | what the systems' HTTP interfaces share: problem details, preconditions, the server |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod aws;
pub mod command_line;
pub mod data_directory;
pub mod dispensary;
pub mod health;
pub mod http;
pub mod ingest;
pub mod inventory;
pub mod orders;
pub mod users;
