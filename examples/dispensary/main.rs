//! `cargo run --example dispensary`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    es_examples::dispensary::cli::main()
}
