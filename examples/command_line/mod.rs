//! What the systems' command lines share.
//!
//! | module | what is in it |
//! |---|---|
//! | `program` | running to an exit code, with one sentence about what failed |
//! | `output` | what a command prints: text, JSON, tables |
//! | `limit` | how much of a list |
//! | `redriving` | dead letters that are sent back, and what that came to |
//! | `signal` | being asked to stop |
//! | `length_of_time` | lengths of time in flags |
//! | [`default_directory`] | where data is when nobody says where |

pub mod default_directory;
mod length_of_time;
mod limit;
mod output;
mod program;
mod redriving;
mod signal;

pub use length_of_time::length_of_time;
pub use limit::Limit;
pub use output::{number, print, print_line, printable, table};
pub use program::{AnyError, run, run_without, sentence};
pub use redriving::{RedrivePace, RedriveReport, Stayed};
pub use signal::{Signals, shutdown_signal};
