//! The programs of the guide, one per chapter that prints something. They share the file
//! `library.db` in the current directory, and run in the order of the book.

mod programs;
mod release_1;
mod release_2;
mod release_3;

use std::process::ExitCode;

use programs::PROGRAMS;

#[tokio::main]
async fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let program = PROGRAMS.iter().find(|program| program.name == name);
    let Some(program) = program else {
        eprintln!("Which program? In the order of the guide:");
        PROGRAMS.iter().for_each(|program| eprintln!("  {}", program.name));
        return ExitCode::FAILURE;
    };
    match (program.main)().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
