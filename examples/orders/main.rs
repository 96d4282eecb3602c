//! `cargo run --example orders`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    es_examples::orders::cli::main()
}
