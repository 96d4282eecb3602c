//! `cargo run --example inventory`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    es_examples::inventory::cli::main()
}
