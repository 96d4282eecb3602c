//! `cargo run --example users`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    es_examples::users::cli::main()
}
