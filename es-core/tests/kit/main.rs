//! The test kit: that what is right passes, and what failed tests say.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod golden_files;
mod ids;
mod projectors;
mod properties;
mod reactions;
mod schema_lock;
mod unions;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `test` panics with.
fn failure<T>(test: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(test)) {
        Ok(_) => panic!("the test that had to fail passed"),
        Err(panic) => message(panic),
    }
}

/// What `test` panics with.
async fn async_failure<T>(test: impl Future<Output = T>) -> String {
    match futures::FutureExt::catch_unwind(AssertUnwindSafe(test)).await {
        Ok(_) => panic!("the test that had to fail passed"),
        Err(panic) => message(panic),
    }
}

fn message(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast::<&str>().unwrap().to_string(),
    }
}

/// The message has these parts.
#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in:\n{message}");
    }
}
