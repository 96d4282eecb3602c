//! What the systems' command lines share.
//!
//! | module | what is in it |
//! |---|---|
//! | `program` | running to an exit code, with one sentence about what failed |
//! | `output` | what a command prints: text, JSON, tables |
//! | `redriving` | what a redrive came to |
//! | `signal` | being asked to stop |
//! | `length_of_time` | lengths of time in flags |
//! | [`default_directory`] | where data is when nobody says where |

pub mod default_directory;
mod length_of_time;
mod output;
mod program;
mod redriving;
mod signal;

pub use length_of_time::length_of_time;
pub use output::{number, print, print_line, printable, table};
pub use program::{AnyError, run, run_without, sentence};
pub use redriving::unseen_note;
pub use signal::{Signals, shutdown_signal};
