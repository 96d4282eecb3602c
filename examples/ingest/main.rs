//! `cargo run --example ingest`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    es_examples::ingest::cli::main()
}
