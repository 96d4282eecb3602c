//! What the systems' command lines share.
//!
//! | module | what is in it |
//! |---|---|
//! | `program` | running to an exit code, with one sentence about what failed |
//! | `output` | what a command prints: text, JSON, tables |
//! | `signal` | being asked to stop |
//! | [`default_directory`] | where data is when nobody says where |

pub mod default_directory;
mod output;
mod program;
mod signal;

pub use output::{number, print, print_line, printable, table};
pub use program::{AnyError, run, run_without, sentence};
pub use signal::shutdown_signal;
